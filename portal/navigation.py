"""The ways through the portal that a person of a given standing has."""

from typing import Any

from flask import Flask, current_app, g, request, url_for
from flask_babel import lazy_gettext, lazy_pgettext

from portal.auth import Acting, is_lent, own_name, rests_in, standing
from portal.extensions import db
from portal.policy.permissions import Action, Standing, allows
from portal.queries.notifications import count_unread
from portal.templating import label

# Label, endpoint and the deed it leads to; shown to whom the deed is allowed, in this order.
WAYS = (
    (lazy_gettext("ホーム"), "home.index", Action.KEEP_ACCOUNT),
    (lazy_gettext("お知らせ"), "home.notifications", Action.KEEP_ACCOUNT),
    (lazy_gettext("受付"), "intake.inbox", Action.READ_INBOX),
    (lazy_gettext("相談を入力"), "intake.type_in", Action.RECEIVE),
    (lazy_gettext("ケース"), "cases.index", Action.READ_CASES),
    (lazy_gettext("対応の依頼"), "coordination.my_actions", Action.WORK_ACTION),
    (lazy_gettext("緊急に開く"), "consents.emergency_open", Action.OPEN_IN_EMERGENCY),
    (lazy_gettext("自機関の記録"), "cases.own_records", Action.READ_OWN_RECORDS),
    (lazy_gettext("支援方針会議"), "coordination.meetings", Action.HOLD_MEETING),
    (lazy_gettext("連携する機関"), "consents.scheme", Action.KEEP_SCHEME),
    (lazy_gettext("助言"), "coordination.briefs", Action.ADVISE),
    (lazy_gettext("伝えたこと"), "intake.my_reports", Action.READ_OWN_REPORTS),
    (lazy_gettext("チームと共有"), "administration.team", Action.MANAGE),
    (lazy_gettext("職員"), "administration.staff", Action.KEEP_STAFF),
    (lazy_pgettext("list", "機関"), "administration.agencies", Action.ADMINISTER),
    (lazy_gettext("アカウント"), "administration.accounts", Action.ADMINISTER),
    (lazy_gettext("機関のサインイン"), "administration.issuers", Action.ADMINISTER),
    (lazy_gettext("連携するシステム"), "administration.machines", Action.ADMINISTER),
    (lazy_gettext("閲覧の記録"), "oversight.log", Action.OVERSEE),
)


def _leads_nowhere(acting: Standing, endpoint: str) -> bool:
    """Return whether a page that is allowed never holds anything for somebody.

    The centre finds what it wrote in its cases (domain.md §4, rule 6).
    """
    if endpoint == "administration.team":
        return not acting.reads_by_team
    return endpoint == "cases.own_records" and acting.at_centre


def _navigation(unread: int) -> list[tuple[str, str, bool, int | None]]:
    known, acting = current_app.view_functions, standing()
    counts = {"home.notifications": unread}
    return [
        (str(text), url_for(endpoint), request.endpoint == endpoint, counts.get(endpoint))
        for text, endpoint, action in WAYS
        if endpoint in known
        and acting is not None
        and allows(acting, action)
        and not _leads_nowhere(acting, endpoint)
    ]


def _context() -> dict[str, Any]:
    row = g.get("signed")
    if row is None or row.account_id is None:
        return {}
    if standing() is None or not row.pledged or is_lent():
        return {"sign_out_url": url_for("account.sign_out")}
    unread = count_unread(db.session)
    return {
        "acting": Acting(
            row.agency_name,
            label("role", row.role),
            own_name(db.session),
            url_for("account.switch"),
        ),
        "badge": unread,
        "navigation": _navigation(unread),
        "rests_in": rests_in(),
        "sign_out_url": url_for("account.sign_out"),
    }


def init_navigation(app: Flask) -> None:
    """Give every page its ways; a page without a signed-in person has none."""
    app.context_processor(_context)
