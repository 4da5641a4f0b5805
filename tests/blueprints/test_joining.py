"""The same child come twice: compared side by side, joined by a person, and taken apart again."""

import uuid
from collections.abc import Callable
from typing import Any

from sqlalchemy import Engine, select, update
from sqlalchemy.orm import Session

from portal import models as m
from portal.config import Config
from portal.database import SystemSession
from portal.vault import equip, seal
from portal.working_hours import promised_reply
from tests import city as towns
from tests.blueprints.test_child import come_back, tell
from tests.blueprints.test_intake import accept, items_of, report
from tests.web import Browser, Page

Browse = Callable[[str], Browser]

ALIKE = "同じこどもかもしれないケースがあります"
# How the child of the city's case is called by others, in spellings of their own.
SAME_KANA = {"family_name": "三本", "given_name": "葵", "kana": "ミホン"}
SAME_NAME = {"family_name": "見本", "given_name": "あおい", "kana": ""}
LONG = "わたしの書いた長い理由です。消えては困ります。"
SCHOOL = "見本第一小学校"
ANOTHER = {"family_name": "別野", "given_name": "はな", "kana": "べつの はな"}


def rows(system: Engine, model: type[m.Base], *where: Any) -> list[Any]:
    with Session(system, expire_on_commit=False) as session:
        return list(session.scalars(select(model).where(*where)))


def item_of(system: Engine, url: str) -> m.InboxItem:
    (item,) = rows(system, m.InboxItem, m.InboxItem.id == uuid.UUID(url.rpartition("/")[2]))
    return item


def join(browser: Browser, item: str, town: towns.City, status: int = 302, **values: str) -> Page:
    return browser.submit(f"{item}/join/{town.case_id}", values, status)


def told(stranger: Browser, browser: Browser, **values: str) -> tuple[str, list[str]]:
    """Let a child tell the centre; return where it lies, and the return code."""
    code = tell(stranger, **values)
    (item,) = items_of(browser)
    return item, code


def shared(system: Engine, town: towns.City) -> None:
    """Let the record of sharing have a row."""
    with SystemSession(system) as session, session.begin():
        towns.add_grant(session, town, "school", ["school"])


class TestComparing:
    def test_a_child_that_is_there_already_is_shown_before_a_second_case_is_made(
        self, stranger: Browser, browse: Browse, system: Engine, town: towns.City
    ) -> None:
        centre = browse("counsellor")
        item, _code = told(stranger, centre)
        before = len(rows(system, m.Case))
        for child in (SAME_KANA, SAME_NAME):
            page = accept(centre, item, 422, **child)
            assert ALIKE in page.words
            assert "K7F-3QXR" in page.words
            assert "ケースとくらべて、別のこどもか、同じこどもかを選んでください。" in page.words
            assert page.form()["family_name"] == child["family_name"]
        assert len(rows(system, m.Case)) == before
        # A person says that it is another child.
        form = {**page.form(), "another": "y"}
        assert centre.post(f"{item}/accept", form).location.startswith("/cases/")
        assert len(rows(system, m.Case)) == before + 1

    def test_another_child_is_asked_about_nothing(
        self, stranger: Browser, browse: Browse, town: towns.City
    ) -> None:
        """The control arm: nobody is stopped for a name that nobody has."""
        centre = browse("counsellor")
        item, _code = told(stranger, centre)
        assert accept(centre, item, **ANOTHER).location.startswith("/cases/")

    def test_who_compared_has_not_compared_with_what_came_meanwhile(
        self, stranger: Browser, browse: Browse, system: Engine
    ) -> None:
        centre = browse("counsellor")
        item, _code = told(stranger, centre)
        page = accept(centre, item, 422, **SAME_NAME)
        with SystemSession(system) as session, session.begin():
            session.execute(
                update(m.CasePerson).where(m.CasePerson.is_child.is_(True)).values(is_child=False)
            )
        # No case is there any more that was compared: what was said is not said of none.
        assert centre.post(f"{item}/accept", {**page.form(), "another": "y"}).status == 302

    def test_who_is_excluded_from_a_case_learns_nothing_of_it(
        self, stranger: Browser, browse: Browse, system: Engine, town: towns.City
    ) -> None:
        investigator = browse("investigator")
        item, _code = told(stranger, investigator)
        assert ALIKE in accept(investigator, item, 422, **SAME_NAME).words
        with SystemSession(system) as session, session.begin():
            session.add(
                m.Exclusion(
                    case_id=town.case_id,
                    owner_agency_id=town.agencies["centre"],
                    account_id=town.accounts["investigator"],
                )
            )
        found = investigator.submit(f"{item}/join", {"words": "見本"}, 200)
        assert "K7F-3QXR" not in found.words
        join_page = f"{item}/join/{town.case_id}"
        investigator.get(join_page, 404)
        assert accept(investigator, item, **SAME_NAME).location.startswith("/cases/")

    def test_a_birth_date_tells_of_a_child_whose_family_name_is_another(
        self, stranger: Browser, browse: Browse, system: Engine, town: towns.City, config: Config
    ) -> None:
        with SystemSession(system) as session, session.begin():
            equip(session, config.keys)
            child = session.get_one(m.Person, town.persons["child"])
            seal(session, child, kana="みほん あおい", birth_date="2014-05-01")
            spelling = session.scalars(
                select(m.Spelling).where(m.Spelling.person_id == child.id)
            ).one()
            link = session.scalars(
                select(m.CasePerson).where(m.CasePerson.person_id == child.id)
            ).one()
            names = {"family_name": "見本", "given_name": "あおい", "kana": "みほん あおい"}
            spelling.sealed = towns.spelling_of(session, link, **names).sealed
        centre = browse("counsellor")
        item, _code = told(stranger, centre)
        child_now = {"family_name": "新田", "given_name": "葵", "kana": "にった あおい"}
        born = {"birth_date": "2014 5 1"}
        assert ALIKE in accept(centre, item, 422, **child_now, **born).words
        accept(centre, item, **child_now, birth_date="2014 5 2")


class TestJoining:
    def test_a_consultation_joined_is_the_cases_and_is_taken_apart_again(
        self, stranger: Browser, browse: Browse, system: Engine, town: towns.City
    ) -> None:
        centre = browse("counsellor")
        shared(system, town)
        item, code = told(stranger, centre, words="また つらいです", not_to_tell="たんにん")
        page = centre.get(f"{item}/join/{town.case_id}")
        assert "また つらいです" in page.words
        assert "K7F-3QXR" in page.words
        where = join(centre, item, town, by_the_child="y").location
        assert where == f"/cases/{town.case_id}/consultations"
        assert item in centre.get(where).text
        row = item_of(system, item)
        assert (row.case_id, row.status) == (town.case_id, "accepted")
        (wish,) = rows(system, m.NeverTell)
        assert wish.case_id == town.case_id
        come_back(stranger, code)
        assert SCHOOL in stranger.get("/child/record").words
        # Taken apart: on the desk again, nothing lost, and the code opens no record any more.
        apart = f"{where}/{item.rpartition('/')[2]}/separate"
        assert centre.submit(apart, {}).location == item
        row = item_of(system, item)
        assert (row.case_id, row.status, row.handled_by) == (None, "new", None)
        assert "また つらいです" in centre.get(item).words
        assert item not in centre.get(where).text
        assert items_of(centre) == [item]
        assert SCHOOL not in stranger.get("/child/record").words
        assert len(rows(system, m.NeverTell)) == 1, "the wish stays until a person lifts it"
        events = [e.event for e in rows(system, m.AuditEvent, m.AuditEvent.case_id == town.case_id)]
        assert "consultation.joined" in events
        assert "consultation.separated" in events
        # And joined once more.
        join(centre, item, town)
        assert item_of(system, item).case_id == town.case_id

    def test_what_began_at_the_centre_is_offered_no_way_out_and_promised_for_a_working_day(
        self, browse: Browse, system: Engine, town: towns.City
    ) -> None:
        centre, case = browse("counsellor"), f"/cases/{town.case_id}"
        given = {"secret": "あさがお"}
        centre.submit(f"{case}/people/{town.persons['child']}/code", given, 200)
        page = centre.get(f"{case}/consultations")
        assert "/separate" not in page.text
        assert "ケースから外せません" in page.words
        (thread,) = rows(system, m.Thread)
        # What it answers will come in writing: whoever writes at noon waits for no clock.
        assert thread.promised_at == promised_reply(thread.opened_at, "WEB")

    def test_whom_nobody_knows_to_be_the_child_is_let_into_no_record(
        self, stranger: Browser, browse: Browse, system: Engine, town: towns.City
    ) -> None:
        """Anybody can say a child's name to a page."""
        centre = browse("counsellor")
        shared(system, town)
        item, code = told(stranger, centre)
        join(centre, item, town)
        row = item_of(system, item)
        assert row.case_id == town.case_id
        (thread,) = rows(system, m.Thread, m.Thread.id == row.thread_id)
        assert (thread.case_id, thread.person_id) == (None, None)
        come_back(stranger, code)
        assert SCHOOL not in stranger.get("/child/record").words

    def test_sent_twice_it_is_one_joining_and_another_case_is_a_conflict(
        self, stranger: Browser, browse: Browse, system: Engine, town: towns.City
    ) -> None:
        centre, director = browse("counsellor"), browse("director")
        item, _code = told(stranger, centre)
        form = centre.get(f"{item}/join/{town.case_id}").form()
        late = director.get(f"{item}/accept").form()
        for _ in range(2):
            centre.post(f"{item}/join/{town.case_id}", form, 302)
        joined = rows(system, m.AuditEvent, m.AuditEvent.event == "consultation.joined")
        assert len(joined) == 1
        terms = {**late, "urgency": "B", "grounds": LONG}
        assert LONG in director.post(f"{item}/accept", terms, 409).words

    def test_who_does_not_work_on_the_case_joins_nobody_who_reported(
        self, stranger: Browser, browse: Browse, system: Engine, town: towns.City
    ) -> None:
        report(stranger, suspected_abuse="y")
        other, centre = browse("investigator"), browse("counsellor")
        (item,) = items_of(other)
        join(other, item, town, 403)
        assert item_of(system, item).case_id is None
        join(centre, item, town)
        assert item_of(system, item).case_id == town.case_id
        other.get(item, 404)
        assert item not in other.get(f"/cases/{town.case_id}/consultations").text

    def test_an_exclusion_ends_with_the_joining(
        self, stranger: Browser, browse: Browse, system: Engine, town: towns.City
    ) -> None:
        centre, investigator = browse("counsellor"), browse("investigator")
        item, _code = told(stranger, centre)
        join(centre, item, town)
        with SystemSession(system) as session, session.begin():
            session.add(
                m.Exclusion(
                    case_id=town.case_id,
                    owner_agency_id=town.agencies["centre"],
                    account_id=town.accounts["investigator"],
                )
            )
        investigator.get(item, 404)
        centre.submit(f"/cases/{town.case_id}/consultations/{item.rpartition('/')[2]}/separate", {})
        investigator.get(item, 200)

    def test_a_case_is_looked_for_by_number_and_by_name(
        self, stranger: Browser, browse: Browse, town: towns.City
    ) -> None:
        centre = browse("counsellor")
        item, _code = told(stranger, centre)
        for words in ("K7F-3QXR", "みほん", "ﾐﾎﾝ"):
            found = centre.submit(f"{item}/join", {"words": words}, 200)
            assert f"{item}/join/{town.case_id}" in found.text
        assert "見つかりません" in centre.submit(f"{item}/join", {"words": "ぬぬぬ"}, 200).words
        assert "2文字以上" in centre.submit(f"{item}/join", {"words": "み"}, 422).words

    def test_others_join_nothing(self, stranger: Browser, browse: Browse, town: towns.City) -> None:
        item, _code = told(stranger, browse("counsellor"))
        for person in ("nurse", "npo_worker", "clerk", "admin", "lawyer"):
            for url in (f"{item}/join", f"{item}/join/{town.case_id}"):
                browse(person).get(url, 403)
            browse(person).get(f"/cases/{town.case_id}/consultations", 403)
