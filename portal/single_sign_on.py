"""Signing in through one's own house: OpenID Connect, with several issuers at once (Authlib).

Code flow with PKCE, state and nonce; each issuer has an address of its own to come back to, so that
an answer of one is never taken for another's (RFC 9207). What was begun lies in the browser's
signed form cookie: another browser has nothing to come back to, and each attempt is used up once.

An issuer proves who somebody is. It gives no right: accounts are linked here, by the person, and
lead only into memberships that were granted here (``places_by_subject``).
"""

import hashlib
import hmac
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import requests
from authlib.integrations.base_client import OAuthError
from authlib.integrations.flask_client import FlaskIntegration, FlaskOAuth2App
from flask import g, request
from flask import session as cookie_session
from joserfc.errors import ExpiredTokenError, JoseError
from sqlalchemy import func
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from portal import models as m
from portal.config import Keys
from portal.database import NotVisibleError, before_viewer
from portal.headers import LOOPBACK_HOSTS
from portal.text import BadText, normalise_email
from portal.vault import Scope, reveal, take_key

# A person types a password and a code at the issuer; whoever takes longer begins again.
WITHIN_SECONDS = 10 * 60
# To connect, and between two bytes: an issuer that hangs must not hold our threads.
PATIENCE_SECONDS = (3.05, 5)
# Clocks of two houses differ by so much.
LEEWAY_SECONDS = 60
# Signed with a key that only the issuer has: no shared secret, and never unsigned.
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA")
ENTER, LINK, INVITED = "enter", "link", "invited"


class SignOnRefused(Exception):
    """The sign-on does not open the door; ``code`` says why.

    ``down``: the issuer does not answer, or not as it should. ``denied``: the person or the issuer
    broke it off. ``already_linked``: to another account. ``not_begun``: not begun in this browser,
    used up or too late. ``not_believed``: the answer cannot be proven. ``out_of_date``: the answer
    is too old, or a clock is wrong. ``mail``: no confirmed e-mail of the organisation.
    ``unknown``: nobody is linked. ``no_place``: no granted membership is live there.
    ``no_way_out``: the issuer offers no signing out.
    """

    def __init__(self, code: str) -> None:
        """Keep the code."""
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class Offered:
    """An issuer as the sign-in offers it."""

    id: uuid.UUID
    name: str
    domains: tuple[str, ...]


@dataclass(frozen=True)
class Known:
    """An issuer as it was entered, with its client secret."""

    id: uuid.UUID
    name: str
    url: str
    client_id: str
    client_secret: str = field(repr=False)
    domains: tuple[str, ...] = ()
    claim: str | None = None
    second_factors: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Attempt:
    """What was begun in this browser: for what, and where it leads then."""

    purpose: str
    next: str | None = None


@dataclass(frozen=True)
class Identity:
    """Somebody whom an issuer proved.

    ``values`` are those of the issuer's claim, ``second_factor`` whether the issuer asked for one
    that this organisation counts, ``shown`` what the person recognises the account there by.
    """

    issuer_id: uuid.UUID
    subject_index: bytes
    values: frozenset[str]
    second_factor: bool
    shown: str


@dataclass(frozen=True)
class Entry:
    """Which account comes in, for which agency."""

    account_id: uuid.UUID
    agency_id: uuid.UUID


def offered(session: Session) -> list[Offered]:
    """Return the issuers that people can sign in through, by name."""
    rows = before_viewer(session, func.issuers_offered())
    return [Offered(row.id, row.name, tuple(row.domains)) for row in rows]


def known(session: Session, issuer_id: uuid.UUID) -> Known:
    """Return an issuer by its id; raises NotVisibleError for none and for a suspended one."""
    row = before_viewer(session, func.issuer_for_sign_on(issuer_id)).one_or_none()
    if row is None:
        raise NotVisibleError
    take_key(session, Scope("issuer", row.id), row.kek_id, row.wrapped)
    sealed = m.Issuer(id=row.id, client_secret_sealed=row.client_secret_sealed)
    return Known(
        row.id,
        row.name,
        row.url,
        row.client_id,
        reveal(session, sealed, "client_secret"),
        tuple(row.domains),
        row.claim,
        frozenset(row.second_factors),
    )


def begin(issuer: Known, back: str, attempt: Attempt) -> str:
    """Note an attempt in the browser's form cookie; return where the browser goes for it.

    ``back`` is the address that the issuer sends it back to. Raises SignOnRefused (``down``).
    """
    client = _client(issuer)
    _discover(client, issuer)
    begun = client.create_authorization_url(back)
    url: str = begun["url"]
    client.save_authorize_data(
        redirect_uri=back, purpose=attempt.purpose, next=attempt.next, **begun
    )
    return url


def finish(issuer: Known, keys: Keys) -> tuple[Attempt, Identity]:
    """Return what was begun and whom the issuer proved, by the request that came back from it.

    A unit that lost against another runs again in the same request: a code is taken once, so the
    first answer is kept for it. Raises SignOnRefused.
    """
    if "sign_on" not in g:
        g.sign_on = _finished(issuer, keys)
    answer: tuple[Attempt, Identity] = g.sign_on
    return answer


def _finished(issuer: Known, keys: Keys) -> tuple[Attempt, Identity]:
    client, state = _client(issuer), request.args.get("state", "")
    begun = client.framework.get_state_data(cookie_session, state)
    if begun is None:
        raise SignOnRefused("not_begun")
    if request.args.get("iss", issuer.url) != issuer.url:
        raise SignOnRefused("not_believed")
    if "error" in request.args:
        client.framework.clear_state_data(cookie_session, state)
        raise SignOnRefused("denied")
    _discover(client, issuer)
    claims = _claims(client, issuer)
    return Attempt(begun["purpose"], begun["next"]), _identity(issuer, keys, claims)


def _claims(client: FlaskOAuth2App, issuer: Known) -> Mapping[str, Any]:
    """Take the code for a token; return what its proven content, and the issuer besides, say."""
    options = {
        "iss": {"essential": True, "value": issuer.url},
        "aud": {"essential": True, "value": issuer.client_id},
    }
    try:
        token = client.authorize_access_token(claims_options=options, leeway=LEEWAY_SECONDS)
        proven = token.get("userinfo")
        if proven is None:
            raise SignOnRefused("not_believed")
        told = _told_besides(client, issuer, token, proven)
    except requests.RequestException as error:
        raise SignOnRefused("down") from error
    except ExpiredTokenError as error:
        raise SignOnRefused("out_of_date") from error
    except (OAuthError, JoseError, ValueError) as error:
        raise SignOnRefused("not_believed") from error
    return {**told, **proven}


def _told_besides(
    client: FlaskOAuth2App, issuer: Known, token: Mapping[str, Any], proven: Mapping[str, Any]
) -> Mapping[str, Any]:
    """Return what the issuer tells at its userinfo endpoint, where the token itself lacks it."""
    wanted = {"email", "email_verified"} if issuer.domains else set()
    wanted |= {issuer.claim} if issuer.claim else set()
    if wanted <= proven.keys() or "userinfo_endpoint" not in client.server_metadata:
        return {}
    told: Mapping[str, Any] = client.userinfo(token=token)
    if told.get("sub") != proven["sub"]:
        raise SignOnRefused("not_believed")
    return told


def _identity(issuer: Known, keys: Keys, claims: Mapping[str, Any]) -> Identity:
    if issuer.domains and not _of_the_house(issuer, claims):
        raise SignOnRefused("mail")
    factors = {*_texts(claims.get("acr")), *_texts(claims.get("amr"))}
    names = (claims.get(name) for name in ("email", "preferred_username", "name", "sub"))
    return Identity(
        issuer.id,
        subject_index(keys, issuer.url, claims["sub"]),
        frozenset(_texts(claims.get(issuer.claim or ""))),
        bool(factors & issuer.second_factors),
        next(str(name) for name in names if name),
    )


def _of_the_house(issuer: Known, claims: Mapping[str, Any]) -> bool:
    """Return whether the issuer confirmed an e-mail of one of the organisation's domains."""
    try:
        address = normalise_email(str(claims.get("email", "")))
    except BadText:
        return False
    return claims.get("email_verified") is True and address.rsplit("@", 1)[-1] in issuer.domains


def _texts(value: Any) -> list[str]:
    several = value if isinstance(value, list) else [value]
    return [str(each) for each in several if each is not None]


def subject_index(keys: Keys, url: str, subject: str) -> bytes:
    """Return what finds an account by issuer and subject without storing the subject readably."""
    text = f"sign-on|{url}|{subject}"
    return hmac.new(keys.blind_index, text.encode(), hashlib.sha256).digest()


def enter(session: Session, identity: Identity) -> Entry:
    """Return the account that an identity is linked to, and the agency that it acts for first.

    Raises SignOnRefused: ``unknown`` or ``no_place``.
    """
    rows = before_viewer(
        session, func.places_by_subject(identity.issuer_id, identity.subject_index)
    ).all()
    if not rows:
        raise SignOnRefused("unknown")
    for row in rows:
        if row.agency_id is not None and (row.value is None or row.value in identity.values):
            return Entry(row.account_id, row.agency_id)
    raise SignOnRefused("no_place")


def offered_to(session: Session, link_hash: bytes) -> list[Offered]:
    """Return the sign-ons by which somebody invited may come in, by name; a link's hash says who.

    None for whoever has a way in already, as after a password that was only lost.
    """
    rows = before_viewer(session, func.places_by_link(link_hash)).all()
    found = {row.issuer_id: Offered(row.issuer_id, row.name, ()) for row in rows}
    return list(found.values())


def place_of_invited(session: Session, link_hash: bytes, identity: Identity) -> uuid.UUID:
    """Return the agency for which somebody invited acts first, come in by a sign-on.

    Raises SignOnRefused: ``no_place`` where the sign-on leads to nothing that was granted, and
    where the link is used up or over.
    """
    for row in before_viewer(session, func.places_by_link(link_hash)):
        is_led = row.value is None or row.value in identity.values
        if row.issuer_id == identity.issuer_id and is_led:
            agency_id: uuid.UUID = row.agency_id
            return agency_id
    raise SignOnRefused("no_place")


def link_invited(
    session: Session, link_hash: bytes, issuer_id: uuid.UUID, subject: bytes
) -> uuid.UUID | None:
    """Use an invitation up and link its account to somebody whom an issuer proved.

    Returns the account, None where another use of the same invitation was sooner. Raises
    SignOnRefused: ``already_linked`` where the person over there is another account's.
    """
    linking = func.link_by_invitation(link_hash, issuer_id, subject)
    try:
        with session.begin_nested():
            account_id: uuid.UUID | None = before_viewer(session, linking).scalar_one()
    except IntegrityError as error:
        raise SignOnRefused("already_linked") from error
    return account_id


def way_out(issuer: Known, back: str) -> str:
    """Return where the browser signs out of the issuer itself (RP-Initiated Logout 1.0).

    ``back`` is where the issuer may send it then. Raises SignOnRefused: ``down``, ``no_way_out``.
    """
    client = _client(issuer)
    if "end_session_endpoint" not in _discover(client, issuer):
        raise SignOnRefused("no_way_out")
    url: str = client.create_logout_url(back, client_id=issuer.client_id)["url"]
    return url


class _Begun(FlaskIntegration):  # type: ignore[misc]  # Authlib ships no types.
    """Attempts in the form cookie; one that took too long is none."""

    expires_in = WITHIN_SECONDS

    def get_state_data(self, session: Any, state: str) -> dict[str, Any] | None:
        """Return what was begun under a state, or None."""
        self._clear_session_state(session)
        begun: dict[str, Any] | None = super().get_state_data(session, state)
        return begun


def _client(issuer: Known) -> FlaskOAuth2App:
    return FlaskOAuth2App(
        _Begun(issuer.id.hex),
        name=issuer.id.hex,
        client_id=issuer.client_id,
        client_secret=issuer.client_secret,
        server_metadata_url=f"{issuer.url.rstrip('/')}/.well-known/openid-configuration",
        client_kwargs={
            "scope": "openid email",
            "code_challenge_method": "S256",
            "default_timeout": PATIENCE_SECONDS,
        },
    )


def _discover(client: FlaskOAuth2App, issuer: Known) -> Mapping[str, Any]:
    """Read the issuer's configuration into the client and return it, if it can be trusted.

    Anew at each step, so that an issuer that is down is noticed before the browser goes there, and
    a key that was changed is known at once.
    """
    try:
        metadata: dict[str, Any] = client.load_server_metadata()
        supported = metadata.get("id_token_signing_alg_values_supported", ["RS256"])
        metadata["id_token_signing_alg_values_supported"] = [
            name for name in supported if name in ALGORITHMS
        ]
        sound = metadata["issuer"] == issuer.url and all(
            is_guarded(metadata[name])
            for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")
        )
    except (requests.RequestException, ValueError, KeyError, TypeError, AttributeError) as error:
        raise SignOnRefused("down") from error
    if not sound:
        raise SignOnRefused("down")
    return metadata


def is_guarded(url: str) -> bool:
    """Return whether an address is reached by TLS, or never leaves this machine."""
    parts = urlsplit(url)
    loopback = parts.hostname in {*LOOPBACK_HOSTS, "::1"}
    return bool(parts.hostname) and (
        parts.scheme == "https" or (parts.scheme == "http" and loopback)
    )
