"""Links that come by mail: the first password of somebody invited, and a new one for a lost one."""

from flask import g, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import Forbidden, Gone, TooManyRequests

from blueprints.account import bp
from blueprints.account.forms import AddressForm, NewPasswordForm
from portal import auth, passwords
from portal import single_sign_on as sso
from portal.auth import with_cookie
from portal.extensions import db
from portal.services.notices import link_hash


@bp.route("/forgotten-password", methods=["GET", "POST"])
def forgotten_password() -> ResponseReturnValue:
    """Send a link to whoever has an address; the answer is the same where nobody has it."""
    form = AddressForm()
    if not form.validate_on_submit():
        return render_template("account/forgotten.html", form=form), form.status
    buckets = auth.throttle_buckets("reset", form.email.data)
    if auth.throttled(db.session, buckets):
        form.form_errors.append(auth.refusal(wait=True))
        return render_template("account/forgotten.html", form=form), TooManyRequests.code
    # Every wish is counted, so that nobody's mailbox is filled and nobody's address guessed.
    auth.failed(db.session, buckets, "reset")
    auth.ask_for_reset(db.session, form.email.data)
    return render_template("account/forgotten_sent.html")


@bp.route("/new-password", methods=["GET", "POST"])
def new_password() -> ResponseReturnValue:
    """Let whoever holds a link choose a password; the second factor comes after it."""
    owner = auth.owner_of_link(db.session, request.args.get("key", ""))
    if owner is None or g.get("signed") is not None:
        page = render_template("account/link_over.html", signed=g.get("signed") is not None)
        return page, Gone.code if owner is None else 409
    form = NewPasswordForm()
    if owner.elsewhere or not form.validate_on_submit():
        return _password_page(form, owner, form.status)
    typed = form.password.data or ""
    refused = passwords.refusal(typed, auth.words_of_link(db.session, owner))
    if refused is not None:
        form.refuse(form.password, refused)
        return _password_page(form, owner, 422)
    token = auth.use_link(db.session, owner, request.args.get("key", ""), typed)
    if token is None:
        return render_template("account/link_over.html", signed=False), Gone.code
    return with_cookie(make_response(redirect(url_for("account.second_factor"))), token)


def _password_page(
    form: NewPasswordForm, owner: auth.LinkOwner, status: int
) -> ResponseReturnValue:
    """Ask for a password, or for the own organisation's sign-on where there is one."""
    key = request.args.get("key", "")
    page = render_template(
        "account/new_password.html",
        form=form,
        owner=owner,
        key=key,
        issuers=sso.offered_to(db.session, link_hash(key)),
    )
    # A password that was sent although the agency takes none is refused.
    return page, Forbidden.code if owner.elsewhere and form.is_submitted() else status
