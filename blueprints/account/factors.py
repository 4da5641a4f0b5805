"""The second factor: proving it, setting one up on the first sign-in, keeping one's own."""

import io
import uuid

import segno
from flask import Response, abort, g, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from markupsafe import Markup

from blueprints.account import bp
from blueprints.account.forms import AppForm, FactorForm, PasskeyForm
from portal import auth
from portal import models as m
from portal.auth import permits, with_cookie
from portal.extensions import db
from portal.forms import PortalForm
from portal.policy.permissions import Action
from portal.services import factors as services
from portal.services import saved
from portal.unit import visible_or_404


@bp.route("/second-factor", methods=["GET", "POST"])
@permits(Action.SIGN_IN)
def second_factor() -> ResponseReturnValue:
    """Ask whoever signed in by a password for a second factor, or lead to setting one up."""
    known = services.factors_of(db.session, g.signed.account_id)
    if not auth.is_half():
        return redirect(next_page())
    if not known.any:
        return redirect(url_for("account.own_factors", next=request.args.get("next")))
    form = FactorForm()
    if not form.validate_on_submit():
        return _ask(form, known, form.status)
    tried = auth.try_factor(db.session, code=form.code.data or "", answer=form.passkey.data or "")
    if tried.kind is None:
        form.code.errors = [auth.refusal(wait=tried.wait)]
        return _ask(form, known, 429 if tried.wait else 422)
    token = auth.add_to_session(db.session, tried.kind)
    return with_cookie(make_response(redirect(next_page())), token)


@bp.route("/handed-back", methods=["GET", "POST"])
@permits(Action.SIGN_IN)
def handed_back() -> ResponseReturnValue:
    """Ask who holds the screen again, after it was turned round to a child or guardian."""
    refused = auth.step_up("account/handed_back.html", 200) if auth.is_lent() else None
    return refused or redirect(next_page())


@bp.get("/second-factor/own")
@permits(Action.SIGN_IN)
def own_factors() -> ResponseReturnValue:
    """Show what one proves oneself by, and the ways to add to it."""
    known = services.factors_of(db.session, g.signed.account_id)
    if auth.is_half() and known.any:
        return redirect(url_for("account.second_factor", next=request.args.get("next")))
    options = services.passkey_creation(
        db.session, g.signed.account_id, auth.own_address(db.session), auth.site()
    )
    return render_template(
        "account/own_factors.html",
        first=auth.is_half(),
        known=known,
        passkey=auth.passkey_options(options),
        there=request.args.get("next"),
    )


@bp.route("/second-factor/app", methods=["GET", "POST"])
@permits(Action.SIGN_IN)
def add_app() -> ResponseReturnValue:
    """Set up an authenticator app; its first code proves that it was set up rightly."""
    refused = _refuse_adding()
    if refused is not None:
        return refused
    form = AppForm()
    if not form.validate_on_submit():
        return _app_page(form, form.status)
    if not services.add_app(
        db.session, g.signed.account_id, form.secret_key.data or "", form.code.data or ""
    ):
        form.code.errors = [
            _("コードがちがいます。アプリに出ている6けたの数字を入力してください。")
        ]
        return _app_page(form, 422)
    return _added("totp")


@bp.post("/second-factor/passkey")
@permits(Action.SIGN_IN)
def add_passkey() -> ResponseReturnValue:
    """Keep a passkey that the browser has just made."""
    refused = _refuse_adding()
    if refused is not None:
        return refused
    form, challenge = PasskeyForm(), auth.used_challenge(db.session)
    taken = (
        challenge is not None
        and form.validate_on_submit()
        and services.add_passkey(
            db.session, g.signed.account_id, form.passkey.data or "", challenge, auth.site()
        )
    )
    if not taken:
        abort(409)
    return _added("passkey")


@bp.post("/second-factor/codes")
@permits(Action.SIGN_IN)
def new_codes() -> ResponseReturnValue:
    """Draw new recovery codes in place of the old ones, and show them this once."""
    if auth.is_half():
        abort(403)
    return _refuse_adding() or _codes_page(None)


@bp.post("/second-factor/app/end")
@permits(Action.SIGN_IN)
def end_app() -> ResponseReturnValue:
    """Take the authenticator app away, unless it is the last factor."""
    refused = _refuse_ending(1)
    if refused is None:
        services.end_app(db.session, g.signed.account_id)
    return refused or redirect(url_for("account.own_factors"))


@bp.post("/second-factor/passkeys/<uuid:passkey_id>/end")
@permits(Action.SIGN_IN)
def end_passkey(passkey_id: uuid.UUID) -> ResponseReturnValue:
    """Take one of one's passkeys away, unless it is the last factor."""
    visible_or_404(m.Passkey, passkey_id)
    refused = _refuse_ending(1)
    if refused is None:
        services.end_passkey(db.session, g.signed.account_id, passkey_id)
    return refused or redirect(url_for("account.own_factors"))


@bp.route("/pledge", methods=["GET", "POST"])
@permits(Action.SIGN_IN)
def pledge() -> ResponseReturnValue:
    """Ask for the pledge of secrecy of this fiscal year before anything of a case is shown."""
    if auth.is_half():
        return redirect(url_for("account.second_factor", next=request.args.get("next")))
    form = PortalForm()
    if not form.validate_on_submit():
        return render_template("account/pledge.html", form=form), form.status
    services.give_pledge(db.session, g.signed.account_id)
    return redirect(next_page())


def next_page() -> str:
    """Return the page that a sign-in was on its way to, or what was typed and not sent."""
    if saved.saved_texts(db.session):
        return url_for("account.typed")
    return auth.local_path(request.args.get("next")) or url_for("home.index")


def _ask(form: FactorForm, known: services.Factors, status: int) -> ResponseReturnValue:
    options = services.passkey_request(db.session, g.signed.account_id, auth.site())
    page = render_template(
        "account/second_factor.html",
        form=form,
        known=known,
        passkey=auth.passkey_options(options) if known.passkeys else None,
    )
    return page, status


def _app_page(form: AppForm, status: int) -> ResponseReturnValue:
    # A secret that this page did not draw is replaced, and with it what an app was set up with.
    drawn = None if form.secret_key.errors else form.secret_key.data
    secret = form.secret_key.data = drawn or services.draw_secret()
    address = services.app_address(secret, auth.own_address(db.session), auth.site().name)
    picture = io.BytesIO()
    segno.make(address, error="m").save(picture, kind="svg", scale=4, xmldecl=False, svgns=False)
    page = render_template(
        "account/app.html",
        form=form,
        address=address,
        # Drawn by the library out of an address that holds nothing a person typed but in escapes.
        picture=Markup(picture.getvalue().decode()),  # noqa: S704
        groups=[secret[start : start + 4] for start in range(0, len(secret), 4)],
    )
    return page, status


def _refuse_adding() -> Response | None:
    """Return None where a factor may be added: the first one, or after a factor just proven."""
    if not auth.is_half():
        if request.method in auth.SAFE_METHODS or auth.stepped_up():
            return None
        return auth.step_up()
    if services.factors_of(db.session, g.signed.account_id).any:
        abort(403)
    return None


def _refuse_ending(least: int) -> Response | None:
    """Return None where a factor may be taken away: never the last one."""
    known = services.factors_of(db.session, g.signed.account_id)
    if auth.is_half() or len(known.passkeys) + known.app <= least:
        abort(403)
    return _refuse_adding()


def _added(kind: str) -> ResponseReturnValue:
    """Go on after a factor was added; the first time with a new session and printed codes."""
    if not auth.is_half():
        return redirect(url_for("account.own_factors"))
    return _codes_page(auth.add_to_session(db.session, kind))


def _codes_page(token: str | None) -> Response:
    codes = services.draw_recovery_codes(db.session, g.signed.account_id)
    there = next_page() if token else url_for("account.own_factors")
    page = make_response(render_template("account/recovery_codes.html", codes=codes, there=there))
    return page if token is None else with_cookie(page, token)
