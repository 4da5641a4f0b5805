"""Every deed, every kind of sight and every change of people in plain words."""

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel.speaklater import LazyString

from portal.policy.permissions import Action, Sight
from portal.queries.staff import StaffRow
from portal.services.moves import Problem
from portal.templating import label

# What a person may do, as somebody would say it who does it.
DEEDS: dict[Action, LazyString] = {
    Action.ADMINISTER: _l("機関とアカウントを登録する"),
    Action.ADVISE: _l("支援方針会議の資料に助言する"),
    Action.APPROVE: _l("法律による共有を所長として承認する"),
    Action.ASSIGN: _l("機関に対応を依頼する"),
    Action.CLOSE: _l("ケースを終結する、再開する"),
    Action.COORDINATE: _l("ケースを受理し、判断し、調整する"),
    Action.EXPORT_LOG: _l("月ごとの点検を書き出す"),
    Action.HAND_OVER: _l("受けた相談をセンターに引きつぐ"),
    Action.HOLD_MEETING: _l("支援方針会議を開く"),
    Action.KEEP_ACCOUNT: _l("自分のサインインとパスワードを管理する"),
    Action.KEEP_SCHEME: _l("機関が仕組みを離れたこと、戻ったことを記録する"),
    Action.KEEP_STAFF: _l("職員の所属と役割を提案する、確認する"),
    Action.KEEP_SCHEME: _l("機関がしくみから離れたことを記録する"),
    Action.LINK_ACCOUNT: _l("自分のアカウントを機関のサインインとつなぐ"),
    Action.LIST_CASES: _l("見えるケースを一覧し、探す"),
    Action.MANAGE: _l("機関のチームを決め、職員の閲覧を確かめる"),
    Action.OPEN_IN_EMERGENCY: _l("緊急のときに24時間だけ開く"),
    Action.OVERSEE: _l("だれが何を見たかの記録を点検する"),
    Action.POST: _l("ケースに記録を書く"),
    Action.PROVIDE_IN_EMERGENCY: _l("緊急のときに機関に伝える"),
    Action.READ_CASES: _l("ケースを読む"),
    Action.READ_INBOX: _l("届いた相談を読み、返事をする"),
    Action.READ_LOG: _l("担当ケースをだれが見たかを確かめる"),
    Action.READ_OWN_RECORDS: _l("自機関が書いた記録を読む"),
    Action.READ_OWN_REPORTS: _l("自分が伝えたことと返事を読む"),
    Action.RECEIVE: _l("相談を入力する"),
    Action.REVIEW_EMERGENCY: _l("緊急に開いた理由を確かめる"),
    Action.SHARE: _l("同意を記録し、共有する、共有を終える"),
    Action.SHARE_BY_LAW: _l("法律にもとづいて共有する"),
    Action.SIGN_IN: _l("サインインし、本人の確認の方法を決め、守秘を誓約する"),
    Action.TELL_CENTRE: _l("気になるこどものことをセンターに伝える"),
    Action.WORK_ACTION: _l("依頼された対応を進める"),
}

# What a role sees of cases; always less where an exclusion or 「伝えてほしくない人」 stands.
SIGHTS: dict[Sight, LazyString] = {
    Sight.EVERY_CASE: _l("センターのすべてのケース（自分が除外されたものを除く）"),
    Sight.REPORTERS: _l("だれが知らせたか"),
    Sight.REPORTERS_OF_OWN: _l("だれが知らせたか（自分が担当するケースだけ）"),
    Sight.GRANTED: _l("機関に共有された範囲（チームの人か、名前を挙げられた人だけ）"),
    Sight.ONE_BY_ONE: _l("共有された1件ずつの範囲（一覧や検索はできない）"),
    Sight.WATCH_POINTS: _l("見守りのポイント（名前を挙げられた人だけ）"),
    Sight.BRIEFS: _l("会議の資料（仮名にしたもの）"),
    Sight.CONSULTATIONS: _l("この機関に届いた相談"),
    Sight.OWN_REPORTS: _l("自分が伝えたことと、その返事"),
    Sight.REFERENCES: _l("共有されたケースの番号・範囲・期限（中身は見えない）"),
    Sight.LOG: _l("閲覧の記録（ケースの文章は含まない）"),
    Sight.NOTHING: _l("ケースは何も見えない"),
}

CHANGES: dict[str, LazyString] = {
    "account_created": _l("アカウントがつくられた"),
    "account_details": _l("アカウントの内容が変わった"),
    "address": _l("アカウントのメールアドレスが変わった"),
    "confirmed": _l("提案された役割が確認され、所属が始まる"),
    "council_joined": _l("要対協の構成員として記録された"),
    "council_left": _l("要対協の構成員としての記録が終わった"),
    "cover_ended": _l("不在の間の代わりが終わった"),
    "cover_set": _l("不在の間の代わりが決まった"),
    "created": _l("機関が登録された"),
    "declined": _l("提案された役割が断られた"),
    "details": _l("機関の内容が変わった"),
    "disabled": _l("アカウントが停止された"),
    "door": _l("利用できる場所や端末の設定が変わった"),
    "duty_list": _l("緊急の呼び出しの、当番の順番が変わった"),
    "enabled": _l("停止されていたアカウントが、また使えるようになった"),
    "ended": _l("所属の終わりが決まった"),
    "handed_over": _l("仕事が後任に引きつがれた"),
    "given": _l("所属が加わった"),
    "invited": _l("招待のメールが用意された"),
    "linked": _l("アカウントが機関のサインインとつながった"),
    "proposed": _l("役割が提案された（もうひとりの確認待ち）"),
    "reconfirmed": _l("在籍が確認された"),
    "report_link": _l("報告用のリンクが新しくなった"),
    "reset": _l("本人確認がやりなおしになった"),
    "reset_asked": _l("本人確認のやりなおしが頼まれた（もうひとりの確認待ち）"),
    "reset_declined": _l("本人確認のやりなおしが断られた"),
    "reset_withdrawn": _l("本人確認のやりなおしが取り下げられた"),
    "sign_in_rule": _l("サインインのしかたの設定が変わった"),
    "team_joined": _l("対応チームに人が加わった"),
    "team_left": _l("対応チームから人がはずれた"),
    "uninvited": _l("招待が取り下げられた"),
    "unlinked": _l("アカウントと機関のサインインのつながりが外れた"),
    "withdrawn": _l("提案が取り下げられた"),
}

# Why factors are reset, and how it was made sure who asks.
REASONS: dict[str, LazyString] = {
    "lost": _l("なくした"),
    "stolen": _l("盗まれた"),
    "broken": _l("こわれた"),
    "replaced": _l("新しい端末に替え、回復コードも手元にない"),
}
CHECKS: dict[str, LazyString] = {
    "in_person": _l("会って確かめた"),
    "known_number": _l("前から知っている番号に、こちらから電話して確かめた"),
    "video": _l("顔の見える通話で確かめた"),
}

# Why a line of a table of moves cannot be; `value` is what stands there.
PROBLEMS: dict[str, LazyString] = {
    "agency": _l("「%(value)s」という機関はありません。登録された名前のとおりに書いてください。"),
    "agency_ambiguous": _l("「%(value)s」という機関が2つ以上あります。画面から登録してください。"),
    "columns": _l("列が多すぎます。%(value)s列にしてください。"),
    "day": _l("「%(value)s」は日付として読めません。2027-04-01のように書いてください。"),
    "email": _l("「%(value)s」はメールアドレスとして読めません。"),
    "empty": _l("表に1行もありません。"),
    "ends_sooner": _l("この人の所属は、もっと早い日に終わることになっています。"),
    "kind": _l("「%(value)s」は種別ではありません。着任か離任と書いてください。"),
    "manager": _l("管理者の列の「%(value)s」が読めません。はい、または空欄にしてください。"),
    "name": _l("氏名を書いてください。"),
    "not_a_member": _l("%(value)sの人は、その日にこの機関に所属していません。"),
    "not_your_agency": _l("あなたが管理していない機関の行は入れられません。"),
    "overlaps": _l("%(value)sの人は、その日にもうこの機関に所属しています。"),
    "past": _l("日付が過ぎています。今日からあとの日にしてください。"),
    "proposed_already": _l("%(value)sの人は、この機関にもう提案されています。"),
    "role": _l("「%(value)s」という役割はありません。"),
    "role_of_other_agency": _l("「%(value)s」は、この種類の機関にはない役割です。"),
    "too_many": _l("行が多すぎます。%(value)s行までにしてください。"),
    "twice": _l("%(value)sの同じ種別の行が2つあります。"),
    "unreadable": _l("CSVとして読めません。UTF-8かShift_JISで保存しなおしてください。"),
    "yourself": _l("自分の所属は、自分では変えられません。"),
}


def problem(found: Problem) -> str:
    """Return what is wrong with a line of a table, with its number."""
    reason = str(PROBLEMS[found.code]) % {"value": found.value}
    if not found.line:
        return reason
    return str(_("%(line)s行目：%(reason)s", line=found.line, reason=reason))


def member(row: StaffRow) -> str:
    """Return name and role of somebody who works for an agency."""
    name = row.name or _("氏名は見られません")
    return str(_("%(name)s（%(role)s）", name=name, role=label("role", row.role)))


def deed(action: Action) -> str:
    """Return a deed in words."""
    return str(DEEDS[action])


def sight(what: Sight) -> str:
    """Return what is seen in words."""
    return str(SIGHTS[what])


def change(code: str) -> str:
    """Return a change of an agency's people or settings in words."""
    return str(CHANGES[code])
