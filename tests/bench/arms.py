"""What is measured against each other over HTTP, each served by a gunicorn of its own.

`portal` is the portal. `twin` is the same application with its walls taken down: no criteria, the
system's role, which row-level security shows everything, and lists and timelines without what the
rules add to them. `bare` is the twin without vault and log. `static` renders the rows of the first
page of a list from memory through the same template, and asks the database nothing.
"""

from __future__ import annotations

import os
import pickle
import uuid
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from flask import render_template
from sqlalchemy import Text, Uuid, bindparam, cast, func, literal_column, null, select

from portal import database
from portal import models as m
from portal import unit as units
from portal.config import Config
from portal.factory import create_app
from portal.queries import cases as lists
from portal.queries import search as searches
from portal.queries import sheet as sheets
from portal.queries.paging import Page
from portal.unit import Portal
from portal.vocabulary import codes

CONFIG, CENTRE = "PORTAL_BENCH_CONFIG", "PORTAL_BENCH_CENTRE"


def _config() -> Config:
    # Written by the bench a moment ago.
    config: Config = pickle.loads(Path(os.environ[CONFIG]).read_bytes())  # noqa: S301
    return config


def portal() -> Portal:
    """Return the portal as it is."""
    return create_app(_config())


def twin() -> Portal:
    """Return the portal without access control; for this process alone."""
    config = _config()
    database._SCOPES = ()
    database._send_settings = lambda _execute, _viewer: None
    _plain_statements(uuid.UUID(os.environ[CENTRE]))
    urls = config.urls
    Config.urls = property(lambda _config: replace(urls, app=urls.system))
    return create_app(config)


def _plain_statements(centre: uuid.UUID) -> None:
    """Ask for the newest of all cases, and for every entry of a case, without why."""
    access, entry, grant = m.CaseAccess, m.Entry, m.Grant
    listing = (
        select(access.case_id, access.last_visible_activity.label("at"), m.Case.reference)
        .add_columns(m.Case.status)
        .join(m.Case, m.Case.id == access.case_id)
        .where(access.circle_id == centre)
        .order_by(access.last_visible_activity.desc(), access.case_id.desc())
        .limit(literal_column(str(lists.PAGE + 1)))
    )
    lists.LISTINGS = {("first", False): listing}
    first = ("first", searches.LOOKS[0], False)
    wanted = bindparam("status", type_=Text())
    searches.BY_CODES = {first: listing.where(m.Case.status == wanted)}
    capped = select(m.Case.id).limit(literal_column(str(lists.COUNTED))).subquery()
    lists.COUNTING = select(func.count()).select_from(capped)
    sheets._ENTRIES = (
        select(
            entry,
            literal_column("'owner'").label("rule"),
            cast(null(), Uuid()).label("grant_id"),
            entry.author_agency_id.label("agency_id"),
        )
        .where(entry.case_id == bindparam("case_id"))
        .order_by(entry.written_at.desc(), entry.id.desc())
        .limit(literal_column(str(sheets.TIMELINE + 1)))
    )
    sheets._ADMITTING = select(grant).where(grant.case_id == bindparam("case_id"))


def bare() -> Portal:
    """Return the twin without vault and log: texts are what stands in the row, nothing is noted."""

    def plain(sealed: bytes | None) -> str:
        return "" if sealed is None else sealed.hex()[:180]

    def reveal(_session: Any, row: Any, name: str, _decision: Any = None) -> str:
        return plain(getattr(row, f"{name}_sealed"))

    for module in (lists, sheets):
        module.reveal = reveal
        module.take_keys = lambda _session, _kind, _rows: None
    lists.reveal_name = lambda _session, _model, _key, _name, sealed: plain(sealed)
    sheets.fetch_keys = lambda _session, _rows: None
    lists.record_listed = lambda *_: None
    sheets._note = lambda *_args, **_options: None
    units.settle = lambda session: session.flush()
    return twin()


def static() -> Portal:
    """Return an application whose list is fifty rows in memory."""
    rows = [
        lists.CaseRow(uuid.uuid4(), f"R{n:09}", "supporting", datetime.now(UTC), "あおちゃん")
        for n in range(lists.PAGE)
    ]
    page = Page(rows, newer=None, older="x")

    class Static(Portal):
        def dispatch_request(self) -> Any:
            return render_template(
                "cases/index.html",
                page=page,
                total=lists.COUNTED,
                status=None,
                whose=None,
                at_centre=False,
                statuses=codes("case_status"),
            )

    app = portal()
    app.__class__ = Static
    return app
