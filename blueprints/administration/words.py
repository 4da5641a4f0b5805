"""Every deed, every kind of sight and every change of people in plain words."""

from flask_babel import lazy_gettext as _l
from flask_babel.speaklater import LazyString

from portal.policy.permissions import Action, Sight

# What a person may do, as somebody would say it who does it.
DEEDS: dict[Action, LazyString] = {
    Action.ADMINISTER: _l("機関とアカウントを登録する"),
    Action.ADVISE: _l("支援方針会議の資料に助言する"),
    Action.ASSIGN: _l("機関に対応を依頼する"),
    Action.CLOSE: _l("ケースを終結する、再開する"),
    Action.COORDINATE: _l("ケースを受理し、判断し、調整する"),
    Action.EXPORT_LOG: _l("月ごとの点検を書き出す"),
    Action.HAND_OVER: _l("受けた相談をセンターに引きつぐ"),
    Action.HOLD_MEETING: _l("支援方針会議を開く"),
    Action.KEEP_ACCOUNT: _l("自分のサインインとパスワードを管理する"),
    Action.KEEP_STAFF: _l("職員の所属と役割を提案する、確認する"),
    Action.LIST_CASES: _l("見えるケースを一覧し、探す"),
    Action.MANAGE: _l("機関のチームを決め、職員の閲覧を確かめる"),
    Action.OVERSEE: _l("だれが何を見たかの記録を点検する"),
    Action.POST: _l("ケースに記録を書く"),
    Action.READ_CASES: _l("ケースを読む"),
    Action.READ_INBOX: _l("届いた相談を読み、返事をする"),
    Action.READ_LOG: _l("担当ケースをだれが見たかを確かめる"),
    Action.READ_OWN_RECORDS: _l("自機関が書いた記録を読む"),
    Action.READ_OWN_REPORTS: _l("自分が伝えたことと返事を読む"),
    Action.RECEIVE: _l("相談を入力する"),
    Action.SHARE: _l("同意を記録し、共有する、共有を終える"),
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
    "confirmed": _l("提案された役割が確認され、所属が始まる"),
    "council_joined": _l("要対協の構成員として記録された"),
    "council_left": _l("要対協の構成員としての記録が終わった"),
    "created": _l("機関が登録された"),
    "declined": _l("提案された役割が断られた"),
    "details": _l("機関の内容が変わった"),
    "ended": _l("所属の終わりが決まった"),
    "given": _l("所属が加わった"),
    "proposed": _l("役割が提案された（もうひとりの確認待ち）"),
    "report_link": _l("報告用のリンクが新しくなった"),
    "team_joined": _l("対応チームに人が加わった"),
    "team_left": _l("対応チームから人がはずれた"),
    "withdrawn": _l("提案が取り下げられた"),
}


def deed(action: Action) -> str:
    """Return a deed in words."""
    return str(DEEDS[action])


def sight(what: Sight) -> str:
    """Return what is seen in words."""
    return str(SIGHTS[what])


def change(code: str) -> str:
    """Return a change of an agency's people or settings in words."""
    return str(CHANGES[code])
