"""Signing in and out, whom one acts for, one's own sign-ins, the password."""

import uuid
from datetime import UTC, datetime
from typing import Any

from flask import Response, abort, g, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from werkzeug.exceptions import TooManyRequests

from blueprints.account import bp
from blueprints.account.factors import next_page
from blueprints.account.forms import PasskeyForm, PasswordForm, SignInForm, SwitchForm
from portal import auth, passwords
from portal import single_sign_on as sso
from portal.audit import Event, record
from portal.auth import permits, with_cookie
from portal.auth.words import is_whole
from portal.demo.life import CODES, DemoCode
from portal.demo.people import DEMO_PEOPLE, ORDINARY, DemoPerson
from portal.extensions import db
from portal.headers import clear_site_data
from portal.mail import put_by
from portal.policy.permissions import Action
from portal.queries.account import Place, places_of
from portal.services import factors as services
from portal.templating import label

TOO_MANY = TooManyRequests.code


@bp.route("/sign-in", methods=["GET", "POST"])
def sign_in() -> ResponseReturnValue:
    """Sign in with e-mail and password; unknown, wrong and disabled get one and the same answer."""
    form = SignInForm()
    if not form.validate_on_submit():
        return _sign_in_page(form, form.status)
    buckets = auth.throttle_buckets("sign-in", form.email.data or "")
    if auth.throttled(db.session, buckets):
        return _sign_in_page(form, TOO_MANY)
    try:
        proven = auth.prove_password(db.session, form.email.data or "", form.password.data or "")
    except auth.SignOnOnlyError:
        return _sign_on_only()
    if proven is None:
        auth.failed(db.session, buckets, "sign-in")
        form.form_errors.append(_("メールアドレスかパスワードがちがいます。"))
        return _sign_in_page(form, 422)
    return _signed_in(proven)


@bp.post("/sign-in/passkey")
def sign_in_by_passkey() -> ResponseReturnValue:
    """Sign in by a passkey alone, which is two factors at once; without typing an address."""
    form = PasskeyForm()
    answer = form.passkey.data or "" if form.validate() else ""
    try:
        proven = auth.prove_by_passkey(db.session, answer) if answer else None
    except auth.SignOnOnlyError:
        return _sign_on_only()
    if proven is None:
        auth.failed(db.session, auth.throttle_buckets("passkey", ""), "passkey")
        page = SignInForm(formdata=None)
        page.form_errors.append(_("パスキーを確かめられませんでした。もう一度お試しください。"))
        return _sign_in_page(page, 422)
    response = _signed_in(proven, factors="passkey")
    auth.passkey_used(db.session)
    return response


@bp.post("/demo-sign-in")
def demo_sign_in() -> ResponseReturnValue:
    """Sign in as one of the demo's people by one button; outside a demo there is no such page."""
    address = request.form.get("email", "")
    if address not in {person.email for person in _demo_people()}:
        abort(404)
    try:
        proven = auth.account_of(db.session, address)
    except auth.SignOnOnlyError:
        return _sign_on_only()
    if proven is None:
        abort(404)
    return _signed_in(proven, factors="demo")


@bp.get("/demo-mail")
def demo_mail() -> ResponseReturnValue:
    """Show the mail that the demo has sent, whose links can be followed; absent outside a demo."""
    if not auth.config().demo:
        abort(404)
    return render_template("account/demo_mail.html", messages=put_by(auth.config()))


@bp.post("/sign-out")
@permits(Action.SIGN_IN)
def sign_out() -> ResponseReturnValue:
    """End the session on the server and let the browser forget what it kept."""
    issuer_id = g.signed.issuer_id
    auth.end_present_session(db.session)
    there = _to("account.signed_out", issuer_id=issuer_id) if issuer_id else _to("account.sign_in")
    return clear_site_data(with_cookie(there, None))


@bp.route("/switch", methods=["GET", "POST"])
@permits(Action.KEEP_ACCOUNT)
def switch() -> ResponseReturnValue:
    """Act for another agency that one works for, under a new session."""
    form = SwitchForm(agency=str(g.signed.agency_id))
    places = [
        place
        for place in places_of(db.session, g.signed.account_id)
        if place.agency_id == g.signed.agency_id or auth.leads_to(db.session, place.agency_id)
    ]
    form.agency.choices = [
        (str(place.agency_id), _("%(agency)s（%(role)s）", agency=place.agency, role=_role(place)))
        for place in places
    ]
    if not form.validate_on_submit():
        return render_template("account/switch.html", form=form, places=places), form.status
    token = auth.act_for(db.session, uuid.UUID(form.agency.data))
    return with_cookie(_to("home.index"), token)


@bp.get("/sign-ins")
@permits(Action.KEEP_ACCOUNT)
def sessions() -> ResponseReturnValue:
    """Show where one is signed in at present."""
    names = {place.agency_id: place.agency for place in places_of(db.session, g.signed.account_id)}
    shown = auth.own_sessions(db.session)
    return render_template("account/sessions.html", sessions=shown, names=names)


@bp.get("/sign-ins/stay")
@permits(Action.KEEP_ACCOUNT)
def stay() -> ResponseReturnValue:
    """Keep the session awake for a page that stands open; say in how many seconds it rests."""
    return Response(str(auth.rests_in()), mimetype="text/plain")


@bp.post("/sign-ins/<uuid:public_id>/end")
@permits(Action.KEEP_ACCOUNT)
def end_session(public_id: uuid.UUID) -> ResponseReturnValue:
    """End one of one's own sign-ins; anybody else's is not there."""
    if public_id == g.signed.public_id:
        return sign_out()
    if public_id not in {each.public_id for each in auth.own_sessions(db.session)}:
        abort(404)
    auth.end_own_session(db.session, public_id)
    return redirect(url_for("account.sessions"))


@bp.route("/password", methods=["GET", "POST"])
@permits(Action.KEEP_ACCOUNT)
def password() -> ResponseReturnValue:
    """Change one's password; every other sign-in ends."""
    form = PasswordForm()
    if not form.validate_on_submit():
        return render_template("account/password.html", form=form), form.status
    status = _refuse_password(form)
    if status is not None:
        return render_template("account/password.html", form=form, wait=status == TOO_MANY), status
    token = auth.change_password(db.session, form.password.data or "")
    return with_cookie(_to("account.sessions"), token)


@bp.get("/accessibility")
def accessibility() -> ResponseReturnValue:
    """Say how accessible the portal is meant to be, and what is known not to be."""
    return render_template("account/accessibility.html")


def _refuse_password(form: PasswordForm) -> int | None:
    """Say in the form why the change is refused; return the status, None where it is not."""
    address = auth.own_address(db.session)
    buckets = auth.throttle_buckets("password", str(g.signed.account_id))
    if auth.throttled(db.session, buckets):
        return TOO_MANY
    if auth.prove_password(db.session, address, form.present.data or "") is None:
        auth.failed(db.session, buckets, "password")
        form.present.errors = [_("いまのパスワードがちがいます。")]
        return 422
    refused = passwords.refusal(form.password.data or "", [address, g.signed.agency_name])
    if refused is not None:
        form.refuse(form.password, refused)
        return 422
    return None


def _sign_in_page(form: SignInForm, status: int) -> ResponseReturnValue:
    options = services.passkey_request(db.session, None, auth.site())
    page = render_template(
        "account/sign_in.html",
        form=form,
        passkey=auth.passkey_options(options),
        people=_demo_people(),
        visitors=_demo_visitors(),
        ordinary=ORDINARY,
        issuers=sso.offered(db.session),
        next=auth.local_path(request.args.get("next")),
        wait=status == TOO_MANY,
    )
    return page, status


def _sign_on_only() -> ResponseReturnValue:
    """Say to whoever is proven that the person's agency takes no password."""
    record(db.session, Event.SIGN_IN_FAILED, door="sign-on-only")
    form = SignInForm(formdata=None)
    form.form_errors.append(
        _(
            "あなたの機関では、このポータルのパスワードやパスキーは使えません。"
            "下の「機関のアカウントでサインイン」からお入りください。"
            "はじめてのときや入れないときは、機関の管理者に連絡してください。"
        )
    )
    return _sign_in_page(form, 422)


def _signed_in(proven: auth.Proven, factors: str = "password") -> Response:
    token = auth.open_session(
        db.session,
        account_id=proven.account_id,
        agency_id=proven.agency_id,
        factors=factors,
        proven_at=datetime.now(UTC) if is_whole(factors) else None,
    )
    if is_whole(factors):
        there = next_page()
    else:
        wish = auth.local_path(request.args.get("next"))
        there = url_for("account.second_factor", next=None if wish == "/" else wish)
    return with_cookie(make_response(redirect(there)), token)


def _demo_people() -> tuple[DemoPerson, ...]:
    return DEMO_PEOPLE if auth.config().demo else ()


def _demo_visitors() -> list[tuple[DemoCode, str]]:
    """Return who comes back by a code in a demo, each with the words of it."""
    settings = auth.config()
    return [(code, " ".join(code.words(settings))) for code in CODES] if settings.demo else []


def _role(place: Place) -> str:
    return label("role", place.role)


def _to(endpoint: str, **values: Any) -> Response:
    return make_response(redirect(url_for(endpoint, **values)))
