"""The record a return code opens, and 「やっぱりやめる」 in three taps."""

import secrets
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest
from sqlalchemy import Engine, select

from portal import models as m
from portal.config import Config
from portal.database import SystemSession
from portal.unit import Portal
from portal.vault import Scope, create_key, equip, seal
from tests import city as towns
from tests.web import Browser

Browse = Callable[[str], Browser]


@pytest.fixture
def town(town: towns.City, config: Config, system: Engine) -> towns.City:
    """Return the small city with entries of child and mother."""
    with SystemSession(system) as session, session.begin():
        equip(session, config.keys)
        towns.add_entry(session, town, slice_="school", text="CANARY-school")
        towns.add_entry(session, town, slice_="welfare", text="CANARY-mother", subject="mother")
        return town


@pytest.fixture
def visit(
    app: Portal, system: Engine, town: towns.City, config: Config
) -> Callable[[str], Browser]:
    """Return a function that gives the browser of the child or the mother, come by code."""

    def as_(person: str) -> Browser:
        token = secrets.token_urlsafe(32)
        thread = m.Thread(
            kind="child" if person == "child" else "guardian",
            case_id=town.case_id,
            owner_agency_id=town.agencies["centre"],
            person_id=town.persons[person],
        )
        with SystemSession(system) as session, session.begin():
            equip(session, config.keys)
            create_key(session, Scope("thread", thread.id))
            session.add(thread)
            session.flush()
            consultation = m.Consultation(
                thread_id=thread.id, channel="VISIT", consulter="CHILD", topic="OTHER"
            )
            seal(session, consultation, words="はなし")
            session.add(consultation)
            session.add(m.Session(token_hash=sha256(token.encode()).digest(), thread_id=thread.id))
        return Browser(app, token)

    return as_


def consented(
    system: Engine, town: towns.City, agency: str, *slices: str, giver: str = "child"
) -> uuid.UUID:
    """Record a consent of somebody to one agency with its grant, and return the grant's id."""
    place = {"case_id": town.case_id, "owner_agency_id": town.agencies["centre"]}
    with SystemSession(system) as session, session.begin():
        consent = m.Consent(
            kind="sharing",
            giver_kind="child" if giver == "child" else "guardian",
            giver_person_id=town.persons[giver],
            method="screen",
            **place,
        )
        session.add(consent)
        session.flush()
        last_day = datetime.now(UTC).date() + timedelta(days=80)
        for bundle, said in (("school", "yes"), ("health", "no")):
            session.add(
                m.ConsentItem(
                    consent_id=consent.id,
                    agency_id=town.agencies[agency],
                    bundle=bundle,
                    slices=list(slices) if said == "yes" else ["basic", "health"],
                    answer=said,
                    last_day=last_day if said == "yes" else None,
                    **place,
                )
            )
        grant_id = towns.add_grant(session, town, agency, list(slices), subject=giver)
        session.get_one(m.Grant, grant_id).consent_id = consent.id
        return grant_id


def by_law(system: Engine, town: towns.City) -> uuid.UUID:
    with SystemSession(system) as session, session.begin():
        return towns.add_grant(session, town, "cgc", ["safety"], subject=None, basis="CAPA6")


def test_the_child_sees_what_was_told_to_whom_why_and_until_when(
    visit: Callable[[str], Browser], system: Engine, town: towns.City
) -> None:
    consented(system, town, "school", "basic", "school")
    consented(system, town, "welfare", "basic", "welfare", giver="mother")
    by_law(system, town)
    page = visit("child").get("/child/record")
    for name in ("見本第一小学校", "見本区福祉課", "みほん市児童相談所"):
        assert name in page.words
    assert "「つたえていい」と いったから" in page.words
    assert "ほうりつで きまっているから" in page.words
    assert "まで" in page.words
    # Not a word of the entries, and the title tells nobody anything.
    assert "CANARY" not in page.text
    assert "<title>おてんきメモ</title>" in page.text


def test_a_guardian_sees_the_own_consents_and_no_lawful_sharing(
    visit: Callable[[str], Browser], system: Engine, town: towns.City
) -> None:
    childs = consented(system, town, "school", "basic", "school")
    mothers = consented(system, town, "welfare", "basic", "welfare", giver="mother")
    law = by_law(system, town)
    mother = visit("mother")
    page = mother.get("/child/record")
    assert "見本区福祉課" in page.words
    assert "見本第一小学校" not in page.words
    assert "みほん市児童相談所" not in page.words
    # Spoken to as an adult, on the page and on the second one.
    for words in (page.words, mother.get(f"/child/record/{mothers}/stop").words):
        assert "取りやめ" in words
        assert "やっぱり" not in words
        assert "いいました" not in words
    for hidden in (childs, law, uuid.uuid4()):
        mother.get(f"/child/record/{hidden}/stop", status=404)
        mother.post(f"/child/record/{hidden}/stop", {"csrf_token": token(mother, mothers)}, 404)
    assert ended(system) == set()
    # The controls: the own is there, and the child sees all three.
    mother.get(f"/child/record/{mothers}/stop")
    words = visit("child").get("/child/record").words
    assert all(name in words for name in ("見本区福祉課", "見本第一小学校", "みほん市児童相談所"))


def token(browser: Browser, grant_id: uuid.UUID) -> str:
    return browser.get(f"/child/record/{grant_id}/stop").form("")["csrf_token"]


def ended(system: Engine) -> set[uuid.UUID]:
    with SystemSession(system) as session:
        return set(session.scalars(select(m.Grant.id).where(m.Grant.ended_at.is_not(None))))


def test_stopped_in_three_taps_and_gone_on_the_next_request(
    visit: Callable[[str], Browser],
    browse: Browse,
    system: Engine,
    town: towns.City,
    config: Config,
) -> None:
    grant_id = consented(system, town, "school", "basic", "school")
    with SystemSession(system) as session, session.begin():
        equip(session, config.keys)
        towns.add_entry(session, town, slice_="school", text="CANARY-own", author="nurse")
    nurse = browse("nurse")
    assert "CANARY-school" in nurse.get(f"/cases/{town.case_id}").text

    # From the first page that a code opens: the record, 「やっぱり やめる」, and 「やめる」.
    child = visit("child")
    taps, page = 0, child.get("/child/thread")
    for here in ("/child/record", f"/child/record/{grant_id}/stop"):
        assert page.tree is not None
        [link] = page.tree.xpath(f"//main//a[@href='{here}']")
        page, taps = child.get(link.get("href")), taps + 1
    assert page.tree is not None
    [button] = page.tree.xpath("//main//form//button")
    assert "やめる" in button.text_content()
    stop = f"/child/record/{grant_id}/stop"
    done, taps = child.follow(child.post(stop, page.form())), taps + 1
    assert "やめました" in done.words
    assert taps <= 3

    nurse.get(f"/cases/{town.case_id}", status=404)
    assert "K7F-3QXR" not in nurse.get("/cases").text
    own = nurse.get("/own-records").text
    assert "CANARY-own" in own
    assert "CANARY-school" not in own
    with SystemSession(system) as session:
        [task] = session.scalars(select(m.Task)).all()
        [event] = session.scalars(select(m.ConsentEvent)).all()
        assert (task.kind, task.grant_id) == ("safety_check", grant_id)
        assert (event.state, event.account_id) == ("withdrawn", None)
        assert event.thread_id is not None
    page = child.get("/child/record")
    assert "もう おわったこと" in page.words
    assert not page.tree.xpath(f"//a[@href='{stop}']")  # type: ignore[union-attr]


def test_stopping_twice_is_stopping_once(
    visit: Callable[[str], Browser], system: Engine, town: towns.City
) -> None:
    grant_id = consented(system, town, "school", "basic", "school")
    child = visit("child")
    fields = child.get(f"/child/record/{grant_id}/stop").form()
    for _ in range(2):
        child.post(f"/child/record/{grant_id}/stop", fields)
    with SystemSession(system) as session:
        assert len(session.scalars(select(m.Task)).all()) == 1


def test_a_law_is_not_stopped_by_the_child_but_a_guardians_consent_is(
    visit: Callable[[str], Browser], system: Engine, town: towns.City
) -> None:
    law = by_law(system, town)
    mothers = consented(system, town, "welfare", "basic", "welfare", giver="mother")
    child = visit("child")
    child.get(f"/child/record/{law}/stop", status=404)
    child.submit(f"/child/record/{mothers}/stop", {})
    assert ended(system) == {mothers}


def test_the_record_says_what_was_not_told_and_who_read(
    visit: Callable[[str], Browser], browse: Browse, system: Engine, town: towns.City
) -> None:
    grant_id = consented(system, town, "school", "basic", "school")
    browse("nurse").get(f"/cases/{town.case_id}")
    child = visit("child")
    page = child.get("/child/record")
    assert page.tree is not None
    [looked] = page.tree.xpath("//section[@aria-labelledby='looked']")
    assert "見本第一小学校" in looked.text_content()
    assert "1かい" in looked.text_content()
    assert "nurse" not in page.text
    # What was said is there in the child's own words for it, the no beside the yes.
    [said] = page.tree.xpath("//section[@aria-labelledby='said']")
    for words in ("見本第一小学校", "つたえていい", "つたえないで"):
        assert words in said.text_content()
    # Whoever did not read is not there.
    assert "見本区福祉課" not in looked.text_content()
    # What was refused is said, but not where a later consent told it all the same.
    [kept] = page.tree.xpath("//section[@aria-labelledby='not-told']")
    assert "見本第一小学校" in kept.text_content()
    assert "つたえないで" in kept.text_content()
    with SystemSession(system) as session, session.begin():
        session.get_one(m.Grant, grant_id).slices = ["basic", "health", "school"]
    page = child.get("/child/record")
    assert page.tree is not None
    assert page.tree.xpath("//section[@aria-labelledby='not-told']") == []


def test_without_a_case_nothing_was_told(app: Portal, system: Engine, town: towns.City) -> None:
    token_ = secrets.token_urlsafe(32)
    thread = m.Thread(kind="child")
    with SystemSession(system) as session, session.begin():
        session.add(thread)
        session.flush()
        session.add(m.Session(token_hash=sha256(token_.encode()).digest(), thread_id=thread.id))
    assert "だれにも つたわっていません" in Browser(app, token_).get("/child/record").words


def test_staff_and_strangers_do_not_open_a_record(
    browse: Browse, stranger: Browser, town: towns.City
) -> None:
    for browser in (browse("counsellor"), stranger):
        assert browser.get("/child/record", status=302).location.startswith("/child/")
