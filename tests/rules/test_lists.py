"""The list, its count and the single check agree, and what is hidden moves none of them."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Engine, event, func, literal_column, select, update

from portal import models as m
from portal.database import NotVisibleError, PortalSession, SystemSession, find_visible
from portal.extensions import db
from portal.factory import create_app
from portal.policy.permissions import Standing
from portal.policy.rls import APP
from portal.queries import cases, search
from portal.queries.paging import read_cursor
from portal.queries.sheet import TIMELINE
from portal.unit import Portal
from portal.vault import Scope, create_key, equip, holding, seal
from tests import city as towns
from tests.conftest import Database
from tests.rules.city import City
from tests.rules.sight import Pair, viewer_of
from tests.web import ON_PAPER, Browser, browser_of

# In the last two somebody sees a case through two circles, in which it stands pages apart.
WORLDS = (*range(6), 21, 23)
SMALL = 2


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages of two, so that worlds of six cases have several."""
    monkeypatch.setattr(cases, "PAGE", SMALL)
    monkeypatch.setattr(cases, "LISTINGS", cases.listings(SMALL, SMALL + 1))


@dataclass
class Listed:
    """What somebody finds in the list, page by page, and beside it."""

    pages: list[list[uuid.UUID]]
    backwards: list[list[uuid.UUID]]
    activity: list[Any]
    count: int
    openable: set[str]

    @property
    def ids(self) -> list[uuid.UUID]:
        return [id_ for page in self.pages for id_ in page]


def listed(city: City, seed: int, pair: Pair) -> Listed:
    with city.looking(APP) as connection, PortalSession(connection) as session:
        session.info["viewer"] = viewer_of(connection, pair)
        equip(session, city.database.keys)
        page = cases.list_cases(session)
        pages, rows, last = [page], list(page.rows), None
        while page.older is not None:
            last = page = cases.list_cases(session, read_cursor(page.older))
            pages.append(page)
            rows += page.rows
            assert len(pages) < 20, "the list does not end"
        backwards = []
        while last is not None and last.newer is not None:
            last = cases.list_cases(session, read_cursor(last.newer))
            backwards.insert(0, last)
            assert len(backwards) < 20, "the way back does not end"
        return Listed(
            [[row.id for row in page.rows] for page in pages],
            [[row.id for row in page.rows] for page in backwards],
            [(row.last_activity, row.id) for row in rows],
            cases.count_cases(session),
            {case["id"] for case in city.world(seed)["cases"] if opens(session, case["id"])},
        )


def opens(session: PortalSession, case_id: str) -> bool:
    try:
        find_visible(session, m.Case, uuid.UUID(case_id))
    except NotVisibleError:
        return False
    return True


def disagreements(city: City, seed: int) -> list[str]:
    found = []
    for pair, expected in city.expected(seed).items():
        seen = listed(city, seed, pair)
        right = set(expected["cases"])
        if sorted(map(str, seen.ids)) != sorted(right):
            found.append(f"world {seed}, {pair}: lists {seen.ids}, not {right}")
        if seen.count != len(right):
            found.append(f"world {seed}, {pair}: counts {seen.count}, not {len(right)}")
        if seen.openable != right:
            found.append(f"world {seed}, {pair}: opens {seen.openable}, not {right}")
        if seen.activity != sorted(seen.activity, reverse=True):
            found.append(f"world {seed}, {pair}: not by latest activity")
        if any(len(page) > cases.PAGE for page in seen.pages):
            found.append(f"world {seed}, {pair}: a page is too long")
        if seen.backwards and seen.backwards != seen.pages[: len(seen.backwards)]:
            found.append(f"world {seed}, {pair}: another list on the way back")
    return found


@pytest.mark.usefixtures("small_pages")
@pytest.mark.parametrize("seed", WORLDS)
def test_list_count_and_single_check_agree(city: City, seed: int) -> None:
    found = disagreements(city, seed)
    assert not found, "\n".join(found[:10])


# Every name of a random world holds this, as both people and search fold it.
IN_EVERY_NAME = "ｶﾅﾘｱ"


def misfound(city: City, seed: int) -> list[str]:
    """Return where a search for what every name holds finds other cases than the oracle."""
    found = []
    for pair, expected in city.expected(seed).items():
        with city.looking(APP) as connection, PortalSession(connection) as session:
            session.info["viewer"] = viewer_of(connection, pair)
            # Who may search is a permission; what a search finds is the matter of the rows.
            session.info["standing"] = SEARCHING
            equip(session, city.database.keys)
            cases_ = search.search(session, search.Wanted(IN_EVERY_NAME)).cases
            right = {text.split()[0] for text in expected["case_people"]}
            if {str(row.id) for row in cases_.rows} != right:
                found.append(f"world {seed}, {pair}: finds {cases_.rows}, not {right}")
    return found


SEARCHING = Standing("school_nurse", manager=False, agency_type="school", agency_id=uuid.uuid4())


@pytest.mark.parametrize("seed", WORLDS)
def test_a_search_finds_whom_the_oracle_names(city: City, seed: int) -> None:
    found = misfound(city, seed)
    assert not found, "\n".join(found[:10])


def test_a_search_has_people_to_find_and_to_miss(city: City) -> None:
    """Else the agreement above would say nothing."""
    found = [sight["case_people"] for seed in WORLDS for sight in city.expected(seed).values()]
    assert frozenset() in found
    assert sum(bool(some) for some in found) > 10


def test_a_search_that_forgets_a_name_is_noticed(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sabotage: the agreement breaks where a search passes over the first whom it finds."""
    monkeypatch.setattr(search, "holding", lambda *given: [*holding(*given)][1:])
    assert any(misfound(city, seed) for seed in WORLDS)


def test_worlds_have_people_who_see_nothing_and_people_who_turn_pages(city: City) -> None:
    """Else the agreement above would say nothing."""
    sizes = [len(sight["cases"]) for seed in WORLDS for sight in city.expected(seed).values()]
    assert 0 in sizes
    assert sum(size > SMALL for size in sizes) > 10


@pytest.mark.usefixtures("small_pages")
@pytest.mark.parametrize(
    ("name", "without"),
    [
        # On the pages after the first, and on each of them.
        ("_superseded", lambda _access: literal_column("false")),
        ("candidates", partial(cases.candidates, once=False)),
    ],
)
def test_a_case_of_two_circles_would_stand_twice(
    city: City, monkeypatch: pytest.MonkeyPatch, name: str, without: Any
) -> None:
    """Sabotage: without the rule that one circle speaks for a case, the agreement breaks."""
    monkeypatch.setattr(cases, name, without)
    monkeypatch.setattr(cases, "LISTINGS", cases.listings(SMALL, SMALL + 1))
    assert any(disagreements(city, seed) for seed in WORLDS)


# -- over HTTP, in the small city -----------------------------------------------------------------


@dataclass
class Place:
    """The small city with its application, and a pen for what others write meanwhile."""

    database: Database
    town: towns.City
    app: Portal

    def browser(self, person: str) -> Browser:
        return browser_of(self.app, self.database.system, self.town, person)

    def write(self, what: Callable[[SystemSession, towns.City], Any]) -> Any:
        with SystemSession(self.database.system) as session, session.begin():
            equip(session, self.database.keys)
            return what(session, self.town)

    def queries(self, person: str, url: str) -> list[str]:
        """Return the statements of one request."""
        browser, said = self.browser(person), list[str]()
        browser.get(url)
        with self.app.app_context():
            engine: Engine = db.engine

        def note(_c: Any, _cursor: Any, statement: str, *_more: Any) -> None:
            said.append(statement)

        event.listen(engine, "before_cursor_execute", note)
        try:
            browser.get(url)
        finally:
            event.remove(engine, "before_cursor_execute", note)
        return said


@pytest.fixture
def place(clone: Callable[[], Database]) -> Iterator[Place]:
    database = clone()
    with SystemSession(database.system) as session, session.begin():
        town = towns.build(session, database.keys)
    app = create_app(database.config)
    yield Place(database, town, app)
    with app.app_context():
        db.engine.dispose()
    database.drop()


def add_cases(session: SystemSession, town: towns.City, count: int, agency: str | None) -> None:
    """Open cases of the centre, each with a child and, where asked for, a grant."""
    for number in range(count):
        at = towns.LONG_AGO + timedelta(hours=number)
        reference = f"TTT-{number:03d}-{uuid.uuid4().hex[:3]}"
        case = towns.add_case(session, town, reference, opened_at=at)
        child = towns.add_person(session, town, f"child{number}", "見本", f"こども{number}")
        of_case = {"case_id": case.id, "owner_agency_id": case.owner_agency_id}
        session.add(towns.linked(case, child))
        create_key(session, Scope("slice", case.id, "internal"))
        check = m.ProgressCheck(
            **of_case, checked_by=town.accounts["counsellor"], next_on=at.date()
        )
        seal(session, check, finding="みほん")
        session.add(check)
        session.flush()
        if agency is not None:
            session.add(
                m.Grant(
                    **of_case,
                    case_opened_at=at,
                    agency_id=town.agencies[agency],
                    slices=["basic"],
                    subject_id=child,
                    purpose="support",
                    basis="CONSENT",
                    necessity="agencies_needed",
                    valid_from=at,
                )
            )
    session.flush()


def shown(browser: Browser, url: str = "/cases") -> str:
    """Return the bytes of a page less what differs from request to request."""
    of_the_request = rf'(nonce|value|content)="[^"]*"|<p class="{ON_PAPER}">.*?</p>'
    return re.sub(of_the_request, "", browser.get(url).text)


def test_what_is_hidden_moves_neither_order_nor_count_nor_paging(place: Place) -> None:
    nurse = place.browser("nurse")
    place.write(_share_long_ago)
    place.write(lambda s, t: add_cases(s, t, 55, "school"))
    first = shown(nurse)
    older = nurse.get("/cases").tree.xpath("//a[@rel='next']/@href")[0]
    second = shown(nurse, older)

    # A hidden case, an entry in a hidden slice, an entry about somebody else in an open slice.
    place.write(lambda s, t: add_cases(s, t, 3, None))
    place.write(lambda s, t: add_cases(s, t, 3, "other_school"))
    place.write(lambda s, t: towns.add_entry(s, t, slice_="home", text="みほん"))
    place.write(
        lambda s, t: towns.add_entry(s, t, slice_="school", text="みほん", subject="mother")
    )
    assert shown(nurse) == first
    assert shown(nurse, older) == second

    # The control: each of these would have moved the list, had it been open.
    place.write(lambda s, t: towns.add_entry(s, t, slice_="school", text="みほん"))
    moved = shown(nurse)
    assert moved != first
    place.write(lambda s, t: add_cases(s, t, 1, "school"))
    assert shown(nurse) != moved


def _share_long_ago(session: SystemSession, town: towns.City) -> None:
    """Share the first case, which then stands at the end of the list."""
    grant_id = towns.add_grant(session, town, "school", ["basic", "school"])
    session.execute(update(m.Grant).where(m.Grant.id == grant_id).values(valid_from=towns.LONG_AGO))


def test_a_projection_that_offers_too_much_is_not_believed(place: Place) -> None:
    """The truth has the last word: a row that stands in the projection by mistake opens nothing."""
    offered = place.write(_offer_to_the_school)
    nurse = place.browser("nurse")
    assert place.town.persons["child"]
    assert "K7F-3QXR" not in nurse.get("/cases").text

    def candidates(session: SystemSession, town: towns.City) -> int:
        rows = select(func.count()).where(
            m.CaseAccess.circle_id == offered, m.CaseAccess.case_id == town.case_id
        )
        return session.scalar(rows) or 0

    # The control: it is the confirmation that kept it out, and a grant lets it in.
    assert place.write(candidates) == 1
    place.write(lambda s, t: towns.add_grant(s, t, "school", ["basic"]))
    assert "K7F-3QXR" in nurse.get("/cases").text


def _offer_to_the_school(session: SystemSession, town: towns.City) -> uuid.UUID:
    team = session.scalars(
        select(m.Team.id).where(m.Team.agency_id == town.agencies["school"])
    ).one()
    now = session.scalars(select(func.now())).one()
    session.add(
        m.CaseAccess(
            case_id=town.case_id,
            circle_id=team,
            agency_id=town.agencies["school"],
            valid_from=now,
            valid_until=now + timedelta(days=9),
            last_visible_activity=now,
        )
    )
    return team


def test_a_list_that_was_not_swept_shows_nothing_after_the_end(place: Place) -> None:
    grant = place.write(lambda s, t: towns.add_grant(s, t, "school", ["basic"]))
    nurse = place.browser("nurse")
    assert "K7F-3QXR" in nurse.get("/cases").text

    def lapse(session: SystemSession, _town: towns.City) -> None:
        past = func.now() - timedelta(seconds=1)
        session.execute(update(m.Grant).where(m.Grant.id == grant).values(valid_until=past))
        # As if the projection had been computed before: its row still stands, out of date.
        session.execute(update(m.CaseAccess).values(valid_until=past))

    place.write(lapse)
    assert "K7F-3QXR" not in nurse.get("/cases").text
    assert "0件" in nurse.get("/cases").words


@pytest.mark.parametrize("person", ["counsellor", "nurse"])
def test_a_list_costs_the_same_queries_for_any_number_of_rows(place: Place, person: str) -> None:
    place.write(lambda s, t: towns.add_grant(s, t, "school", ["basic", "school"]))
    one = place.queries(person, "/cases")
    assert "K7F-3QXR" in place.browser(person).get("/cases").text
    place.write(lambda s, t: add_cases(s, t, 60, "school"))
    sixty = place.queries(person, "/cases")
    assert len(place.browser(person).get("/cases").tree.xpath("//li[@class='case-row']")) == 50
    assert len(one) == len(sixty), "\n".join(sixty)
    # The control: the counter hears the statements of a page.
    assert any("case_access" in statement for statement in one)


@pytest.mark.parametrize("person", ["counsellor", "nurse"])
def test_a_case_costs_the_same_queries_for_any_number_of_entries(place: Place, person: str) -> None:
    url = f"/cases/{place.town.case_id}"
    place.write(lambda s, t: towns.add_grant(s, t, "school", ["basic", "school", "summary"]))

    def write(count: int) -> Callable[[SystemSession, towns.City], None]:
        def entries(session: SystemSession, town: towns.City) -> None:
            for number in range(count):
                slice_, author = [("school", "nurse"), ("summary", "counsellor")][number % 2]
                towns.add_entry(session, town, slice_=slice_, text=f"み{number}", author=author)

        return entries

    place.write(write(2))
    one = place.queries(person, url)
    place.write(write(TIMELINE - 2))
    full = place.queries(person, url)
    entries = place.browser(person).get(url).tree.xpath("//li[starts-with(@id, 'entry-')]")
    assert len(entries) == TIMELINE
    assert len(one) == len(full), "\n".join(full)
