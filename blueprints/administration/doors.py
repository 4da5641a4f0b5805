"""From where an agency's people may come in: an optional list of networks and certificates."""

import uuid
from functools import partial

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from blueprints.administration import bp
from blueprints.administration.door_form import DoorForm
from blueprints.administration.forms import CONFLICT, attempt
from portal import models as m
from portal.auth import closed_here, config, permits
from portal.doors import Door
from portal.extensions import db
from portal.policy.permissions import Action
from portal.services import administration as services
from portal.unit import visible_or_404


@bp.route("/agencies/<uuid:agency_id>/door", methods=["GET", "POST"])
@permits(Action.ADMINISTER)
def door(agency_id: uuid.UUID) -> ResponseReturnValue:
    """Show and change from where an agency's people are let in."""
    agency, known = visible_or_404(m.Agency, agency_id), services.door_of(db.session, agency_id)
    form = DoorForm.of(known)
    status: int | None = form.status
    if form.validate_on_submit() and _is_meant(form):
        deed = partial(services.set_door, db.session, agency_id, form.version.data, form.details())
        status = attempt(form, deed)
        if status is None:
            flash(_("保存しました。"), "success")
            return redirect(url_for("administration.agency", agency_id=agency_id))
    status = status if status == CONFLICT else form.status
    return _door_page(form, agency, status)


def _is_meant(form: DoorForm) -> bool:
    """Return whether the list may be saved: it lets the present place in, or is meant anyway."""
    details = form.details()
    if details.certificates and not config().proxies:
        form.refuse_certificates()
        return False
    if closed_here(Door(details.networks, details.certificates)) is None or form.anyway.data:
        return True
    form.warn()
    return False


def _door_page(form: DoorForm, agency: m.Agency, status: int) -> ResponseReturnValue:
    both = None
    if status == CONFLICT:
        theirs = services.door_of(db.session, agency.id)
        both = (DoorForm.words_of(theirs), form.words)
        form.version.data = 0 if theirs is None else theirs.version
    page = render_template(
        "administration/door.html",
        form=form,
        agency=agency,
        both=both,
        behind_proxies=config().proxies > 0,
    )
    return page, status
