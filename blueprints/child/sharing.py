"""The record of sharing: who was told what and why, and 「やっぱりやめる」 in three taps."""

import uuid

from flask import redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from blueprints.child import bp
from portal import models as m
from portal.auth import permits
from portal.extensions import db
from portal.forms import PortalForm
from portal.plain_words import ADULT_ANSWERS, ADULT_BUNDLES, AGENCIES, ANSWERS, BUNDLES, SLICES, law
from portal.policy.permissions import Action
from portal.queries.visitor_record import record_of_visitor
from portal.services.sharing import take_back
from portal.services.threads import CHILD, own_thread
from portal.unit import visible_or_404


@bp.get("/child/record")
@permits(Action.VISIT)
def record() -> ResponseReturnValue:
    """Show the child all sharing, by law too; a guardian only what rests on the own consents."""
    found = record_of_visitor(db.session)
    if own_thread(db.session).kind != CHILD:
        words = {"answers": ADULT_ANSWERS, "bundles": ADULT_BUNDLES}
        return render_template("child/sharing_record_adult.html", record=found, **words)
    return render_template(
        "child/sharing_record.html",
        record=found,
        places=AGENCIES,
        answers=ANSWERS,
        bundles=BUNDLES,
        slices=SLICES,
        law=law,
    )


@bp.route("/child/record/<uuid:grant_id>/stop", methods=["GET", "POST"])
@permits(Action.VISIT)
def stop(grant_id: uuid.UUID) -> ResponseReturnValue:
    """「やっぱりやめる」: from the next request on nothing of it is visible."""
    grant = visible_or_404(m.Grant, grant_id, m.Grant.basis == "CONSENT")
    agency = visible_or_404(m.Agency, grant.agency_id)
    form = PortalForm()
    if not form.validate_on_submit():
        thread = own_thread(db.session)
        page = {"grant": grant, "agency": agency, "form": form}
        if thread.kind != CHILD:
            is_own = grant.subject_id == thread.person_id
            return render_template("child/sharing_stop_adult.html", is_own=is_own, **page)
        words = {"places": AGENCIES, "slices": SLICES}
        return render_template("child/sharing_stop.html", **words, **page)
    take_back(db.session, grant)
    return redirect(url_for("child.stopped", grant_id=grant.id))


@bp.get("/child/record/<uuid:grant_id>/stopped")
@permits(Action.VISIT)
def stopped(grant_id: uuid.UUID) -> ResponseReturnValue:
    """Say that it is done, and what cannot be undone."""
    grant = visible_or_404(m.Grant, grant_id, m.Grant.ended_at.is_not(None))
    agency = visible_or_404(m.Agency, grant.agency_id)
    is_child = own_thread(db.session).kind == CHILD
    return render_template("child/sharing_stopped.html", agency=agency, is_child=is_child)
