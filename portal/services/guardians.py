"""Who may answer for the child: what is recorded, and what the decision table makes of it."""

import uuid
from collections.abc import Mapping, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import audit
from portal import models as m
from portal.config import ConsentAges
from portal.database import standing
from portal.policy.capacity import (
    NO_AUTHORITY,
    Band,
    Decision,
    Guardian,
    Word,
    band_of,
    decide,
)
from portal.policy.permissions import Action, require
from portal.policy.terms import clock, never_tells_of
from portal.services.ends import end_authority
from portal.services.once import already, write_once
from portal.vault import reveal
from portal.vocabulary import SHORTENED, known
from portal.working_hours import jst

GUARDIAN = "guardian"
# What the newest step of a guardian's consent says for the child; all other states are no answer.
_WORDS: Mapping[str, bool] = {"given": True, "partial": True, "refused": False, "withdrawn": False}


class NotAGuardianError(ValueError):
    """Only somebody whom the case knows as a guardian can be recorded as one."""


def record_guardian(
    session: Session,
    case: m.Case,
    person_id: uuid.UUID,
    *,
    authority: str,
    lives_with: bool,
    concerned: bool,
    record_id: uuid.UUID,
) -> m.GuardianRecord:
    """Record whether and how a guardian of the case answers for the child; the newest holds.

    What rests on the consent of somebody who has no authority, or is concerned, ends with it.

    Args:
        session: of the centre's director, counsellor or investigator.
        case: the own agency's.
        person_id: a guardian of the case.
        authority: code of the list ``authority``.
        lives_with: whether the child lives with this person.
        concerned: whether this person is alleged to be a violator, and so neither asked nor told.
        record_id: of the form; a second sending returns the same row.

    Raises:
        NotPermittedError: not the owner's.
        NotAGuardianError: not a guardian of this case.

    """
    require(standing(session), Action.COORDINATE, case)
    known_record = already(session, m.GuardianRecord, record_id)
    if known_record is not None:
        return known_record
    if person_id not in {person.person_id for person in _guardian_links(session, case.id)}:
        raise NotAGuardianError
    record = m.GuardianRecord(
        id=record_id,
        case_id=case.id,
        owner_agency_id=case.owner_agency_id,
        person_id=person_id,
        authority=known("authority", authority),
        lives_with=lives_with,
        concerned=concerned,
        recorded_by=session.info["viewer"].account_id,
    )
    if write_once(session, record):
        audit.record(session, audit.Event.GUARDIAN_RECORDED, case_id=case.id, record=record.id)
        session.flush()
        if concerned or authority == NO_AUTHORITY:
            end_authority(session, case, person_id)
    return record


def _guardian_links(session: Session, case_id: uuid.UUID) -> Sequence[m.CasePerson]:
    return session.scalars(
        select(m.CasePerson)
        .where(m.CasePerson.case_id == case_id, m.CasePerson.subject_kind == GUARDIAN)
        .order_by(m.CasePerson.recorded_at, m.CasePerson.id)
    ).all()


def guardians_of(session: Session, case_id: uuid.UUID) -> list[Guardian]:
    """Return the guardians of a case as they are recorded now, for its owner."""
    newest = (
        select(m.GuardianRecord)
        .where(m.GuardianRecord.case_id == case_id)
        .order_by(m.GuardianRecord.recorded_at, m.GuardianRecord.id)
    )
    records = {record.person_id: record for record in session.scalars(newest)}
    wishes = never_tells_of(session, case_id, clock(session))
    never_told = {wish.person_id for wish in wishes}
    return [
        _guardian(link.person_id, records.get(link.person_id), link.person_id in never_told)
        for link in _guardian_links(session, case_id)
    ]


def _guardian(
    person_id: uuid.UUID,
    record: m.GuardianRecord | None,
    never_told: bool,  # noqa: FBT001
) -> Guardian:
    if record is None:
        return Guardian(person_id, never_told=never_told)
    return Guardian(person_id, record.authority, record.lives_with, record.concerned, never_told)


def band_of_child(session: Session, case_id: uuid.UUID, ages: ConsentAges) -> Band:
    """Return how far the word of a case's child carries today (JST)."""
    written = birth_date_text(session, case_id)
    today = jst(clock(session)).date()
    return band_of(today.fromisoformat(written) if written else None, today, ages)


def birth_date_text(session: Session, case_id: uuid.UUID) -> str:
    """Return the child's date of birth as YYYY-MM-DD, "" where nobody knows."""
    child = session.scalars(
        select(m.Person)
        .join(m.CasePerson, m.CasePerson.person_id == m.Person.id)
        .where(m.CasePerson.case_id == case_id, m.CasePerson.is_child)
    ).one_or_none()
    return "" if child is None else reveal(session, child, "birth_date")


def consents_for_child(
    session: Session, case_id: uuid.UUID, agency_id: uuid.UUID
) -> dict[uuid.UUID, tuple[m.Consent, str]]:
    """Return what guardians answered for the child about an agency: consent and state, by person.

    Of several consents of one guardian the newest that was answered counts.
    """
    steps = session.execute(
        select(m.Consent, m.ConsentEvent.state)
        .join(m.ConsentEvent, m.ConsentEvent.consent_id == m.Consent.id)
        .where(
            m.Consent.case_id == case_id,
            m.Consent.for_person_id.is_not(None),
            m.ConsentEvent.agency_id == agency_id,
            m.ConsentEvent.state != SHORTENED,
        )
        .order_by(m.Consent.asked_at, m.ConsentEvent.happened_at, m.ConsentEvent.id)
    )
    newest = {(consent.giver_person_id, consent.id): (consent, state) for consent, state in steps}
    return {
        person_id: (consent, state)
        for (person_id, _id), (consent, state) in newest.items()
        if state not in ("asked", "requested")
    }


def decision_for(
    session: Session,
    case_id: uuid.UUID,
    agency_id: uuid.UUID,
    ages: ConsentAges,
    *,
    objects: bool,
) -> Decision:
    """Return what sharing the child's data with an agency needs beside the child's own yes.

    Args:
        session: of the centre's director, counsellor or investigator.
        case_id: an own case.
        agency_id: of whom the guardians were asked.
        ages: of the city.
        objects: a good reason of the child's not to ask them is recorded.

    """
    answered = consents_for_child(session, case_id, agency_id)
    words = {
        person_id: Word(_WORDS[state], consent.alone_because)
        for person_id, (consent, state) in answered.items()
        if state in _WORDS
    }
    band = band_of_child(session, case_id, ages)
    return decide(band, guardians_of(session, case_id), words, objects=objects)


__all__ = [
    "GUARDIAN",
    "NotAGuardianError",
    "band_of_child",
    "birth_date_text",
    "consents_for_child",
    "decision_for",
    "guardians_of",
    "record_guardian",
]
