"""From an exception to a status and a page that says what to do.

The pages are rendered without the context processors of the application: a page about a broken
database must not need the database, and the page for what is absent and the page for what is hidden
must be the same bytes (domain.md §4, "existence is protected").
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from flask import Flask, Response, current_app, g, make_response, request
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException, InternalServerError, NotFound

from portal.templating import shared_context


class ErrorPage(NamedTuple):
    """The status of an answer and the template that explains it."""

    status: int
    template: str


# Exceptions of other rooms are entered here before `init_errors`, e.g.
# PAGES[AuditUnavailable] = ErrorPage(503, "errors/503.html"). The template gets the exception as
# `error`; subclasses are found by Flask.
PAGES: dict[type[Exception], ErrorPage] = {
    CSRFError: ErrorPage(400, "errors/stale_form.html"),
}
STATUSES_WITH_A_PAGE = frozenset({400, 401, 403, 404, 405, 409, 413, 422, 429, 500, 503})

CHILD_PATHS = ("/child",)
PUBLIC_PATHS = ("/report", "/sign-in", "/accessibility")
HOME_OF = {"child": "/child/", "public": "/", "staff": "/"}
LAYOUT_OF = {
    "child": "layouts/child.html",
    "public": "layouts/plain.html",
    "staff": "layouts/plain.html",
}

# What was typed is given back with every refusal, except what nobody may read over a shoulder or
# would ever want to copy.
NEVER_GIVEN_BACK = re.compile(
    r"token|password|secret|code|word(?!s)|submission|version", re.IGNORECASE
)
SHORTEST_TEXT_GIVEN_BACK = 12
# What was chosen and not written.
_AN_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def init_errors(app: Flask) -> None:
    """Register a page for each exception of `PAGES` and for each HTTP error."""
    for exception in PAGES:
        app.register_error_handler(exception, _known_page)
    app.register_error_handler(HTTPException, _http_page)


def page_kind() -> str:
    """Return whose tone and layout the present path asks for: `child`, `public` or `staff`."""
    for kind, prefixes in (("child", CHILD_PATHS), ("public", PUBLIC_PATHS)):
        if any(f"{request.path}/".startswith(f"{prefix}/") for prefix in prefixes):
            return kind
    return "staff"


def typed_texts() -> list[str]:
    """Return the longer texts of the refused form, for its author to copy."""
    try:
        form = request.form
    except HTTPException:
        # The form could not be read, and that is what the page is about.
        return []
    return [value for name, value in form.items(multi=True) if is_written(name, value)]


def is_written(name: str, value: str) -> bool:
    """Return whether a field holds what somebody wrote and would want back: no secret, no id."""
    text = value.strip()
    return (
        len(text) >= SHORTEST_TEXT_GIVEN_BACK
        and not NEVER_GIVEN_BACK.search(name)
        and not _AN_ID.fullmatch(text)
    )


def _known_page(error: Exception) -> Response:
    page = next(PAGES[kind] for kind in type(error).__mro__ if kind in PAGES)
    return _render(page, error)


def _http_page(error: HTTPException) -> Response:
    """Answer an HTTP error with its own page, or with the page of its family's first status."""
    status = error.code or InternalServerError.code
    known = status in STATUSES_WITH_A_PAGE
    family = 500 if status >= InternalServerError.code else 400
    page = ErrorPage(status, f"errors/{status if known else family}.html")
    response = _render(page, error)
    # Allow and Retry-After are part of the answer, not of the page.
    for name, value in error.get_headers():
        if name not in {"Content-Type", "Content-Length"}:
            response.headers[name] = value
    return response


def _render(page: ErrorPage, error: Exception) -> Response:
    kind = page_kind()
    names: dict[str, Any] = shared_context() | {
        "error": error,
        "typing_kept": g.get("typing_kept", False),
        "home_url": HOME_OF[kind],
        "kind": kind,
        "languages": (),
        "layout": LAYOUT_OF[kind],
        # The page for what is not there is the same for all, whatever was sent to it.
        "typed_texts": [] if page.status == NotFound.code else typed_texts(),
    }
    html = current_app.jinja_env.get_template(page.template).render(names)
    return make_response(html, page.status)
