"""What the web server writes down: which view, how it went, how long it took; nobody and no word.

No address, no query, no path with an id or a report link in it, no browser: a log is copied and
kept by people who look after machines (security.md R1 and L5).
"""

import datetime as dt
import logging
import re
from collections.abc import Mapping
from typing import Any

from flask import Flask, request
from gunicorn.glogging import Logger

ENDPOINT = "portal.endpoint"
_QUERY = re.compile(r"\?[^\s'\"]*")
_GROUPS = r"[0-9A-Fa-f]{1,4}(?::[0-9A-Fa-f]{1,4})*"
_ADDRESS = re.compile(
    r"\b(?:\d{1,3}\.){3}\d{1,3}\b"
    rf"|(?<![\w:])(?:{_GROUPS})?::(?:{_GROUPS})?(?![\w:])"
    r"|(?<![\w:])(?:[0-9A-Fa-f]{1,4}:){7}[0-9A-Fa-f]{1,4}(?![\w:])"
)


class Discreet(logging.Filter):
    """Takes addresses and queries out of what a server says, its tracebacks' messages included."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite the record; let it pass."""
        record.msg, record.args = without_traces(record.getMessage()), None
        return True


class ServerLog(Logger):  # type: ignore[misc]  # gunicorn ships no types.
    """gunicorn's log: its own words made discreet, and one line for each request."""

    def setup(self, cfg: Any) -> None:
        """Set the handlers up as gunicorn does, and make them discreet."""
        super().setup(cfg)
        for handler in (*self.error_log.handlers, *self.access_log.handlers):
            handler.addFilter(Discreet())

    def access(
        self, resp: Any, _req: Any, environ: Mapping[str, Any], request_time: dt.timedelta
    ) -> None:
        """Write which view answered, with what status and in how many milliseconds."""
        if self.access_log_enabled:
            self.access_log.info(line(environ, str(resp.status), request_time))


def line(environ: Mapping[str, Any], status: str, took: dt.timedelta) -> str:
    """Return the line of one request: method, view, status, milliseconds."""
    milliseconds, (code, _, _) = round(took.total_seconds() * 1000), status.partition(" ")
    return f"{environ['REQUEST_METHOD']} {environ.get(ENDPOINT) or '-'} {code} {milliseconds}ms"


def without_traces(text: str) -> str:
    """Return a text without queries and addresses."""
    return _ADDRESS.sub("-", _QUERY.sub("", text))


def init_logs(app: Flask) -> None:
    """Note in each request which view it is for, and quieten the development server."""
    # It writes address and query of each request.
    logging.getLogger("werkzeug").setLevel(logging.WARNING)

    @app.before_request
    def note() -> None:
        request.environ[ENDPOINT] = request.endpoint
