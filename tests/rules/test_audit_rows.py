"""What is shown is in the log, in the same transaction, or it is not shown (security.md L1, L5)."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import text

from portal import models as m
from portal.audit import Event
from portal.auth import permits
from portal.extensions import db
from portal.policy.permissions import Action
from portal.queries.sheet import read_sheet
from portal.unit import visible_or_404
from portal.world import visible_to
from tests.rules.test_dump import found_in
from tests.site import ABSENT, STRANGER, Person, Site, Visitor
from tests.web import Page


def _log(site: Site, *, after: int = 0) -> list[Any]:
    """Return the rows of the log beyond the first so many, in the order of their writing."""
    rows = site.rows("SELECT * FROM audit_events ORDER BY happened_at, id")
    return rows[after:]


def _length(site: Site) -> int:
    return int(site.rows("SELECT count(*) FROM audit_events")[0][0])


def _person(site: Site, role: str) -> Person:
    return next(person for person in site.staff() if person.label.startswith(role))


def _seeing_people(site: Site) -> Iterator[tuple[Person, dict[str, Any]]]:
    """Yield everybody who sees a case, with what the walls show them."""
    for person in site.staff():
        assert person.account is not None
        assert person.agency is not None
        sight = visible_to(site.owner, person.account, person.agency)
        if sight["cases"]:
            yield person, sight


# ------------------------------------------------------------------------------- reading


def test_each_look_at_a_case_is_one_row_that_says_what_was_read_and_why(site: Site) -> None:
    slice_of = {str(row.id): row.slice for row in site.rows("SELECT id, slice FROM entries")}
    case_of = {str(row.id): row.case_id for row in site.rows("SELECT id, case_id FROM entries")}
    looks = 0
    for person, sight in list(_seeing_people(site)):
        visitor = site.at(person)
        for case_id in sight["cases"]:
            before = _length(site)
            page = visitor.get(f"/cases/{case_id}")
            assert page.status == 200, f"{person.label}: {page.text[:300]}"
            rows = _log(site, after=before)
            reads = [row for row in rows if row.event == Event.CASE_READ.value]
            assert len(reads) == 1, f"{person.label}: {[row.event for row in rows]}"
            row, looks = reads[0], looks + 1
            assert (row.account_id, row.agency_id) == (person.account, person.agency)
            assert row.case_id == uuid.UUID(case_id)
            seen = {slice_of[one] for one in sight["entries"] if str(case_of[one]) == case_id}
            assert seen <= set(row.details["slices"])
            _assert_decided(site, person, row)
    assert looks > 20


def _assert_decided(site: Site, person: Person, row: Any) -> None:
    """The rules and grants of a row are those that open this case to this agency."""
    owns = site.rows(
        "SELECT 1 FROM cases WHERE id = :case AND owner_agency_id = :agency",
        case=row.case_id,
        agency=person.agency,
    )
    if owns:
        assert (row.details["rules"], row.details["grants"]) == (["owner"], [])
        return
    assert row.details["rules"] in (["grant"], [])
    live = site.rows(
        "SELECT id FROM grants WHERE case_id = :case AND agency_id = :agency"
        " AND valid_from <= portal_clock() AND ended_at IS NULL"
        " AND (valid_until IS NULL OR portal_clock() < valid_until)",
        case=row.case_id,
        agency=person.agency,
    )
    assert set(row.details["grants"]) <= {str(one.id) for one in live}
    assert bool(row.details["grants"]) == bool(row.details["rules"])


def test_a_look_that_fails_after_reading_leaves_no_row_and_shows_nothing(site: Site) -> None:
    """The row is written in the transaction of the reading: without the page there is no row."""

    @permits(Action.READ_CASES)
    def failing(case_id: uuid.UUID) -> str:
        sheet = read_sheet(db.session, visible_or_404(m.Case, case_id))
        words = "".join(entry.text for section in sheet.sections for entry in section.entries)
        assert len(words) > 20
        if failing_now:
            raise RuntimeError("after reading")
        return f"<title>x</title><h1>{words}</h1>"

    failing_now = True
    site.app.add_url_rule("/failing/<uuid:case_id>", "failing", failing)
    person, sight = next(iter(_seeing_people(site)))
    visitor, url = site.at(person), f"/failing/{sight['cases'][0]}"
    before = _length(site)
    assert visitor.get(url).status == 500
    assert _log(site, after=before) == []
    # The control: the same view, when it does not fail, leaves its row.
    failing_now = False
    assert visitor.get(url).status == 200
    assert [row.event for row in _log(site, after=before)] == [Event.CASE_READ.value]


# ------------------------------------------------------------------------------- the log is down

_REFUSE = (
    """CREATE FUNCTION no_space_left() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    RAISE {error} USING MESSAGE = 'the log cannot be written'; END $$""",
    "CREATE TRIGGER no_space BEFORE INSERT ON audit_events EXECUTE FUNCTION no_space_left()",
)
_ACCEPT = ("DROP TRIGGER no_space ON audit_events", "DROP FUNCTION no_space_left()")


@contextmanager
def _log_is_down(site: Site, error: str) -> Iterator[None]:
    with site.owner.begin() as connection:
        for statement in _REFUSE:
            connection.execute(text(statement.format(error=error)))
    yield
    with site.owner.begin() as connection:
        for statement in _ACCEPT:
            connection.execute(text(statement))


def _readers(site: Site) -> list[Person]:
    staff = [_person(site, role) for role in ("center_counselor", "school_nurse", "npo_worker")]
    return [*staff, *site.visitors()[:1]]


def _logged_pages(site: Site, visitor: Visitor) -> Iterator[tuple[str, Page, bool]]:
    """Yield what a person opens, and whether it left a row in the log."""
    before = _length(site)
    for url, page in visitor.walk(each=2):
        after = _length(site)
        yield url, page, after > before
        before = after


def test_without_a_log_nothing_is_shown_and_nothing_is_changed(site: Site) -> None:
    words = [row[0] for row in site.rows("SELECT reference FROM cases")]
    opened = 0
    for person in _readers(site):
        visitor = site.at(person)
        pages = list(_logged_pages(site, visitor))
        told = {url for url, page, logged in pages if logged and page.status == 200}
        untold = {url for url, page, logged in pages if not logged and page.status == 200}
        with _log_is_down(site, "disk_full"):
            for url in sorted(told):
                page = visitor.get(url)
                assert page.status == 503, f"{url} answers {page.status} as {person.label}"
                assert page.tree is not None
                assert found_in(page.response.get_data(), words) == []
                assert len(page.tree.xpath("//main//p")) > 0
            for url in sorted(untold):
                assert visitor.get(url).status == 200, url
        opened += len(told)
    assert opened > 15


@pytest.mark.parametrize("error", ["disk_full", "insufficient_privilege", "check_violation"])
def test_without_a_log_no_form_changes_anything(site: Site, error: str) -> None:
    words = "保健室に来た。よく話して、笑顔もあった。"
    counsellor = _person(site, "center_counselor")
    visitor = site.at(counsellor)
    case_id = site.rows("SELECT id FROM cases ORDER BY reference LIMIT 1")[0][0]
    url = f"/cases/{case_id}/entries/new"
    form = next(one for one in visitor.forms(visitor.get(url), url) if one.action == url)
    values = [
        (each.name, next(filter(None, (each.value, *each.choices)), words)) for each in form.fields
    ]
    before = site.rows("SELECT count(*) FROM entries")
    with _log_is_down(site, error):
        page = visitor.send(form.action, values)
        assert page.status == 503
        # Nothing that was typed is lost: the page gives it back to be copied.
        assert words in page.text
    assert site.rows("SELECT count(*) FROM entries") == before
    # The control: with a log the same form writes its entry.
    assert visitor.send(form.action, values).status == 302
    assert site.rows("SELECT count(*) FROM entries")[0][0] == before[0][0] + 1


# ------------------------------------------------------------------------------- refusals


def test_hidden_and_absent_leave_the_same_row(site: Site) -> None:
    nurse = _person(site, "school_nurse of school")
    assert nurse.account is not None
    assert nurse.agency is not None
    seen = set(visible_to(site.owner, nurse.account, nurse.agency)["cases"])
    hidden = next(
        str(row[0])
        for row in site.rows("SELECT id FROM cases ORDER BY id")
        if str(row[0]) not in seen
    )
    visitor, rows = site.at(nurse), []
    for case_id in (hidden, ABSENT):
        before = _length(site)
        assert visitor.get(f"/cases/{case_id}").status == 404
        written = _log(site, after=before)
        assert len(written) == 1
        rows.append(
            {
                name: value
                for name, value in written[0]._mapping.items()
                if name not in {"id", "happened_at", "xid"}
            }
        )
    assert rows[0] == rows[1]
    assert rows[0]["event"] == Event.REFUSED.value
    assert rows[0]["details"] == {"endpoint": "cases.show", "status": 404}
    assert (rows[0]["case_id"], rows[0]["account_id"]) == (None, nurse.account)


def test_what_is_refused_by_role_is_in_the_log_and_a_stranger_is_nobody(site: Site) -> None:
    before = _length(site)
    assert site.at(_person(site, "sysadmin")).get("/cases").status == 403
    rows = _log(site, after=before)
    assert [(row.event, row.details["status"]) for row in rows] == [(Event.REFUSED.value, 403)]
    before = _length(site)
    assert site.at(STRANGER).get(f"/cases/{ABSENT}").status == 302
    assert _log(site, after=before) == []
