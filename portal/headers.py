"""The response headers that every answer of the portal carries, errors and refusals included.

They are added at the WSGI border and not in an `after_request` function, because an exception in
another `after_request` function would skip the rest of them: a page without its policy is worse
than no page. Sources: security.md rows S6, I1 and I2.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from flask import Flask, Response, request

if TYPE_CHECKING:
    from _typeshed import OptExcInfo
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

NONCE_KEY = "portal.csp_nonce"
NONCE_BYTES = 18
LOOPBACK_HOSTS = frozenset({"localhost", "127.0.0.1", "[::1]"})
TWO_YEARS_IN_SECONDS = 63_072_000
ONE_YEAR_IN_SECONDS = 31_536_000

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'self'; img-src 'self'; "
    "font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'; object-src 'none'; require-trusted-types-for 'script'; "
    "trusted-types 'none'"
)
FIXED_HEADERS = (
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Origin-Agent-Cluster", "?1"),
    (
        "Permissions-Policy",
        (
            "accelerometer=(), autoplay=(), camera=(), display-capture=(), encrypted-media=(), "
            "fullscreen=(), geolocation=(), gyroscope=(), magnetometer=(), microphone=(), "
            "midi=(), payment=(), picture-in-picture=(), screen-wake-lock=(), usb=(), "
            "xr-spatial-tracking=()"
        ),
    ),
)


def csp_nonce() -> str:
    """Return the nonce of the present request: 144 random bits, the same within one response."""
    nonce: str = request.environ.setdefault(NONCE_KEY, _fresh_nonce())
    return nonce


def clear_site_data(response: Response) -> Response:
    """Tell the browser to forget what it kept of the portal; for sign-out and the quick exit.

    Cookies are not named on purpose: that would clear those of the whole registrable domain, the
    city's other sites included. The caller ends the session on the server and expires its cookie.
    """
    response.headers["Clear-Site-Data"] = '"cache", "storage"'
    return response


def download(data: bytes, filename: str, mimetype: str = "text/csv; charset=utf-8") -> Response:
    """Return a file to save; opened in the browser all the same, it may do nothing there.

    ``filename`` is one of ours and plain ASCII.
    """
    response = Response(data, mimetype=mimetype)
    response.headers["Content-Disposition"] = f'attachment; filename="{filename}"'
    response.headers["Content-Security-Policy"] = "sandbox"
    return response


def init_headers(app: Flask) -> None:
    """Dress every response of `app`; reads `app.config["DEMO"]` (no HSTS in a demo)."""
    # With `no-referrer` a browser sends no Referer and `Origin: null` even to the portal itself,
    # so Flask-WTF's comparison of the Referer under https could never succeed.
    app.config["WTF_CSRF_SSL_STRICT"] = False
    app.wsgi_app = DressedResponses(  # type: ignore[method-assign]
        app.wsgi_app,
        static_prefix=f"{app.static_url_path}/",
        demo=bool(app.config.get("DEMO", False)),
    )


class DressedResponses:
    """WSGI middleware that puts the header set on each response and removes what gives us away."""

    def __init__(self, application: WSGIApplication, *, static_prefix: str, demo: bool) -> None:
        self._application = application
        self._static_prefix = static_prefix
        self._demo = demo

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request with a nonce of its own."""
        environ[NONCE_KEY] = _fresh_nonce()

        def start(
            status: str, headers: list[tuple[str, str]], exc_info: OptExcInfo | None = None, /
        ) -> Callable[[bytes], object]:
            return start_response(status, self._dressed(environ, status, headers), exc_info)

        return self._application(environ, start)

    def _dressed(
        self, environ: WSGIEnvironment, status: str, headers: list[tuple[str, str]]
    ) -> list[tuple[str, str]]:
        """Return `headers` with ours; a second, narrower policy of a download is left standing."""
        ours = [
            ("Content-Security-Policy", CONTENT_SECURITY_POLICY.format(nonce=environ[NONCE_KEY])),
            ("Cache-Control", self._cache_control(environ, status)),
            *FIXED_HEADERS,
        ]
        if not self._demo and not _is_loopback(environ.get("HTTP_HOST", "")):
            ours.append(
                ("Strict-Transport-Security", f"max-age={TWO_YEARS_IN_SECONDS}; includeSubDomains")
            )
        replaced = {name.lower() for name, _ in ours[1:]} | {"server", "x-powered-by", "expires"}
        return ours + [pair for pair in headers if pair[0].lower() not in replaced]

    def _cache_control(self, environ: WSGIEnvironment, status: str) -> str:
        """Return `no-store` for all but our own static files, which name their content by `v`."""
        path = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
        if not path.startswith(self._static_prefix) or status[:3] not in {"200", "206", "304"}:
            return "no-store"
        if "v" in parse_qs(environ.get("QUERY_STRING", "")):
            return f"public, max-age={ONE_YEAR_IN_SECONDS}, immutable"
        return "no-cache"


def _fresh_nonce() -> str:
    return secrets.token_urlsafe(NONCE_BYTES)


def _is_loopback(host_header: str) -> bool:
    host = host_header if host_header.endswith("]") else host_header.rsplit(":", 1)[0]
    return host.lower() in LOOPBACK_HOSTS
