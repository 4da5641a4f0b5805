"""Signing in through one's own house's sign-on; linking an account to it; the way out of it."""

import time
import uuid
from datetime import UTC, datetime
from typing import Any

from flask import Response, g, make_response, redirect, render_template, request, url_for
from flask import session as cookie_session
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _l
from werkzeug.exceptions import Gone

from blueprints.account import bp
from portal import auth
from portal import single_sign_on as sso
from portal.audit import Event, record
from portal.auth import permits, with_cookie
from portal.auth.words import is_whole
from portal.database import outside_transaction
from portal.extensions import db
from portal.forms import PortalForm
from portal.policy.permissions import Action
from portal.queries.sign_on import links_of
from portal.services import issuers as services
from portal.services.administration import RefusedError
from portal.services.notices import link_hash

UNAVAILABLE = 503
# What was proven and waits for the person's yes, in the signed form cookie.
_TO_LINK = "sign_on_link"

# For each reason: what happened, and what to do now.
MESSAGES = {
    "already_linked": (
        _l("もうつながっています"),
        _l(
            "このポータルのあなたのアカウント、または機関のアカウントは、すでにつながっています。"
            "つなぎなおすときは、先にいまのつながりを外してください。"
        ),
    ),
    "denied": (
        _l("サインインを取りやめました"),
        _l("機関のサインインが途中で終わりました。もう一度、はじめからお試しください。"),
    ),
    "down": (
        _l("いま、機関のサインインにつながりません"),
        _l(
            "しばらくしてから、もう一度お試しください。急ぐときは、このポータルのパスワードで"
            "サインインするか、機関の管理者か、こどもの権利サポートセンターに電話してください。"
        ),
    ),
    "mail": (
        _l("メールアドレスが確認できませんでした"),
        _l(
            "この機関の確認ずみのメールアドレスではありません。機関のアカウントの担当者に、"
            "メールアドレスの確認を頼んでください。"
        ),
    ),
    "no_place": (
        _l("いま、あなたが見られるものはありません"),
        _l(
            "この機関で有効な所属がないか、アカウントが止まっています。"
            "機関の管理者に、所属と役割を確かめてください。"
        ),
    ),
    "no_way_out": (
        _l("このポータルからはサインアウトできません"),
        _l("共用の端末では、機関のページでサインアウトするか、ブラウザーを閉じてください。"),
    ),
    "not_begun": (
        _l("サインインを続けられません"),
        _l(
            "このブラウザーで始めたサインインではないか、もう使われたか、時間がたちすぎています。"
            "サインインの画面から、もう一度始めてください。"
        ),
    ),
    "not_believed": (
        _l("機関からの返事を確かめられませんでした"),
        _l(
            "安全のため、サインインしていません。もう一度お試しください。"
            "くり返し出るときは、システム管理者に知らせてください。"
        ),
    ),
    "out_of_date": (
        _l("機関からの返事が古すぎます"),
        _l(
            "もう一度お試しください。くり返し出るときは、時計がずれているかもしれません。"
            "システム管理者に知らせてください。"
        ),
    ),
    "unknown": (
        _l("まだ、このポータルのアカウントとつながっていません"),
        _l(
            "はじめに一度、このポータルのパスワードでサインインし、「所属の切り替え」の"
            "「機関のサインインとつなぐ」を押してください。"
            "アカウントがないときは、機関の管理者に招待を頼んでください。"
        ),
    ),
}


@bp.get("/sign-on/<uuid:issuer_id>")
def sign_on(issuer_id: uuid.UUID) -> ResponseReturnValue:
    """Send the browser to the sign-on of an organisation."""
    wish = auth.local_path(request.args.get("next"))
    return _begin(issuer_id, sso.Attempt(sso.ENTER, wish))


@bp.get("/sign-on/<uuid:issuer_id>/back")
def signed_on(issuer_id: uuid.UUID) -> ResponseReturnValue:
    """Take the browser back from the sign-on: open a session, or ask whether to link."""
    issuer = sso.known(db.session, issuer_id)
    try:
        with outside_transaction(db.session):
            attempt, identity = sso.finish(issuer, auth.config().keys)
        if attempt.purpose == sso.LINK:
            return _ask_to_link(identity, attempt)
        if attempt.purpose == sso.INVITED:
            return _ask_invited(identity, attempt)
        entry = sso.enter(db.session, identity)
    except sso.SignOnRefused as refused:
        return _refused(issuer, refused.code)
    return _entered(entry, identity, attempt.next)


@bp.get("/new-password/sign-on/<uuid:issuer_id>")
def begin_invited(issuer_id: uuid.UUID) -> ResponseReturnValue:
    """Send somebody invited to the own organisation's sign-on, in place of choosing a password."""
    hashed = link_hash(request.args.get("key", ""))
    if issuer_id not in {each.id for each in sso.offered_to(db.session, hashed)}:
        return _invitation_over()
    return _begin(issuer_id, sso.Attempt(sso.INVITED, hashed.hex()))


@bp.route("/new-password/sign-on/<uuid:issuer_id>/confirm", methods=["GET", "POST"])
def confirm_invited(issuer_id: uuid.UUID) -> ResponseReturnValue:
    """Ask somebody invited whether this is the right account over there; link it and come in."""
    issuer, waiting, form = sso.known(db.session, issuer_id), _waiting(issuer_id), PortalForm()
    if waiting is None:
        return _refused(issuer, "not_begun")
    if not form.validate_on_submit():
        page = render_template(
            "account/link_invited.html", form=form, issuer=issuer, shown=waiting["shown"]
        )
        return page, form.status
    try:
        return _enter_invited(issuer_id, waiting)
    except sso.SignOnRefused as refused:
        return _refused(issuer, refused.code)


@bp.get("/sign-on")
@permits(Action.KEEP_ACCOUNT)
def links() -> ResponseReturnValue:
    """Show which sign-ons one's account is linked to, and offer the others."""
    held = {link.issuer_id: link for link in links_of(db.session, g.signed.account_id)}
    return render_template(
        "account/links.html", issuers=sso.offered(db.session), held=held, form=PortalForm()
    )


@bp.get("/sign-on/<uuid:issuer_id>/link")
@permits(Action.KEEP_ACCOUNT)
def begin_link(issuer_id: uuid.UUID) -> ResponseReturnValue:
    """Send a signed-in person to the sign-on that the account is to be linked to."""
    return _begin(issuer_id, sso.Attempt(sso.LINK, str(g.signed.account_id)))


@bp.route("/sign-on/<uuid:issuer_id>/confirm", methods=["GET", "POST"])
@permits(Action.LINK_ACCOUNT)
def confirm_link(issuer_id: uuid.UUID) -> ResponseReturnValue:
    """Ask whether this is the right account over there; link it when the person says so."""
    issuer, waiting, form = sso.known(db.session, issuer_id), _waiting(issuer_id), PortalForm()
    if waiting is None:
        return _refused(issuer, "not_begun")
    if not form.validate_on_submit():
        page = render_template(
            "account/link.html", form=form, issuer=issuer, shown=waiting["shown"]
        )
        return page, form.status
    cookie_session.pop(_TO_LINK)
    try:
        services.link(db.session, issuer_id, bytes.fromhex(waiting["subject"]))
    except RefusedError as refused:
        return _refused(issuer, refused.code)
    return redirect(url_for("account.links"))


@bp.post("/sign-on/links/<uuid:issuer_link_id>/end")
@permits(Action.KEEP_ACCOUNT)
def end_link(issuer_link_id: uuid.UUID) -> ResponseReturnValue:
    """Link one's account to a sign-on no more; the sessions that it opened end by themselves."""
    services.end_link(db.session, issuer_link_id)
    return redirect(url_for("account.links"))


@bp.get("/sign-on/<uuid:issuer_id>/signed-out")
def signed_out(issuer_id: uuid.UUID) -> ResponseReturnValue:
    """Say that the portal is left, and that the sign-on of the organisation is not yet."""
    issuer = sso.known(db.session, issuer_id)
    return render_template("account/signed_out.html", issuer=issuer)


@bp.get("/sign-on/<uuid:issuer_id>/out")
def sign_out_of_issuer(issuer_id: uuid.UUID) -> ResponseReturnValue:
    """Send the browser to where the organisation's own sign-on is left."""
    issuer = sso.known(db.session, issuer_id)
    back = url_for("account.sign_in", _external=True)
    try:
        with outside_transaction(db.session):
            return redirect(sso.way_out(issuer, back))
    except sso.SignOnRefused as refused:
        return _refused(issuer, refused.code)


def _begin(issuer_id: uuid.UUID, attempt: sso.Attempt) -> ResponseReturnValue:
    issuer = sso.known(db.session, issuer_id)
    back = url_for("account.signed_on", issuer_id=issuer_id, _external=True)
    try:
        with outside_transaction(db.session):
            return redirect(sso.begin(issuer, back, attempt))
    except sso.SignOnRefused as refused:
        return _refused(issuer, refused.code)


def _entered(entry: sso.Entry, identity: sso.Identity, wish: str | None) -> Response:
    return _opened(entry, identity.issuer_id, wish, second_factor=identity.second_factor)


def _opened(
    entry: sso.Entry, issuer_id: uuid.UUID, wish: str | None, *, second_factor: bool
) -> Response:
    factors = "oidc+mfa" if second_factor else "oidc"
    token = auth.open_session(
        db.session,
        account_id=entry.account_id,
        agency_id=entry.agency_id,
        issuer_id=issuer_id,
        factors=factors,
        proven_at=datetime.now(UTC) if is_whole(factors) else None,
    )
    there = auth.local_path(wish)
    if not is_whole(factors):
        there = url_for("account.second_factor", next=there)
    return with_cookie(make_response(redirect(there or url_for("home.index"))), token)


def _ask_to_link(identity: sso.Identity, attempt: sso.Attempt) -> Response:
    """Keep for the person's yes what was proven to whoever began; raises SignOnRefused."""
    signed = auth.standing() and str(g.signed.account_id)
    if signed != attempt.next:
        raise sso.SignOnRefused("not_begun")
    cookie_session[_TO_LINK] = {
        "account": signed,
        "issuer": str(identity.issuer_id),
        "subject": identity.subject_index.hex(),
        "shown": identity.shown,
        "until": time.time() + sso.WITHIN_SECONDS,
    }
    there = url_for("account.confirm_link", issuer_id=identity.issuer_id)
    return make_response(redirect(there))


def _ask_invited(identity: sso.Identity, attempt: sso.Attempt) -> Response:
    """Keep for the yes of somebody invited what was proven; raises SignOnRefused."""
    if g.get("signed") is not None:
        raise sso.SignOnRefused("not_begun")
    hashed = bytes.fromhex(attempt.next or "")
    agency_id = sso.place_of_invited(db.session, hashed, identity)
    cookie_session[_TO_LINK] = {
        "account": None,
        "invitation": attempt.next,
        "agency": str(agency_id),
        "issuer": str(identity.issuer_id),
        "subject": identity.subject_index.hex(),
        "second_factor": identity.second_factor,
        "shown": identity.shown,
        "until": time.time() + sso.WITHIN_SECONDS,
    }
    there = url_for("account.confirm_invited", issuer_id=identity.issuer_id)
    return make_response(redirect(there))


def _enter_invited(issuer_id: uuid.UUID, waiting: dict[str, Any]) -> ResponseReturnValue:
    """Link the account and open its first session; raises SignOnRefused."""
    hashed, subject = bytes.fromhex(waiting["invitation"]), bytes.fromhex(waiting["subject"])
    account_id = sso.link_invited(db.session, hashed, issuer_id, subject)
    if account_id is None:
        return _invitation_over()
    entry = sso.Entry(account_id, uuid.UUID(waiting["agency"]))
    response = _opened(entry, issuer_id, None, second_factor=waiting["second_factor"])
    record(db.session, Event.ACCOUNT_LINKED, account=account_id, issuer=issuer_id, change="linked")
    return response


def _invitation_over() -> ResponseReturnValue:
    return render_template("account/link_over.html", signed=False), Gone.code


def _waiting(issuer_id: uuid.UUID) -> dict[str, Any] | None:
    """Return what waits for a yes, if it is this issuer's, this person's and not too old."""
    waiting = cookie_session.get(_TO_LINK)
    if waiting is None or waiting["until"] < time.time():
        return None
    signed = g.get("signed")
    meant = (str(issuer_id), None if signed is None else str(signed.account_id))
    return waiting if (waiting["issuer"], waiting["account"]) == meant else None


def _refused(issuer: sso.Known, code: str) -> ResponseReturnValue:
    """Count a refusal, and say what happened and what to do."""
    record(db.session, Event.SIGN_IN_FAILED, door="sign-on")
    happened, advice = MESSAGES[code]
    page = render_template(
        "account/sign_on_refused.html", issuer=issuer, happened=happened, advice=advice
    )
    return page, UNAVAILABLE if code == "down" else 422
