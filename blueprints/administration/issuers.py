"""The sign-ons of organisations: which there are, and where each of them leads."""

import uuid
from functools import partial

from flask import redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import get_locale

from blueprints.administration import bp
from blueprints.administration.forms import CONFLICT, attempt
from blueprints.administration.sign_on_forms import (
    EditIssuerForm,
    NewIssuerForm,
    PlaceForm,
    issuer_details,
    issuer_words,
)
from portal import models as m
from portal.auth import permits
from portal.extensions import db
from portal.policy.permissions import Action
from portal.queries import administration as lists
from portal.queries import sign_on as rows
from portal.services import issuers as services
from portal.unit import visible_or_404


@bp.get("/issuers")
@permits(Action.ADMINISTER)
def issuers() -> ResponseReturnValue:
    """List the sign-ons by name."""
    return render_template("administration/issuers.html", issuers=rows.issuers(db.session))


@bp.route("/issuers/new", methods=["GET", "POST"])
@permits(Action.ADMINISTER)
def new_issuer() -> ResponseReturnValue:
    """Enter a sign-on; the page says what to enter over there."""
    form = NewIssuerForm()
    issuer_id, valid = form.submission.data, form.validate_on_submit()
    deed = partial(services.add_issuer, db.session, issuer_id)
    status = attempt(form, lambda: deed(form.details())) if valid else form.status
    if status is None:
        return redirect(url_for("administration.issuer", issuer_id=issuer_id))
    return render_template("administration/new_issuer.html", form=form), status


@bp.route("/issuers/<uuid:issuer_id>", methods=["GET", "POST"])
@permits(Action.ADMINISTER)
def issuer(issuer_id: uuid.UUID) -> ResponseReturnValue:
    """Show a sign-on and change it."""
    found = visible_or_404(m.Issuer, issuer_id)
    form = EditIssuerForm.of(found)
    if not form.validate_on_submit():
        return _issuer_page(found, form, form.status)
    version = form.version.data
    deed = partial(services.change_issuer, db.session, issuer_id, version)
    refused = attempt(form, lambda: deed(form.details()))
    if refused is not None:
        return _issuer_page(found, form, refused)
    return redirect(url_for("administration.issuer", issuer_id=issuer_id))


@bp.route("/issuers/<uuid:issuer_id>/places/new", methods=["GET", "POST"])
@permits(Action.ADMINISTER)
def new_issuer_place(issuer_id: uuid.UUID) -> ResponseReturnValue:
    """Let a sign-on lead to an agency."""
    found, form = visible_or_404(m.Issuer, issuer_id), PlaceForm()
    form.offer(lists.agency_choices(db.session), get_locale().language)
    valid = form.validate_on_submit()
    status = attempt(form, lambda: _add_place(issuer_id, form)) if valid else form.status
    if status is None:
        return redirect(url_for("administration.issuer", issuer_id=issuer_id))
    return render_template("administration/issuer_place.html", form=form, issuer=found), status


@bp.post("/issuer-places/<uuid:issuer_place_id>/end")
@permits(Action.ADMINISTER)
def end_issuer_place(issuer_place_id: uuid.UUID) -> ResponseReturnValue:
    """Let a sign-on lead to an agency no more."""
    issuer_id = services.end_place(db.session, issuer_place_id)
    return redirect(url_for("administration.issuer", issuer_id=issuer_id))


def _add_place(issuer_id: uuid.UUID, form: PlaceForm) -> None:
    services.add_place(
        db.session,
        form.submission.data,
        issuer_id,
        uuid.UUID(form.agency.data),
        role=form.role.data or None,
        value=form.value.data or None,
    )


def _issuer_page(found: m.Issuer, form: EditIssuerForm, status: int) -> ResponseReturnValue:
    both = None
    if status == CONFLICT:
        both = issuer_words(issuer_details(found)), issuer_words(form.details())
        form.version.data = found.version
    page = render_template(
        "administration/issuer.html",
        form=form,
        issuer=found,
        places=rows.places_of_issuer(db.session, found.id),
        linked=rows.linked_to(db.session, found.id),
        both=both,
    )
    return page, status
