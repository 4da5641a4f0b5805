"""A preview says what will be seen, to the row, and leaves nothing behind."""

import datetime as dt
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.orm import Session

from portal import models as m
from portal.database import READING, WRITING, PortalSession, SystemSession, look_as
from portal.policy.permissions import Standing
from portal.policy.preview import Sight, preview, union
from portal.policy.terms import Terms, columns_of
from portal.policy.viewer import SETTINGS, Viewer
from portal.vault import Scope, create_key, equip, seal
from tests import city as towns
from tests.conftest import Database

Acting = Callable[[str], PortalSession]


@pytest.fixture
def own(clone: Callable[[], Database]) -> Iterator[Database]:
    """A database of this test alone."""
    database = clone()
    yield database
    database.drop()


@pytest.fixture
def written(own: Database) -> dict[str, uuid.UUID]:
    """Return ids of entries by name."""
    return {}


@pytest.fixture
def town(own: Database, written: dict[str, uuid.UUID]) -> towns.City:
    """Return the small city with entries of several slices and subjects."""
    with SystemSession(own.system) as session, session.begin():
        town = towns.build(session, own.keys)
        for name, slice_, subject in (
            ("name", "basic", "child"),
            ("lessons", "school", "child"),
            ("home", "home", "child"),
            ("money", "welfare", "mother"),
            ("detail", "detail", "child"),
            ("reporter", "reporter", "child"),
        ):
            written[name] = towns.add_entry(
                session, town, slice_=slice_, text=name, subject=subject
            )
        return town


@pytest.fixture
def acting(own: Database, town: towns.City) -> Iterator[Acting]:
    """Return a function that opens a session for somebody of the city."""
    opened = []

    def as_(person: str, isolation: str = READING) -> PortalSession:
        agency, role, manager, _ = towns.PEOPLE[person]
        session = PortalSession(own.app)
        opened.append(session)
        equip(session, own.keys)
        session.connection(execution_options={"isolation_level": isolation})
        look_as(
            session,
            viewer_of(town, person),
            Standing(role, manager, towns.AGENCIES[agency][0], town.acting[person]),
        )
        return session

    yield as_
    for session in opened:
        session.close()


def viewer_of(town: towns.City, person: str) -> Viewer:
    return Viewer(account_id=town.accounts[person], agency_id=town.acting[person])


def columns(session: Session, town: towns.City, agency: str, *slices: str) -> dict[str, object]:
    case = session.scalars(select(m.Case).where(m.Case.id == town.case_id)).one()
    now = session.execute(select(func.portal_clock())).scalar_one()
    terms = Terms(
        agency_id=town.agencies[agency],
        slices=slices,
        subject_id=town.persons["child"],
        purpose="support",
        basis="CONSENT",
        necessity="agencies_needed",
        until=now + dt.timedelta(days=30),
    )
    return columns_of(case, replace(terms))


def ids(written: dict[str, uuid.UUID], *names: str) -> frozenset[uuid.UUID]:
    return frozenset(written[name] for name in names)


def settings(session: Session) -> list[str]:
    calls = [func.current_setting(f"portal.{name}", True) for name in SETTINGS]
    return list(session.execute(select(*calls)).one())


def seen(session: Session) -> tuple[set[uuid.UUID], set[uuid.UUID], set[uuid.UUID]]:
    return (
        set(session.scalars(select(m.Case.id))),
        set(session.scalars(select(m.Entry.id))),
        set(session.scalars(select(m.Grant.id))),
    )


@pytest.mark.parametrize("isolation", [READING, WRITING])
def test_a_preview_is_what_will_be_seen(
    isolation: str, acting: Acting, own: Database, town: towns.City, written: dict[str, uuid.UUID]
) -> None:
    session = acting("counsellor", isolation)  # type: ignore[call-arg]
    nurse = viewer_of(town, "nurse")
    given = columns(session, town, "school", "basic", "school")
    before, after = preview(session, town.case_id, [nurse], [given])[nurse]
    assert before == Sight(case=False)
    assert after.case
    assert after.entries == ids(written, "name", "lessons")
    assert len(after.people) == 1
    session.commit()

    # The control: the very grant that was previewed, given.
    with SystemSession(own.system) as system, system.begin():
        towns.add_grant(system, town, "school", ["basic", "school"])
    reader = acting("nurse")
    assert seen(reader)[1] == after.entries


def test_what_is_new_is_what_was_not_seen_before(
    acting: Acting, own: Database, town: towns.City, written: dict[str, uuid.UUID]
) -> None:
    with SystemSession(own.system) as system, system.begin():
        towns.add_grant(system, town, "school", ["basic", "school"])
    session = acting("counsellor")
    nurse = viewer_of(town, "nurse")
    given = columns(session, town, "school", "home")
    before, after = preview(session, town.case_id, [nurse], [given])[nurse]
    assert before.case
    assert after.entries - before.entries == ids(written, "home")


def test_the_wall_speaks_for_each_reader(
    acting: Acting, own: Database, town: towns.City, written: dict[str, uuid.UUID]
) -> None:
    with SystemSession(own.system) as system, system.begin():
        system.add(
            m.Exclusion(
                case_id=town.case_id,
                owner_agency_id=town.agencies["centre"],
                account_id=town.accounts["teacher"],
                valid_from=towns.LONG_AGO,
            )
        )
    session = acting("counsellor")
    readers = [viewer_of(town, name) for name in ("nurse", "teacher", "principal", "officer")]
    given = columns(session, town, "school", "school")
    after = {
        viewer: sights[1]
        for viewer, sights in preview(session, town.case_id, readers, [given]).items()
    }
    # The teacher is excluded, the principal is not of the team, the officer of another agency.
    assert [after[viewer].case for viewer in readers] == [True, False, False, False]


def test_what_is_never_shared_is_in_no_preview(
    acting: Acting, town: towns.City, written: dict[str, uuid.UUID]
) -> None:
    session = acting("counsellor")
    everything = columns(session, town, "cafeteria", "detail", "reporter", "school")
    watcher, volunteer = viewer_of(town, "watcher"), viewer_of(town, "volunteer")
    sights = preview(session, town.case_id, [watcher, volunteer], [everything])
    assert sights[watcher][1].entries == ids(written, "lessons")
    assert not sights[volunteer][1].case
    # The control: a school reads the detail when it is given.
    nurse = viewer_of(town, "nurse")
    given = columns(session, town, "school", "detail", "reporter")
    assert preview(session, town.case_id, [nurse], [given])[nurse][1].entries == ids(
        written, "detail"
    )


def test_whoever_is_shut_out_before_sees_nothing_of_what_is_given(
    acting: Acting, own: Database, town: towns.City, written: dict[str, uuid.UUID]
) -> None:
    session = acting("counsellor")
    nurse, teacher = (viewer_of(town, name) for name in ("nurse", "teacher"))
    given = columns(session, town, "school", "school")
    hidden = [town.accounts["teacher"]]
    shut = preview(session, town.case_id, [nurse, teacher], [given], hidden=hidden)
    assert [shut[each][1].case for each in (nurse, teacher)] == [True, False]
    # The control: nobody is shut out, and nobody stays so.
    shown = preview(session, town.case_id, [nurse, teacher], [given])
    assert [shown[each][1].case for each in (nurse, teacher)] == [True, True]
    session.commit()
    with SystemSession(own.system) as system:
        assert system.scalars(select(m.Exclusion)).all() == []


def test_what_the_newer_word_replaces_is_gone_and_the_rest_stays(
    acting: Acting, own: Database, town: towns.City, written: dict[str, uuid.UUID]
) -> None:
    with SystemSession(own.system) as system, system.begin():
        older = towns.add_grant(system, town, "school", ["basic", "school"])
        towns.add_grant(system, town, "school", ["home"])
    session = acting("counsellor")
    nurse = viewer_of(town, "nurse")
    before, after = preview(session, town.case_id, [nurse], [], [older])[nurse]
    assert before.entries == ids(written, "name", "lessons", "home")
    assert after.entries == ids(written, "home")


def test_a_preview_names_the_people_and_what_was_asked(
    acting: Acting, own: Database, town: towns.City, written: dict[str, uuid.UUID]
) -> None:
    with SystemSession(own.system) as system, system.begin():
        equip(system, own.keys)
        action = m.Action(
            case_id=town.case_id,
            owner_agency_id=town.agencies["centre"],
            agency_id=town.agencies["school"],
            kind="watch",
            due_on=dt.date(2027, 4, 1),
            asked_by=town.accounts["counsellor"],
        )
        create_key(system, Scope("action", action.id))
        seal(system, action, request="朝のようすを見る")
        system.add(action)
        system.flush()
        child = select(m.CasePerson.id).where(m.CasePerson.person_id == town.persons["child"])
        people, actions = {system.scalars(child).one()}, {action.id}
    session = acting("counsellor")
    nurse = viewer_of(town, "nurse")
    given = columns(session, town, "school", "basic")
    before, after = preview(session, town.case_id, [nurse], [given])[nurse]
    assert (before.people, before.actions) == (frozenset(), frozenset())
    assert (after.people, after.actions) == (people, actions)


def test_a_preview_leaves_nothing_behind(acting: Acting, own: Database, town: towns.City) -> None:
    session = acting("counsellor")
    before, viewer = seen(session), settings(session)
    circles = select(m.CaseAccess.case_id, m.CaseAccess.circle_id)
    with SystemSession(own.system) as system:
        projection = system.execute(circles).all()
    nurse = viewer_of(town, "nurse")
    shown = preview(session, town.case_id, [nurse], [columns(session, town, "school", "school")])
    assert shown[nurse][1].case

    assert settings(session) == viewer
    assert viewer[0] == str(town.accounts["counsellor"])
    assert seen(session) == before
    session.commit()
    with SystemSession(own.system) as system:
        assert system.scalars(select(m.Grant)).all() == []
        assert system.execute(circles).all() == projection
    assert acting("nurse").scalars(select(m.Case.id)).all() == []


def test_a_preview_that_fails_leaves_the_viewer_as_it_was(acting: Acting, town: towns.City) -> None:
    """Somebody who could not give the grant cannot preview it either."""
    counsellor = acting("counsellor")
    given = columns(counsellor, town, "school", "school")
    nurse = acting("nurse")
    viewer = settings(nurse)
    with pytest.raises(ProgrammingError, match="row-level security"):
        preview(nurse, town.case_id, [viewer_of(town, "nurse")], [given])
    assert settings(nurse) == viewer
    assert seen(nurse) == (set(), set(), set())
    # The control: the same grant by the counsellor.
    assert preview(counsellor, town.case_id, [viewer_of(town, "nurse")], [given])


def test_what_waits_in_the_session_is_written_in_its_own_name(
    acting: Acting, town: towns.City
) -> None:
    session = acting("counsellor", WRITING)  # type: ignore[call-arg]
    case = session.scalars(select(m.Case).where(m.Case.id == town.case_id)).one()
    given = columns(session, town, "school", "school")
    session.add(m.CaseTopic(case_id=case.id, owner_agency_id=case.owner_agency_id, topic="FAMILY"))
    preview(session, town.case_id, [viewer_of(town, "nurse")], [given])
    assert session.scalars(select(m.CaseTopic.topic)).all() == ["FAMILY"]


def test_between_them_readers_see_what_one_of_them_sees() -> None:
    entry, other, person, action = (uuid.uuid4() for _ in range(4))
    nothing = Sight(case=False)
    nurse = Sight(case=True, entries=frozenset({entry}), people=frozenset({person}))
    teacher = Sight(case=True, entries=frozenset({other}), actions=frozenset({action}))
    both = Sight(True, frozenset({entry, other}), frozenset({person}), frozenset({action}))  # noqa: FBT003 - in their order
    # A generator, as the pages have it: it can be walked through once.
    assert union(each for each in (nothing, nurse, teacher)) == both
    assert union([nothing, nothing]) == nothing
    assert union([]) == nothing
