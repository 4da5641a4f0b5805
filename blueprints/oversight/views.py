"""The audit officer's log, and who read one case. Reading it is in the log too."""

import datetime as dt
import uuid

from flask import render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from blueprints.oversight import bp, words
from portal import models as m
from portal.audit import Event, record
from portal.auth import permits
from portal.database import standing
from portal.extensions import db
from portal.policy.permissions import Action, require
from portal.queries.administration import agency_choices
from portal.queries.oversight import log as read_log
from portal.queries.oversight import readings
from portal.queries.paging import read_cursor
from portal.templating import today
from portal.unit import visible_or_404
from portal.working_hours import ONE_DAY, inclusive_to_instant

MONTHS = 24


@bp.get("/log")
@permits(Action.OVERSEE)
def log() -> ResponseReturnValue:
    """Show who did what, by month and agency, without a word of any case."""
    month, agency_id = request.args.get("month", ""), request.args.get("agency", type=uuid.UUID)
    months = _months()
    since, until = months.get(month, (None, None))
    cursor = read_cursor(request.args.get("at"))
    record(db.session, Event.LOG_READ, view="oversight")
    return render_template(
        "oversight/log.html",
        page=read_log(db.session, since=since, until=until, agency_id=agency_id, cursor=cursor),
        months=[(key, _month_name(key)) for key in months],
        month=month if month in months else "",
        agencies=agency_choices(db.session),
        agency_id=agency_id,
        words=words,
    )


@bp.get("/cases/<uuid:case_id>/log")
@permits(Action.READ_LOG)
def case_log(case_id: uuid.UUID) -> ResponseReturnValue:
    """Show who read a case, when, which slices, and what opened them."""
    case = visible_or_404(m.Case, case_id)
    require(standing(db.session), Action.READ_LOG, case)
    record(db.session, Event.LOG_READ, case_id=case.id, view="case")
    page = readings(db.session, case.id, read_cursor(request.args.get("at")))
    return render_template("oversight/case_log.html", case=case, page=page, words=words)


def _months() -> dict[str, tuple[dt.datetime, dt.datetime]]:
    """Return the last two years' months with their beginnings and ends in JST, newest first."""
    found, first = {}, today().replace(day=1)
    after = (first + 31 * ONE_DAY).replace(day=1)
    for _number in range(MONTHS):
        beginning, end = (inclusive_to_instant(day - ONE_DAY) for day in (first, after))
        found[f"{first:%Y-%m}"] = (beginning, end)
        first, after = (first - ONE_DAY).replace(day=1), first
    return found


def _month_name(key: str) -> str:
    year, month = key.split("-")
    return str(_("%(year)s年%(month)s月", year=year, month=int(month)))
