"""Invitations: somebody gets an account by a link in a mail, and registers nowhere."""

import uuid

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import get_locale
from flask_babel import gettext as _

from blueprints.administration import bp
from blueprints.administration.forms import InviteForm, attempt, ending
from blueprints.administration.staff import acting, agency_in_hand
from portal import models as m
from portal.auth import permits
from portal.extensions import db
from portal.forms import PortalForm
from portal.policy.permissions import Action, roles_of
from portal.policy.terms import clock
from portal.services import invitations, notices
from portal.unit import visible_or_404
from portal.vocabulary import choices


@bp.route("/staff/invite", methods=["GET", "POST"])
@permits(Action.KEEP_STAFF)
def invite() -> ResponseReturnValue:
    """Invite somebody to work for an agency; the answer is the same for a known address."""
    keeper = acting()
    agency = visible_or_404(m.Agency, agency_in_hand(keeper))
    form, known = InviteForm(), set(roles_of(agency.type))
    form.role.choices = [
        pair for pair in choices("role", get_locale().language) if pair[0] in known
    ]
    sent = form.validate_on_submit()
    refused = attempt(form, lambda: _invite(agency.id, form)) if sent else form.status
    if refused is not None:
        page = render_template("administration/invite.html", form=form, agency=agency)
        return page, refused
    flash(_("登録しました。役割が決まりしだい、本人に招待のメールを送ります。"), "success")
    return redirect(url_for("administration.staff", agency=request.args.get("agency")))


@bp.post("/accounts/<uuid:account_id>/invite")
@permits(Action.KEEP_STAFF)
def invite_again(account_id: uuid.UUID) -> ResponseReturnValue:
    """Send the link once more to somebody who has not used it; the one before ends."""
    visible_or_404(m.AccountProfile, account_id)
    form = PortalForm()
    if attempt(form, lambda: notices.invite(db.session, account_id)) is None:
        flash(_("招待のメールを送ります。届いたリンクは7日間使えます。"), "success")
    for told in form.form_errors:
        flash(told, "error")
    return redirect(url_for("administration.staff", agency=request.args.get("agency")))


def _invite(agency_id: uuid.UUID, form: InviteForm) -> None:
    invitations.invite_person(
        db.session,
        form.submission.data,
        agency_id,
        name=form.name.data,
        email=form.email.data,
        role=form.role.data,
        since=clock(db.session),
        until=ending(form.until.data),
    )
