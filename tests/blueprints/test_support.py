"""Direct support and what the centre decides about a case."""

import uuid
from collections.abc import Callable
from datetime import date, timedelta

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from portal import models as m
from portal.database import SystemSession
from portal.templating import today
from tests.city import City, add_grant
from tests.web import Browser

Browse = Callable[[str], Browser]
PAGES = ("support", "support/new", "assessment", "urgency", "necessity", "judgement")
URGENT = {"urgency": "AA", "grounds": "首をしめられた"}


@pytest.fixture
def case(town: City) -> str:
    return f"/cases/{town.case_id}"


def rows(system: Engine, model: type[m.Base]) -> list[m.Base]:
    with Session(system, expire_on_commit=False) as session:
        return list(session.scalars(select(model)))


def met(day: date, check_in: str = "met", account: str = "元気だった") -> dict[str, str]:
    return {"check_in": check_in, "met_on": day.isoformat(), "account_of_it": account}


class TestUrgency:
    def test_it_is_decided_with_the_criteria_in_sight_and_the_newest_holds(
        self, browse: Browse, case: str, system: Engine
    ) -> None:
        counsellor = browse("counsellor")
        page = counsellor.get(f"{case}/urgency").words
        for criterion in ("性的虐待", "首をしめる", "くり返されるおそれ", "心配な事情"):
            assert criterion in page
        counsellor.submit(f"{case}/urgency", {"urgency": "C", "grounds": "はじめの理由"})
        counsellor.submit(f"{case}/urgency", URGENT)
        words = counsellor.get(f"{case}/assessment").words
        assert words.index("首をしめられた") < words.index("はじめの理由")

    def test_a_pressing_case_asks_for_the_child_to_be_seen_within_48_hours(
        self, browse: Browse, case: str, system: Engine, town: City
    ) -> None:
        counsellor = browse("counsellor")
        counsellor.submit(f"{case}/urgency", {"urgency": "B", "grounds": "数日以内"})
        assert rows(system, m.Task) == []
        counsellor.submit(f"{case}/urgency", URGENT)
        counsellor.submit(f"{case}/urgency", URGENT)
        (task,) = rows(system, m.Task)
        (opened_at,) = (c.opened_at for c in rows(system, m.Case) if c.id == town.case_id)
        assert task.due_at == opened_at + timedelta(hours=48)
        assert "受理から48時間" in counsellor.get(f"{case}/support").words

    @pytest.mark.parametrize(
        ("check_in", "done"), [("met", True), ("voice", False), ("not_met", False)]
    )
    def test_only_a_child_that_was_met_has_been_seen(
        self, browse: Browse, case: str, system: Engine, check_in: str, *, done: bool
    ) -> None:
        counsellor = browse("counsellor")
        counsellor.submit(f"{case}/urgency", URGENT)
        counsellor.submit(f"{case}/support/new", met(today(), check_in))
        (task,) = rows(system, m.Task)
        assert (task.done_at is not None) == done
        assert ("受理から48時間" in counsellor.get(f"{case}/support").words) == (not done)

    def test_a_child_that_was_met_before_needs_no_second_look(
        self, browse: Browse, case: str, system: Engine
    ) -> None:
        counsellor = browse("counsellor")
        counsellor.submit(f"{case}/support/new", met(today()))
        counsellor.submit(f"{case}/urgency", URGENT)
        assert rows(system, m.Task) == []


class TestMeeting:
    def test_that_the_child_was_met_is_recorded_with_its_day(
        self, browse: Browse, case: str, system: Engine
    ) -> None:
        counsellor = browse("counsellor")
        yesterday = today() - timedelta(days=1)
        counsellor.submit(f"{case}/support/new", met(yesterday, account="「家に帰りたくない」"))
        (meeting,) = rows(system, m.ChildMeeting)
        assert (meeting.met_on, meeting.check_in) == (yesterday, "met")
        assert "「家に帰りたくない」" in counsellor.get(f"{case}/support").words

    def test_the_day_can_be_typed_in_three_parts(
        self, browse: Browse, case: str, system: Engine
    ) -> None:
        counsellor = browse("counsellor")
        form = counsellor.get(f"{case}/support/new").form()
        parts = {**form, **met(today()), "met_on": ["2026", "9", "1"]}
        counsellor.post(f"{case}/support/new", parts)
        (meeting,) = rows(system, m.ChildMeeting)
        assert meeting.met_on == date(2026, 9, 1)

    def test_a_refused_form_says_why_and_keeps_the_rest(
        self, browse: Browse, case: str, system: Engine
    ) -> None:
        counsellor = browse("counsellor")
        for changes, message in (
            ({"met_on": "2999-01-01"}, "日付が、きょうより後になっています。"),
            ({"met_on": "2026-02-30"}, "日付"),
            ({"check_in": ""}, "会えたかどうかを選んでください。"),
            ({"check_in": "x"}, "こどもに会えたか"),
            ({"account_of_it": " "}, "様子か、会えなかった理由を書いてください。"),
        ):
            values = {**met(today()), **changes}
            page = counsellor.submit(f"{case}/support/new", values, status=422)
            assert page.tree is not None
            (summary,) = page.tree.xpath("//div[@class='error-summary']")
            assert message in summary.text_content()
            assert page.form()["account_of_it"].strip() == values["account_of_it"].strip()
        assert rows(system, m.ChildMeeting) == []


class TestDecisions:
    def test_which_condition_holds_is_recorded(
        self, browse: Browse, case: str, system: Engine
    ) -> None:
        counsellor = browse("counsellor")
        assert "まだ確認していません" in counsellor.get(f"{case}/assessment").words
        values = {"necessity": "agencies_needed", "grounds": "学校の見守りがいる"}
        counsellor.submit(f"{case}/necessity", values)
        words = counsellor.get(f"{case}/assessment").words
        assert "関係機関の協力が必要" in words
        assert "学校の見守りがいる" in words
        counsellor.submit(f"{case}/necessity", {**values, "necessity": "x"}, status=422)
        assert len(rows(system, m.NecessityRecord)) == 1

    def test_a_judgement_fits_together(self, browse: Browse, case: str, system: Engine) -> None:
        counsellor = browse("counsellor")
        values = {"violation": "CORPORAL", "grounds": "二人の話が合う"}
        for finding, severity in (("found", "S0"), ("not_found", "S2"), ("guilty", "S2")):
            judged = {**values, "finding": finding, "severity": severity}
            page = counsellor.submit(f"{case}/judgement", judged, status=422)
            assert page.form()["grounds"].strip() == "二人の話が合う"
        assert rows(system, m.Violation) == []
        for finding, severity in (("found", "S2"), ("not_found", "S0"), ("unclear", "S0")):
            judged = {**values, "finding": finding, "severity": severity}
            counsellor.submit(f"{case}/judgement", judged)
        findings = {row.finding for row in rows(system, m.Violation)}
        assert findings == {"found", "not_found", "unclear"}

    def test_sent_twice_it_is_written_once(self, browse: Browse, case: str, system: Engine) -> None:
        counsellor = browse("counsellor")
        for page, values, model in (
            ("urgency", URGENT, m.UrgencyDecision),
            ("support/new", met(today()), m.ChildMeeting),
            ("necessity", {"necessity": "cannot_reach", "grounds": "理由"}, m.NecessityRecord),
            ("judgement", {"finding": "unclear", "grounds": "理由"}, m.Violation),
        ):
            form = {**counsellor.get(f"{case}/{page}").form(), **values}
            for _ in range(2):
                counsellor.post(f"{case}/{page}", form)
            assert len(rows(system, model)) == 1, page


class TestWhoMay:
    def test_what_the_centre_decides_is_the_centres(
        self, browse: Browse, case: str, system: Engine, town: City
    ) -> None:
        with SystemSession(system) as session, session.begin():
            add_grant(session, town, "school", ["basic", "judgement"])
        nurse, investigator = browse("nurse"), browse("investigator")
        nurse.get(case)
        for page in PAGES:
            nurse.get(f"{case}/{page}", status=403)
            investigator.get(f"{case}/{page}")

    def test_absent_and_hidden_are_the_same(
        self, browse: Browse, case: str, system: Engine, town: City
    ) -> None:
        counsellor = browse("counsellor")
        absent = [
            counsellor.get(f"/cases/{uuid.uuid4()}/{page}", status=404).text for page in PAGES
        ]
        for page in PAGES:
            counsellor.get(f"{case}/{page}")
        with SystemSession(system) as session, session.begin():
            session.add(
                m.Exclusion(
                    case_id=town.case_id,
                    owner_agency_id=town.agencies["centre"],
                    account_id=town.accounts["counsellor"],
                )
            )
        hidden = [counsellor.get(f"{case}/{page}", status=404).text for page in PAGES]
        assert hidden == absent
