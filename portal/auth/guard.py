"""The guard that admits nobody to a view that does not say whom it admits."""

from collections.abc import Callable
from typing import Any, TypeVar

from flask import Response, abort, current_app, g, redirect, request, url_for
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect

from portal import machine_clients
from portal.auth.doors import refuse_from_elsewhere
from portal.auth.factors import stepped_up
from portal.auth.lending import is_kept_from
from portal.auth.sessions import standing
from portal.auth.stepping import step_up
from portal.extensions import db
from portal.policy.permissions import BEFORE_PLEDGE, STEP_UP, Action, allows

F = TypeVar("F", bound=Callable[..., Any])

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

# The endpoints that need no sign-in: a literal set, so that a reviewer reads all of it at once.
PUBLIC = frozenset(
    {
        "account.accessibility",
        "account.begin_invited",
        "account.confirm_invited",
        "account.demo_mail",
        "account.demo_sign_in",
        "account.forgotten_password",
        "account.new_password",
        "account.sign_in",
        "account.sign_in_by_passkey",
        "account.sign_on",
        "account.signed_on",
        "account.signed_out",
        "account.sign_out_of_issuer",
        "api.token",
        "child.enter",
        "child.leave",
        "child.left",
        "child.start",
        "home.health",
        "intake.report",
        "static",
    }
)


def permits(action: Action) -> Callable[[F], F]:
    """Mark a view with the one deed it is for; the guard lets nobody else in."""

    def mark(view: F) -> F:
        view.portal_action = action  # type: ignore[attr-defined]
        return view

    return mark


def admit() -> Response | None:
    """Return None where the view may run, a way to the sign-in for strangers, else refuse (403).

    Whoever is signed in by a password alone gets to the second factor and no further; whoever has
    not given this year's pledge gets to the pledge; a weighty step asks for a factor once more, and
    so does everything else after a screen was turned round to somebody. A form that a stranger
    sends is not redirected: its page gives back what was typed.
    """
    endpoint = request.endpoint or ""
    if endpoint in PUBLIC:
        return None
    action: Action | None = getattr(current_app.view_functions[endpoint], "portal_action", None)
    if action is not None and action in machine_clients.NEEDS:
        return machine_clients.admit(action)
    if action is Action.VISIT:
        return None if _visiting() else _to_sign_in("child.enter")
    if not _is_staff():
        return _to_sign_in("account.sign_in")
    if is_kept_from():
        return _to_sign_in("account.handed_back")
    return None if action is Action.SIGN_IN else _admit_staff(action)


def _admit_staff(action: Action | None) -> Response | None:
    if standing() is None:
        return _to_sign_in("account.second_factor")
    refuse_from_elsewhere(db.session, g.signed)
    if action is None or not allows(standing(), action):
        abort(403)
    if not g.signed.pledged and action not in BEFORE_PLEDGE:
        return _to_sign_in("account.pledge")
    weighty = action in STEP_UP and request.method not in SAFE_METHODS
    return step_up() if weighty and not stepped_up() else None


def _is_staff() -> bool:
    row = g.get("signed")
    return row is not None and row.account_id is not None


def _visiting() -> bool:
    row = g.get("signed")
    return row is not None and row.thread_id is not None


def _to_sign_in(endpoint: str) -> Response:
    if request.method not in SAFE_METHODS:
        abort(401)
    known = endpoint == "child.enter" or request.path == "/"
    there = url_for(endpoint, next=None if known else request.full_path.rstrip("?"))
    return redirect(there)  # type: ignore[return-value]


def local_path(wish: str | None) -> str | None:
    """Return a wished-for path if it is a page of this portal, else None.

    Everything else would let a link on another site decide where a sign-in leads.
    """
    if wish is None or not wish.startswith("/"):
        return None
    path = wish.partition("?")[0]
    try:
        current_app.create_url_adapter(request).match(path, method="GET")  # type: ignore[union-attr]
    except (HTTPException, RequestRedirect):
        return None
    return wish


def page_above(path: str) -> str:
    """Return the page that a form stands on: the path itself, or the nearest page above it."""
    parts = path.partition("?")[0].rstrip("/").split("/")
    above = ("/".join(parts[:length]) for length in range(len(parts), 1, -1))
    return next((page for page in above if local_path(page)), "/")
