"""Who sees what of a case: the matrix of all agencies and slices, now or at another moment."""

import datetime as dt
import uuid

from flask import render_template, request
from flask.typing import ResponseReturnValue

from blueprints.cases import bp
from blueprints.cases.forms import MomentForm
from portal import models as m
from portal.auth import permits, standing
from portal.extensions import db
from portal.policy.permissions import Action, require
from portal.policy.terms import clock
from portal.queries.sights import sights_of
from portal.unit import visible_or_404
from portal.working_hours import JST


@bp.get("/cases/<uuid:case_id>/sights")
@permits(Action.READ_LOG)
def sights(case_id: uuid.UUID) -> ResponseReturnValue:
    """Show who sees what of a case and why, or who saw it at a moment that is asked for."""
    case = visible_or_404(m.Case, case_id)
    require(standing(), Action.READ_LOG, case)
    form = MomentForm(request.args)
    at = _moment(form) if form.validate() else None
    found = sights_of(db.session, case, at or clock(db.session))
    return render_template(
        "cases/sights.html", case=case, form=form, found=found, is_now=at is None
    ), form.status


def _moment(form: MomentForm) -> dt.datetime | None:
    """Return the moment that was typed as Japanese time, None for now."""
    typed: dt.datetime | None = form.at.data
    return None if typed is None else typed.replace(tzinfo=JST).astimezone(dt.UTC)
