"""A lost second factor: who may help, who must confirm it, and what is left of the old ways in."""

import uuid
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import Connection, Engine, create_engine, func, select, text
from sqlalchemy.exc import DBAPIError

from portal.config import Config
from portal.unit import Portal
from tests.blueprints.test_administration import one
from tests.blueprints.test_links import Box, choose, known, link_in, post, send_all
from tests.city import PASSWORD, City
from tests.web import Browser

Browse = Callable[[str], Browser]

__all__ = ["known", "post"]

LOST = {"reason": "lost", "checked": "in_person"}


def place_of(system: Engine, town: City, person: str) -> str:
    found = "SELECT id FROM memberships WHERE account_id = :id"
    return str(one(system, found, id=town.accounts[person]))


def ask(browser: Browser, place: str, status: int = 302) -> str:
    """Ask for a reset; return its id."""
    url = f"/staff/{place}/reset"
    form = browser.get(url).form("")
    browser.post(url, {**form, **LOST}, status)
    return form["submission"]


@pytest.fixture
def clerk(system: Engine, town: City, config: Config) -> None:
    """Give the clerk, whose role opens no case, a second factor and a password."""
    with system.begin() as connection:
        connection.execute(
            text("INSERT INTO credentials (account_id, password_hash) VALUES (:id, 'hash')"),
            {"id": town.accounts["clerk"]},
        )


def left(system: Engine, town: City, person: str) -> tuple[object, ...]:
    """Count what is left of somebody's ways in: password, passkeys, codes, sessions."""
    found = (
        "SELECT (SELECT count(*) FROM credentials WHERE account_id = :id),"
        " (SELECT count(*) FROM passkeys WHERE account_id = :id AND ended_at IS NULL),"
        " (SELECT count(*) FROM recovery_codes WHERE account_id = :id AND ended_at IS NULL),"
        " (SELECT count(*) FROM sessions WHERE account_id = :id AND ended_at IS NULL)"
    )
    with system.connect() as connection:
        return tuple(connection.execute(text(found), {"id": town.accounts[person]}).one())


def test_for_whoever_opens_cases_nothing_happens_until_another_person_confirms(  # noqa: PLR0917
    app: Portal, browse: Browse, town: City, system: Engine, known: None, post: tuple[Box, Config]
) -> None:
    box, config = post
    nurse, principal = browse("nurse"), browse("principal")
    reset = ask(principal, place_of(system, town, "nurse"))
    nurse.get("/")
    assert left(system, town, "nurse")[0] == 1
    # Who asked cannot confirm, and nobody of another agency sees it.
    assert "あなたは確認できません" in principal.get(f"/resets/{reset}").words
    principal.post(f"/resets/{reset}/confirm", {}, 403)
    browse("other_nurse").get(f"/resets/{reset}", 404)
    browse("other_nurse").post(f"/resets/{reset}/confirm", {}, 404)
    nurse.get("/")
    director = browse("director")
    assert "nurse@example.jp" in director.get(f"/resets/{reset}").words
    assert "見本 nurse" in director.get("/proposals").words
    director.post(f"/resets/{reset}/confirm")
    nurse.get("/", 302)
    assert left(system, town, "nurse") == (0, 0, 0, 0)
    send_all(config)
    (message,) = box.messages
    assert message["To"] == "nurse@example.jp"
    browser = Browser(app)
    # The old password opens nothing, the old factor with it.
    browser.post("/sign-in", {"email": "nurse@example.jp", "password": PASSWORD}, 422)
    choose(browser, link_in(message))
    assert browser.get("/second-factor", 302).location == "/second-factor/own"
    choose(Browser(app), link_in(message), status=410)
    director.post(f"/resets/{reset}/confirm", {}, 404)
    assert "やりなおしになった" in principal.get("/staff/changes").words


def test_for_whoever_opens_no_case_the_keeper_is_enough(
    browse: Browse, town: City, system: Engine, clerk: None
) -> None:
    clerk_at_work = browse("clerk")
    ask(browse("director"), place_of(system, town, "clerk"))
    clerk_at_work.get("/", 302)
    assert left(system, town, "clerk") == (0, 0, 0, 0)
    minutes = "SELECT extract(epoch FROM expires_at - recorded_at) / 60 FROM notices"
    assert one(system, minutes) == 30
    # Sent again on the phone, it holds no longer.
    director, place = browse("director"), place_of(system, town, "clerk")
    director.post(f"/staff/{place}/invite")
    kinds = "SELECT string_agg(kind || ' ' || (expires_at - due_at), ',') FROM notices"
    assert one(system, kinds) == "recovery 00:30:00,recovery 00:30:00"


def test_a_factor_that_is_not_lost_stays_where_the_reset_is_declined(
    browse: Browse, town: City, system: Engine, known: None
) -> None:
    nurse, principal = browse("nurse"), browse("principal")
    reset = ask(principal, place_of(system, town, "nurse"))
    ask(principal, place_of(system, town, "nurse"), 422)
    browse("director").post(f"/resets/{reset}/decline")
    again = ask(principal, place_of(system, town, "nurse"))
    principal.post(f"/resets/{again}/decline")
    nurse.get("/")
    assert left(system, town, "nurse")[:2] == (1, 1)
    decisions = "SELECT string_agg(decision, ',' ORDER BY asked_at) FROM factor_resets"
    assert one(system, decisions) == "declined,withdrawn"
    assert "断られた" in principal.get("/staff/changes").words


def test_nobody_resets_the_own_factors_or_those_of_elsewhere(
    browse: Browse, town: City, system: Engine, known: None
) -> None:
    nurse = place_of(system, town, "nurse")
    for person, place, status in (
        ("principal", place_of(system, town, "principal"), 403),
        ("admin", place_of(system, town, "admin"), 403),
        ("other_nurse", nurse, 404),
        ("director", nurse, 404),
        ("teacher", nurse, 403),
        ("auditor", nurse, 403),
    ):
        browse(person).get(f"/staff/{place}/sign-in", status)
        browse(person).get(f"/staff/{place}/reset", status)
        browse(person).post(
            f"/staff/{place}/reset", {**LOST, "submission": str(uuid.uuid4())}, status
        )
    assert one(system, "SELECT count(*) FROM factor_resets") == 0


def test_a_manager_is_reset_by_the_administrator_and_another_person(
    browse: Browse, town: City, system: Engine, clerk: None
) -> None:
    with system.begin() as connection:
        connection.execute(
            text("INSERT INTO credentials (account_id, password_hash) VALUES (:id, 'hash')"),
            {"id": town.accounts["principal"]},
        )
        connection.execute(
            text("UPDATE memberships SET manager = true WHERE role = 'school_nurse'")
        )
    place = place_of(system, town, "principal")
    colleague = browse("nurse")
    assert "システム管理者がやりなおし" in colleague.get(f"/staff/{place}/sign-in").words
    colleague.post(f"/staff/{place}/reset", {**LOST, "submission": str(uuid.uuid4())}, 403)
    admin = browse("admin")
    reset = ask(admin, place)
    admin.post(f"/resets/{reset}/confirm", {}, 403)
    colleague.post(f"/resets/{reset}/confirm")
    assert left(system, town, "principal")[0] == 0


def test_what_was_not_started_is_invited_again_instead(
    browse: Browse, town: City, system: Engine
) -> None:
    page = browse("principal").submit(f"/staff/{place_of(system, town, 'nurse')}/reset", LOST, 422)
    assert "招待を送りなおして" in page.words


def test_a_reset_takes_a_factor_just_proven_a_reason_and_a_check(
    browse: Browse, town: City, system: Engine, known: None
) -> None:
    principal, url = browse("principal"), f"/staff/{place_of(system, town, 'nurse')}/reset"
    for missing in ({"reason": "lost"}, {"checked": "video"}, {**LOST, "reason": "whim"}):
        principal.submit(url, missing, 422)
    with system.begin() as connection:
        connection.execute(text("UPDATE sessions SET proven_at = now() - interval '6 minutes'"))
    principal.submit(url, LOST, 403)
    assert one(system, "SELECT count(*) FROM factor_resets") == 0


def test_a_proposal_is_over_after_a_week(
    browse: Browse, town: City, system: Engine, known: None
) -> None:
    reset = ask(browse("principal"), place_of(system, town, "nurse"))
    with system.begin() as connection:
        connection.execute(text("UPDATE factor_resets SET asked_at = now() - interval '8 days'"))
    director = browse("director")
    assert "終わっています" in director.get(f"/resets/{reset}").words
    director.post(f"/resets/{reset}/confirm", {}, 404)
    assert left(system, town, "nurse")[0] == 1


# --- by the database alone -----------------------------------------------------------------------


def as_(connection: Connection, town: City, person: str) -> None:
    for name, value in (
        ("account_id", town.accounts[person]),
        ("agency_id", town.acting[person]),
    ):
        connection.execute(select(func.set_config(f"portal.{name}", str(value), True)))


def resetting(connection: Connection, reset: uuid.UUID) -> None:
    connection.execute(
        select(func.reset_factors(reset, uuid.uuid4(), b"hash", timedelta(minutes=30)))
    )


def entered(
    connection: Connection, town: City, person: str, by: str, **decided: object
) -> uuid.UUID:
    """Write a reset as the application would, with what it says of its decision."""
    reset = uuid.uuid4()
    connection.execute(
        text(
            "INSERT INTO factor_resets (id, account_id, agency_id, reason, checked, asked_by,"
            " decision, decided_by, decided_at)"
            " VALUES (:id, :who, :agency, 'lost', 'video', :by, :decision, :decided_by, :at)"
        ),
        {
            "id": reset,
            "who": town.accounts[person],
            "agency": town.acting[person],
            "by": town.accounts[by],
            "decision": None,
            "decided_by": None,
            "at": None,
            **decided,
        },
    )
    return reset


def test_the_database_resets_for_a_second_person_and_nobody_else(
    config: Config, town: City, system: Engine, known: None
) -> None:
    engine = create_engine(config.urls.app)

    def alone(person: str, by: str) -> None:
        with engine.begin() as connection:
            as_(connection, town, by)
            now = connection.execute(select(func.now())).scalar_one()
            mine = {"decision": "alone", "decided_by": town.accounts[by], "at": now}
            resetting(connection, entered(connection, town, person, by, **mine))

    def carried_out(reset: uuid.UUID) -> None:
        with engine.begin() as connection:
            as_(connection, town, "director")
            resetting(connection, reset)

    # Somebody who opens cases, alone; somebody of elsewhere; oneself.
    for person, by in (("nurse", "principal"), ("nurse", "other_nurse"), ("admin", "admin")):
        with pytest.raises(DBAPIError, match=r"not yours|row-level|never_for_oneself"):
            alone(person, by)
    # The control: whose role opens nothing.
    alone("clerk", "director")
    with engine.begin() as connection:
        as_(connection, town, "principal")
        reset = entered(connection, town, "nurse", "principal")
    # Undecided, and decided by whoever asked.
    with pytest.raises(DBAPIError, match="not yours"):
        carried_out(reset)
    deciding = text(
        "UPDATE factor_resets SET decision = 'confirmed', decided_by = :me, decided_at = now()"
        " WHERE id = :id"
    )
    for person, refused in (("principal", True), ("director", False)):
        with engine.connect() as connection:
            as_(connection, town, person)
            mine = {"me": town.accounts[person], "id": reset}
            if refused:
                with pytest.raises(DBAPIError):
                    connection.execute(deciding, mine)
                continue
            connection.execute(deciding, mine)
            connection.commit()
    # Decided, but not in this transaction.
    with pytest.raises(DBAPIError, match="not yours"):
        carried_out(reset)
    assert left(system, town, "nurse")[0] == 1
    engine.dispose()
