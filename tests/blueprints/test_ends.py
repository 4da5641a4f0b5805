"""Ends that nobody took back: there at the next request, told before, and written down."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, func, select, text, update
from sqlalchemy.orm import Session

from portal import models as m
from portal.database import SystemSession, system_session
from portal.services.ends import note_ends
from tests import city as towns
from tests.blueprints.conftest import Write
from tests.web import Browser

Browse = Callable[[str], Browser]


@pytest.fixture
def shared(write: Write, town: towns.City) -> towns.City:
    """Return the city whose school and welfare division see something by a consent each."""

    def share(session: Session) -> None:
        towns.add_entry(session, town, slice_="school", text="CANARY-school 図書室にいる")
        towns.add_entry(session, town, slice_="welfare", text="CANARY-mother", subject="mother")
        towns.add_consented(session, town, "school", ["basic", "school"], "child")
        towns.add_consented(session, town, "welfare", ["basic", "welfare"], "mother")

    write(share)
    return town


def rows(system: Engine, model: type[Any], *conditions: Any) -> list[Any]:
    with SystemSession(system) as session:
        found = list(session.scalars(select(model).where(*conditions)))
        session.expunge_all()
        return found


def states(system: Engine, town: towns.City, agency: str) -> list[str]:
    found = rows(system, m.ConsentEvent, m.ConsentEvent.agency_id == town.agencies[agency])
    return [event.state for event in found]


def sees_nothing(browser: Browser, town: towns.City) -> None:
    """Not the page, not the list, not its count, not the page that stands open."""
    browser.get(f"/cases/{town.case_id}", status=404)
    browser.get(f"/cases/{town.case_id}/visible", status=404)
    assert "K7F-3QXR" not in browser.get("/cases").text
    assert "K7F-3QXR" not in browser.get("/").text


# -- another school


def test_a_change_of_school_is_shown_first_and_then_ends_what_the_old_one_saw(
    browse: Browse, shared: towns.City, system: Engine
) -> None:
    nurse, counsellor = browse("nurse"), browse("counsellor")
    assert "CANARY-school" in nurse.get(f"/cases/{shared.case_id}").text
    place = f"/cases/{shared.case_id}/ends/school"
    school = str(shared.agencies["school"])
    page = counsellor.submit(place, {"school": school, "step": "preview"}, status=200)
    assert "ケースがあることも見えなくなる人：見本 nurse、見本 teacher" in page.words
    assert "学校での様子：記録1件" in page.words
    assert "CANARY" not in page.text
    assert "CANARY-school" in nurse.get(f"/cases/{shared.case_id}").text, "a preview ends nothing"
    counsellor.submit(place, {"school": school, "step": "end"})
    sees_nothing(nurse, shared)
    assert states(system, shared, "school") == ["expired"]
    assert [task.kind for task in rows(system, m.Task)] == ["ask_anew"]
    assert "新しい学校に何を伝えるかを聞く" in counsellor.get(f"/cases/{shared.case_id}").words
    # The division goes on seeing what it saw.
    assert "CANARY-mother" in browse("officer").get(f"/cases/{shared.case_id}").text
    # Recorded twice it is one end.
    counsellor.get(place)
    assert len(states(system, shared, "school")) == 1


def test_only_a_school_is_left(browse: Browse, shared: towns.City) -> None:
    place = f"/cases/{shared.case_id}/ends/school"
    welfare = str(shared.agencies["welfare"])
    browse("counsellor").submit(place, {"school": welfare, "step": "end"}, status=422)
    browse("nurse").get(place, status=403)
    browse("officer").get(f"/cases/{uuid.uuid4()}/ends/school", status=403)


# -- lost authority


def test_lost_authority_ends_what_rests_on_that_consent_alone(
    browse: Browse, shared: towns.City, system: Engine
) -> None:
    officer, counsellor = browse("officer"), browse("counsellor")
    assert "CANARY-mother" in officer.get(f"/cases/{shared.case_id}").text
    place = f"/cases/{shared.case_id}/ends/authority"
    mother = str(shared.persons["mother"])
    page = counsellor.submit(place, {"person": mother, "step": "preview"}, status=200)
    assert "見本区福祉課" in page.words
    assert "見本第一小学校" not in page.words
    counsellor.submit(place, {"person": mother, "step": "end"})
    sees_nothing(officer, shared)
    assert states(system, shared, "welfare") == ["invalidated"]
    assert "CANARY-school" in browse("nurse").get(f"/cases/{shared.case_id}").text


# -- an agency that leaves


def test_an_agency_that_leaves_sees_nothing_any_more_and_keeps_its_own_records(
    browse: Browse, shared: towns.City, system: Engine, write: Write
) -> None:
    write(
        lambda session: towns.add_entry(
            session, shared, slice_="school", text="CANARY-own 保健室の記録", author="nurse"
        )
    )
    nurse, director = browse("nurse"), browse("director")
    assert "CANARY-school" in nurse.get(f"/cases/{shared.case_id}").text
    school = str(shared.agencies["school"])
    seen = director.submit("/scheme", {"agency": school, "step": "preview"}, status=200)
    assert "つぎの1件の共有が見えなくなります" in seen.words
    assert "K7F-3QXR" in seen.words
    director.submit("/scheme", {"agency": school}, status=422)
    assert "CANARY-school" in nurse.get(f"/cases/{shared.case_id}").text
    director.submit("/scheme", {"agency": school, "sure": "y"})
    sees_nothing(nurse, shared)
    own = nurse.get("/own-records").text
    assert "CANARY-own" in own
    assert "CANARY-school" not in own
    assert states(system, shared, "school") == ["invalidated"]
    browse("principal").get("/team", 403)
    director.submit("/scheme", {}, action=f"/scheme/{school}/return")
    sees_nothing(nurse, shared)
    browse("counsellor").get("/scheme", status=403)


def test_the_rule_does_not_wait_for_the_worker(
    browse: Browse, shared: towns.City, system: Engine, write: Write
) -> None:
    """No worker runs here: what lapsed and who left see nothing; the sweep only writes it down."""
    nurse, officer = browse("nurse"), browse("officer")

    def let_end(session: Session) -> None:
        grant = m.Grant.agency_id == shared.agencies["school"]
        ended = text("now() - interval '1 second'")
        session.execute(update(m.Grant).where(grant).values(valid_until=ended))
        session.add(m.Departure(agency_id=shared.agencies["welfare"]))

    assert "CANARY-school" in nurse.get(f"/cases/{shared.case_id}").text
    assert "CANARY-mother" in officer.get(f"/cases/{shared.case_id}").text
    write(let_end)
    sees_nothing(nurse, shared)
    sees_nothing(officer, shared)
    assert (states(system, shared, "school"), states(system, shared, "welfare")) == ([], [])
    with system_session(system, reason="a test") as session:
        assert note_ends(session) == 2
    with system_session(system, reason="a test") as session:
        assert note_ends(session) == 0, "each end is written down once"
    assert states(system, shared, "school") == ["expired"]
    assert states(system, shared, "welfare") == ["invalidated"]
    with SystemSession(system) as session:
        event = session.scalars(
            select(m.ConsentEvent).where(m.ConsentEvent.state == "expired")
        ).one()
        grant = session.get_one(m.Grant, event.grant_id)
        assert event.happened_at == grant.valid_until, (
            "it ended when it ended, not when it was seen"
        )
        left = session.scalars(
            select(m.Grant).where(m.Grant.agency_id == shared.agencies["welfare"])
        ).one()
        assert left.ended_at is not None


def test_staff_who_move_see_nothing_at_the_next_request(
    browse: Browse, shared: towns.City, write: Write
) -> None:
    nurse = browse("nurse")
    assert "CANARY-school" in nurse.get(f"/cases/{shared.case_id}").text
    moved = update(m.Membership).where(m.Membership.account_id == shared.accounts["nurse"])
    write(lambda session: session.execute(moved.values(valid_until=func.now())))
    nurse.get(f"/cases/{shared.case_id}", status=302)


# -- what cannot be called back


def test_what_was_read_until_the_end_is_told_to_the_centre(
    browse: Browse, shared: towns.City, system: Engine
) -> None:
    nurse = browse("nurse")
    nurse.get(f"/cases/{shared.case_id}")
    nurse.get(f"/cases/{shared.case_id}")
    [grant] = rows(system, m.Grant, m.Grant.agency_id == shared.agencies["school"])
    counsellor = browse("counsellor")
    page = counsellor.get(f"/grants/{grant.id}/end")
    assert "見えなくなるもの" in page.words
    counsellor.submit(f"/grants/{grant.id}/end", {"asked_by": str(shared.persons["child"])})
    assert f"/grants/{grant.id}/read" in counsellor.get(f"/cases/{shared.case_id}/consents").text
    found = counsellor.get(f"/grants/{grant.id}/read")
    assert "見本 nurse" in found.words
    assert "2回" in found.words
    assert "見本 teacher" not in found.words
    assert "CANARY" not in found.text
    nurse.get(f"/grants/{grant.id}/read", status=403)


# -- a concealed case


def test_a_concealed_case_tells_no_agency_where_the_child_is(
    browse: Browse, shared: towns.City, system: Engine, write: Write
) -> None:
    """Consents open neither school nor contact then; a duty does; lifted, all is as before."""

    def more(session: Session) -> None:
        towns.add_entry(session, shared, slice_="contact", text="CANARY-contact")
        towns.add_grant(
            session, shared, "cgc", ["basic", "contact"], subject=None, basis="CAPA6", days=30
        )

    write(more)
    nurse, worker, counsellor = browse("nurse"), browse("cgc_worker"), browse("counsellor")
    case, place = f"/cases/{shared.case_id}", f"/cases/{shared.case_id}/concealment"
    assert "CANARY-school" in nurse.get(case).text
    counsellor.submit(place, {"concealed": "yes"}, status=422)
    counsellor.submit(place, {"concealed": "yes", "reason": "支援措置の通知を受け取った。"})
    assert all(grant.case_concealed for grant in rows(system, m.Grant))
    hidden = nurse.get(case)
    assert "CANARY-school" not in hidden.text
    assert "秘匿" in hidden.words
    assert "CANARY-contact" in worker.get(case).text
    assert "CANARY-school" in counsellor.get(case).text
    counsellor.submit(place, {"concealed": "no", "reason": "支援措置が終わった。"})
    assert "CANARY-school" in nurse.get(case).text
    nurse.get(place, status=403)
    # Who, when and why stays, for the owner.
    told = counsellor.get(place).words
    for words in ("支援措置の通知を受け取った。", "支援措置が終わった。", "見本 counsellor"):
        assert words in told


def test_the_past_knows_when_a_case_was_concealed(
    browse: Browse, shared: towns.City, system: Engine, write: Write
) -> None:
    """Who could see what on a date goes by the flag of that date, not by the one of today."""
    counsellor, place = browse("counsellor"), f"/cases/{shared.case_id}/concealment"
    counsellor.submit(place, {"concealed": "yes", "reason": "支援措置の通知を受け取った。"})
    counsellor.submit(place, {"concealed": "no", "reason": "支援措置が終わった。"})
    hour, now = timedelta(hours=1), datetime.now(UTC)

    def long_ago(session: Session) -> None:
        session.execute(
            update(m.Concealment).values(valid_from=now - 2 * hour, valid_until=now - hour)
        )

    write(long_ago)
    asked = text(
        "SELECT DISTINCT slice FROM sights_at(:case, :at)"
        " WHERE kind = 'slice' AND agency_id = :school"
    )
    place = {"case": shared.case_id, "school": shared.agencies["school"]}
    with system.connect() as connection:
        before, between, after = (
            set(connection.execute(asked, {**place, "at": now - hours * hour}).scalars())
            for hours in (2.5, 1.5, 0.5)
        )
    assert "school" in before & after
    assert "school" not in between
    assert "basic" in between
