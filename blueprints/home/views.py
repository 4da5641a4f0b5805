"""The first page: what waits for me. And the health check."""

from http import HTTPStatus
from typing import Any

from flask import current_app, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from blueprints.home import bp
from portal.auth import config, permits, standing
from portal.extensions import db
from portal.policy.permissions import Action, Standing, allows, require
from portal.policy.terms import clock
from portal.queries.covers import standing_in
from portal.queries.health import mail_state, worker_is_alive
from portal.queries.home import Item, how_much, what_waits
from portal.queries.inbox import report_slug
from portal.services.saved import count_saved
from portal.templating import label

# Of each kind: its title, where all of it is, where one of it is and by which argument, and what
# an empty list says.
KINDS: dict[str, tuple[Any, str, str, str, Any]] = {
    "actions": (
        _l("依頼された対応"),
        "coordination.my_actions",
        "coordination.action",
        "action_id",
        _l("依頼されている対応はありません。"),
    ),
    "alarms": (
        _l("緊急の呼び出し"),
        "home.notifications",
        "",
        "",
        _l("引き受けを待つ呼び出しはありません。"),
    ),
    "asked": (
        _l("依頼した対応で、期限を過ぎたもの"),
        "coordination.my_actions",
        "coordination.action",
        "action_id",
        _l("期限を過ぎた依頼はありません。"),
    ),
    "briefs": (
        _l("助言を待っている資料"),
        "coordination.briefs",
        "",
        "",
        _l("いま、助言を待っている資料はありません。"),
    ),
    "cases": (
        _l("最近うごきのあったケース"),
        "cases.index",
        "cases.show",
        "case_id",
        _l("見られるケースはありません。共有されると、ここに出ます。"),
    ),
    "checks": (
        _l("進捗を確認するケース"),
        "cases.index",
        "cases.show",
        "case_id",
        _l("この7日のあいだに確認するケースはありません。"),
    ),
    "emergencies": (
        _l("緊急の共有の確認と振り返り"),
        "",
        "consents.emergency",
        "emergency_id",
        _l("確かめる緊急の共有はありません。"),
    ),
    "inbox": (
        _l("受付で待っている相談"),
        "intake.inbox",
        "intake.item",
        "item_id",
        _l("待っている相談はありません。"),
    ),
    "proposals": (
        _l("所長の承認を待つ共有"),
        "",
        "consents.proposal",
        "share_proposal_id",
        _l("承認を待つ共有はありません。"),
    ),
    "reports": (
        _l("あなたが伝えたこと"),
        "intake.my_reports",
        "",
        "",
        _l("まだ何も伝えていません。気になることがあれば、いつでも伝えてください。"),
    ),
    "shares": (
        _l("まもなく終わる共有・読む人のいない共有"),
        "administration.team",
        "",
        "",
        _l("まもなく終わる共有はありません。"),
    ),
    "unread": (
        _l("読む人のいない共有"),
        "cases.index",
        "cases.sights",
        "case_id",
        _l("読む人のいない共有はありません。"),
    ),
    "tasks": (
        _l("期限のある確認"),
        "cases.index",
        "cases.show",
        "case_id",
        _l("期限のある確認は、残っていません。"),
    ),
}
WORDS = {
    "ask_anew": _l("新しい学校に何を伝えるかを聞く"),
    "ending": _l("共有がまもなく終わります"),
    "law_report": _l("通告などの電話の記録"),
    "proposed": _l("法律が許す共有"),
    "provision": _l("緊急の提供"),
    "replied": _l("返事が届いています"),
    "ringing": _l("引き受ける人を待っています"),
    "safety_check": _l("安全の確認"),
    "see_child": _l("こどもに会う"),
    "tell_child": _l("緊急に伝えたことを、こどもに話す"),
    "unread": _l("チームに人がいません"),
    "view": _l("緊急の閲覧"),
    "waiting": _l("返事を待っています"),
}


ALARMS = {"suspected_abuse": _l("虐待のおそれ"), "urgent": _l("いま、あぶない")}
# What somebody most likely came for: the deed, its page, and what the button says.
DEEDS = (
    (Action.LIST_CASES, "cases.search", _l("番号や名前で探す")),
    (Action.RECEIVE, "intake.type_in", _l("相談を入力")),
    (Action.TELL_CENTRE, "intake.tell_centre", _l("センターに伝える")),
    (Action.OVERSEE, "oversight.log", _l("閲覧の記録を見る")),
    (Action.ADMINISTER, "administration.agencies", _l("機関を見る")),
    (Action.ADMINISTER, "administration.accounts", _l("アカウントを見る")),
)


@bp.get("/")
@permits(Action.KEEP_ACCOUNT)
def index() -> ResponseReturnValue:
    """Show what waits for the signed-in person; strangers go to the sign-in."""
    acting = require(standing(), Action.KEEP_ACCOUNT)
    waiting = what_waits(db.session, acting, clock(db.session))
    return render_template(
        "home/index.html",
        standing_in=standing_in(db.session),
        typed=count_saved(db.session),
        waiting=waiting,
        total=how_much(waiting),
        deeds=_deeds(acting),
        kinds=KINDS,
        alarms=ALARMS,
        url=_url,
        says=_says,
    )


def _deeds(acting: Standing) -> list[tuple[str, str]]:
    """Return label and address of what somebody comes here to do."""
    found = [
        (str(says), there)
        for action, endpoint, says in DEEDS
        if allows(acting, action) and (there := _url(endpoint)) is not None
    ]
    if allows(acting, Action.READ_CASES) and not allows(acting, Action.LIST_CASES):
        found.append((_("受付番号で開く"), url_for("cases.index")))
    slug = report_slug(db.session) if allows(acting, Action.READ_OWN_REPORTS) else None
    if slug is not None:
        found.insert(0, (_("気になることを伝える"), url_for("intake.report", slug=slug)))
    return found


@bp.get("/health")
def health() -> ResponseReturnValue:
    """Say whether web, database and worker are alive, and nothing about any content.

    Without a database there is no answer but the page 503; without a worker reports may lie
    unseen, and without a mail server invitations reach nobody: both are a 503 too. A mail server
    that is away for a while is told of and no more, for children still get in.
    """
    alive, mail = worker_is_alive(db.session), mail_state(db.session, config())
    answer = f"web: ok\ndatabase: ok\nworker: {'ok' if alive else 'silent'}\nmail: {mail}\n"
    ready = alive and not config().mail_is_lost
    status = HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE
    return answer, status, {"Content-Type": "text/plain; charset=utf-8"}


def _url(endpoint: str, **values: Any) -> str | None:
    return url_for(endpoint, **values) if endpoint in current_app.view_functions else None


def _says(kind: str, item: Item) -> str:
    """Return what an item is about, in words."""
    lists = {
        "actions": "action",
        "asked": "action",
        "cases": "case_status",
        "checks": "case_status",
        "inbox": "topic",
    }
    if kind == "unread":
        return item.code
    if kind in lists:
        return label(lists[kind], item.code)
    return str(WORDS[item.code])
