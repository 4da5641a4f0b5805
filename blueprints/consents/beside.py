"""Asking and sharing on the page of the case: the step that is next, drawn for that page."""

import uuid
from typing import Any

from flask import render_template, request
from markupsafe import Markup

from blueprints.consents import bp
from blueprints.consents.views import asked_of, looked_at, share_form_asked_for
from portal import models as m
from portal.auth import standing
from portal.extensions import db
from portal.policy.permissions import Action, allows
from portal.queries.people import people_of
from portal.queries.sharing import consents_of
from portal.services.consents import asked_agencies
from portal.unit import visible_or_404


@bp.app_template_global()
def sharing_beside(case: m.Case) -> Markup:
    """Return the step of sharing that the address of the case's page asks for; "" for none.

    ``ask``: the form that begins to ask. ``consent_id``: what was answered and is not shared yet,
    one agency after the other, or the one of ``agency_id``.
    """
    acting = standing()
    if acting is None or not acting.owns(case) or not allows(acting, Action.SHARE):
        return Markup()
    consent_id = request.args.get("consent_id", type=uuid.UUID)
    if consent_id is not None:
        return _drawn(case, _of_consent(case, consent_id))
    return _drawn(case, {"asked": asked_of(case)}) if "ask" in request.args else Markup()


def _of_consent(case: m.Case, consent_id: uuid.UUID) -> dict[str, Any]:
    consent = visible_or_404(
        m.Consent, consent_id, m.Consent.case_id == case.id, m.Consent.kind == "sharing"
    )
    people = people_of(db.session, case.id)
    [row] = consents_of(db.session, case, people, only=consent.id)
    wished = request.args.get("agency_id", type=uuid.UUID)
    agencies = {agency.id: agency for agency in asked_agencies(db.session, consent)}
    waiting = [answer.agency.id for answer in row.answers if answer.waits]
    chosen = wished if wished in waiting else next(iter(waiting), None)
    found = {"consent": consent, "unanswered": row.unanswered}
    if chosen is None or consent.for_person_id is not None or row.unanswered:
        return found
    return {**found, "looked": looked_at(consent, agencies[chosen], share_form_asked_for())}


def _drawn(case: m.Case, step: dict[str, Any]) -> Markup:
    page = {"asked": None, "looked": None, **step}
    return Markup(render_template("consents/_beside.html", case=case, **page))  # noqa: S704  (ours)
