"""Whoever steals the database steals no name, no address and no word of a case.

The demo city stands on a server of its own. What its people would read is opened with the keys;
then each part of it is looked for in every row, in every file of the server (tables, write-ahead
log, the server's own log) and in the portal's log, in every spelling that a programme might store.
"""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import embedded
from portal import models as m
from portal.config import Config
from portal.database import system_session
from portal.demo.city import REPORT_SLUG, load_city
from portal.vault import Decision, equip, fetch_keys, reveal
from tests.conftest import write_schema
from tests.scratch import scratch
from tests.site import STRANGER, Site
from tests.web import BASE

# Where a stranger came from; none of it may be kept (security.md R1).
ADDRESS = "203.0.113.77"
TRACES = {"User-Agent": "Kanaria-Browser/7.7", "Referer": "https://kanaria-referer.example/"}
COOKIE = "kanaria-cookie-of-another-site"
# Below this a spelling stands in random bytes by chance.
SHORTEST = 6
PAGE = 8192
# What is known to everybody and stored as it is: names of bodies and teams, the forms of consent.
PUBLIC = (
    "SELECT name FROM agencies",
    "SELECT name FROM teams",
    "SELECT w::text FROM wordings w",
)
MARK = "しるしになる文です"


@dataclass(frozen=True)
class Stolen:
    """A server's folder and its one database, with what its people would read in it."""

    site: Site
    folder: Path
    secrets: tuple[str, ...]
    # What the files held before anybody had entered anything.
    before: frozenset[bytes]


@pytest.fixture(scope="module")
def stolen() -> Iterator[Stolen]:
    with scratch("portal-dump-") as folder, embedded.running(folder, durable=False) as server:
        server.create_database("stolen")
        with psycopg.connect(server.conninfo(embedded.OWNER, "stolen"), autocommit=True) as owner:
            write_schema(owner)
        before = frozenset(_pages(server, folder))
        config = replace(Config.for_tests(server.url(embedded.APP, "stolen"), folder), demo=True)
        load_city(config)
        site = Site(server, "stolen", config)
        _strangers_come(site)
        yield Stolen(site, folder, tuple(_secrets(site)), before)
        site.close()


def _strangers_come(site: Site) -> None:
    """Let somebody report, a child tell, and somebody guess at a password, from a known address."""
    visitor = site.at(STRANGER)
    visitor.client.set_cookie("elsewhere", COOKIE, domain="localhost")
    for url in (f"/report/{REPORT_SLUG}", "/child/start", "/sign-in"):
        page = visitor.get(url, headers=TRACES, environ_overrides={"REMOTE_ADDR": ADDRESS})
        form = visitor.forms(page, url)[0]
        values = [
            (each.name, each.value or (each.choices or ("kanaria@example.jp 見本の言葉です",))[-1])
            for each in form.fields
        ]
        answer = visitor.client.post(
            form.action,
            data=values and dict(values),
            base_url=BASE,
            headers=TRACES,
            environ_overrides={"REMOTE_ADDR": ADDRESS},
        )
        assert answer.status_code in (200, 302, 422)


# ------------------------------------------------------------------------------- what is secret


def _secrets(site: Site) -> Iterator[str]:
    """Yield every sealed text of the database, in parts as long as a sentence."""
    public = "\n".join(str(row[0]) for query in PUBLIC for row in site.rows(query))
    with system_session(site.system, reason="a test opens everything") as session:
        equip(session, site.config.keys)
        seen = dict.fromkeys(part for text in _opened(session) for part in _parts(text))
    for part in seen:
        if part not in public:
            yield part


def _opened(session: Session) -> Iterator[str]:
    for mapper in m.Base.registry.mappers:
        for row in _rows_with_keys(session, mapper.class_):
            for name in mapper.class_.__sealed__:
                yield reveal(session, row, name, Decision("owner"))


def _rows_with_keys(session: Session, model: type[m.Base]) -> list[m.Base]:
    if not getattr(model, "__sealed__", ()):
        return []
    rows = list(session.scalars(select(model)))
    fetch_keys(session, rows)
    return rows


def _parts(text: str) -> Iterator[str]:
    """Yield the sentences of a text, and a name's two halves."""
    for part in re.split(r"[。、「」\s]+", text):
        if len(part.encode()) >= SHORTEST:
            yield part


# ------------------------------------------------------------------------------- the search


def spellings(text: str) -> set[bytes]:
    """Return a text as programmes write it down."""
    plain = text.encode()
    written = {
        plain,
        text.encode("utf-16-le"),
        text.encode("utf-16-be"),
        text.encode("cp932", "ignore"),
        text.encode("euc_jp", "ignore"),
        plain.hex().encode(),
        plain.hex().upper().encode(),
        quote(text).encode(),
        json.dumps(text).strip('"').encode(),
        html.escape(text).encode("ascii", "xmlcharrefreplace"),
    }
    # Base64 depends on where in the stream the text begins; what surrounds it spoils the edges.
    for before in range(3):
        coded = base64.b64encode(b"\0" * before + plain).rstrip(b"=")
        written.add(coded[-(-before * 8 // 6) : -1])
    return {one for one in written if len(one) >= SHORTEST}


def found_in(content: bytes, texts: Iterable[str]) -> list[str]:
    return [text for text in texts if any(one in content for one in spellings(text))]


def _rows(stolen: Stolen) -> bytes:
    """Return every row of every table as text, which shows binary columns in hexadecimal."""
    with psycopg.connect(
        stolen.site.server.conninfo(embedded.SUPERUSER, stolen.site.name)
    ) as connection:
        tables = connection.execute(
            "SELECT quote_ident(schemaname) || '.' || quote_ident(tablename) FROM pg_tables"
            " WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
        ).fetchall()
        rows = [
            row[0].encode()
            for (table,) in tables
            for row in connection.execute(f"SELECT t::text FROM {table} t").fetchall()  # noqa: S608
        ]
    assert len(tables) > 40
    return b"\n".join(rows)


def _files(stolen: Stolen) -> bytes:
    """Return what stands on the disk since the city was loaded: every page that is new."""
    return b"\n".join(set(_pages(stolen.site.server, stolen.folder)) - stolen.before)


def _pages(server: embedded.Server, folder: Path) -> Iterator[bytes]:
    """Yield every page of every file of the server, each with the beginning of the next one.

    A text may stand across the border of two pages.
    """
    with psycopg.connect(
        server.conninfo(embedded.SUPERUSER, "postgres"), autocommit=True
    ) as connection:
        connection.execute("CHECKPOINT")
    paths = [path for path in folder.rglob("*") if path.is_file() and _readable(path)]
    assert any("pg_wal" in path.parts for path in paths)
    for path in paths:
        content = path.read_bytes()
        for start in range(0, len(content), PAGE):
            yield content[start : start + PAGE + 256]


def _readable(path: Path) -> bool:
    return not path.is_socket() and path.name != "change.lock"


# ------------------------------------------------------------------------------- the proofs


def test_there_is_something_to_find(stolen: Stolen) -> None:
    assert len(stolen.secrets) > 150
    assert {"りく", "あおい", "nurse@example.jp"} <= set(stolen.secrets)


def test_no_row_holds_a_name_an_address_or_a_word(stolen: Stolen) -> None:
    assert found_in(_rows(stolen), stolen.secrets) == []


def test_no_file_of_the_server_holds_one(stolen: Stolen) -> None:
    assert found_in(_files(stolen), stolen.secrets) == []


def test_neither_holds_where_a_stranger_came_from(stolen: Stolen) -> None:
    traces = [ADDRESS, *TRACES.values(), "Kanaria-Browser", "kanaria-referer", COOKIE]
    everything = _rows(stolen) + _files(stolen) + "\n".join(stolen.site.said.lines).encode()
    assert found_in(everything, traces) == []
    # An address in PostgreSQL's own type: family, bits, four bytes.
    assert bytes([2, 32, *map(int, ADDRESS.split("."))]) not in everything


def test_the_portals_log_holds_no_word(stolen: Stolen) -> None:
    assert found_in("\n".join(stolen.site.said.lines).encode(), stolen.secrets) == []


def test_what_is_not_sealed_would_be_found(stolen: Stolen) -> None:
    """The control arm: one table with the mark in each spelling, and the search finds each."""
    name = stolen.site.name
    written = sorted(spellings(MARK))
    assert len(written) >= 10
    with psycopg.connect(
        stolen.site.server.conninfo(embedded.SUPERUSER, name), autocommit=True
    ) as connection:
        connection.execute("CREATE TABLE scratch (plain text, coded bytea)")
        connection.execute("INSERT INTO scratch VALUES (%s, NULL)", [MARK])
        try:
            assert found_in(_rows(stolen), [MARK]) == [MARK]
            assert found_in(_files(stolen), [MARK]) == [MARK]
            connection.execute("UPDATE scratch SET plain = NULL, coded = %s", [MARK.encode()])
            assert found_in(_rows(stolen), [MARK]) == [MARK]
        finally:
            connection.execute("DROP TABLE scratch")
    for one in written:
        assert found_in(b"\x01" * 99 + one + b"\x02" * 99, [MARK]) == [MARK]
