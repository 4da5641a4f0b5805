"""Two people for a role that opens cases, the table of roles, what a manager reads of changes."""

import re
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, create_engine, func, select, text
from sqlalchemy.exc import DBAPIError

from blueprints.administration.words import CHANGES
from portal.config import Config
from portal.database import SystemSession
from portal.policy.permissions import GIVEN_BY_ONE, Action, Sight, deeds_of, sight_of, takes_two
from portal.unit import Portal
from portal.vault import equip
from tests.blueprints.test_administration import confirm_all, grow, one
from tests.city import LONG_AGO, City, add_entry, add_grant
from tests.counting import assert_constant
from tests.web import Browser

Browse = Callable[[str], Browser]


@pytest.fixture
def shared(system: Engine, town: City, config: Config) -> None:
    with SystemSession(system) as session, session.begin():
        equip(session, config.keys)
        add_entry(session, town, slice_="school", text="けさは元気だった。")
        add_grant(session, town, "other_school", ["basic", "school"])


def propose(admin: Browser, town: City, person: str, place: tuple[str, str], **more: str) -> str:
    """Propose a role from the account's page; return the proposal's id."""
    url = f"/accounts/{town.accounts[person]}/memberships/new"
    form, (agency, role) = admin.get(url).form(), place
    admin.post(url, {**form, "agency": str(town.agencies[agency]), "role": role, **more})
    return form["submission"]


# --- two people ---------------------------------------------------------------------------------


def test_nothing_opens_until_another_person_confirms(
    browse: Browse, town: City, system: Engine, shared: None
) -> None:
    admin = browse("admin")
    proposal = propose(admin, town, "lawyer", ("other_school", "school_nurse"))
    assert one(system, "SELECT count(*) FROM memberships WHERE id = :id", id=proposal) == 0
    # Who proposed cannot confirm; who is proposed cannot either.
    page = admin.get(f"/proposals/{proposal}")
    assert "あなたは確認できません" in page.words
    admin.post(f"/proposals/{proposal}/confirm", status=403)
    browse("lawyer").get(f"/proposals/{proposal}", 403)
    # A manager of another agency is not told that there is a proposal.
    browse("principal").get(f"/proposals/{proposal}", 404)
    browse("principal").post(f"/proposals/{proposal}/confirm", status=404)
    manager = browse("other_nurse")
    page = manager.get(f"/proposals/{proposal}")
    assert "見本 lawyer" in page.words
    assert "機関に共有された範囲" in page.words
    manager.post(f"/proposals/{proposal}/confirm")
    assert one(system, "SELECT role FROM memberships WHERE id = :id", id=proposal) == "school_nurse"
    # Decided once is decided.
    manager.post(f"/proposals/{proposal}/confirm", status=404)
    manager.post(f"/proposals/{proposal}/decline", status=404)
    assert "終わっています" in manager.get(f"/proposals/{proposal}").words


def test_a_manager_proposes_only_through_another_for_its_own_agency(
    browse: Browse, town: City, system: Engine
) -> None:
    # The director confirms for every agency, and may not confirm what concerns itself.
    proposal = propose(browse("admin"), town, "director", ("city_hall", "audit_officer"))
    director = browse("director")
    director.post(f"/proposals/{proposal}/confirm", status=403)
    director.post(f"/proposals/{proposal}/decline", status=403)
    second = propose(browse("admin"), town, "teacher", ("police", "police_liaison"))
    director.post(f"/proposals/{second}/confirm")
    assert one(system, "SELECT count(*) FROM memberships WHERE id = :id", id=second) == 1


def test_a_director_confirms_for_the_city_where_there_is_no_other_centre(
    browse: Browse, town: City, system: Engine
) -> None:
    proposal = propose(browse("admin"), town, "lawyer", ("school", "school_nurse"))
    director = browse("director")
    director.get(f"/proposals/{proposal}")
    with system.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO agencies (id, type, legal_form, name)"
                " VALUES (gen_random_uuid(), 'support_center', 'municipal', 'べつのセンター')"
            )
        )
    director.get(f"/proposals/{proposal}", 404)
    director.post(f"/proposals/{proposal}/confirm", status=404)
    # For the own agency the director decides as its manager.
    own = propose(browse("admin"), town, "lawyer", ("centre", "center_counselor"))
    director.post(f"/proposals/{own}/confirm")


def test_a_declined_and_a_withdrawn_proposal_open_nothing(
    browse: Browse, town: City, system: Engine
) -> None:
    admin = browse("admin")
    declined = propose(admin, town, "lawyer", ("school", "school_nurse"))
    browse("principal").post(f"/proposals/{declined}/decline")
    withdrawn = propose(admin, town, "lawyer", ("school", "school_nurse"))
    admin.post(f"/proposals/{withdrawn}/decline")
    found = one(
        system, "SELECT string_agg(decision, ' ' ORDER BY decided_at) FROM membership_proposals"
    )
    assert found == "declined withdrawn"
    assert one(system, "SELECT count(*) FROM memberships WHERE id = :id", id=declined) == 0
    browse("principal").post(f"/proposals/{withdrawn}/confirm", status=404)


def test_a_proposal_expires_after_seven_days(browse: Browse, town: City, system: Engine) -> None:
    admin, principal = browse("admin"), browse("principal")
    proposal = propose(admin, town, "lawyer", ("school", "school_nurse"))
    age = text("UPDATE membership_proposals SET proposed_at = now() - :age")
    with system.begin() as connection:
        connection.execute(age, {"age": timedelta(days=7)})
    principal.post(f"/proposals/{proposal}/confirm", status=404)
    assert "待っている提案はありません" in principal.get("/proposals").words
    # The control: a moment before, it can be confirmed.
    with system.begin() as connection:
        connection.execute(age, {"age": timedelta(days=7) - timedelta(minutes=1)})
    principal.post(f"/proposals/{proposal}/confirm")


def test_a_role_that_opens_nothing_takes_one_person(
    browse: Browse, town: City, system: Engine
) -> None:
    given = propose(browse("admin"), town, "teacher", ("cafeteria", "cafeteria_volunteer"))
    assert one(system, "SELECT count(*) FROM memberships WHERE id = :id", id=given) == 1
    # With the manager's flag the same role takes two.
    later = propose(
        browse("admin"), town, "nurse", ("cafeteria", "cafeteria_volunteer"), manager="y"
    )
    assert one(system, "SELECT count(*) FROM memberships WHERE id = :id", id=later) == 0


def test_the_same_form_sent_twice_is_one_proposal(
    browse: Browse, town: City, system: Engine
) -> None:
    admin, url = browse("admin"), f"/accounts/{town.accounts['lawyer']}/memberships/new"
    form = admin.get(url).form()
    values = {**form, "agency": str(town.agencies["school"]), "role": "school_nurse"}
    admin.post(url, values)
    admin.post(url, values)
    assert one(system, "SELECT count(*) FROM membership_proposals") == 1


def test_what_is_over_before_it_is_confirmed_is_refused(
    browse: Browse, town: City, system: Engine
) -> None:
    proposal = propose(browse("admin"), town, "lawyer", ("school", "school_nurse"))
    with system.begin() as connection:
        connection.execute(
            text("UPDATE membership_proposals SET valid_from = :long_ago, valid_until = now()"),
            {"long_ago": LONG_AGO},
        )
    page = browse("principal").post(f"/proposals/{proposal}/confirm", status=422)
    assert "終わる日がもう過ぎています" in page.words
    assert one(system, "SELECT count(*) FROM memberships WHERE id = :id", id=proposal) == 0


def test_one_administrator_alone_is_told_who_could_confirm(
    browse: Browse, town: City, system: Engine
) -> None:
    propose(browse("admin"), town, "lawyer", ("school", "school_nurse"))
    assert "ほかにいません" not in browse("admin").get("/proposals").words
    with system.begin() as connection:
        connection.execute(
            text("UPDATE accounts SET disabled = true WHERE id = :id"),
            {"id": town.accounts["director"]},
        )
    assert "ほかにいません" in browse("admin").get("/proposals").words


# --- the wall itself ----------------------------------------------------------------------------


@contextmanager
def as_app(app: Portal, town: City, person: str) -> Iterator[Connection]:
    """Speak to the database as ``portal_app`` in somebody's name, around the services."""
    engine = create_engine(app.config["SQLALCHEMY_DATABASE_URI"])
    try:
        with engine.connect() as connection:
            for name, found in (("account_id", town.accounts), ("agency_id", town.acting)):
                key = str(found[person])
                connection.execute(select(func.set_config(f"portal.{name}", key, True)))
            yield connection
            connection.rollback()
    finally:
        engine.dispose()


def is_refused(connection: Connection, statement: str, values: dict[str, Any]) -> bool:
    """Return whether the wall refuses a statement, or lets it touch no row."""
    with connection.begin_nested() as savepoint:
        try:
            done = connection.execute(text(statement), values).rowcount
        except DBAPIError as error:
            savepoint.rollback()
            if re.search(
                "row-level security|permission denied|another_person|prolong|one year", str(error)
            ):
                return True
            raise
    return done == 0


_INSERT = (
    "INSERT INTO memberships (id, account_id, agency_id, role, manager, valid_from, confirm_by)"
    " VALUES (:id, :account, :agency, :role, :manager, now(), now() + interval '1 year')"
)
_PROPOSE = (
    "INSERT INTO membership_proposals"
    " (id, account_id, agency_id, role, manager, valid_from, proposed_by)"
    " VALUES (:id, :account, :agency, :role, :manager, now(), :by)"
)
_CONFIRM = (
    "UPDATE membership_proposals SET decision = 'confirmed', decided_by = :by,"
    " decided_at = now() WHERE id = :id"
)


def values_of(town: City, person: str, agency: str, role: str, **more: Any) -> dict[str, Any]:
    found = {
        "id": uuid.uuid4(),
        "account": town.accounts[person],
        "agency": town.agencies[agency],
        "role": role,
        "manager": False,
    }
    return {**found, **more}


@pytest.mark.parametrize("person", ["admin", "principal", "director", "nurse", "auditor", "clerk"])
def test_the_wall_lets_nobody_give_a_role_that_opens_cases_alone(
    app: Portal, town: City, person: str
) -> None:
    agency = "city_hall" if person == "auditor" else "school"
    for role, manager in (("school_nurse", False), ("sysadmin", False), ("school_staff", True)):
        values = values_of(town, "lawyer", agency, role, manager=manager)
        with as_app(app, town, person) as connection:
            assert is_refused(connection, _INSERT, values), role
            # Nor by confirming oneself what one proposed.
            by = {"by": town.accounts[person]}
            is_refused(connection, _PROPOSE, values | by)
            assert is_refused(connection, _CONFIRM, values | by), role
            assert is_refused(connection, _INSERT, values), role
    # Nobody gives the own account anything, not even what one person may give.
    own = values_of(town, person, "cafeteria", "cafeteria_volunteer")
    with as_app(app, town, person) as connection:
        assert is_refused(connection, _INSERT, own)
        assert is_refused(connection, _PROPOSE, own | {"by": town.accounts[person]})


def test_the_wall_lets_two_people_give_it_and_one_give_what_opens_nothing(
    app: Portal, town: City, system: Engine
) -> None:
    """The control of the refusals above, and each way to spoil it."""
    values = values_of(town, "lawyer", "school", "school_nurse")
    with system.begin() as connection:
        connection.execute(text(_PROPOSE), values | {"by": town.accounts["admin"]})
    confirming = values | {"by": town.accounts["principal"]}
    with as_app(app, town, "principal") as connection:
        assert not is_refused(connection, _CONFIRM, confirming)
        for spoilt in (
            {"role": "school_principal"},
            {"manager": True},
            {"agency": town.agencies["other_school"]},
            {"account": town.accounts["officer"]},
            {"id": uuid.uuid4()},
        ):
            assert is_refused(connection, _INSERT, values | spoilt), spoilt
        assert not is_refused(connection, _INSERT, values)
    volunteer = values_of(town, "lawyer", "cafeteria", "cafeteria_volunteer")
    with as_app(app, town, "admin") as connection:
        assert not is_refused(connection, _INSERT, volunteer)
        # The role of a cafeteria's volunteer would open cases anywhere else.
        elsewhere = volunteer | {"id": uuid.uuid4(), "agency": town.agencies["school"]}
        assert is_refused(connection, _INSERT, elsewhere)
    # Too late is too late for the wall as well.
    with system.begin() as connection:
        connection.execute(
            text("UPDATE membership_proposals SET proposed_at = now() - interval '8 days'")
        )
    with as_app(app, town, "principal") as connection:
        assert is_refused(connection, _CONFIRM, confirming)


def test_sabotage_a_wall_that_forgets_the_second_person_is_found_out(
    app: Portal, town: City, system: Engine, config: Config
) -> None:
    """With the policy opened, the insert that the tests above see refused goes through."""
    values = values_of(town, "lawyer", "school", "school_nurse")
    owner = create_engine(config.urls.owner)
    with owner.begin() as connection:
        connection.execute(text("ALTER POLICY inserted ON memberships WITH CHECK (true)"))
    owner.dispose()
    with as_app(app, town, "admin") as connection:
        assert not is_refused(connection, _INSERT, values)


def test_a_membership_is_shortened_and_never_prolonged(
    app: Portal, town: City, system: Engine
) -> None:
    with system.begin() as connection:
        connection.execute(
            text(
                "UPDATE memberships SET valid_until = now() + interval '1 day'"
                " WHERE account_id = :nurse"
            ),
            {"nurse": town.accounts["nurse"]},
        )
    change = "UPDATE memberships SET valid_until = now() + :how WHERE account_id = :nurse"
    values: dict[str, Any] = {"nurse": town.accounts["nurse"]}
    for person in ("admin", "principal"):
        with as_app(app, town, person) as connection:
            assert is_refused(connection, change, values | {"how": timedelta(days=2)})
            assert is_refused(
                connection,
                "UPDATE memberships SET valid_until = NULL WHERE account_id = :nurse",
                values,
            )
            assert not is_refused(connection, change, values | {"how": timedelta(hours=1)})
    for person in ("other_nurse", "nurse", "director"):
        with as_app(app, town, person) as connection:
            assert is_refused(connection, change, values | {"how": timedelta(hours=1)}), person


# --- the table of roles -------------------------------------------------------------------------


def test_the_roles_that_one_person_may_give_open_nothing() -> None:
    assert set(GIVEN_BY_ONE) == {
        ("support_center", "center_clerk"),
        ("cafeteria", "cafeteria_operator"),
        ("cafeteria", "cafeteria_volunteer"),
    }
    for agency_type, role in GIVEN_BY_ONE:
        assert Sight.NOTHING in sight_of(agency_type, role) or agency_type == "cafeteria"
        assert takes_two(agency_type, role, manager=True) == (role != "center_clerk")
    assert takes_two("mayor_department", "sysadmin")
    assert sight_of("mayor_department", "sysadmin") == (Sight.NOTHING,)
    assert Action.READ_CASES not in deeds_of("mayor_department", "sysadmin", manager=True)


@pytest.mark.parametrize("person", ["admin", "principal", "director"])
def test_the_table_of_roles_is_on_a_page(browse: Browse, person: str) -> None:
    page = browse(person).get("/roles")
    assert "ケースは何も見えない" in page.words
    assert "同意を記録し、共有する、共有を終える" in page.words
    assert page.tree is not None
    assert len(page.tree.xpath("//table")) > 5


@pytest.mark.parametrize("person", ["nurse", "counsellor", "clerk", "auditor", "volunteer"])
def test_staff_and_roles_are_for_who_keeps_them(browse: Browse, person: str) -> None:
    browser = browse(person)
    for url in ("/staff", "/proposals", "/roles", "/staff/changes"):
        browser.get(url, 403)


# --- the people of an agency --------------------------------------------------------------------


def test_a_manager_sees_the_own_people_and_nobody_elses(browse: Browse, town: City) -> None:
    page = browse("principal").get("/staff")
    assert "見本 nurse" in page.words
    assert "other_nurse" not in page.text
    browse("principal").get(f"/staff?agency={town.agencies['other_school']}", 404)
    other = browse("admin").get(f"/staff?agency={town.agencies['other_school']}")
    assert "見本 other_nurse" in other.words


def test_the_staff_page_costs_the_same_for_many(
    app: Portal, browse: Browse, system: Engine, config: Config, town: City
) -> None:
    def more() -> None:
        grow(system, config, 10)
        with system.begin() as connection:
            connection.execute(
                text(
                    "INSERT INTO memberships (id, account_id, agency_id, role, valid_from)"
                    " SELECT gen_random_uuid(), account_id, :school, 'school_staff', :since"
                    " FROM memberships m JOIN agencies a ON a.id = m.agency_id"
                    " WHERE a.name LIKE '見本校%'"
                ),
                {"school": town.agencies["school"], "since": datetime(2026, 4, 1, tzinfo=UTC)},
            )

    assert_constant(app, browse("principal"), "/staff", more, most=20)


# --- what a manager reads of changes ------------------------------------------------------------


def test_a_manager_reads_what_was_changed_of_its_people_by_whomever(
    browse: Browse, town: City
) -> None:
    propose(browse("admin"), town, "lawyer", ("school", "school_nurse"))
    principal = browse("principal")
    confirm_all(principal)
    page = principal.get("/staff/changes")
    assert "役割が提案された" in page.words
    assert "提案された役割が確認され" in page.words
    assert "みほん市総務課" in page.words
    assert "見本 lawyer" in page.words
    # An administrator's name is for its own agency and the centre.
    assert "見本 admin" not in page.text
    assert "確認され" not in browse("other_nurse").get("/staff/changes").words


def test_every_change_of_people_and_agencies_has_words(browse: Browse, town: City) -> None:
    admin = browse("admin")
    url = f"/agencies/{town.agencies['cafeteria']}"
    admin.submit(url, {"name": "こども食堂べつのみほん"}, action=url)
    admin.post(f"{url}/report-link")
    director = browse("director")
    director.submit("/team", {"account": str(town.accounts["clerk"])}, action="/team/members")
    page = director.get("/staff/changes")
    assert "対応チームに人が加わった" in page.words
    assert set(CHANGES) >= {"details", "report_link", "team_joined", "proposed", "given"}
