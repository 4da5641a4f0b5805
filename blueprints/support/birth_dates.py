"""The child's date of birth, and what ends with the 18th birthday, shown before it is kept."""

import datetime as dt
import uuid
from typing import NamedTuple

from flask import abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from blueprints.support import bp
from blueprints.support.people import own_case
from blueprints.support.people_forms import BirthDateForm
from portal import models as m
from portal.auth import permits
from portal.database import ConflictError
from portal.extensions import db
from portal.policy.permissions import Action
from portal.queries.directory import agency_names
from portal.queries.ends import losses
from portal.queries.people import PersonRow, people_of
from portal.services.birth_dates import Beyond, beyond_18, record_birth_date
from portal.services.guardians import birth_date_text
from portal.templating import jst_date
from portal.working_hours import instant_to_inclusive

RECORD = "record"


class Ending(NamedTuple):
    """What ends sooner: to which agency, about whom, and its last day so far (JST)."""

    agency: str
    subject: str
    last_day: dt.date | None
    shared: bool


@bp.route("/cases/<uuid:case_id>/birth-date", methods=["GET", "POST"])
@permits(Action.COORDINATE)
def birth_date(case_id: uuid.UUID) -> ResponseReturnValue:
    """Enter or correct when the child was born: first what will end when, then the date."""
    case = own_case(case_id)
    people = people_of(db.session, case.id)
    child = next((row for row in people if row.is_child), None) or abort(404)
    form = BirthDateForm(data=_known(case))
    if not form.validate_on_submit():
        return _page(case, form), form.status
    if request.form.get("step") != RECORD or form.shown.data != form.day.isoformat():
        form.shown.data = form.day.isoformat()
        return _page(case, form, beyond_18(db.session, child.id, form.day), people), 200
    try:
        return _recorded(case, child.id, form)
    except ConflictError as lost:
        form.seen.data, form.shown.data = lost.theirs, ""
        return _page(case, form, lost=lost), 409


def _known(case: m.Case) -> dict[str, object]:
    written = birth_date_text(db.session, case.id)
    return {"born": dt.date.fromisoformat(written) if written else None, "seen": written}


def _recorded(case: m.Case, child_id: uuid.UUID, form: BirthDateForm) -> ResponseReturnValue:
    beyond = beyond_18(db.session, child_id, form.day)
    seen = form.seen.data or ""
    count = record_birth_date(db.session, case, form.day, seen=seen, child_id=child_id)
    if count and beyond.over:
        flash(
            _(
                "生年月日を記録し、%(count)s件の共有を終わりにしました。すでに読まれたことは"
                "戻せません。読んだ人は「それまでに読んだ人」で確かめられます。",
                count=count,
            ),
            "success",
        )
        return redirect(url_for("consents.index", case_id=case.id))
    day = jst_date(instant_to_inclusive(beyond.end))
    flash(
        _(
            "生年月日を記録し、%(count)s件の共有の期限を%(day)sまでに早めました。",
            count=count,
            day=day,
        )
        if count
        else _("生年月日を記録しました。"),
        "success",
    )
    return redirect(url_for("support.people", case_id=case.id))


def _page(
    case: m.Case,
    form: BirthDateForm,
    beyond: Beyond | None = None,
    people: list[PersonRow] | None = None,
    lost: ConflictError | None = None,
) -> str:
    over = beyond is not None and beyond.over
    return render_template(
        "support/birth_date.html",
        case=case,
        form=form,
        over=over,
        last_day=beyond and instant_to_inclusive(beyond.end),
        endings=_endings(beyond, people or []) if beyond else [],
        losses=losses(db.session, case, beyond.grants) if beyond and over else [],
        both=lost and [jst_date(dt.date.fromisoformat(day)) for day in (lost.theirs, lost.mine)],
    )


def _endings(beyond: Beyond, people: list[PersonRow]) -> list[Ending]:
    """Return the shares that end sooner, then what was said yes to and is not shared."""
    called = {person.id: person.called for person in people}
    shared = [(g.agency_id, g.subject_id, g.valid_until, True) for g in beyond.grants]
    waiting = [(yes.agency_id, yes.consent.subject_id, yes.until, False) for yes in beyond.waiting]
    names = agency_names(db.session, {agency_id for agency_id, *_rest in (*shared, *waiting)})
    return [
        Ending(
            names[agency_id],
            called.get(subject, "") if subject else "",
            None if until is None else instant_to_inclusive(until),
            is_shared,
        )
        for agency_id, subject, until, is_shared in (*shared, *waiting)
    ]
