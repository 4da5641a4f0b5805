"""The first page: what waits for me. And the health check."""

from typing import Any

from flask import current_app, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _l

from blueprints.home import bp
from portal.auth import permits, standing
from portal.extensions import db
from portal.policy.permissions import Action, require
from portal.policy.terms import clock
from portal.queries.home import Item, what_waits
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
    "briefs": (
        _l("助言を待っている資料"),
        "coordination.briefs",
        "",
        "",
        _l("いま、助言を待っている資料はありません。"),
    ),
    "checks": (
        _l("進捗を確認するケース"),
        "cases.index",
        "cases.show",
        "case_id",
        _l("この7日のあいだに確認するケースはありません。"),
    ),
    "inbox": (
        _l("受付で待っている相談"),
        "intake.inbox",
        "intake.item",
        "item_id",
        _l("待っている相談はありません。"),
    ),
    "reports": (
        _l("あなたが伝えたこと"),
        "intake.my_reports",
        "",
        "",
        _l("まだ何も伝えていません。気になることがあれば、いつでも伝えてください。"),
    ),
    "tasks": (
        _l("期限のある確認"),
        "cases.index",
        "cases.show",
        "case_id",
        _l("残っている確認はありません。"),
    ),
}
WORDS = {
    "ask_anew": _l("新しい学校に何を伝えるかを聞く"),
    "replied": _l("返事が届いています"),
    "safety_check": _l("安全の確認"),
    "see_child": _l("こどもに会う"),
    "waiting": _l("返事を待っています"),
}


@bp.get("/")
@permits(Action.KEEP_ACCOUNT)
def index() -> ResponseReturnValue:
    """Show what waits for the signed-in person; strangers go to the sign-in."""
    acting = require(standing(), Action.KEEP_ACCOUNT)
    waiting = what_waits(db.session, acting, clock(db.session))
    return render_template("home/index.html", waiting=waiting, kinds=KINDS, url=_url, says=_says)


@bp.get("/health")
def health() -> ResponseReturnValue:
    """Answer that the portal and its database work; nothing about any content."""
    return "ok", {"Content-Type": "text/plain; charset=utf-8"}


def _url(endpoint: str, **values: Any) -> str | None:
    return url_for(endpoint, **values) if endpoint in current_app.view_functions else None


def _says(kind: str, item: Item) -> str:
    """Return what an item is about, in words."""
    lists = {"actions": "action", "checks": "case_status", "inbox": "topic"}
    if kind in lists:
        return label(lists[kind], item.code)
    return str(WORDS[item.code])
