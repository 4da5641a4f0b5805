"""Progress with a next day, closure with what the child thinks, re-opening."""

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from portal import models as m
from portal.config import Config
from portal.database import SystemSession
from portal.templating import today
from portal.vault import Scope, create_key, equip, seal
from tests import city as towns
from tests.web import Browser

Browse = Callable[[str], Browser]
Write = Callable[[Callable[[Session, towns.City], Any]], Any]

CLOSURE = {
    "outcome": "improved",
    "child_view": "また話してもいい",
    "summary": "朝ごはんを食べている",
}


@pytest.fixture
def write(config: Config, system: Engine, town: towns.City) -> Write:
    """Return a pen of the system role: what others do meanwhile."""

    def writing(what: Callable[[Session, towns.City], Any]) -> Any:
        with SystemSession(system) as session, session.begin():
            equip(session, config.keys)
            return what(session, town)

    return writing


def case_url(town: towns.City) -> str:
    return f"/cases/{town.case_id}"


def count(model: type[m.Base]) -> Callable[[Session, towns.City], int]:
    return lambda session, _town: session.scalar(select(func.count()).select_from(model))


def status(session: Session, town: towns.City) -> str:
    return session.get_one(m.Case, town.case_id).status


def soon(days: int = 14) -> str:
    return (today() + timedelta(days=days)).isoformat()


def test_a_check_sets_the_next_day(browse: Browse, town: towns.City, write: Write) -> None:
    counsellor, url = browse("counsellor"), f"{case_url(town)}/progress"
    fields = {
        **counsellor.get(url).form(),
        "finding": "落ちついている",
        "next_on": soon(),
    }
    assert counsellor.post(url, fields).location == case_url(town)
    counsellor.post(url, fields)
    assert write(count(m.ProgressCheck)) == 1
    assert "あと14日" in counsellor.get(case_url(town)).words
    assert "あと14日" in counsellor.get("/cases").words
    assert "落ちついている" in counsellor.get(url).words


@pytest.mark.parametrize("next_on", ["", "x", "2026-02-30", "0001-01-01", soon(-1), soon(400)])
def test_a_check_without_a_near_next_day_is_refused(
    browse: Browse, town: towns.City, write: Write, next_on: str
) -> None:
    counsellor, url = browse("counsellor"), f"{case_url(town)}/progress"
    fields = {**counsellor.get(url).form(), "finding": "消えない文章です"}
    refused = counsellor.post(url, {**fields, "next_on": next_on}, status=422)
    assert refused.form()["finding"].strip() == "消えない文章です"
    assert write(count(m.ProgressCheck)) == 0


@pytest.mark.parametrize("person", ["nurse", "officer", "clerk", "lawyer"])
def test_progress_and_closure_are_the_owners(
    browse: Browse, town: towns.City, write: Write, person: str
) -> None:
    write(lambda session, town: towns.add_grant(session, town, "school", ["basic", "progress"]))
    for page in ("progress", "closure"):
        browse(person).get(f"{case_url(town)}/{page}", status=403)
    browse(person).post(f"{case_url(town)}/reopening", status=403)


def ask_the_school(session: Session, town: towns.City) -> uuid.UUID:
    action = m.Action(
        case_id=town.case_id,
        owner_agency_id=town.agencies["centre"],
        agency_id=town.agencies["school"],
        kind="watch",
        due_on=today(),
        asked_by=town.accounts["counsellor"],
    )
    create_key(session, Scope("action", action.id))
    seal(session, action, request="見守る")
    session.add(action)
    return action.id


def give(agency: str, purpose: str) -> Callable[[Session, towns.City], uuid.UUID]:
    def giving(session: Session, town: towns.City) -> uuid.UUID:
        grant_id = towns.add_grant(session, town, agency, ["basic", "progress"])
        session.get_one(m.Grant, grant_id).purpose = purpose
        return grant_id

    return giving


def test_the_end_ends_what_was_shared_but_for_watching(
    browse: Browse, town: towns.City, write: Write
) -> None:
    write(give("school", "support"))
    write(give("npo", "watching"))
    action = write(ask_the_school)
    nurse, worker, counsellor = browse("nurse"), browse("npo_worker"), browse("counsellor")
    for browser in (nurse, worker):
        browser.get(case_url(town))
    page = counsellor.get(f"{case_url(town)}/closure")
    ends, goes_on = page.words.split("見守りとして続く共有")
    assert "見本第一小学校" in ends
    assert "NPO法人みほん" in goes_on

    done = counsellor.submit(f"{case_url(town)}/closure", CLOSURE)
    assert done.location == case_url(town)
    nurse.get(case_url(town), status=404)
    nurse.get(f"/actions/{action}", status=404)
    assert "K7F-3QXR" not in nurse.get("/cases").text
    worker.get(case_url(town))
    assert write(status) == "closed"

    def state(session: Session, _town: towns.City) -> str:
        return session.get_one(m.Action, action).status

    assert write(state) == "cancelled"
    told = counsellor.get(f"{case_url(town)}/progress").words
    assert "また話してもいい" in told
    assert "改善し見守りへ" in told


def test_the_history_of_a_consent_says_that_it_ended(
    browse: Browse, town: towns.City, write: Write
) -> None:
    def consent(session: Session, town: towns.City) -> None:
        of_case = {"case_id": town.case_id, "owner_agency_id": town.agencies["centre"]}
        given = m.Consent(
            **of_case,
            kind="sharing",
            giver_kind="child",
            giver_person_id=town.persons["child"],
            method="oral",
        )
        session.add(given)
        session.flush()
        grant_id = towns.add_grant(session, town, "school", ["basic"])
        session.get_one(m.Grant, grant_id).consent_id = given.id

    def states(session: Session, _town: towns.City) -> list[str]:
        return list(session.scalars(select(m.ConsentEvent.state)))

    write(consent)
    assert write(states) == []
    browse("counsellor").submit(f"{case_url(town)}/closure", CLOSURE)
    assert write(states) == ["expired"]


@pytest.mark.parametrize("missing", sorted(CLOSURE))
def test_no_end_without_outcome_childs_view_and_summary(
    browse: Browse, town: towns.City, write: Write, missing: str
) -> None:
    counsellor, url = browse("counsellor"), f"{case_url(town)}/closure"
    form = counsellor.get(url).form()
    refused = counsellor.post(url, {**form, **CLOSURE, missing: ""}, status=422)
    kept = refused.form()
    assert all(kept[name].strip() == CLOSURE[name] for name in CLOSURE if name != missing)
    assert write(status) == "supporting"


def test_an_end_because_nobody_is_reached_is_the_directors(
    browse: Browse, town: towns.City, write: Write
) -> None:
    lost = {**CLOSURE, "outcome": "lost"}
    refused = browse("counsellor").submit(f"{case_url(town)}/closure", lost, status=422)
    assert "所長が判断します" in refused.words
    assert write(status) == "supporting"
    browse("director").submit(f"{case_url(town)}/closure", lost)
    assert write(status) == "closed"


def test_what_is_not_done_yet_is_told_before_the_end_and_stays(
    browse: Browse, town: towns.City, write: Write
) -> None:
    def see_the_child(session: Session, town: towns.City) -> None:
        place = {"case_id": town.case_id, "owner_agency_id": town.agencies["centre"]}
        due = session.scalar(select(func.now()))
        session.add(m.Task(**place, kind=m.Task.SEE_CHILD, due_at=due))

    counsellor, url = browse("counsellor"), f"{case_url(town)}/closure"
    assert "済んでいない確認" not in counsellor.get(url).words
    write(see_the_child)
    page = counsellor.get(url).words
    assert "済んでいない確認" in page
    assert "こどもに会って安全を確かめる" in page
    counsellor.submit(url, CLOSURE)
    page = counsellor.get(case_url(town))
    assert "このケースは終結しています" in page.words
    assert "こどもに会って安全を確かめる" in page.words
    assert "こどもに会う" in counsellor.get("/").words


def test_a_closed_case_closes_once_and_opens_again_without_its_shares(
    browse: Browse, town: towns.City, write: Write
) -> None:
    write(give("school", "support"))
    counsellor, url = browse("counsellor"), f"{case_url(town)}/closure"
    fields = {**counsellor.get(url).form(), **CLOSURE}
    other = {**counsellor.get(url).form(), **CLOSURE}
    assert counsellor.post(url, fields).location == counsellor.post(url, fields).location
    counsellor.post(url, other, status=409)
    assert write(count(m.Closure)) == 1

    page = counsellor.get(f"{case_url(town)}/progress")
    counsellor.post(f"{case_url(town)}/reopening", page.form("/reopening"))
    counsellor.post(f"{case_url(town)}/reopening", page.form("/reopening"))
    assert write(status) == "reopened"
    browse("nurse").get(case_url(town), status=404)
    assert "再開" in counsellor.get(f"{case_url(town)}/progress").words

    def reopened(session: Session, _town: towns.City) -> int:
        event = select(func.count()).where(m.AuditEvent.event == "case.reopened")
        return session.scalar(event) or 0

    assert write(reopened) == 1
