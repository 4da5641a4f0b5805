"""Requests to agencies: asking, answering, and what came of it."""

import uuid
from collections.abc import Mapping
from types import MappingProxyType

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from blueprints.coordination import bp
from blueprints.coordination.action_forms import (
    AcceptForm,
    AnswerForm,
    AskForm,
    CancelForm,
    DeclineForm,
    FinishForm,
)
from portal import models as m
from portal.auth import permits, standing
from portal.extensions import db
from portal.policy.permissions import Action, allows
from portal.queries.actions import list_actions, read_action, sees_action
from portal.queries.paging import read_cursor
from portal.services.actions import (
    NotShownError,
    accept_action,
    answer_action,
    ask_action,
    assignable,
    is_shown,
)
from portal.services.looks import look_at_action
from portal.unit import visible_or_404

ANSWERS: Mapping[str, tuple[str, type[AnswerForm]]] = MappingProxyType(
    {
        "decline": (m.Action.DECLINED, DeclineForm),
        "finish": (m.Action.DONE, FinishForm),
        "cancel": (m.Action.CANCELLED, CancelForm),
    }
)


@bp.get("/actions")
@permits(Action.WORK_ACTION)
def my_actions() -> ResponseReturnValue:
    """Show what the own agency was asked to do, overdue first; at the centre, what it asked."""
    ended = request.args.get("state") == "ended"
    page = list_actions(db.session, ended=ended, cursor=read_cursor(request.args.get("at")))
    asks = allows(standing(), Action.ASSIGN)
    return render_template("coordination/action_list.html", page=page, ended=ended, asks=asks)


@bp.get("/actions/<uuid:action_id>")
@permits(Action.WORK_ACTION)
def action(action_id: uuid.UUID) -> ResponseReturnValue:
    """Show a request, what was said of it, and what may be said next."""
    found = visible_or_404(m.Action, action_id)
    sheet = read_action(db.session, found)
    look_at_action(db.session, found)
    return render_template("coordination/action.html", sheet=sheet, form=AcceptForm())


@bp.route("/cases/<uuid:case_id>/actions/new", methods=["GET", "POST"])
@permits(Action.ASSIGN)
def ask(case_id: uuid.UUID) -> ResponseReturnValue:
    """Ask an agency that sees the case to do something, as an expert's advice led to, if it did."""
    case, advice = visible_or_404(m.Case, case_id), request.args.get("advice", type=uuid.UUID)
    form = AskForm(assignable(db.session, case))
    if form.validate_on_submit():
        try:
            asked = ask_action(db.session, case, advice_id=advice, **form.terms)
        except NotShownError:
            form.form_errors.append(_("この機関への共有が、いまおわりました。"))
        else:
            flash(_("依頼しました。"), "success")
            if not is_shown(db.session, case, asked.agency_id):
                return redirect(url_for("consents.entrust", action_id=asked.id))
            return redirect(url_for("cases.show", case_id=case.id))
    return render_template("coordination/action_new.html", case=case, form=form), form.status


@bp.post("/actions/<uuid:action_id>/accept")
@permits(Action.WORK_ACTION)
def accept(action_id: uuid.UUID) -> ResponseReturnValue:
    """Say that it will be done."""
    found, form = visible_or_404(m.Action, action_id), AcceptForm()
    if form.validate():
        accept_action(db.session, found, step_id=form.submission.data)
        flash(_("引き受けました。"), "success")
    return redirect(url_for("coordination.action", action_id=action_id))


@bp.route(
    "/actions/<uuid:action_id>/<any(decline, finish, cancel):answer>", methods=["GET", "POST"]
)
@permits(Action.WORK_ACTION)
def answer(action_id: uuid.UUID, answer: str) -> ResponseReturnValue:
    """Say in words that it cannot be done, is done, or is not needed any more."""
    found = visible_or_404(m.Action, action_id)
    status, form_class = ANSWERS[answer]
    form = form_class()
    if not form.validate_on_submit():
        sheet = read_action(db.session, found)
        page = "coordination/action_answer.html"
        return render_template(page, sheet=sheet, form=form, answer=answer), form.status
    answer_action(db.session, found, status, **form.terms)
    flash(_("送りました。"), "success")
    # With a task by contract the agency's sight of it ends (domain.md §3.3).
    if not sees_action(db.session, action_id):
        return redirect(url_for("coordination.my_actions"))
    return redirect(url_for("coordination.action", action_id=action_id))
