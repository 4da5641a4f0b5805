"""Accounts: who works here, where, as what and until when. Nothing here opens a case."""

import uuid

from flask import flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import get_locale
from flask_babel import gettext as _

from blueprints.administration import bp
from blueprints.administration.forms import (
    CONFLICT,
    EditAccountForm,
    FindForm,
    MembershipForm,
    NewAccountForm,
    account_words,
    attempt,
    beginning,
    ending,
)
from portal import models as m
from portal.auth import permits
from portal.extensions import db
from portal.forms import PortalForm
from portal.policy.permissions import Action
from portal.policy.terms import clock
from portal.queries import administration as lists
from portal.queries import staff
from portal.queries.paging import read_cursor
from portal.services import administration as services
from portal.services import memberships
from portal.services.memberships import Place
from portal.unit import visible_or_404
from portal.vocabulary import choices


@bp.get("/accounts")
@permits(Action.ADMINISTER)
def accounts() -> ResponseReturnValue:
    """List the accounts, those entered last first."""
    return _accounts_page(FindForm(), 200)


@bp.post("/accounts/find")
@permits(Action.ADMINISTER)
def find_account() -> ResponseReturnValue:
    """Find an account by its address, which is never part of a URL."""
    form = FindForm()
    if not form.validate_on_submit():
        return _accounts_page(form, form.status)
    found = lists.account_by_email(db.session, form.email.data or "")
    if found is None:
        form.form_errors.append(_("このメールアドレスのアカウントはありません。"))
        return _accounts_page(form, 422)
    return redirect(url_for("administration.account", account_id=found))


@bp.route("/accounts/new", methods=["GET", "POST"])
@permits(Action.ADMINISTER)
def new_account() -> ResponseReturnValue:
    """Make an account; its first place sends the invitation."""
    form = NewAccountForm()
    valid = form.validate_on_submit()
    refused = attempt(form, lambda: _add_account(form)) if valid else form.status
    if refused is not None:
        return render_template("administration/new_account.html", form=form), refused
    flash(
        _("アカウントをつくりました。次に所属を加えると、本人に招待のメールが届きます。"), "success"
    )
    return redirect(url_for("administration.account", account_id=form.submission.data))


@bp.route("/accounts/<uuid:account_id>", methods=["GET", "POST"])
@permits(Action.ADMINISTER)
def account(account_id: uuid.UUID) -> ResponseReturnValue:
    """Show an account and change it."""
    visible_or_404(m.Account, account_id)
    (sheet,) = lists.account_rows(db.session, [account_id])
    form = EditAccountForm(obj=sheet)
    if not form.validate_on_submit():
        return _account_page(sheet, form, form.status)
    refused = attempt(form, lambda: _change_account(account_id, form))
    if refused is not None:
        (sheet,) = lists.account_rows(db.session, [account_id])
        return _account_page(sheet, form, refused)
    return redirect(url_for("administration.account", account_id=account_id))


@bp.route("/accounts/<uuid:account_id>/memberships/new", methods=["GET", "POST"])
@permits(Action.ADMINISTER)
def new_membership(account_id: uuid.UUID) -> ResponseReturnValue:
    """Let somebody work for an agency."""
    visible_or_404(m.Account, account_id)
    form = MembershipForm()
    form.agency.choices = lists.agency_choices(db.session)
    form.role.choices = choices("role", get_locale().language)
    valid = form.validate_on_submit()
    status = attempt(form, lambda: _add_membership(account_id, form)) if valid else form.status
    if status is None:
        return redirect(url_for("administration.account", account_id=account_id))
    (sheet,) = lists.account_rows(db.session, [account_id])
    return render_template("administration/membership.html", form=form, account=sheet), status


@bp.route("/memberships/<uuid:membership_id>/end", methods=["GET", "POST"])
@permits(Action.ADMINISTER)
def end_membership(membership_id: uuid.UUID) -> ResponseReturnValue:
    """End a membership: everything that it opened is closed at the next request."""
    found, form = visible_or_404(m.Membership, membership_id), PortalForm()
    if not form.validate_on_submit():
        (sheet,) = lists.account_rows(db.session, [found.account_id])
        membership = next(each for each in sheet.memberships if each.id == found.id)
        return render_template(
            "administration/membership_end.html", form=form, account=sheet, membership=membership
        )
    account_id = memberships.end_membership(db.session, membership_id)
    return redirect(url_for("administration.account", account_id=account_id))


def _accounts_page(form: FindForm, status: int) -> ResponseReturnValue:
    agency_id = request.args.get("agency", type=uuid.UUID)
    page = render_template(
        "administration/accounts.html",
        form=form,
        page=lists.accounts(db.session, agency_id, read_cursor(request.args.get("at"))),
        agencies=lists.agency_choices(db.session),
        agency_id=agency_id,
    )
    return page, status


def _account_page(
    sheet: lists.AccountRow, form: EditAccountForm, status: int
) -> ResponseReturnValue:
    both = None
    if status == CONFLICT:
        theirs = account_words(sheet.name, sheet.email, disabled=sheet.disabled)
        mine = account_words(
            form.name.data or "", form.email.data or "", disabled=form.disabled.data
        )
        both, form.version.data = (theirs, mine), sheet.version
    own = g.signed.account_id == sheet.id
    page = render_template(
        "administration/account.html",
        form=form,
        account=sheet,
        both=both,
        own=own,
        proposals=staff.proposals_for(db.session, sheet.id),
    )
    return page, status


def _add_account(form: NewAccountForm) -> None:
    services.add_account(
        db.session,
        form.submission.data,
        name=form.name.data or "",
        email=form.email.data or "",
    )


def _change_account(account_id: uuid.UUID, form: EditAccountForm) -> None:
    services.change_account(
        db.session,
        account_id,
        form.version.data,
        name=form.name.data or "",
        email=form.email.data or "",
        disabled=form.disabled.data,
    )


def _add_membership(account_id: uuid.UUID, form: MembershipForm) -> None:
    since = clock(db.session) if form.since.data is None else beginning(form.since.data)
    place = Place(
        account_id,
        uuid.UUID(form.agency.data),
        form.role.data,
        form.manager.data,
        since,
        ending(form.until.data),
    )
    memberships.give_place(db.session, form.submission.data, place)
