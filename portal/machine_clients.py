"""Machines that call the interface: OAuth 2.0 client credentials by Authlib (RFC 6749 §4.4, 6750).

A machine shows its secret for a token, and the token with each call. Both are looked up live, so
that whoever is revoked is out at the next call. There is no viewer here: no governed row is visible
to a machine.
"""

import hmac
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from authlib.integrations.flask_oauth2 import AuthorizationServer, ResourceProtector
from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import ClientMixin, TokenMixin
from authlib.oauth2.rfc6749.grants import ClientCredentialsGrant
from authlib.oauth2.rfc6750 import BearerTokenGenerator, BearerTokenValidator
from flask import Flask, Response, current_app, g
from sqlalchemy import func

from portal.audit import Event, record
from portal.database import before_viewer
from portal.extensions import db
from portal.policy.permissions import Action
from portal.services.machines import SCOPES, hashed, new_secret

TOKEN_LASTS = timedelta(minutes=10)
REALM = "portal"
_SERVER = "portal_machine_server"
# The scope that each deed of a machine needs; no person does these, and no machine any other.
NEEDS: Mapping[Action, str] = MappingProxyType({Action.CALL_WHOAMI: "whoami"})


@dataclass
class Machine(ClientMixin):  # type: ignore[misc]  # Authlib ships no types.
    """A machine at the token endpoint; an unknown one has no secret, and is told no difference."""

    client_id: str
    scopes: frozenset[str] = frozenset()
    secrets: tuple[tuple[uuid.UUID, bytes], ...] = field(default=(), repr=False)
    # The secret that was shown, which the token then belongs to.
    shown: uuid.UUID | None = None

    def check_client_secret(self, client_secret: str) -> bool:
        """Return whether this is one of the secrets that hold, and note which."""
        given = hashed(client_secret)
        for key, known in self.secrets:
            if hmac.compare_digest(given, known):
                self.shown = key
        return self.shown is not None

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        """Return whether a machine may show its secret like this."""
        return method == "client_secret_basic" and endpoint == "token"

    def check_grant_type(self, grant_type: str) -> bool:
        """Return whether a machine may ask by this grant."""
        return bool(grant_type == ClientCredentialsGrant.GRANT_TYPE)

    def get_allowed_scope(self, scope: str | None) -> str | None:
        """Return the scopes of a token; None, which is refused, if one of them is not allowed.

        A machine that names none gets its own.
        """
        wanted = set(scope.split()) if scope else set(self.scopes)
        return " ".join(sorted(wanted)) if wanted and wanted <= self.scopes else None


@dataclass(frozen=True)
class Token(TokenMixin):  # type: ignore[misc]
    """A token that holds, and whose it is; ``valid_until`` is an instant in UTC."""

    client_id: uuid.UUID
    name: str
    agency_id: uuid.UUID
    agency_name: str
    scopes: tuple[str, ...]
    valid_until: datetime

    def get_scope(self) -> str:
        """Return the scopes as OAuth writes them."""
        return " ".join(self.scopes)

    def is_expired(self) -> bool:
        """Return False: the database gives none that is over."""
        return False

    def is_revoked(self) -> bool:
        """Return False: the database gives none that is revoked."""
        return False


class _Bearer(BearerTokenValidator):  # type: ignore[misc]
    def authenticate_token(self, token_string: str) -> Token | None:
        found = before_viewer(db.session, func.machine_by_token(hashed(token_string)))
        row = found.mappings().one_or_none()
        return None if row is None else Token(**{**row, "scopes": tuple(row["scopes"])})


def token_response() -> Response:
    """Answer the token endpoint: a token, or why not, as RFC 6749 §5 writes it."""
    server: AuthorizationServer = current_app.extensions[_SERVER]
    response: Response = server.create_token_response()
    return response


def admit(action: Action) -> Response | None:
    """Return None where the request's token may do this deed, else the refusal of RFC 6750 §3."""
    try:
        g.machine = _protector().acquire_token([NEEDS[action]])
    except OAuth2Error as error:
        body = json.dumps(dict(error.get_body()))
        return Response(body, error.status_code, error.get_headers())
    return None


def _protector() -> ResourceProtector:
    protector = ResourceProtector()
    protector.register_token_validator(_Bearer(REALM))
    return protector


def _machine(client_id: str) -> Machine:
    try:
        key = uuid.UUID(client_id)
    except ValueError:
        return Machine(client_id)
    rows = before_viewer(db.session, func.machine_secrets_of(key)).all()
    scopes = frozenset(rows[0].scopes) if rows else frozenset()
    return Machine(client_id, scopes, tuple((row.secret_id, row.secret_hash) for row in rows))


def _keep(token: dict[str, Any], request: Any) -> None:
    scopes = token["scope"].split()
    before_viewer(
        db.session,
        func.issue_machine_token(
            hashed(token["access_token"]), request.client.shown, scopes, TOKEN_LASTS
        ),
    )
    client = uuid.UUID(request.client.client_id)
    record(db.session, Event.MACHINE_ADMITTED, client=client, scopes=scopes)


def init_machine_clients(app: Flask) -> None:
    """Give the application its token endpoint's server."""
    server = AuthorizationServer(query_client=_machine, save_token=_keep)
    server.scopes_supported = list(SCOPES)
    generator = BearerTokenGenerator(
        lambda **_about: new_secret(), expires_generator=int(TOKEN_LASTS.total_seconds())
    )
    server.register_token_generator("default", generator)
    server.register_grant(ClientCredentialsGrant)
    app.extensions[_SERVER] = server
