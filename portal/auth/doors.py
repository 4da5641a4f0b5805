"""Whether the request comes from where its agency lets people in."""

from typing import Any

from flask import request
from sqlalchemy import func
from sqlalchemy.orm import Session
from werkzeug.exceptions import Forbidden

from portal.auth.running import config
from portal.database import before_viewer
from portal.doors import CERTIFICATE_HEADER, Closed, Door, fingerprint

# What somebody before a closed door may still do: leave, or act for another agency.
OPEN_ANYWAY = frozenset({"account.sign_out", "account.switch"})


class DoorClosedError(Forbidden):
    """The agency lets nobody in from here; ``reason`` says why, ``contact`` whom to call."""

    def __init__(self, reason: Closed, contact: str) -> None:
        """Keep both for the page."""
        super().__init__()
        self.reason, self.contact = reason, contact


def closed_here(door: Door) -> Closed | None:
    """Return why a door is closed to the present request, None where it is open."""
    shown = request.headers.get(CERTIFICATE_HEADER) if config().proxies else None
    return door.closed_to(request.remote_addr or "", fingerprint(shown))


def refuse_from_elsewhere(session: Session, signed: Any) -> None:
    """Refuse a request that does not come from where the agency lets people in.

    Args:
        session: of the request.
        signed: the row of ``session_by_token``; it says whether the agency has a door at all.

    Raises:
        DoorClosedError: not from here, or not with this certificate.

    """
    if not signed.has_door or request.endpoint in OPEN_ANYWAY:
        return
    row = before_viewer(session, func.door_of(signed.agency_id)).one_or_none()
    if row is None:
        return
    reason = closed_here(Door(row.networks, row.certificates))
    if reason is not None:
        raise DoorClosedError(reason, row.contact)
