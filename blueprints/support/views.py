"""Direct support: the child is met; and what the centre decides about a case."""

import uuid

from flask import redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from blueprints.support import bp
from blueprints.support.forms import JudgementForm, MeetingForm, NecessityForm, UrgencyForm
from portal import models as m
from portal.auth import permits
from portal.database import standing
from portal.extensions import db
from portal.policy.permissions import Action, require
from portal.queries import assessment as found
from portal.services import assessment as service
from portal.unit import visible_or_404


def _own_case(case_id: uuid.UUID) -> m.Case:
    """Return a visible case of the own agency; another's, though visible, is refused."""
    case = visible_or_404(m.Case, case_id)
    require(standing(db.session), Action.COORDINATE, case)
    return case


@bp.get("/cases/<uuid:case_id>/support")
@permits(Action.COORDINATE)
def index(case_id: uuid.UUID) -> ResponseReturnValue:
    """Show when the child was met, and what came of it."""
    case = _own_case(case_id)
    return render_template(
        "support/index.html",
        case=case,
        meetings=found.meetings(db.session, case),
        see_child_by=found.see_child_by(db.session, case.id),
    )


@bp.route("/cases/<uuid:case_id>/support/new", methods=["GET", "POST"])
@permits(Action.COORDINATE)
def meet(case_id: uuid.UUID) -> ResponseReturnValue:
    """Record that the child was met, or why not."""
    case, form = _own_case(case_id), MeetingForm()
    if not form.validate_on_submit():
        return render_template("support/meet.html", case=case, form=form), form.status
    service.record_meeting(
        db.session,
        case,
        check_in=form.check_in.data,
        met_on=form.day,
        account_of_it=form.account_of_it.data,
        meeting_id=form.submission.data,
    )
    return redirect(url_for("support.index", case_id=case.id))


@bp.get("/cases/<uuid:case_id>/assessment")
@permits(Action.COORDINATE)
def assessment(case_id: uuid.UUID) -> ResponseReturnValue:
    """Show urgency, necessity and judgements, the newest first."""
    case = _own_case(case_id)
    return render_template(
        "support/assessment.html", case=case, found=found.assessment(db.session, case)
    )


@bp.route("/cases/<uuid:case_id>/urgency", methods=["GET", "POST"])
@permits(Action.COORDINATE)
def urgency(case_id: uuid.UUID) -> ResponseReturnValue:
    """Decide urgency with the criteria on screen."""
    case, form = _own_case(case_id), UrgencyForm()
    if not form.validate_on_submit():
        return render_template("support/urgency.html", case=case, form=form), form.status
    service.decide_urgency(
        db.session,
        case,
        urgency=form.urgency.data,
        grounds=form.grounds.data,
        decision_id=form.submission.data,
    )
    return redirect(url_for("support.assessment", case_id=case.id))


@bp.route("/cases/<uuid:case_id>/necessity", methods=["GET", "POST"])
@permits(Action.COORDINATE)
def necessity(case_id: uuid.UUID) -> ResponseReturnValue:
    """Record which of the three conditions holds before an agency is contacted."""
    case, form = _own_case(case_id), NecessityForm()
    if not form.validate_on_submit():
        return render_template("support/necessity.html", case=case, form=form), form.status
    service.record_necessity(
        db.session,
        case,
        necessity=form.necessity.data,
        grounds=form.grounds.data,
        record_id=form.submission.data,
    )
    return redirect(url_for("support.assessment", case_id=case.id))


@bp.route("/cases/<uuid:case_id>/judgement", methods=["GET", "POST"])
@permits(Action.COORDINATE)
def judge(case_id: uuid.UUID) -> ResponseReturnValue:
    """Judge whether a right of the child was violated."""
    case, form = _own_case(case_id), JudgementForm()
    if not form.validate_on_submit():
        return render_template("support/judge.html", case=case, form=form), form.status
    service.judge(
        db.session,
        case,
        violation=form.violation.data,
        finding=form.finding.data,
        severity=form.severity.data,
        grounds=form.grounds.data,
        judgement_id=form.submission.data,
    )
    return redirect(url_for("support.assessment", case_id=case.id))
