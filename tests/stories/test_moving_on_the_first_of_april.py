"""A nurse goes from one school to another on 1 April, 00:00 JST, with a form left open."""

from collections.abc import Callable

import pytest
from sqlalchemy import Engine, text

from portal.config import Config
from portal.database import SystemSession
from portal.vault import equip
from tests.city import PASSWORD, City, add_entry, add_grant
from tests.stories.people import Person

OLD, NEW = "見本第一小学校", "見本第二中学校"
KNOWN = "けさは元気に登校した。"
TYPED = "放課後に保健室へ来て、三十分ほど話をした。"


@pytest.fixture
def shared(town: City, system: Engine, config: Config) -> str:
    """Share the school slice with the old school; return the address of the case."""
    with SystemSession(system) as session, session.begin():
        equip(session, config.keys)
        add_entry(session, town, slice_="school", text=KNOWN)
        add_grant(session, town, "school", ["basic", "school"])
    return f"/cases/{town.case_id}"


def first_of_april(system: Engine, town: City) -> None:
    """Let the old membership end and the new one begin at this moment, as the table of moves did.

    Nothing moves the clock; the rows' dates are moved to it.
    """
    values = {"nurse": town.accounts["nurse"], "new": town.agencies["other_school"]}
    with system.begin() as connection:
        connection.execute(
            text("UPDATE memberships SET valid_until = portal_clock() WHERE account_id = :nurse"),
            values,
        )
        connection.execute(
            text(
                "INSERT INTO memberships (id, account_id, agency_id, role, valid_from)"
                " VALUES (gen_random_uuid(), :nurse, :new, 'school_nurse', portal_clock())"
            ),
            values,
        )


def entries(system: Engine) -> int:
    with system.connect() as connection:
        return int(connection.execute(text("SELECT count(*) FROM entries")).scalar_one())


def test_the_old_schools_form_posts_nothing_and_its_text_is_kept(
    somebody: Callable[[], Person], town: City, system: Engine, shared: str
) -> None:
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
    before = entries(system)

    first_of_april(system, town)

    nurse.sends(**answers)
    assert nurse.status == 401
    nurse.sees("サインインしてください", TYPED)
    nurse.does_not_see(KNOWN)
    assert entries(system) == before

    # Signed in again she acts for the new school, and nothing of the old one is there.
    nurse.signs_in("nurse@example.jp", PASSWORD)
    nurse.sees(NEW)
    nurse.does_not_see(OLD)
    nurse.finds_nothing_at(shared)
    nurse.finds_nothing_at(f"{shared}/entries/new")
    assert entries(system) == before

    # The control: who stayed at the school sends the same form and it is posted.
    colleague.signs_in("teacher@example.jp", PASSWORD)
    colleague.opens(f"{shared}/entries/new")
    colleague.sends(**answers)
    assert entries(system) == before + 1
