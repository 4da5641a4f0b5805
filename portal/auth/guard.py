"""The guard that admits nobody to a view that does not say whom it admits."""

from collections.abc import Callable
from typing import Any, TypeVar

from flask import Response, abort, current_app, g, redirect, request, url_for
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect

from portal.auth.sessions import standing
from portal.policy.permissions import Action, allows

F = TypeVar("F", bound=Callable[..., Any])

# The endpoints that need no sign-in: a literal set, so that a reviewer reads all of it at once.
PUBLIC = frozenset(
    {
        "account.accessibility",
        "account.demo_sign_in",
        "account.sign_in",
        "child.enter",
        "child.leave",
        "child.left",
        "child.start",
        "home.health",
        "home.index",
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

    A form that a stranger sends is not redirected: its page gives back what was typed.
    """
    endpoint = request.endpoint or ""
    if endpoint in PUBLIC:
        return None
    action: Action | None = getattr(current_app.view_functions[endpoint], "portal_action", None)
    if action is Action.VISIT:
        return None if _visiting() else _to_sign_in("child.enter")
    if standing() is None:
        return _to_sign_in("account.sign_in")
    if action is None or not allows(standing(), action):
        abort(403)
    return None


def _visiting() -> bool:
    row = g.get("signed")
    return row is not None and row.thread_id is not None


def _to_sign_in(endpoint: str) -> Response:
    if request.method not in ("GET", "HEAD"):
        abort(401)
    there = url_for(endpoint, next=request.path if endpoint == "account.sign_in" else None)
    return redirect(there)  # type: ignore[return-value]


def local_path(wish: str | None) -> str | None:
    """Return a wished-for path if it is a page of this portal, else None.

    Everything else would let a link on another site decide where a sign-in leads.
    """
    if wish is None or not wish.startswith("/"):
        return None
    try:
        current_app.create_url_adapter(request).match(wish, method="GET")  # type: ignore[union-attr]
    except (HTTPException, RequestRedirect):
        return None
    return wish
