"""「だれに何が見えるか」: the matrix of a case for its owner, now and at another moment."""

import uuid
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import Engine, select, text, update
from sqlalchemy.orm import Session

from portal import models as m
from portal.audit import Event
from portal.config import Config
from portal.database import SystemSession
from portal.vault import equip
from portal.working_hours import jst
from tests import city as towns
from tests.web import Browser, Page

Browse = Callable[[str], Browser]
Write = Callable[[Callable[[Session, towns.City], object]], None]


@pytest.fixture
def write(config: Config, system: Engine, town: towns.City) -> Write:
    """Return a function that lets the system role write into the city."""

    def written(deed: Callable[[Session, towns.City], object]) -> None:
        with SystemSession(system) as session, session.begin():
            equip(session, config.keys)
            deed(session, town)

    return written


@pytest.fixture
def shared(write: Write, town: towns.City) -> towns.City:
    """Return the city whose school sees two slices by a consent that began ten days ago."""

    def grants(session: Session, town: towns.City) -> None:
        towns.add_entry(session, town, slice_="school", text="CANARY 図書室にいる")
        grant = towns.add_grant(session, town, "school", ["basic", "school"])
        begun = m.Grant.valid_from - timedelta(days=10)
        session.execute(update(m.Grant).where(m.Grant.id == grant).values(valid_from=begun))

    write(grants)
    return town


def place(town: towns.City) -> str:
    return f"/cases/{town.case_id}/sights"


def cell(page: Page, slice_: str) -> str:
    assert page.tree is not None
    row = page.tree.xpath(f"//table//tr[th[normalize-space()='{slice_}']]")
    return " ".join(row[0].text_content().split()) if row else ""


def test_the_matrix_says_who_sees_which_slice_and_why(browse: Browse, shared: towns.City) -> None:
    page = browse("counsellor").get(place(shared))
    assert "こども本人（あおい）：同意（" in cell(page, "学校での様子")
    assert "2人が読めます" in cell(page, "学校での様子")
    assert "記録1件" in cell(page, "学校での様子")
    assert not cell(page, "家庭の様子")
    assert "見本 nurse、見本 teacher" in page.words
    assert "管理者1人が、受付番号・項目・期限だけを見られます。" in page.words
    # Keys and reasons; not a word of the case.
    assert "CANARY" not in page.text


def test_the_past_is_asked_by_moment(
    browse: Browse, shared: towns.City, write: Write, system: Engine
) -> None:
    write(lambda session, _: session.execute(update(m.Grant).values(ended_at=text("now()"))))
    browser = browse("director")
    assert "どこにも見えていません" in browser.get(place(shared)).words
    with system.connect() as connection:
        now = connection.scalar(select(text("now()")))
    yesterday = f"{jst(now - timedelta(days=1)):%Y-%m-%dT%H:%M}"
    page = browser.get(f"{place(shared)}?at={yesterday}")
    assert "2人が読めます" in cell(page, "学校での様子")
    long_ago = f"{jst(now - timedelta(days=30)):%Y-%m-%dT%H:%M}"
    assert "どこにも見えていません" in browser.get(f"{place(shared)}?at={long_ago}").words
    with SystemSession(system) as session:
        asked = session.scalars(
            select(m.AuditEvent).where(m.AuditEvent.event == Event.SIGHTS_ASKED.value)
        ).all()
        assert {event.case_id for event in asked} == {shared.case_id}
        assert len({event.details["at"] for event in asked}) == 3


def test_a_moment_that_is_none_is_said(browse: Browse, shared: towns.City) -> None:
    browser = browse("counsellor")
    for typed in ("yesterday", "0001-01-01T00:00", "9999-12-31T23:59"):
        page = browser.get(f"{place(shared)}?at={typed}", status=422)
        assert page.tree is not None
        assert page.tree.xpath("//*[contains(@class, 'field__error')]")


def test_who_is_shut_out_and_a_share_that_nobody_reads(
    browse: Browse, shared: towns.City, write: Write
) -> None:
    def without_readers(session: Session, town: towns.City) -> None:
        towns.add_grant(session, town, "other_school", ["basic"])
        session.execute(
            update(m.TeamMember)
            .where(m.TeamMember.account_id == town.accounts["other_nurse"])
            .values(valid_until=text("now()"))
        )
        session.add(
            m.Exclusion(
                case_id=town.case_id,
                owner_agency_id=town.agencies["centre"],
                account_id=town.accounts["teacher"],
            )
        )

    write(without_readers)
    page = browse("counsellor").get(place(shared))
    assert "見本第二中学校：読む人がいません" in page.words
    assert "見せない人：見本 teacher" in page.words
    assert "1人が読めます" in cell(page, "学校での様子")


def test_the_owner_alone_asks(browse: Browse, shared: towns.City) -> None:
    browse("nurse").get(place(shared), status=403)
    browse("clerk").get(place(shared), status=403)
    browse("director").get(f"/cases/{uuid.uuid4()}/sights", status=404)
