"""A nurse goes from one school to another on 1 April, 00:00 JST, with a form left open."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, create_engine, text

from portal.config import Config
from portal.database import SystemSession
from portal.vault import equip
from portal.working_hours import jst
from tests.city import PASSWORD, City, add_entry, add_grant
from tests.second_factor import next_code
from tests.stories.people import Person

OLD, NEW = "見本第一小学校", "見本第二中学校"
KNOWN = "けさは元気に登校した。"
TYPED = "放課後に保健室へ来て、三十分ほど話をした。"
# Less than the rest after which a session sleeps by itself.
BEFORE_MIDNIGHT = timedelta(minutes=10)


@pytest.fixture
def shared(town: City, system: Engine, config: Config) -> str:
    """Share the school slice with the old school; return the address of the case."""
    with SystemSession(system) as session, session.begin():
        equip(session, config.keys)
        add_entry(session, town, slice_="school", text=KNOWN)
        add_grant(session, town, "school", ["basic", "school"], days=400)
    return f"/cases/{town.case_id}"


@pytest.fixture
def midnight() -> datetime:
    """Return the next 1 April, 00:00 in Japan."""
    today = jst(datetime.now(UTC))
    first = today.replace(month=4, day=1, hour=0, minute=0, second=0, microsecond=0)
    return first if first > today else first.replace(year=first.year + 1)


@pytest.fixture
def turn_the_clock(config: Config) -> Callable[[datetime], None]:
    """Return a function that sets the portal's clock, which goes on from there."""

    def turn(to: datetime) -> None:
        engine = create_engine(config.urls.owner)
        with engine.begin() as connection:
            ahead = (to - datetime.now(UTC)).total_seconds()
            connection.execute(
                text(
                    "CREATE OR REPLACE FUNCTION portal_clock() RETURNS timestamptz LANGUAGE sql"
                    f" STABLE AS $$ SELECT now() + interval '{ahead} seconds' $$"
                )
            )
        engine.dispose()

    return turn


@pytest.fixture
def moved(system: Engine, town: City, midnight: datetime) -> None:
    """Enter the move ahead, as the table of moves does: one place ends when the other begins."""
    values = {
        "nurse": town.accounts["nurse"],
        "new": town.agencies["other_school"],
        "midnight": midnight,
    }
    with system.begin() as connection:
        connection.execute(
            text("UPDATE memberships SET valid_until = :midnight WHERE account_id = :nurse"),
            values,
        )
        connection.execute(
            text(
                "INSERT INTO memberships (id, account_id, agency_id, role, valid_from)"
                " VALUES (gen_random_uuid(), :nurse, :new, 'school_nurse', :midnight)"
            ),
            values,
        )


def entries(system: Engine) -> int:
    with system.connect() as connection:
        return int(connection.execute(text("SELECT count(*) FROM entries")).scalar_one())


@pytest.mark.usefixtures("moved")
def test_the_old_schools_form_posts_nothing_and_its_text_is_kept(  # noqa: PLR0917
    somebody: Callable[[], Person],
    town: City,
    system: Engine,
    shared: str,
    midnight: datetime,
    turn_the_clock: Callable[[datetime], None],
) -> None:
    turn_the_clock(midnight - BEFORE_MIDNIGHT)
    nurse, colleague = somebody(), somebody()
    nurse.signs_in("nurse@example.jp", PASSWORD)
    nurse.sees(OLD)
    nurse.opens(shared)
    nurse.sees(KNOWN)
    nurse.opens(f"{shared}/entries/new")
    answers = {
        "slice": nurse.choice("slice", "学校での様子"),
        "subject": str(town.persons["child"]),
        "text": TYPED,
    }
    # The control: a minute ago the same form was posted.
    nurse.sends(**answers)
    nurse.opens(f"{shared}/entries/new")
    before = entries(system)

    turn_the_clock(midnight)

    nurse.sends(**answers)
    assert nurse.status == 401
    nurse.sees("サインインしてください", TYPED)
    nurse.does_not_see(KNOWN)
    assert entries(system) == before

    # Signed in again she pledges for the new year and acts for the new school, and nothing of the
    # old one is there.
    nurse.opens("/sign-in")
    nurse.sends(email="nurse@example.jp", password=PASSWORD)
    nurse.sends(code=next_code("nurse@example.jp"))
    nurse.sees("守秘の誓約")
    nurse.presses("誓約して、つづける")
    nurse.sees(NEW)
    nurse.does_not_see(OLD)
    nurse.finds_nothing_at(shared)
    nurse.finds_nothing_at(f"{shared}/entries/new")
    assert entries(system) == before

    # Who stayed at the school pledges too, sends the same form, and it is posted.
    colleague.opens("/sign-in")
    colleague.sends(email="teacher@example.jp", password=PASSWORD)
    colleague.sends(code=next_code("teacher@example.jp"))
    colleague.presses("誓約して、つづける")
    colleague.opens(f"{shared}/entries/new")
    colleague.sends(**answers)
    assert entries(system) == before + 1
