"""What is before a meeting, who can be rung, which shares hold: asked of every kind of row.

As in ``tests.rules.everybody`` there is a row for each combination of what the rule asks, and a
rule in plain Python beside it (domain.md §§3, 5).
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import models as m
from portal.database import SystemSession
from portal.policy import terms
from tests.conftest import Database
from tests.rules.everybody import (
    AFTER,
    BEFORE,
    CASE,
    CENTRE,
    LONG_AGO,
    NOW,
    NPO,
    OTHER,
    OWNER_ROLES,
    SCHOOL,
    Row,
    every,
    filled,
    key,
    written,
)

MEETING, CLOSED, ANOTHER = map(key, ("meeting", "closed meeting", "another meeting"))


class Rows:
    """Rows of each table, and what each of them was made for."""

    def __init__(self) -> None:
        self.rows: dict[type[m.Base], list[Row]] = {}
        for id_, closed_at in (MEETING, None), (CLOSED, NOW), (ANOTHER, NOW):
            self.add(m.Meeting, id=id_, agency_id=CENTRE, closed_at=closed_at)
        self._matters()
        self._people()
        self._shares()
        self._answers()

    def add(self, model: type[m.Base], **values: Any) -> Row:
        row = filled(model, **values)
        self.rows.setdefault(model, []).append(row)
        return row

    def _matters(self) -> None:
        for each in every(
            owner_agency_id=(CENTRE, NPO),
            closed_at=(None, LONG_AGO),
            brief=(None, MEETING, CLOSED),
            advised=(False, True),
            dealt=(None, MEETING, CLOSED),
        ):
            brief, advised, dealt = each.pop("brief"), each.pop("advised"), each.pop("dealt")
            case = self.add(m.Case, **each)
            if dealt is not None:
                self.add(m.MatterOutcome, meeting_id=dealt, case_id=case.id, agency_id=CENTRE)
            if brief is not None:
                of = {"case_id": case.id, "owner_agency_id": case.owner_agency_id}
                written_ = self.add(m.Brief, meeting_id=brief, **of)
                if advised:
                    self.add(m.Advice, brief_id=written_.id, **of)
        for each in every(
            agency_id=(CENTRE, NPO),
            case_id=(None, CASE),
            status=("unread", "handed_over", "done"),
            dealt=(None, MEETING, CLOSED, ANOTHER),
            reason=(None, "x"),
        ):
            dealt, reason = each.pop("dealt"), each.pop("reason")
            item = self.add(m.InboxItem, **each)
            if dealt is not None:
                of = {"meeting_id": dealt, "item_id": item.id, "reason": reason}
                self.add(m.MatterOutcome, agency_id=CENTRE, **of)

    def _people(self) -> None:
        for each in every(
            agency_id=(CENTRE, NPO),
            role=("center_director", "center_counselor", "center_investigator", "center_clerk"),
            valid_from=(LONG_AGO, NOW, AFTER),
            valid_until=(None, NOW, AFTER),
            disabled=(False, True),
        ):
            account = self.add(m.Account, disabled=each.pop("disabled"))
            self.add(m.Membership, account_id=account.id, **each)

    def _shares(self) -> None:
        for each in every(
            case_id=(CASE, OTHER),
            agency_id=(SCHOOL, NPO),
            basis=("CONSENT", "CAPA6", "CWA25_2"),
            valid_from=(BEFORE, NOW, AFTER),
            valid_until=(None, NOW, AFTER),
            ended_at=(None, LONG_AGO),
        ):
            number = len(self.rows.get(m.Grant, ()))
            owner = (CENTRE, NPO)[number % 5 == 0]
            slices = ["basic", ("school", "home", "health")[number % 3]]
            grant = self.add(m.Grant, owner_agency_id=owner, slices=slices, **each)
            if number % 7 == 0:
                of = {"case_id": grant.case_id, "owner_agency_id": owner}
                self.add(m.PermissionNoting, grant_id=grant.id, meeting_id=CLOSED, **of)
        for each in every(
            case_id=(CASE, OTHER),
            valid_from=(LONG_AGO, BEFORE, NOW, AFTER),
            valid_until=(None, NOW, AFTER),
        ):
            for _ in range(2):
                self.add(m.NeverTell, owner_agency_id=CENTRE, **each)

    def _answers(self) -> None:
        """Answers to askings of two days, some of them taken back between or after."""
        first, second = NOW - dt.timedelta(days=2), NOW - dt.timedelta(days=1)
        for number, each in enumerate(
            every(
                case_id=(CASE, OTHER),
                agency_id=(SCHOOL, NPO),
                first=("yes", "no", "later"),
                second=("yes", "no", "later"),
                taken_back=(None, first, first + dt.timedelta(hours=1), NOW),
                state=("withdrawn", "given"),
            )
        ):
            of = {"case_id": each["case_id"], "owner_agency_id": CENTRE}
            for asked_at, answer in (first, each["first"]), (second, each["second"]):
                consent_id = self.add(m.Consent, asked_at=asked_at, **of).id
                said = {"agency_id": each["agency_id"], "answer": answer}
                slices = [f"slice {number}", f"and {number}"]
                self.add(m.ConsentItem, consent_id=consent_id, slices=slices, **said, **of)
            if each["taken_back"] is not None:
                # Long over, so that it is a share in no other question here.
                ended = {"valid_from": LONG_AGO, "valid_until": BEFORE, "basis": "CONSENT"}
                grant = self.add(
                    m.Grant, agency_id=each["agency_id"], slices=[f"slice {number}"], **of, **ended
                )
                self.add(
                    m.ConsentEvent,
                    consent_id=uuid.uuid4(),
                    grant_id=grant.id,
                    agency_id=each["agency_id"],
                    state=each["state"],
                    happened_at=each["taken_back"],
                    **of,
                )


@pytest.fixture(scope="module")
def rows(database: Database) -> Rows:
    found = Rows()
    written(database, found.rows)
    return found


@pytest.fixture
def session(rows: Rows, database: Database) -> Iterator[Session]:
    with SystemSession(database.system) as session:
        yield session


def holds(row: Row, since: str = "valid_from") -> bool:
    return getattr(row, since) <= NOW and (row.valid_until is None or row.valid_until > NOW)


def in_order(found: list[Row]) -> list[uuid.UUID]:
    return [row.id for row in sorted(found, key=lambda row: (row.valid_from, row.id))]


# -- meetings --------------------------------------------------------------------------------------


def _meeting(session: Session, id_: uuid.UUID) -> m.Meeting:
    return session.scalars(select(m.Meeting).where(m.Meeting.id == id_)).one()


def _briefed(rows: Rows, meeting: uuid.UUID) -> set[uuid.UUID]:
    return {row.case_id for row in rows.rows[m.Brief] if row.meeting_id == meeting}


def _dealt(rows: Rows, meeting: uuid.UUID, name: str) -> set[uuid.UUID]:
    found = (row for row in rows.rows[m.MatterOutcome] if row.meeting_id == meeting)
    return {getattr(row, name) for row in found} - {None}


def _advised(rows: Rows, meeting: uuid.UUID) -> set[uuid.UUID]:
    briefs = {row.id: row.case_id for row in rows.rows[m.Brief] if row.meeting_id == meeting}
    return {briefs[row.brief_id] for row in rows.rows[m.Advice] if row.brief_id in briefs}


def _before(rows: Rows, meeting: uuid.UUID) -> set[uuid.UUID]:
    dealt = _briefed(rows, meeting) | _dealt(rows, meeting, "case_id")
    return {
        case.id
        for case in rows.rows[m.Case]
        if case.owner_agency_id == CENTRE
        and (case.id in dealt or (meeting == MEETING and case.closed_at is None))
    }


@pytest.mark.parametrize("id_", [MEETING, CLOSED], ids=["open", "closed"])
def test_every_open_case_is_before_a_meeting_and_of_one_that_is_over_what_it_dealt_with(
    rows: Rows, session: Session, id_: uuid.UUID
) -> None:
    meeting, right = _meeting(session, id_), _before(rows, id_)
    assert set(session.scalars(select(m.Case.id).where(terms.agenda_cases(meeting)))) == right
    assert set(session.scalars(terms.advised_cases(meeting))) == _advised(rows, id_)
    left = right - _advised(rows, id_) - _dealt(rows, id_, "case_id")
    assert set(session.scalars(terms.cases_left(meeting))) == left
    # The control: some are left, and some are not.
    assert set() < left < right


def _waiting(rows: Rows, meeting: uuid.UUID) -> set[uuid.UUID]:
    elsewhere = {
        row.item_id
        for row in rows.rows[m.MatterOutcome]
        if row.meeting_id != meeting and row.reason is None
    }
    here = _dealt(rows, meeting, "item_id")
    return {
        item.id
        for item in rows.rows[m.InboxItem]
        if item.agency_id == CENTRE
        and (
            item.id in here
            or (
                meeting == MEETING
                and item.case_id is None
                and item.status != "handed_over"
                and item.id not in elsewhere
            )
        )
    }


@pytest.mark.parametrize("id_", [MEETING, CLOSED], ids=["open", "closed"])
def test_every_consultation_without_a_case_is_before_a_meeting_until_one_talked_it_over(
    rows: Rows, session: Session, id_: uuid.UUID
) -> None:
    meeting, right = _meeting(session, id_), _waiting(rows, id_)
    agenda = select(m.InboxItem.id).where(terms.agenda_consultations(meeting))
    assert set(session.scalars(agenda)) == right
    left = right - _dealt(rows, id_, "item_id")
    assert set(session.scalars(terms.consultations_left(meeting))) == left
    assert bool(left) == (id_ == MEETING)


# -- people, shares --------------------------------------------------------------------------------


def test_whoever_works_on_a_centres_cases_now_can_be_rung_the_longest_there_first(
    rows: Rows, session: Session
) -> None:
    disabled = {row.id for row in rows.rows[m.Account] if row.disabled}
    right = [
        row
        for row in rows.rows[m.Membership]
        if row.agency_id == CENTRE
        and row.role in OWNER_ROLES
        and holds(row)
        and row.account_id not in disabled
    ]
    by_id = {row.id: row.account_id for row in right}
    assert terms.on_call(session, CENTRE) == [by_id[id_] for id_ in in_order(right)]


def test_a_share_holds_from_its_beginning_until_its_planned_or_its_early_end(
    rows: Rows, session: Session
) -> None:
    right = {
        row.id
        for row in rows.rows[m.Grant]
        if row.case_id == CASE and holds(row) and row.ended_at is None
    }
    found = session.scalars(terms.live_grants(CASE, NOW)).all()
    assert {row.id for row in found} == right


def test_never_tells_that_hold_come_in_the_order_in_which_they_were_said(
    rows: Rows, session: Session
) -> None:
    right = [row for row in rows.rows[m.NeverTell] if row.case_id == CASE and holds(row)]
    assert [row.id for row in terms.never_tells_of(session, CASE, NOW)] == in_order(right)


def test_what_a_duty_opens_is_not_asked_about_but_for_who_the_child_is(
    rows: Rows, session: Session
) -> None:
    right: dict[uuid.UUID, set[str]] = {}
    for row in rows.rows[m.Grant]:
        if row.case_id == CASE and holds(row) and row.ended_at is None and row.basis == "CAPA6":
            right.setdefault(row.agency_id, set()).update(set(row.slices) - {"basic"})
    assert terms.slices_by_duty(session, CASE, NOW) == right
    assert set(right) == {SCHOOL, NPO}


def test_shares_by_permission_wait_for_a_meeting_the_oldest_first(
    rows: Rows, session: Session
) -> None:
    noted = {row.grant_id for row in rows.rows[m.PermissionNoting]}
    right = [
        row
        for row in rows.rows[m.Grant]
        if row.owner_agency_id == CENTRE and row.basis == "CWA25_2" and row.id not in noted
    ]
    found = [row.id for row in terms.unnoted_permissions(session, CENTRE)]
    assert found == in_order(right)


@pytest.mark.parametrize("agency", [SCHOOL, NPO], ids=["school", "npo"])
@pytest.mark.parametrize("case_id", [CASE, OTHER], ids=["case", "other"])
def test_the_last_word_about_an_agency_and_a_slice_counts(
    rows: Rows, session: Session, case_id: uuid.UUID, agency: uuid.UUID
) -> None:
    asked = {row.id: row.asked_at for row in rows.rows[m.Consent]}
    slices = {row.id: row.slices for row in rows.rows[m.Grant]}
    said: dict[str, list[tuple[dt.datetime, bool]]] = {}
    for item in rows.rows[m.ConsentItem]:
        if (item.case_id, item.agency_id) == (case_id, agency) and item.answer != "later":
            for code in item.slices:
                said.setdefault(code, []).append((asked[item.consent_id], item.answer == "yes"))
    for event in rows.rows[m.ConsentEvent]:
        of = (event.case_id, event.agency_id, event.state)
        if of == (case_id, agency, "withdrawn"):
            for code in slices[event.grant_id]:
                said.setdefault(code, []).append((event.happened_at, False))
    # Of one instant a yes outweighs a no.
    right = {code for code, words in said.items() if not max(words)[1]}
    assert terms.refused_slices(session, case_id, agency) == right
    assert 0 < len(right) < len(said)


def test_now_is_the_database_s(session: Session, database: Database) -> None:
    assert terms.clock(session) == NOW
