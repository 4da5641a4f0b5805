"""Every event of the log in words."""

import datetime as dt
from collections.abc import Iterable, Iterator
from itertools import groupby

from flask_babel import get_locale
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel.speaklater import LazyString

from portal.audit import Event
from portal.policy.explain import OWN_POST
from portal.queries.oversight import Count, LogRow
from portal.queries.reasons import Reason
from portal.templating import jst_date, label
from portal.working_hours import jst

_ACCOUNT, _ACTION, _AGENCY = _l("アカウント"), _l("対応"), _l("機関")
_CASE, _CHILD, _CONSENT = _l("ケース"), _l("こどもとの面会"), _l("同意")
_CONSULTATION, _LOG, _MEETING = _l("相談"), _l("閲覧の記録"), _l("支援方針会議")
_MACHINE, _SHARE, _SIGN_IN = _l("連携するシステム"), _l("共有"), _l("サインイン")

# What happened, and to what kind of thing.
EVENTS: dict[Event, tuple[LazyString, LazyString]] = {
    Event.ACCOUNT_CHANGED: (_l("アカウントを変えた"), _ACCOUNT),
    Event.ACCOUNT_LINKED: (_l("機関のサインインとのつながりを変えた"), _ACCOUNT),
    Event.ACTION_ASKED: (_l("対応を依頼した"), _ACTION),
    Event.ACTION_MOVED: (_l("対応を進めた"), _ACTION),
    Event.ADVICE_GIVEN: (_l("助言した"), _MEETING),
    Event.AGENCY_CHANGED: (_l("機関の内容を変えた"), _AGENCY),
    Event.ALARM_CONFIRMED: (_l("緊急の呼び出しを引き受けた"), _CONSULTATION),
    Event.BIRTH_DATE_RECORDED: (_l("生年月日を記録した"), _CASE),
    Event.BRIEF_READ: (_l("資料を読んだ"), _MEETING),
    Event.BRIEF_WRITTEN: (_l("資料を書いた"), _MEETING),
    Event.CASE_CONCEALED: (_l("秘匿の扱いを変えた"), _CASE),
    Event.CASE_CLOSED: (_l("終結した"), _CASE),
    Event.CASE_LISTED: (_l("ケースの一覧を見た"), _CASE),
    Event.CASE_OPENED: (_l("ケースとして受理した"), _CASE),
    Event.CASE_READ: (_l("ケースを読んだ"), _CASE),
    Event.CASE_REOPENED: (_l("再開した"), _CASE),
    Event.CHILD_MET: (_l("こどもに会ったことを記録した"), _CHILD),
    Event.CONFLICT_DECLARED: (_l("利害関係を申告した"), _MEETING),
    Event.CONSENT_RECORDED: (_l("同意を記録した"), _CONSENT),
    Event.CONSULTATION_ANSWERED: (_l("相談に返事をした"), _CONSULTATION),
    Event.CONSULTATION_HANDED_OVER: (_l("相談を引きついだ"), _CONSULTATION),
    Event.CONSULTATION_JOINED: (_l("相談をケースに加えた"), _CONSULTATION),
    Event.CONSULTATION_LISTED: (_l("相談の一覧を見た"), _CONSULTATION),
    Event.CONSULTATION_RECEIVED: (_l("相談を受けた"), _CONSULTATION),
    Event.CONSULTATION_SEPARATED: (_l("相談をケースから外した"), _CONSULTATION),
    Event.DUTY_LIST_SET: (_l("当番の順番を決めた"), _AGENCY),
    Event.EMERGENCY_DECIDED: (_l("緊急の共有を確かめた、または終えた"), _SHARE),
    Event.EMERGENCY_PROLONGED: (_l("緊急の共有を延ばした"), _SHARE),
    Event.EMERGENCY_REVIEWED: (_l("緊急の共有を振り返った"), _SHARE),
    Event.EMERGENCY_STARTED: (_l("緊急に開いた、または伝えた"), _SHARE),
    Event.ENTRY_HEARD: (_l("電話で聞き取ったことを書いた"), _CASE),
    Event.ENTRY_POSTED: (_l("記録を書いた"), _CASE),
    Event.ENTRY_RETRACTED: (_l("記録を取り消した"), _CASE),
    Event.EXCLUSION_SET: (_l("見せない人を決めた"), _CASE),
    Event.FACTOR_ADDED: (_l("本人確認の方法を加えた"), _SIGN_IN),
    Event.FACTOR_ENDED: (_l("本人確認の方法をはずした"), _SIGN_IN),
    Event.FACTORS_RESET: (_l("ほかの人の本人確認をやりなおしにした"), _SIGN_IN),
    Event.GRANT_ENDED: (_l("共有を終えた"), _SHARE),
    Event.GRANT_GIVEN: (_l("共有した"), _SHARE),
    Event.GRANT_SHORTENED: (_l("共有の期限を早めた"), _SHARE),
    Event.GUARDIAN_RECORDED: (_l("親権などを記録した"), _CONSENT),
    Event.ISSUER_CHANGED: (_l("機関のサインインの設定を変えた"), _SIGN_IN),
    Event.JUDGED: (_l("判断した"), _CASE),
    Event.LOG_READ: (_l("閲覧の記録を見た"), _LOG),
    Event.MACHINE_ADMITTED: (_l("連携するシステムが入った"), _MACHINE),
    Event.MACHINE_CHANGED: (_l("連携するシステムの設定を変えた"), _MACHINE),
    Event.MATTER_SETTLED: (_l("会議で案件の扱いを決めた"), _MEETING),
    Event.MEETING_CHANGED: (_l("会議の内容を変えた"), _MEETING),
    Event.MEMBERSHIP_CHANGED: (_l("所属か役割を変えた"), _l("職員")),
    Event.MESSAGE_SENT: (_l("返事を送った"), _CONSULTATION),
    Event.NEVER_TELL_SET: (_l("伝えてほしくない人を記録した"), _CASE),
    Event.PLEDGED: (_l("守秘の誓約をした"), _ACCOUNT),
    Event.PERMISSIONS_NOTED: (_l("法律が許す共有を会議で確かめた"), _MEETING),
    Event.PREVIEWED: (_l("共有の見え方を確かめた"), _SHARE),
    Event.PROGRESS_CHECKED: (_l("進捗を確認した"), _CASE),
    Event.PROPOSAL_DECIDED: (_l("共有の提案を決めた"), _SHARE),
    Event.PROPOSED: (_l("共有を提案した"), _SHARE),
    Event.READERS_NAMED: (_l("読む人を決めた"), _SHARE),
    Event.RECIPIENTS_STATED: (_l("渡す相手を確かめた"), _SHARE),
    Event.RECEIPT_GIVEN: (_l("同意の控えを渡した"), _CONSENT),
    Event.REFUSED: (_l("見られないものを開こうとした"), _l("なし")),
    Event.REPORT_RECORDED: (_l("通告などの電話を記録した"), _SHARE),
    Event.REPORT_SENT: (_l("法律にもとづいて伝えた"), _SHARE),
    Event.SESSION_ENDED: (_l("サインインを終えた"), _SIGN_IN),
    Event.SESSION_OPENED: (_l("サインインした"), _SIGN_IN),
    Event.SIGHTS_ASKED: (_l("だれに何が見えるかを調べた"), _CASE),
    Event.SIGN_IN_FAILED: (_l("サインインに失敗した"), _SIGN_IN),
    Event.TASK_DONE: (_l("確認を終えた"), _CASE),
    Event.THREAD_READ: (_l("相談を読んだ"), _CONSULTATION),
    Event.WORLD_LOADED: (_l("データを取り込んだ"), _l("取り込み")),
}

VIEWERS = {
    "intake": _l("相談を送った人"),
    "nobody": _l("サインインしていない人"),
    "staff": _l("職員"),
    "system": _l("システム"),
    "visitor": _l("もどってくる言葉を使った人"),
}

# What else of a case is sealed on its own, beside its slices.
_PARTS = {
    "action": _l("依頼した対応"),
    "brief": _l("会議の資料"),
    "emergency": _l("緊急の共有の記録"),
    "internal": _l("センター内の記録"),
    "parties": _l("当事者の名前"),
}

_LANES = {
    "consent": _l("同意"),
    "contract": _l("委託"),
    "emergency": _l("緊急"),
    "law": _l("法律"),
}


def happened(event: str) -> str:
    """Return what happened, in words."""
    return str(EVENTS[Event(event)][0])


def thing(event: str) -> str:
    """Return what kind of thing it happened to."""
    return str(EVENTS[Event(event)][1])


def by_day(rows: Iterable[LogRow]) -> list[tuple[dt.date, list[LogRow]]]:
    """Return the rows of a page by their days in JST, in the order they come in."""
    return [(day, list(some)) for day, some in groupby(rows, lambda row: jst(row.at).date())]


def clock(at: dt.datetime) -> str:
    """Return the time of day in JST, as 14:05."""
    return f"{jst(at):%H:%M}"


def who(viewer: str) -> str:
    """Return what kind of viewer it was."""
    return str(VIEWERS.get(viewer, viewer))


def part(code: str) -> str:
    """Return what was read of a case: the name of a slice, or of what stands beside them."""
    return str(_PARTS[code]) if code in _PARTS else label("slice", code)


def on_ground(reason: Reason) -> str:
    """Return what a grant rested on: 同意（2026年12月1日まで）."""
    name = _LANES[reason.lane]
    if reason.lane in ("law", "contract"):
        name = _("%(lane)s：%(basis)s", lane=name, basis=reason.name(str(get_locale())))
    if reason.last_day is None:
        return str(name)
    return str(_("%(ground)s（%(day)sまで）", ground=name, day=jst_date(reason.last_day)))


def by_rule(rule: str) -> str:
    """Return what a rule other than a grant is called."""
    if rule == OWN_POST:
        return str(_("自機関の記録として"))
    return str(_("センターの担当として"))


def table_of(rows: Iterable[Count]) -> Iterator[list[object]]:
    """Yield the lines of the month's table, the head first."""
    yield [
        _("機関"),
        _("氏名"),
        _("読んだ回数"),
        _("ケースの数"),
        _("1時間に最多"),
        _("夜間"),
        _("一覧"),
        _("断られた"),
    ]
    for row in rows:
        numbers = (row.reads, row.cases, row.busiest, row.night, row.lists, row.refused)
        yield [row.agency, row.person, *numbers]
