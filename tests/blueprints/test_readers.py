"""Who reads a share: named by the agency's manager or by the centre, and shares nobody reads."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, func, select, update
from sqlalchemy.orm import Session

from portal import models as m
from portal.audit import Event
from portal.config import Config
from portal.database import SystemSession
from portal.policy.viewer import Viewer
from portal.world.looking import send_settings
from tests import city as towns
from tests.blueprints.conftest import Write
from tests.web import Browser

Browse = Callable[[str], Browser]


@pytest.fixture
def grant(write: Write, town: towns.City) -> Any:
    """Return the id of a grant to the school, which its default team reads."""

    def give(session: Session) -> Any:
        towns.add_entry(session, town, slice_="school", text="CANARY 図書室にいる")
        return towns.add_grant(session, town, "school", ["basic", "school"])

    return write(give)


def test_a_manager_hands_a_share_over_and_sees_nothing_of_the_case(
    browse: Browse, town: towns.City, grant: Any, system: Engine
) -> None:
    principal, nurse, teacher = browse("principal"), browse("nurse"), browse("teacher")
    case = f"/cases/{town.case_id}"
    assert "CANARY" in nurse.get(case).text
    place = f"/team/grants/{grant}/readers"
    assert place in principal.get("/team").text
    page = principal.get(place)
    assert "K7F-3QXR" in page.text
    assert "あおい" not in page.text
    look = {"accounts": [str(town.accounts["teacher"])], "step": "preview"}
    seen = principal.submit(place, look, status=200)
    assert "次の操作から読めなくなる人：見本 nurse" in seen.words
    assert "CANARY" in nurse.get(case).text, "a preview changes nothing"
    principal.submit(place, {"accounts": [str(town.accounts["teacher"])]})
    nurse.get(case, status=404)
    assert "CANARY" in teacher.get(case).text
    principal.get(case, status=404)
    assert "読む人：見本 teacher" in principal.get("/team").words
    # Handed over to the next, and back to the team.
    principal.submit(place, {"accounts": [str(town.accounts["nurse"])]})
    teacher.get(case, status=404)
    principal.submit(place, {"accounts": []})
    assert "CANARY" in teacher.get(case).text
    with SystemSession(system) as session:
        named = m.AuditEvent.event == Event.READERS_NAMED.value
        kept = session.scalars(
            select(m.AuditEvent).where(named).order_by(m.AuditEvent.happened_at)
        ).all()
        assert [event.details["accounts"] for event in kept] == [
            [str(town.accounts["teacher"])],
            [str(town.accounts["nurse"])],
            [],
        ]


def test_only_colleagues_read_and_only_the_own_agency_s_manager_names_them(
    browse: Browse, town: towns.City, grant: Any
) -> None:
    place = f"/team/grants/{grant}/readers"
    principal = browse("principal")
    principal.submit(place, {"accounts": [str(town.accounts["officer"])]}, status=422)
    browse("officer").get(place, status=404)
    browse("nurse").get(place, status=403)


def test_whom_the_centre_named_no_manager_replaces(
    browse: Browse, town: towns.City, grant: Any
) -> None:
    counsellor, principal = browse("counsellor"), browse("principal")
    place = f"/grants/{grant}/readers"
    counsellor.submit(place, {}, status=422)
    nurse_alone = {"whom": "unknown", "accounts": [str(town.accounts["nurse"])]}
    counsellor.submit(place, nurse_alone)
    case = f"/cases/{town.case_id}"
    browse("teacher").get(case, status=404)
    assert "CANARY" in browse("nurse").get(case).text
    handing = f"/team/grants/{grant}/readers"
    assert handing not in principal.get("/team").text
    principal.submit(handing, {"accounts": [str(town.accounts["teacher"])]}, status=403)
    browse("teacher").get(case, status=404)
    # Nobody is concerned any more: the agency decides again.
    counsellor.submit(place, {"whom": "none"})
    assert handing in principal.get("/team").text
    browse("teacher").get(case)


def test_the_wall_too_keeps_a_manager_from_whom_the_centre_named(
    config: Config, town: towns.City, grant: Any, write: Write
) -> None:
    """The same statement touches the row while the agency decides, and none once the centre did."""
    manager = Viewer(town.accounts["principal"], town.agencies["school"])
    named = update(m.Grant).where(m.Grant.id == grant)
    app = create_engine(str(config.database_url))

    def renamed() -> int:
        with app.connect() as connection:
            send_settings(connection, manager)
            return connection.execute(named.values(account_ids=None)).rowcount

    try:
        assert renamed() == 1
        write(lambda session: session.execute(named.values(readers_fixed=True)))
        assert renamed() == 0
    finally:
        app.dispose()


def test_whom_the_centre_must_not_show_it_to_is_excluded(
    browse: Browse, town: towns.City, grant: Any
) -> None:
    named = {"whom": "names", "accounts": [str(town.accounts["teacher"])], "why_hidden": "関係者"}
    browse("counsellor").submit(f"/grants/{grant}/readers", named)
    browse("teacher").get(f"/cases/{town.case_id}", status=404)
    assert "CANARY" in browse("nurse").get(f"/cases/{town.case_id}").text


def test_an_excluded_manager_does_not_see_the_share_and_the_centre_names_the_readers(
    browse: Browse, town: towns.City, grant: Any, write: Write
) -> None:
    write(
        lambda session: session.add(
            m.Exclusion(
                case_id=town.case_id,
                owner_agency_id=town.agencies["centre"],
                account_id=town.accounts["principal"],
            )
        )
    )
    principal = browse("principal")
    assert "K7F-3QXR" not in principal.get("/team").text
    principal.get(f"/team/grants/{grant}/readers", status=404)
    nurse = {"whom": "unknown", "accounts": [str(town.accounts["nurse"])]}
    browse("counsellor").submit(f"/grants/{grant}/readers", nurse)
    assert "CANARY" in browse("nurse").get(f"/cases/{town.case_id}").text


def test_a_share_that_nobody_reads_is_told_to_the_centre(
    browse: Browse, town: towns.City, grant: Any, write: Write
) -> None:
    counsellor = browse("counsellor")
    assert "見本第一小学校" not in counsellor.get("/").words
    assert "読む人が決まっていません" not in counsellor.get(f"/cases/{town.case_id}").words
    # One of the two moves, the other is excluded: a team is there, and nobody reads.
    moved = update(m.Membership).where(m.Membership.account_id == town.accounts["nurse"])
    write(lambda session: session.execute(moved.values(valid_until=func.now())))
    assert "見本第一小学校" not in counsellor.get("/").words
    write(
        lambda session: session.add(
            m.Exclusion(
                case_id=town.case_id,
                owner_agency_id=town.agencies["centre"],
                account_id=town.accounts["teacher"],
            )
        )
    )
    home = counsellor.get("/").words
    assert "読む人のいない共有" in home
    assert "見本第一小学校" in home
    assert "読む人が決まっていません" in counsellor.get(f"/cases/{town.case_id}").words
    assert (
        "見本第一小学校：読む人がいません" in counsellor.get(f"/cases/{town.case_id}/sights").words
    )
    browse("teacher").get(f"/cases/{town.case_id}", status=404)
