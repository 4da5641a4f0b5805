"""A token for a machine, and the one thing it may ask: who it is."""

from flask import g, jsonify, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import TooManyRequests, Unauthorized

from blueprints.api import bp
from portal import auth
from portal.auth import permits
from portal.extensions import csrf, db
from portal.machine_clients import Token, token_response
from portal.policy.permissions import Action


# A machine has no cookies that somebody else's page could use, and shows its secret instead.
@csrf.exempt
@bp.post("/token")
def token() -> ResponseReturnValue:
    """Give a machine a token for its secret (RFC 6749 §4.4)."""
    shown = request.authorization
    buckets = auth.throttle_buckets("token", (shown and shown.username) or "")
    if auth.throttled(db.session, buckets):
        return jsonify(error="temporarily_unavailable"), TooManyRequests.code
    response = token_response()
    if response.status_code == Unauthorized.code:
        auth.failed(db.session, buckets, "token")
    return response


@bp.get("/whoami")
@permits(Action.CALL_WHOAMI)
def whoami() -> ResponseReturnValue:
    """Say who is calling, for which agency, with what and until when (UTC)."""
    machine: Token = g.machine
    return jsonify(
        client_id=str(machine.client_id),
        name=machine.name,
        agency_id=str(machine.agency_id),
        agency=machine.agency_name,
        scopes=list(machine.scopes),
        valid_until=machine.valid_until.isoformat(),
    )
