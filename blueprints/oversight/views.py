"""Who read what: the audit officer's log and month, a manager's staff, one case.

Reading it is in the log too.
"""

import datetime as dt
import uuid

from flask import render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from blueprints.oversight import bp, words
from portal import models as m
from portal import spreadsheet
from portal.audit import Event, record
from portal.auth import permits
from portal.database import standing
from portal.extensions import db
from portal.headers import download
from portal.policy.permissions import Action, require
from portal.queries.administration import agency_choices, colleague_choices
from portal.queries.oversight import (
    MANY_AN_HOUR,
    month_by_agency,
    month_by_person,
    outliers,
    readers,
    readings,
    staff_readings,
)
from portal.queries.oversight import log as read_log
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
        months=_named(months),
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
    agency_id, cursor = request.args.get("agency", type=uuid.UUID), request.args.get("at")
    return render_template(
        "oversight/case_log.html",
        case=case,
        page=readings(db.session, case.id, read_cursor(cursor), agency_id),
        readers=readers(db.session, case.id),
        agency_id=agency_id,
        words=words,
    )


@bp.get("/staff/reads")
@permits(Action.MANAGE)
def staff_reads() -> ResponseReturnValue:
    """Show a manager which cases the own staff read: reference and slices, no text."""
    acting = require(standing(db.session), Action.MANAGE)
    months, account_id = _months(), request.args.get("account", type=uuid.UUID)
    month = _chosen(months)
    since, until = months[month]
    record(db.session, Event.LOG_READ, view="staff")
    return render_template(
        "oversight/staff_reads.html",
        page=staff_readings(
            db.session,
            acting.agency_id,
            since=since,
            until=until,
            account_id=account_id,
            cursor=read_cursor(request.args.get("at")),
        ),
        people=colleague_choices(db.session, acting.agency_id),
        account_id=account_id,
        months=_named(months),
        month=month,
        words=words,
    )


@bp.get("/log/month")
@permits(Action.OVERSEE)
def month() -> ResponseReturnValue:
    """Show the audit officer's monthly list: by agency, then by person, and who stands out."""
    months, agency_id = _months(), request.args.get("agency", type=uuid.UUID)
    chosen, number = _chosen(months), max(request.args.get("page", 1, type=int), 1)
    since, until = months[chosen]
    record(db.session, Event.LOG_READ, view="month")
    counts = (
        month_by_agency(db.session, since, until, page=number)
        if agency_id is None
        else month_by_person(db.session, since, until, agency_id=agency_id, page=number)
    )
    return render_template(
        "oversight/month.html",
        counts=counts,
        striking=outliers(db.session, since, until),
        months=_named(months),
        month=chosen,
        agency_id=agency_id,
        number=number,
        many=MANY_AN_HOUR,
    )


@bp.post("/log/month/export")
@permits(Action.EXPORT_LOG)
def export_month() -> ResponseReturnValue:
    """Give the month's counts by person as a table for a spreadsheet; no cell is a formula."""
    months = _months()
    chosen = _chosen(months)
    record(db.session, Event.LOG_READ, view="export")
    counts = month_by_person(db.session, *months[chosen], page=None)
    return download(spreadsheet.written(words.table_of(counts.rows)), f"reads-{chosen}.csv")


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


def _chosen(months: dict[str, tuple[dt.datetime, dt.datetime]]) -> str:
    """Return the month that the address or form names, else the present one."""
    wished = request.values.get("month", "")
    return wished if wished in months else next(iter(months))


def _named(months: dict[str, tuple[dt.datetime, dt.datetime]]) -> list[tuple[str, str]]:
    return [(key, _month_name(key)) for key in months]
