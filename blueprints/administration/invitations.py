"""Invitations: somebody gets an account by a link in a mail, and registers nowhere."""

import datetime as dt
import uuid

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import get_locale
from flask_babel import gettext as _

from blueprints.administration import bp
from blueprints.administration.forms import InviteForm, attempt, beginning, ending
from blueprints.administration.people import kept_place
from blueprints.administration.staff import acting, agency_in_hand
from portal import models as m
from portal.auth import permits
from portal.extensions import db
from portal.forms import PortalForm
from portal.policy.permissions import Action, roles_of
from portal.policy.terms import clock
from portal.services import invitations, notices
from portal.templating import jst
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
    flash(
        _("登録しました。役割が決まりしだい、はじめの日に、本人に招待のメールを送ります。"),
        "success",
    )
    return redirect(url_for("administration.staff", agency=request.args.get("agency")))


@bp.post("/staff/<uuid:membership_id>/invite")
@permits(Action.KEEP_STAFF)
def invite_again(membership_id: uuid.UUID) -> ResponseReturnValue:
    """Send the link once more to somebody who has not used it; the one before ends."""
    place, sent = kept_place(membership_id), []
    form = PortalForm()
    if attempt(form, lambda: sent.append(notices.invite(db.session, place.account_id))) is None:
        flash(_told(sent[0]), "success")
    for told in form.form_errors:
        flash(told, "error")
    return redirect(url_for("administration.person", membership_id=membership_id))


@bp.post("/staff/<uuid:membership_id>/uninvite")
@permits(Action.KEEP_STAFF)
def withdraw_invitation(membership_id: uuid.UUID) -> ResponseReturnValue:
    """Take back a link that was not used; it opens nothing from now on."""
    place, form = kept_place(membership_id), PortalForm()
    if attempt(form, lambda: notices.withdraw(db.session, place.account_id)) is None:
        flash(_("招待を取り下げました。届いたリンクは、もう使えません。"), "success")
    for told in form.form_errors:
        flash(told, "error")
    return redirect(url_for("administration.person", membership_id=membership_id))


def _told(due: dt.datetime | None) -> str:
    if due is not None:
        return str(_("%(due)sに、招待のメールを送ります。", due=jst(due)))
    return str(_("メールを送ります。届いたリンクは1回だけ使えます。"))


def _invite(agency_id: uuid.UUID, form: InviteForm) -> None:
    invitations.invite_person(
        db.session,
        form.submission.data,
        agency_id,
        name=form.name.data,
        email=form.email.data,
        role=form.role.data,
        since=clock(db.session) if form.since.data is None else beginning(form.since.data),
        until=ending(form.until.data),
    )
