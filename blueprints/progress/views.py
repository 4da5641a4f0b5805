"""Progress with a next date, closure, re-opening."""

import uuid

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from blueprints.progress import bp
from blueprints.progress.forms import CheckForm, CloseForm
from portal import models as m
from portal.auth import permits
from portal.extensions import db
from portal.policy.permissions import Action
from portal.queries.progress import ending_shares, read_checks, read_closures
from portal.queries.sheet import open_tasks
from portal.services.progress import check_progress, close_case, may_close_with, reopen_case
from portal.unit import visible_or_404


@bp.route("/cases/<uuid:case_id>/progress", methods=["GET", "POST"])
@permits(Action.COORDINATE)
def check(case_id: uuid.UUID) -> ResponseReturnValue:
    """Show the checks of a case and take a new one, with the day of the next."""
    case, form = visible_or_404(m.Case, case_id), CheckForm()
    if not form.validate_on_submit():
        checks, closures = read_checks(db.session, case), read_closures(db.session, case)
        shown = {"case": case, "form": form, "checks": checks, "closures": closures}
        return render_template("progress/check.html", **shown), form.status
    check_progress(db.session, case, **form.terms)
    flash(_("進捗を記録しました。"), "success")
    return redirect(url_for("cases.show", case_id=case.id))


@bp.route("/cases/<uuid:case_id>/closure", methods=["GET", "POST"])
@permits(Action.CLOSE)
def close(case_id: uuid.UUID) -> ResponseReturnValue:
    """End a case, with what the child thinks of it."""
    case, form = visible_or_404(m.Case, case_id), CloseForm()
    sent = form.validate_on_submit()
    if sent and not may_close_with(db.session, form.outcome.data):
        form.outcome.errors = [_("「連絡不通」でおわるときは、所長が判断します。")]
    if not sent or form.errors:
        ending, tasks = ending_shares(db.session, case), open_tasks(db.session, case)
        shown = {"case": case, "form": form, "ending": ending, "tasks": tasks}
        return render_template("progress/close.html", **shown), form.status
    close_case(db.session, case, **form.terms)
    flash(_("終結にしました。"), "success")
    return redirect(url_for("cases.show", case_id=case.id))


@bp.post("/cases/<uuid:case_id>/reopening")
@permits(Action.CLOSE)
def reopen(case_id: uuid.UUID) -> ResponseReturnValue:
    """Open a closed case again; what was shared before stays ended."""
    case = visible_or_404(m.Case, case_id)
    reopen_case(db.session, case)
    flash(_("再開しました。共有は、あらためて同意をとってからです。"), "success")
    return redirect(url_for("cases.show", case_id=case.id))
