"""The portal as gunicorn serves it to the races, and beside it the ways in which it must not work.

Each control arm decides about the same grants and shows the same texts as the portal: one checks
and fetches in two statements, one remembers for a second that somebody may read, one posts without
the lock. That the races find them out is what makes the portal's zero mean something.
"""

from __future__ import annotations

import os
import pickle
import time
import uuid
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, select, text

from portal import models as m
from portal.config import Config
from portal.database import SystemSession, make_engine
from portal.factory import create_app
from portal.vault import Decision, equip, fetch_keys, reveal, seal

CONFIG = "PORTAL_RACES_CONFIG"
CACHE_SECONDS = 1.0
Start = Callable[[str, list[tuple[str, str]]], Any]
Environ = dict[str, Any]


def url(arm: str, case_id: uuid.UUID, agency_id: uuid.UUID, account_id: uuid.UUID) -> str:
    """Return where a control arm answers; the viewer stands in the address."""
    return f"/control/{arm}/{case_id}/{agency_id}/{account_id}"


class Controls:
    """The wrong ways, on the connections of the system role, which sees everything."""

    def __init__(self, config: Config) -> None:
        self.engine: Engine = make_engine(config.urls.system)
        self.keys = config.keys
        self.remembered: dict[tuple[str, str], tuple[float, frozenset[str]]] = {}

    def answer(self, environ: Environ) -> tuple[int, str]:
        _, _, arm, case_id, agency_id, account_id = environ["PATH_INFO"].split("/")
        if arm == "two-statements":
            return self._fetch(case_id, self._allowed(case_id, agency_id))
        if arm == "cached":
            return self._fetch(case_id, self._remembered(case_id, agency_id))
        slice_, entry_id = environ["QUERY_STRING"].split("&")
        if slice_ in self._allowed(case_id, agency_id):
            self._post(case_id, agency_id, account_id, slice_, entry_id)
            return 302, ""
        return 404, ""

    def _allowed(self, case_id: str, agency_id: str) -> frozenset[str]:
        live = text(
            "SELECT DISTINCT unnest(slices) FROM grants WHERE case_id = :case_id"
            " AND agency_id = :agency_id AND ended_at IS NULL"
        )
        with self.engine.begin() as connection:
            found = connection.scalars(live, {"case_id": case_id, "agency_id": agency_id})
            return frozenset(found)

    def _remembered(self, case_id: str, agency_id: str) -> frozenset[str]:
        until, allowed = self.remembered.get((case_id, agency_id), (0.0, frozenset()))
        if time.monotonic() >= until or not allowed:
            allowed = self._allowed(case_id, agency_id)
            until = time.monotonic() + CACHE_SECONDS
            self.remembered[case_id, agency_id] = (until, allowed)
        return allowed

    def _fetch(self, case_id: str, slices: frozenset[str]) -> tuple[int, str]:
        if not slices:
            return 404, ""
        with SystemSession(self.engine) as session, session.begin():
            equip(session, self.keys)
            of_case = select(m.Entry).where(m.Entry.case_id == case_id, m.Entry.slice.in_(slices))
            entries = session.scalars(of_case).all()
            fetch_keys(session, entries)
            return 200, "\n".join(reveal(session, e, "text", Decision("system")) for e in entries)

    def _post(
        self, case_id: str, agency_id: str, account_id: str, slice_: str, entry_id: str
    ) -> None:
        with SystemSession(self.engine) as session, session.begin():
            equip(session, self.keys)
            case = session.get_one(m.Case, uuid.UUID(case_id))
            child = select(m.CasePerson.person_id).where(m.CasePerson.case_id == case.id)
            entry = m.Entry(
                id=uuid.UUID(entry_id),
                case_id=case.id,
                owner_agency_id=case.owner_agency_id,
                case_opened_at=case.opened_at,
                slice=slice_,
                subject_id=session.scalars(child.where(m.CasePerson.is_child)).one(),
                author_agency_id=uuid.UUID(agency_id),
                author_account_id=uuid.UUID(account_id),
            )
            seal(session, entry, text="a post without the lock")
            session.add(entry)


def make_app() -> Callable[[Environ, Start], Iterable[bytes]]:
    """Return the portal with the control arms, configured by the file that the variable names."""
    # Written by the test a moment ago.
    config = pickle.loads(Path(os.environ[CONFIG]).read_bytes())  # noqa: S301
    portal, controls = create_app(config), Controls(config)

    def app(environ: Environ, start: Start) -> Iterable[bytes]:
        if not environ["PATH_INFO"].startswith("/control/"):
            return portal(environ, start)
        status, body = controls.answer(environ)
        start(f"{status} OK", [("Content-Type", "text/plain; charset=utf-8")])
        return [body.encode()]

    return app
