"""Ways around the rules, tried one by one: each finds nothing for whom a row is hidden.

Every reading probe has its control: for the director, who may see the row, the same probe finds it.
The idea of architecture.md §3: one mechanism alone lets some of them through, both let none.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import psycopg
import pytest
from psycopg import errors as pg
from sqlalchemy import (
    Connection,
    Engine,
    case,
    column,
    delete,
    exists,
    func,
    insert,
    literal,
    select,
    table,
    text,
    true,
    union_all,
    update,
)
from sqlalchemy.exc import DBAPIError, InvalidRequestError
from sqlalchemy.orm import Bundle, aliased, load_only
from sqlalchemy.orm.exc import ObjectDeletedError

from portal.database import (
    NoViewerError,
    PortalSession,
    SecondViewerError,
    SystemSession,
    UnscopedError,
    look_as,
    make_engine,
    system_session,
)
from portal.embedded import APP
from portal.models import Base, Case, Entry, Grant
from portal.policy.viewer import SETTINGS, Viewer
from portal.policy.visibility import VISIBLE
from portal.vault import equip
from portal.world import load, read_file
from portal.world.looking import send_settings, set_clock
from tests.conftest import Database
from tests.rules.test_world import EXAMPLE, EXPECTED


def _id(end: str) -> uuid.UUID:
    return uuid.UUID(f"a0000000-0000-4000-8000-0000000000{end}")


CENTRE, SCHOOL, OTHER_CENTRE = _id("01"), _id("02"), _id("f1")
DIRECTOR = Viewer(_id("0a"), CENTRE)
NURSE = Viewer(_id("0e"), SCHOOL)
# The director of another centre, with a case of its own: an owner's role, but not here.
STRANGER = Viewer(_id("f2"), OTHER_CENTRE)
OPEN_CASE, HIDDEN_CASE = _id("25"), _id("3c")
VISIBLE_ENTRY = _id("27")
# Who reported, in a case that the nurse sees; and a text of a case that she does not see.
HIDDEN = {"in a visible case": _id("2d"), "in a hidden case": _id("36")}
AT = json.loads(EXPECTED[0])["at"]


@pytest.fixture(scope="module")
def city(database: Database) -> Database:
    """The example with a second centre, at the instant of its expected lines."""
    with database.owner.begin() as connection:
        set_clock(connection, datetime.fromisoformat(AT))
    world = read_file(EXAMPLE)
    director = world["accounts"][0]
    membership = {**director["memberships"][0], "agency": str(OTHER_CENTRE)}
    world["agencies"].append({**world["agencies"][0], "id": str(OTHER_CENTRE)})
    world["accounts"].append(
        {
            **director,
            "id": str(STRANGER.account_id),
            "email": "other@example.jp",
            "memberships": [membership],
        }
    )
    own = {**world["cases"][0], "id": str(_id("f3")), "owner": str(OTHER_CENTRE)}
    for name in ("workers", "entries", "grants", "exclusions", "never_tell"):
        own[name] = []
    world["cases"].append(own)
    with system_session(database.system, reason="a test") as session:
        equip(session, database.keys)
        load(session, world, trust=False, add=False)
    return database


@pytest.fixture
def looking(city: Database) -> Iterator[Callable[[Viewer], PortalSession]]:
    opened: list[PortalSession] = []

    def look(viewer: Viewer) -> PortalSession:
        session = PortalSession(city.app)
        look_as(session, viewer)
        opened.append(session)
        return session

    yield look
    for session in opened:
        session.close()


# -- reading --------------------------------------------------------------------------------------

Reading = Callable[[PortalSession, uuid.UUID], bool]
READINGS: dict[str, Reading] = {}


def reading(probe: Reading) -> Reading:
    """Note a way to find an entry by its id; it returns whether the entry was found."""
    READINGS[probe.__name__.replace("_", " ")] = probe
    return probe


@reading
def by_primary_key(session: PortalSession, key: uuid.UUID) -> bool:
    return session.get(Entry, key) is not None


@reading
def by_primary_key_anew(session: PortalSession, key: uuid.UUID) -> bool:
    return session.get(Entry, key, populate_existing=True) is not None


@reading
def by_identity_map(session: PortalSession, key: uuid.UUID) -> bool:
    # The map holds its rows weakly, so somebody has to hold them.
    kept = session.scalars(select(Entry)).all()
    return bool(kept) and any(row.id == key for row in session.identity_map.values())


@reading
def by_id(session: PortalSession, key: uuid.UUID) -> bool:
    return session.scalar(select(Entry).where(Entry.id == key)) is not None


@reading
def by_one_column(session: PortalSession, key: uuid.UUID) -> bool:
    return session.scalar(select(Entry.text_sealed).where(Entry.id == key)) is not None


@reading
def by_bundle(session: PortalSession, key: uuid.UUID) -> bool:
    rows = session.execute(select(Bundle("entry", Entry.id, Entry.slice)))
    return any(row.entry.id == key for row in rows)


@reading
def by_fewer_columns(session: PortalSession, key: uuid.UUID) -> bool:
    statement = select(Entry).options(load_only(Entry.slice))
    return any(entry.id == key for entry in session.scalars(statement))


@reading
def by_populate_existing(session: PortalSession, key: uuid.UUID) -> bool:
    statement = select(Entry).execution_options(populate_existing=True)
    return any(entry.id == key for entry in session.scalars(statement))


@reading
def by_partitions(session: PortalSession, key: uuid.UUID) -> bool:
    pages = session.scalars(select(Entry).execution_options(yield_per=2)).partitions()
    return key in [entry.id for page in pages for entry in page]


@reading
def by_alias(session: PortalSession, key: uuid.UUID) -> bool:
    other = aliased(Entry)
    return session.scalar(select(other.id).where(other.id == key)) is not None


@reading
def by_alias_joined_on(session: PortalSession, key: uuid.UUID) -> bool:
    other = aliased(Entry)
    statement = select(other.id).join_from(Entry, other, other.case_id == Entry.case_id)
    return key in set(session.scalars(statement)) or _through_cases(session, key)


def _through_cases(session: PortalSession, key: uuid.UUID) -> bool:
    entry = aliased(Entry, flat=True)
    statement = select(entry.id).join_from(Case, entry, entry.case_id == Case.id)
    return key in set(session.scalars(statement))


@reading
def by_outer_join(session: PortalSession, key: uuid.UUID) -> bool:
    statement = select(Case.id, Entry.id).outerjoin(Entry, Entry.id == key)
    return any(entry is not None for _, entry in session.execute(statement))


@reading
def by_exists(session: PortalSession, key: uuid.UUID) -> bool:
    return bool(session.scalar(select(exists(select(Entry.id).where(Entry.id == key)))))


@reading
def by_exists_of_another(session: PortalSession, key: uuid.UUID) -> bool:
    inner = exists(select(Entry.id).where(Entry.id == key))
    return bool(session.scalars(select(Case.id).where(inner)).all())


@reading
def by_in(session: PortalSession, key: uuid.UUID) -> bool:
    inner = select(Entry.case_id).where(Entry.id == key)
    return bool(session.scalars(select(Case.id).where(Case.id.in_(inner))).all())


@reading
def by_scalar_subquery(session: PortalSession, key: uuid.UUID) -> bool:
    inner = select(Entry.slice).where(Entry.id == key).scalar_subquery()
    return session.scalar(select(inner)) is not None


@reading
def by_subquery(session: PortalSession, key: uuid.UUID) -> bool:
    inner = select(Entry.id).where(Entry.id == key).subquery()
    return session.scalar(select(inner.c.id)) is not None


@reading
def by_entity_of_subquery(session: PortalSession, key: uuid.UUID) -> bool:
    other = aliased(Entry, select(Entry).where(Entry.id == key).subquery())
    return session.scalar(select(other)) is not None


@reading
def by_lateral(session: PortalSession, key: uuid.UUID) -> bool:
    inner = select(Entry.id).where(Entry.id == key, Entry.case_id == Case.id).lateral()
    return session.execute(select(Case.id, inner.c.id).join(inner, true())).first() is not None


@reading
def by_common_table(session: PortalSession, key: uuid.UUID) -> bool:
    inner = select(Entry.id).where(Entry.id == key).cte()
    return session.scalar(select(inner.c.id)) is not None


@reading
def by_recursion(session: PortalSession, key: uuid.UUID) -> bool:
    start = select(Entry.id).where(Entry.id == VISIBLE_ENTRY).cte(recursive=True)
    found = start.union(select(Entry.id).join(start, Entry.id == key))
    return key in set(session.scalars(select(found.c.id)))


@reading
def by_union(session: PortalSession, key: uuid.UUID) -> bool:
    both = union_all(select(Entry.id), select(Entry.id))
    return key in set(session.scalars(both))


@reading
def by_entity_of_union(session: PortalSession, key: uuid.UUID) -> bool:
    both = union_all(select(Entry), select(Entry)).subquery()
    return key in set(session.scalars(select(aliased(Entry, both).id)))


@reading
def by_counting(session: PortalSession, key: uuid.UUID) -> bool:
    counted = select(func.count()).select_from(Entry).where(Entry.id == key)
    return bool(session.scalar(counted))


@reading
def by_counting_ids(session: PortalSession, key: uuid.UUID) -> bool:
    return bool(session.scalar(select(func.count(Entry.id)).where(Entry.id == key)))


@reading
def by_aggregate(session: PortalSession, key: uuid.UUID) -> bool:
    return key in set(session.scalar(select(func.array_agg(Entry.id))) or [])


@reading
def by_group(session: PortalSession, key: uuid.UUID) -> bool:
    grouped = select(Entry.id).group_by(Entry.id).having(Entry.id == key)
    return session.scalar(grouped) is not None


@reading
def by_window(session: PortalSession, key: uuid.UUID) -> bool:
    last = func.last_value(Entry.id).over(order_by=Entry.id == key, rows=(None, None))
    return key in {found for _, found in session.execute(select(Entry.id, last))}


@reading
def by_query(session: PortalSession, key: uuid.UUID) -> bool:
    return session.query(Entry).filter(Entry.id == key).count() > 0


@reading
def by_statement(session: PortalSession, key: uuid.UUID) -> bool:
    raw = text("SELECT * FROM entries WHERE id = :key").bindparams(key=key)
    return session.scalar(select(Entry).from_statement(raw)) is not None


@reading
def by_columns_of_text(session: PortalSession, key: uuid.UUID) -> bool:
    raw = text("SELECT id FROM entries").columns(Entry.id)
    return key in set(session.scalars(select(Entry.id).from_statement(raw)))


@reading
def by_connection(session: PortalSession, key: uuid.UUID) -> bool:
    """Here row-level security stands alone."""
    found = session.connection().execute(
        text("SELECT id FROM entries WHERE id = :key"), {"key": key}
    )
    return found.first() is not None


@reading
def by_table_on_the_connection(session: PortalSession, key: uuid.UUID) -> bool:
    entry = Entry.__table__.c
    return session.connection().scalar(select(entry.id).where(entry.id == key)) is not None


@reading
def by_driver(session: PortalSession, key: uuid.UUID) -> bool:
    raw: psycopg.Connection = session.connection().connection.driver_connection  # type: ignore[assignment]
    with raw.cursor() as cursor, cursor.copy("COPY (SELECT id FROM entries) TO STDOUT") as copied:
        return str(key) in b"".join(bytes(block) for block in copied).decode()


@reading
def by_an_error(session: PortalSession, key: uuid.UUID) -> bool:
    """A condition that fails on the row tells of it, unless the policy is asked first."""
    tell = 1 / case((Entry.__table__.c.id == key, 0), else_=1) == 1
    try:
        with session.begin_nested():
            session.connection().execute(select(Entry.__table__.c.id).where(tell)).all()
    except DBAPIError as error:
        return isinstance(error.orig, pg.DivisionByZero)
    return False


@reading
def by_a_savepoint(session: PortalSession, key: uuid.UUID) -> bool:
    found = []
    with session.begin_nested():
        found += session.scalars(select(Entry.id))
    with session.begin_nested() as savepoint:
        savepoint.rollback()
    found += session.scalars(select(Entry.id))
    return key in found


@reading
def by_a_second_transaction(session: PortalSession, key: uuid.UUID) -> bool:
    session.commit()
    found = session.get(Entry, key) is not None
    session.rollback()
    return found or session.get(Entry, key) is not None


@pytest.mark.parametrize("where", HIDDEN)
@pytest.mark.parametrize("name", READINGS)
def test_a_hidden_row_is_not_found(
    looking: Callable[[Viewer], PortalSession], name: str, where: str
) -> None:
    assert not READINGS[name](looking(NURSE), HIDDEN[where])
    assert READINGS[name](looking(DIRECTOR), HIDDEN[where]), "the probe itself finds nothing"


def test_there_are_enough_probes() -> None:
    assert len(READINGS) >= 35


@pytest.mark.parametrize(
    "statement",
    [
        text("SELECT id FROM entries"),
        text("SELECT 1"),
        text("SELECT id FROM entries").columns(column("id")),
        select(text("id")).select_from(text("entries")),
        select(column("id")).select_from(table("entries")),
        select(Entry.__table__),
        select(Entry.__table__.alias()),
        select(func.count()).select_from(Entry.__table__),
        select(literal(1)).where(exists(select(Entry.__table__.c.id))),
        update(Entry.__table__).values(slice="basic"),
        delete(Entry.__table__),
    ],
    ids=str,
)
@pytest.mark.parametrize("viewer", [NURSE, DIRECTOR])
def test_a_statement_around_the_rules_is_refused(
    looking: Callable[[Viewer], PortalSession], viewer: Viewer, statement: Any
) -> None:
    with pytest.raises(UnscopedError):
        looking(viewer).execute(statement)


def test_a_row_that_was_taken_away_is_gone_from_the_session_too(city: Database) -> None:
    """What was loaded before a withdrawal is neither refreshed nor loaded again after it."""
    with PortalSession(city.app) as session:
        look_as(session, NURSE)
        entry = session.get_one(Entry, VISIBLE_ENTRY)
        session.commit()
        with SystemSession(city.system) as system, system.begin():
            ended = update(Grant).where(Grant.agency_id == SCHOOL, Grant.case_id == OPEN_CASE)
            system.execute(ended.values(ended_at=func.portal_clock()))
        try:
            with pytest.raises(ObjectDeletedError):
                _ = entry.slice
            with pytest.raises(InvalidRequestError):
                session.refresh(entry)
            assert session.get(Entry, VISIBLE_ENTRY) is None
            # The centre still sees it, so it was the withdrawal.
            with PortalSession(city.app) as other:
                look_as(other, DIRECTOR)
                assert other.get(Entry, VISIBLE_ENTRY) is not None
        finally:
            with SystemSession(city.system) as system, system.begin():
                system.execute(ended.values(ended_at=None))


# -- writing --------------------------------------------------------------------------------------


ENTRIES = Entry.__table__


@pytest.fixture
def facts(city: Database) -> dict[str, Any]:
    """What a forger would have to know of each case."""
    with SystemSession(city.system) as session:
        entries = session.scalars(select(Entry).where(Entry.slice == "basic")).all()
        return {
            str(entry.case_id): {
                "case_opened_at": entry.case_opened_at,
                "subject_id": entry.subject_id,
            }
            for entry in entries
        }


def forged(
    facts: dict[str, Any], case_id: uuid.UUID, owner: uuid.UUID, viewer: Viewer, **changed: Any
) -> dict[str, Any]:
    """The columns of a new entry that only its `changed` ones make a forgery."""
    return {
        "id": uuid.uuid4(),
        "case_id": case_id,
        "owner_agency_id": owner,
        **facts[str(case_id)],
        "slice": "school",
        "author_agency_id": viewer.agency_id,
        "author_account_id": viewer.account_id,
        "text_sealed": b"",
        **changed,
    }


def attempt(engine: Engine, viewer: Viewer, statement: Any) -> type[BaseException] | None:
    """Do one statement as a viewer on the bare connection and roll it back; say what refused it."""
    with engine.connect() as connection, connection.begin() as transaction:
        send_settings(connection, viewer)
        try:
            connection.execute(statement)
        except DBAPIError as error:
            return type(error.orig)
        finally:
            transaction.rollback()
    return None


def test_a_post_goes_into_what_its_author_reads(city: Database, facts: dict[str, Any]) -> None:
    """The control of the forgeries below."""
    fine = insert(ENTRIES).values(**forged(facts, OPEN_CASE, CENTRE, NURSE))
    assert attempt(city.app, NURSE, fine) is None
    assert attempt(city.app, NURSE, fine.returning(ENTRIES.c.id)) is None


FORGERIES: dict[str, tuple[Viewer, uuid.UUID, uuid.UUID, dict[str, Any]]] = {
    "into a slice nobody shares": (NURSE, OPEN_CASE, CENTRE, {"slice": "reporter"}),
    "into another agency's slice": (NURSE, OPEN_CASE, CENTRE, {"slice": "welfare"}),
    "into a hidden case": (NURSE, HIDDEN_CASE, CENTRE, {}),
    "in another's name": (NURSE, OPEN_CASE, CENTRE, {"author_account_id": DIRECTOR.account_id}),
    "for another agency": (NURSE, OPEN_CASE, CENTRE, {"author_agency_id": CENTRE}),
    "into another centre's case": (STRANGER, HIDDEN_CASE, CENTRE, {}),
}
# One's own agency as owner passes the policy; the composite key holds the row to its case, and
# answers alike for a case that is hidden and for one that does not exist.
FORGED_OWNERS = {
    "of a hidden case": (STRANGER, HIDDEN_CASE, OTHER_CENTRE, dict[str, Any]()),
    "of no case": (STRANGER, uuid.uuid4(), OTHER_CENTRE, dict[str, Any]()),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forged_post_is_refused(city: Database, facts: dict[str, Any], name: str) -> None:
    assert refusals(city, facts, FORGERIES[name]) == {pg.InsufficientPrivilege}


@pytest.mark.parametrize("name", FORGED_OWNERS)
def test_a_forged_owner_is_refused(city: Database, facts: dict[str, Any], name: str) -> None:
    assert refusals(city, facts, FORGED_OWNERS[name]) == {pg.ForeignKeyViolation}


def refusals(
    city: Database,
    facts: dict[str, Any],
    forgery: tuple[Viewer, uuid.UUID, uuid.UUID, dict[str, Any]],
) -> set[type[BaseException] | None]:
    """What refuses a forgery, without RETURNING and with it."""
    viewer, case_id, owner, changed = forgery
    facts.setdefault(str(case_id), facts[str(HIDDEN_CASE)])
    statement = insert(ENTRIES).values(**forged(facts, case_id, owner, viewer, **changed))
    both = (statement, statement.returning(ENTRIES.c.id))
    return {attempt(city.app, viewer, each) for each in both}


def test_a_merge_makes_no_hidden_row_one_s_own(
    looking: Callable[[Viewer], PortalSession], facts: dict[str, Any]
) -> None:
    session = looking(NURSE)
    session.merge(Entry(**forged(facts, HIDDEN_CASE, CENTRE, NURSE, id=HIDDEN["in a hidden case"])))
    with pytest.raises(DBAPIError) as caught:
        session.flush()
    assert isinstance(caught.value.orig, pg.InsufficientPrivilege)


def test_a_bulk_update_reaches_visible_rows_alone(
    looking: Callable[[Viewer], PortalSession],
) -> None:
    closing = update(Case).values(status="closed").execution_options(synchronize_session=False)
    assert looking(NURSE).execute(closing).rowcount == 0
    assert looking(STRANGER).execute(closing).rowcount == 1
    assert looking(DIRECTOR).execute(closing).rowcount == 4
    evaluated = update(Case).where(Case.id == HIDDEN_CASE).values(status="closed")
    assert looking(NURSE).execute(evaluated).rowcount == 0
    ending = update(Grant).values(ended_at=func.portal_clock())
    assert looking(NURSE).execute(ending).rowcount == 0


@pytest.mark.parametrize(
    "deed",
    [
        "UPDATE entries SET slice = 'basic'",
        "UPDATE cases SET owner_agency_id = owner_agency_id",
        "UPDATE grants SET slices = ARRAY['reporter']",
        "UPDATE grants SET agency_id = agency_id",
        "UPDATE denials SET valid_until = now()",
        "DELETE FROM entries",
        "DELETE FROM exclusions",
        "DELETE FROM audit_events",
        "UPDATE audit_events SET event = 'nothing'",
        "TRUNCATE entries",
        "SELECT * FROM entries FOR UPDATE",
        "INSERT INTO denials SELECT * FROM denials",
        "INSERT INTO case_access SELECT * FROM case_access",
        "SELECT * FROM credentials",
        "SELECT * FROM sessions",
        "SELECT * FROM thread_codes",
        "SELECT * FROM throttle_counts",
        "SET ROLE portal_system",
        "SET ROLE portal_owner",
        "SET SESSION AUTHORIZATION postgres",
        "ALTER TABLE entries DISABLE ROW LEVEL SECURITY",
        "ALTER POLICY visible ON entries USING (true)",
        "DROP POLICY visible ON entries",
        "ALTER ROLE portal_app BYPASSRLS",
        "CREATE FUNCTION portal_clock(integer) RETURNS timestamptz LANGUAGE sql AS 'SELECT now()'",
        "ALTER FUNCTION portal_clock() VOLATILE",
        "CREATE FUNCTION viewer_owning(integer) RETURNS uuid LANGUAGE sql AS 'SELECT NULL::uuid'",
        "CREATE TABLE copy AS SELECT * FROM entries",
        "CREATE TEMPORARY TABLE memberships (account_id uuid)",
        "SELECT refresh_denials(gen_random_uuid())",
        "SELECT refresh_case_access(gen_random_uuid())",
        "COPY entries TO '/tmp/entries'",
        "SET LOCAL session_replication_role = replica",
    ],
)
@pytest.mark.parametrize("viewer", [NURSE, DIRECTOR])
def test_what_the_web_may_never_do_is_refused(city: Database, viewer: Viewer, deed: str) -> None:
    assert attempt(city.app, viewer, text(deed)) is pg.InsufficientPrivilege


def test_row_security_cannot_be_switched_off(city: Database) -> None:
    """The setting does not open anything: it turns a filtered query into a refused one."""
    with city.app.connect() as connection, connection.begin() as transaction:
        send_settings(connection, DIRECTOR)
        connection.execute(text("SET LOCAL row_security = off"))
        with pytest.raises(DBAPIError) as caught:
            connection.execute(text("SELECT * FROM entries"))
        assert isinstance(caught.value.orig, pg.InsufficientPrivilege)
        transaction.rollback()


def test_the_statistics_of_a_guarded_table_are_hidden(city: Database) -> None:
    """The server keeps the commonest values of each column, hidden rows included."""
    query = text("SELECT count(*) FROM pg_stats WHERE tablename IN ('entries', 'grants', 'cases')")
    with city.owner.begin() as owner:
        owner.execute(text("ANALYZE entries, grants, cases"))
        owner.execute(text("RESET ROLE"))
    with city.engine("postgres").begin() as superuser:
        assert superuser.scalar(query) > 10
    with city.app.begin() as connection:
        assert connection.scalar(query) == 0


# -- who looks ------------------------------------------------------------------------------------


def counts(connection: Connection) -> dict[str, int]:
    """How many rows of each governed table a connection shows."""
    return {
        model.__tablename__: connection.execute(
            select(func.count()).select_from(model.__table__)
        ).scalar_one()
        for model in VISIBLE
    }


def test_without_a_viewer_a_session_refuses(city: Database) -> None:
    with PortalSession(city.app) as session, pytest.raises(NoViewerError):
        session.scalars(select(Entry)).all()


def test_without_a_viewer_the_database_shows_nothing(city: Database) -> None:
    with city.app.begin() as connection:
        assert set(counts(connection).values()) == {0}
        send_settings(connection, DIRECTOR)
        seen = counts(connection)
    assert {"cases", "entries", "grants", "persons", "slice_keys"} <= {
        table for table, number in seen.items() if number
    }


@pytest.mark.parametrize("word", ["postgres", "' OR true --", "a0000000"])
def test_a_viewer_that_is_none_is_an_error_and_not_everybody(city: Database, word: str) -> None:
    with city.app.connect() as connection, connection.begin() as transaction:
        connection.execute(select(func.set_config("portal.account_id", word, True)))
        with pytest.raises(DBAPIError) as caught:
            connection.execute(text("SELECT * FROM entries"))
        assert isinstance(caught.value.orig, pg.InvalidTextRepresentation)
        transaction.rollback()


def test_a_session_has_one_viewer(looking: Callable[[Viewer], PortalSession]) -> None:
    session = looking(NURSE)
    look_as(session, NURSE)
    with pytest.raises(SecondViewerError):
        look_as(session, DIRECTOR)
    session.commit()
    with pytest.raises(SecondViewerError):
        look_as(session, DIRECTOR)


@pytest.mark.parametrize("end", ["commit", "rollback", "close", "invalidate"])
def test_a_pooled_connection_forgets_who_looked(city: Database, end: str) -> None:
    engine = make_engine(city.server.url(APP, city.name))
    asked = [func.current_setting(f"portal.{name}", True) for name in SETTINGS]
    try:
        session = PortalSession(engine)
        look_as(session, DIRECTOR)
        assert session.scalars(select(Entry.id)).all()
        backend = session.connection().scalar(text("SELECT pg_backend_pid()"))
        getattr(session, end)()
        session.close()
        with engine.begin() as connection:
            same = connection.scalar(text("SELECT pg_backend_pid()")) == backend
            assert same is (end != "invalidate")
            assert not any(connection.execute(select(*asked)).one())
            assert set(counts(connection).values()) == {0}
    finally:
        engine.dispose()


def test_a_savepoint_keeps_who_looks(looking: Callable[[Viewer], PortalSession]) -> None:
    """A setting made inside a savepoint that is rolled back would take the viewer with it."""
    session = looking(NURSE)
    account = select(func.current_setting("portal.account_id", True))
    for end in ("commit", "rollback"):
        getattr(session.begin_nested(), end)()
        assert session.connection().scalar(account) == str(NURSE.account_id)
    with session.begin_nested():
        assert session.connection().scalar(account) == str(NURSE.account_id)


def test_circles_that_are_not_the_viewer_s_list_nothing_of_other_agencies(city: Database) -> None:
    """The circles are the one thing the application asserts; they only say where to look."""
    with SystemSession(city.system) as system:
        everything = tuple(
            key for (key,) in system.execute(text("SELECT DISTINCT circle_id FROM case_access"))
        )
    listed = text("SELECT DISTINCT agency_id FROM case_access")
    assert len(everything) > 2
    for viewer in (NURSE, DIRECTOR, STRANGER, Viewer(_id("0c"), CENTRE)):
        claimed = Viewer(viewer.account_id, viewer.agency_id, circles=everything)
        with city.app.begin() as connection:
            send_settings(connection, claimed)
            assert set(connection.scalars(listed)) <= {viewer.agency_id}


def test_every_model_is_tried(city: Database) -> None:
    """The sweeps above go over the models; a table without one would escape them."""
    with city.owner.begin() as connection:
        tables = connection.scalars(
            text("SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'")
        )
        assert set(tables) == {mapper.class_.__tablename__ for mapper in Base.registry.mappers}
