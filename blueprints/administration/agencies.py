"""Agencies: who takes part, what kind of body it is, its report link, the regional council."""

import uuid
from functools import partial

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import get_locale

from blueprints.administration import bp
from blueprints.administration.forms import (
    CONFLICT,
    AgencyForm,
    CouncilForm,
    EditAgencyForm,
    NewAgencyForm,
    agency_words,
    attempt,
    beginning,
    details_of,
    ending,
)
from portal import models as m
from portal.auth import permits
from portal.extensions import db
from portal.forms import PortalForm
from portal.policy.permissions import CENTRE, NPO, Action
from portal.queries import administration as lists
from portal.services import administration as services
from portal.unit import visible_or_404
from portal.vocabulary import CAFETERIA, codes


@bp.get("/agencies")
@permits(Action.ADMINISTER)
def agencies() -> ResponseReturnValue:
    """List the agencies by name, of one type if one is asked for."""
    kind = request.args.get("type", "")
    kind = kind if kind in codes("org_type") else ""
    page = lists.agencies(db.session, kind, request.args.get("after", type=uuid.UUID))
    return render_template(
        "administration/agencies.html", page=page, kind=kind, kinds=codes("org_type")
    )


@bp.route("/agencies/new", methods=["GET", "POST"])
@permits(Action.ADMINISTER)
def new_agency() -> ResponseReturnValue:
    """Enter an agency."""
    form = NewAgencyForm()
    _offer(form)
    agency_id, valid = form.submission.data, form.validate_on_submit()
    deed = partial(services.add_agency, db.session, agency_id)
    status = attempt(form, lambda: deed(form.details())) if valid else form.status
    if status is None:
        return redirect(url_for("administration.agency", agency_id=agency_id))
    return render_template("administration/new_agency.html", form=form), status


@bp.route("/agencies/<uuid:agency_id>", methods=["GET", "POST"])
@permits(Action.ADMINISTER)
def agency(agency_id: uuid.UUID) -> ResponseReturnValue:
    """Show an agency and change it."""
    found = visible_or_404(m.Agency, agency_id)
    form = EditAgencyForm.of(found)
    _offer(form)
    if not form.validate_on_submit():
        return _agency_page(found, form, form.status)
    version = form.version.data
    refused = attempt(
        form, lambda: services.change_agency(db.session, agency_id, version, form.details())
    )
    if refused is not None:
        return _agency_page(found, form, refused)
    return redirect(url_for("administration.agency", agency_id=agency_id))


@bp.post("/agencies/<uuid:agency_id>/report-link")
@permits(Action.ADMINISTER)
def renew_report_link(agency_id: uuid.UUID) -> ResponseReturnValue:
    """Give a cafeteria a new report link; the old one leads nowhere."""
    found, form = visible_or_404(m.Agency, agency_id), PortalForm()
    refused = attempt(form, lambda: services.renew_report_link(db.session, found.id))
    if refused is not None:
        return _agency_page(found, form, refused)
    return redirect(url_for("administration.agency", agency_id=agency_id))


@bp.route("/agencies/<uuid:agency_id>/council/new", methods=["GET", "POST"])
@permits(Action.ADMINISTER)
def join_council(agency_id: uuid.UUID) -> ResponseReturnValue:
    """Record a membership of the regional council."""
    found, form = visible_or_404(m.Agency, agency_id), CouncilForm()
    valid = form.validate_on_submit()
    status = attempt(form, lambda: _join_council(agency_id, form)) if valid else form.status
    if status is None:
        return redirect(url_for("administration.agency", agency_id=agency_id))
    return render_template("administration/council.html", form=form, agency=found), status


@bp.post("/council-memberships/<uuid:council_membership_id>/end")
@permits(Action.ADMINISTER)
def leave_council(council_membership_id: uuid.UUID) -> ResponseReturnValue:
    """End a membership of the regional council today."""
    agency_id = services.leave_council(db.session, council_membership_id)
    return redirect(url_for("administration.agency", agency_id=agency_id))


def _join_council(agency_id: uuid.UUID, form: CouncilForm) -> None:
    since, until = beginning(form.since.data), ending(form.until.data)
    services.join_council(db.session, form.submission.data, agency_id, since, until)


def _offer(form: AgencyForm) -> None:
    form.offer(
        lists.agency_choices(db.session, NPO),
        lists.agency_choices(db.session, CENTRE),
        get_locale().language,
    )


def _agency_page(found: m.Agency, form: PortalForm, status: int) -> ResponseReturnValue:
    edit = form if isinstance(form, EditAgencyForm) else EditAgencyForm.of(found)
    edit.form_errors = form.form_errors
    _offer(edit)
    page = render_template(
        "administration/agency.html",
        form=edit,
        agency=found,
        council=lists.council_of(db.session, found.id),
        is_cafeteria=found.type == CAFETERIA,
        both=_both(found, edit) if status == CONFLICT else None,
    )
    return page, status


def _both(found: m.Agency, form: EditAgencyForm) -> tuple[str, str]:
    """Return what stands and what was typed; the form then changes what stands now."""
    names = dict(lists.agency_choices(db.session))
    form.version.data = found.version
    return agency_words(details_of(found), names), agency_words(form.details(), names)
