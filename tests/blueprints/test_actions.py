"""Requests to agencies: asking, accepting, declining, finishing, and what is left of them."""

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, func, select, update
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


@pytest.fixture
def write(config: Config, system: Engine, town: towns.City) -> Write:
    """Return a pen of the system role: what others do meanwhile."""

    def writing(what: Callable[[Session, towns.City], Any]) -> Any:
        with SystemSession(system) as session, session.begin():
            equip(session, config.keys)
            return what(session, town)

    return writing


def asked(agency: str = "school", *, days: int = 7, request: str = "朝のようすを見る") -> Any:
    """Write a request as the system role and return its id."""

    def writing(session: Session, town: towns.City) -> uuid.UUID:
        action = m.Action(
            case_id=town.case_id,
            owner_agency_id=town.agencies["centre"],
            agency_id=town.agencies[agency],
            kind="watch",
            due_on=today() + timedelta(days=days),
            asked_by=town.accounts["counsellor"],
        )
        create_key(session, Scope("action", action.id))
        seal(session, action, request=request)
        session.add(action)
        return action.id

    return writing


@pytest.fixture
def grant(write: Write) -> uuid.UUID:
    """The school sees the case."""
    return write(
        lambda session, town: towns.add_grant(session, town, "school", ["basic", "school"])
    )


def end(grant_id: uuid.UUID) -> Callable[[Session, towns.City], Any]:
    return lambda session, _town: session.execute(
        update(m.Grant).where(m.Grant.id == grant_id).values(ended_at=func.now())
    )


def statuses(session: Session, _town: towns.City) -> list[str]:
    return list(session.scalars(select(m.Action.status)))


def steps(session: Session, _town: towns.City) -> list[str]:
    return list(session.scalars(select(m.ActionEvent.status)))


def moved(session: Session, _town: towns.City) -> list[str]:
    events = select(m.AuditEvent.details).where(m.AuditEvent.event == "action.moved")
    return [row["status"] for row in session.scalars(events)]


def asking(browser: Browser, town: towns.City, **changes: Any) -> tuple[str, dict[str, Any]]:
    """Return the address and the filled fields of a request."""
    url = f"/cases/{town.case_id}/actions/new"
    fields = {
        **browser.get(url).form(),
        "agency": str(town.agencies["school"]),
        "due_on": (today() + timedelta(days=7)).isoformat(),
        "kind": "watch",
        "request": "朝のようすを見てください",
        **changes,
    }
    return url, fields


def test_a_request_goes_its_way(
    browse: Browse, town: towns.City, write: Write, grant: uuid.UUID
) -> None:
    counsellor, nurse = browse("counsellor"), browse("nurse")
    url, fields = asking(counsellor, town)
    assert counsellor.post(url, fields).location == f"/cases/{town.case_id}"
    counsellor.post(url, fields)
    assert write(statuses) == ["asked"]

    page = nurse.get("/actions")
    (there,) = page.tree.xpath("//li[contains(@class, 'case-row')]//a/@href")
    assert "あおい" in page.words
    action = nurse.get(there)
    assert "朝のようすを見てください" in action.words
    nurse.post(f"{there}/accept", action.form("/accept"))
    nurse.submit(f"{there}/finish", {"words": "毎朝声をかけた", "effect": "笑うようになった"})
    assert write(statuses) == ["done"]
    assert sorted(write(moved)) == ["accepted", "done"]

    seen = browse("counsellor").get(there).words
    assert "毎朝声をかけた" in seen
    assert "笑うようになった" in seen
    assert "おわりました" in browse("counsellor").get(f"/cases/{town.case_id}").words
    assert there not in nurse.get("/actions").text
    assert there in nurse.get("/actions?state=ended").text


def test_only_agencies_that_see_the_case_are_asked(
    browse: Browse, town: towns.City, write: Write, grant: uuid.UUID
) -> None:
    counsellor = browse("counsellor")
    url, fields = asking(counsellor, town)
    page = counsellor.get(url)
    offered = page.tree.xpath("//select[@id='agency']/option/@value")
    # And the entrusted NPO, which is shown what its task needs with the task (ENTRUST_NPO).
    assert set(offered) == {str(town.agencies["school"]), str(town.agencies["npo"])}
    strange = {**fields, "agency": str(town.agencies["welfare"])}
    counsellor.post(url, strange, status=422)
    write(end(grant))
    counsellor.post(url, fields, status=422)
    left = counsellor.get(url).tree.xpath("//select[@id='agency']/option/@value")
    assert left == [str(town.agencies["npo"])]
    assert write(statuses) == []


def test_an_agency_that_is_not_to_be_told_is_not_asked(
    browse: Browse, town: towns.City, write: Write, grant: uuid.UUID
) -> None:
    def not_to_tell(session: Session, town: towns.City) -> None:
        session.add(
            m.NeverTell(
                case_id=town.case_id,
                owner_agency_id=town.agencies["centre"],
                agency_id=town.agencies["school"],
            )
        )

    url = f"/cases/{town.case_id}/actions/new"
    assert "見本第一小学校" in browse("counsellor").get(url).words
    write(not_to_tell)
    assert "見本第一小学校" not in browse("counsellor").get(url).words


@pytest.mark.parametrize("due", ["", "2001-02-30", "x", "0001-01-01", "9999-12-31"])
def test_a_due_day_must_be_a_near_one(
    browse: Browse, town: towns.City, write: Write, grant: uuid.UUID, due: str
) -> None:
    counsellor = browse("counsellor")
    url, fields = asking(counsellor, town, due_on=due, request="消えない文章です")
    refused = counsellor.post(url, fields, status=422)
    assert refused.form()["request"].strip() == "消えない文章です"
    assert write(statuses) == []


@pytest.mark.parametrize("person", ["nurse", "officer", "lawyer", "clerk"])
def test_only_the_owner_asks(
    browse: Browse, town: towns.City, grant: uuid.UUID, person: str
) -> None:
    browse(person).get(f"/cases/{town.case_id}/actions/new", status=403)


def test_declining_needs_a_reason_and_tells_it(
    browse: Browse, write: Write, grant: uuid.UUID
) -> None:
    there = f"/actions/{write(asked())}"
    nurse = browse("nurse")
    refused = nurse.submit(f"{there}/decline", {"words": "　"}, status=422)
    assert "理由を入力してください。" in refused.words
    assert write(statuses) == ["asked"]
    nurse.submit(f"{there}/decline", {"words": "担当がいない"})
    assert write(statuses) == ["declined"]
    assert "担当がいない" in browse("counsellor").get(there).words


def test_an_answer_sent_twice_is_one_step(browse: Browse, write: Write, grant: uuid.UUID) -> None:
    url = f"/actions/{write(asked())}/finish"
    nurse = browse("nurse")
    fields = {**nurse.get(url).form(), "words": "声をかけた"}
    assert nurse.post(url, fields).location == nurse.post(url, fields).location
    assert write(steps) == ["done"]


def test_two_colleagues_who_answer_at_once_do_not_overwrite_each_other(
    browse: Browse, write: Write, grant: uuid.UUID
) -> None:
    there = f"/actions/{write(asked())}"
    nurse, teacher = browse("nurse"), browse("teacher")
    late = {**teacher.get(f"{there}/decline").form(), "words": "担当がいないので引き受けません"}
    nurse.submit(f"{there}/finish", {"words": "声をかけた"})
    refused = teacher.post(f"{there}/decline", late, status=409)
    assert "担当がいないので引き受けません" in refused.text
    assert write(statuses) == ["done"]
    assert write(steps) == ["done"]


def test_the_owner_takes_a_request_back_and_nobody_else(
    browse: Browse, write: Write, grant: uuid.UUID
) -> None:
    there = f"/actions/{write(asked())}"
    nurse, counsellor = browse("nurse"), browse("counsellor")
    nurse.submit(f"{there}/cancel", {"words": "いらない"}, status=403)
    counsellor.submit(f"{there}/finish", {"words": "代わりにした"}, status=403)
    assert write(statuses) == ["asked"]
    counsellor.submit(f"{there}/cancel", {"words": "家庭訪問でわかった"})
    assert write(statuses) == ["cancelled"]
    assert "家庭訪問でわかった" in nurse.get(there).words


def test_a_request_is_seen_by_the_asked_agency_while_it_sees_the_case(
    browse: Browse, town: towns.City, write: Write, grant: uuid.UUID
) -> None:
    there = f"/actions/{write(asked())}"
    write(lambda session, town: towns.add_grant(session, town, "welfare", ["basic", "welfare"]))
    nurse, officer = browse("nurse"), browse("officer")
    nurse.submit(f"{there}/finish", {"words": "毎朝声をかけた", "effect": "笑うようになった"})
    officer.get(there, status=404)
    absent = nurse.get(f"/actions/{uuid.uuid4()}", status=404)
    write(end(grant))
    for page in ("", "/finish", "/decline"):
        assert nurse.get(there + page, status=404).text == absent.text
    nurse.post(f"{there}/accept", status=404)
    assert there not in nurse.get("/actions?state=ended").text
    # What the agency itself said stays its own record, without the case.
    own = nurse.get("/own-records")
    assert "毎朝声をかけた" in own.words
    assert "笑うようになった" in own.words
    assert "朝のようすを見る" not in own.words
    assert str(town.case_id) not in own.text
    assert "毎朝声をかけた" not in officer.get("/own-records").words


def test_overdue_requests_come_first(browse: Browse, write: Write, grant: uuid.UUID) -> None:
    later, late, soon = write(asked(days=30)), write(asked(days=-3)), write(asked(days=2))
    page = browse("nurse").get("/actions")
    shown = page.tree.xpath("//li[contains(@class, 'case-row')]//a/@href")
    assert shown == [f"/actions/{id_}" for id_ in (late, soon, later)]
    assert "3日超過" in page.words
    # At the centre the same page tells what it waits for, and from whom.
    centre = browse("counsellor").get("/actions")
    assert centre.tree.xpath("//li[contains(@class, 'case-row')]//a/@href") == shown
    assert "見本第一小学校" in centre.words


def test_a_long_list_of_requests_goes_on(browse: Browse, write: Write, grant: uuid.UUID) -> None:
    def many(session: Session, town: towns.City) -> None:
        for day in range(55):
            asked(days=day)(session, town)

    write(many)
    nurse = browse("nurse")
    first = nurse.get("/actions")
    (onward,) = first.tree.xpath("//a[contains(@href, 'at=')]/@href")
    second = nurse.get(onward)
    rows = [
        page.tree.xpath("//li[contains(@class, 'case-row')]//a/@href") for page in (first, second)
    ]
    assert [len(page) for page in rows] == [50, 5]
    assert len({*rows[0], *rows[1]}) == 55
