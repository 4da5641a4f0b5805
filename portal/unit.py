"""One request is one unit of work (docs/decisions/0003-the-request-as-one-unit.md).

The view, its rendering to bytes and the audit rows share one transaction. Only when it is committed
do bytes leave; a failure leaves neither a change nor a page. A read sees one snapshot (REPEATABLE
READ); a write sees what its locks waited for (READ COMMITTED).
"""

import uuid
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn, TypeVar

from flask import Flask, Response, abort, g, make_response, request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session
from werkzeug.exceptions import Forbidden, HTTPException, NotFound, Unauthorized

from portal.audit import AuditUnavailableError, Event, is_about_log, record, settle
from portal.auth import (
    SAFE_METHODS,
    DoorClosedError,
    admit,
    authenticate,
    forget_sent,
    keep_awake,
    keep_typing,
    session_factory,
    with_new_cookie,
)
from portal.compression import compressed
from portal.config import Config
from portal.database import (
    READING,
    WRITING,
    ConflictError,
    NotVisibleError,
    find_visible,
    is_outage,
    run_unit,
)
from portal.errors import PAGES, ErrorPage
from portal.extensions import db
from portal.models import Base
from portal.policy.permissions import NotPermittedError

M = TypeVar("M", bound=Base)

PAGES[AuditUnavailableError] = ErrorPage(503, "errors/503.html")
PAGES[DoorClosedError] = ErrorPage(403, "errors/door.html")
PAGES[ConflictError] = ErrorPage(409, "errors/409.html")


class Portal(Flask):
    """The application; every view of it runs inside a unit."""

    portal_config: Config

    def dispatch_request(self) -> ResponseReturnValue:
        """Run the view of the request inside a unit; static files need none."""
        if request.routing_exception is not None or request.endpoint == "static":
            return super().dispatch_request()
        return _in_unit(super().dispatch_request)

    def send_static_file(self, filename: str) -> Response:
        """Send a static file, compressed where the browser takes that."""
        response: Response = super().send_static_file(filename)
        return compressed(response, Path(self.static_folder or "") / filename)


def _in_unit(view: Callable[[], ResponseReturnValue]) -> Response:
    def work(session: Session) -> Response:
        authenticate(session)
        refused = admit()
        response = refused or with_new_cookie(make_response(view()))
        # Rendered whole before the commit: nothing is streamed after the transaction.
        response.get_data()
        forget_sent(session, response)
        settle(session)
        return response

    isolation = READING if request.method in SAFE_METHODS else WRITING
    try:
        response = run_unit(session_factory, work, isolation=isolation)
    except NotVisibleError:
        _refuse(NotFound())
    except NotPermittedError:
        _refuse(Forbidden())
    except (NotFound, Forbidden) as refusal:
        _refuse(refusal)
    except HTTPException as refusal:
        _keep_typing(refusal)
        raise
    except Exception as error:
        # A use case may have sent its rows of the log before the unit settles.
        if is_outage(error) or is_about_log(error):
            raise AuditUnavailableError from error
        raise
    keep_awake()
    return response


def _refuse(refusal: HTTPException) -> NoReturn:
    """Write the refusal to the log in a transaction of its own, hidden and absent alike."""

    def work(session: Session) -> None:
        authenticate(session)
        record(session, Event.REFUSED, endpoint=request.endpoint, status=refusal.code)
        settle(session)

    run_unit(session_factory, work, isolation=WRITING)
    raise refusal


def _keep_typing(refusal: HTTPException) -> None:
    """Keep what somebody sent after the session had ended, in a transaction of its own."""
    if not isinstance(refusal, Unauthorized):
        return

    def work(session: Session) -> None:
        authenticate(session)
        g.typing_kept = keep_typing(session)

    run_unit(session_factory, work, isolation=WRITING)


def visible_or_404(model: type[M], key: uuid.UUID, *conditions: object) -> M:
    """Return the row that the viewer sees, or answer 404, hidden and absent alike."""
    try:
        return find_visible(db.session, model, key, *conditions)
    except NotVisibleError:
        abort(404)


def end_unit(_error: BaseException | None) -> None:
    """Give the connection back when the request is over, whatever happened to it."""
    g.pop("signed", None)
    db.forget_session()


def init_units(app: Portal) -> None:
    """Let every request end its unit."""
    app.teardown_request(end_unit)


__all__ = ["Portal", "init_units", "visible_or_404"]
