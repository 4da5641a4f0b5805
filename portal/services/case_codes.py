"""A return code for a child or guardian whom the centre knows already (domain.md §2, Doors)."""

import datetime as dt
import uuid

from sqlalchemy.orm import Session

from portal import audit
from portal import models as m
from portal.config import Config
from portal.database import look_as_intake, standing
from portal.policy.permissions import Action, require
from portal.policy.terms import clock
from portal.services.guardians import guardians_of
from portal.services.threads import open_thread, return_code, thread_id_of
from portal.vault import seal
from portal.working_hours import WRITTEN, promised_reply

# Who may have a code on a case, by whose data an entry about them is.
KIND_OF_SUBJECT = {"child": "child", "guardian": "guardian"}
_CONSULTER = {"child": "CHILD", "guardian": "FAMILY"}


class NoCodeForThemError(ValueError):
    """Only the child and its guardians get a code on a case."""


def give_code(
    session: Session,
    settings: Config,
    case: m.Case,
    person: m.CasePerson,
    *,
    submission: uuid.UUID,
    secret: str,
) -> tuple[str, ...]:
    """Open a thread for somebody of a case and return the six words of its code, shown once.

    The child's code opens the whole record of sharing of the case, a guardian's the own consents.

    Args:
        session: of the case's owner.
        settings: for the return code.
        case: the own agency's.
        person: the child, or a guardian who may know.
        submission: of the form; a second sending returns the same words.
        secret: the secret word that the person made up.

    Raises:
        NotPermittedError: not the owner's.
        NoCodeForThemError: neither the child nor a guardian, or one who must not know.

    """
    acting = require(standing(session), Action.COORDINATE, case)
    kind = KIND_OF_SUBJECT.get(person.subject_kind)
    if kind is None or _must_not_know(session, case, person):
        raise NoCodeForThemError
    look_as_intake(session, thread_id_of(submission), in_own_name=True)
    # What is promised is a reply to what comes in writing, which they have only begun to write.
    promised_at = promised_reply(clock(session), WRITTEN)
    thread, is_new = open_thread(
        session,
        settings,
        submission=submission,
        kind=kind,
        secret=secret,
        promised_at=promised_at,
    )
    if is_new:
        _lay_on_own_desk(session, case, thread, acting.agency_id, promised_at)
        thread.case_id, thread.owner_agency_id = case.id, case.owner_agency_id
        thread.person_id = person.person_id
        session.flush()
    return return_code(settings, submission)


def _must_not_know(session: Session, case: m.Case, person: m.CasePerson) -> bool:
    """A guardian who is concerned or never to be told gets no door of the own (domain.md §3.6)."""
    barred = {g.person_id for g in guardians_of(session, case.id) if g.barred}
    return not person.is_child and person.person_id in barred


def _lay_on_own_desk(
    session: Session,
    case: m.Case,
    thread: m.Thread,
    agency_id: uuid.UUID,
    promised_at: dt.datetime,
) -> None:
    """Put the thread on the centre's desk as taken in already, so that replies come up there."""
    consultation = m.Consultation(
        thread_id=thread.id,
        channel="VISIT",
        consulter=_CONSULTER[thread.kind],
        anonymous=False,
        topic="OTHER",
        recorded_by=session.info["viewer"].account_id,
    )
    seal(session, consultation, words="センターで会い、もどってくるときの言葉を渡した。")
    session.add(consultation)
    session.flush()
    session.add(
        m.InboxItem(
            consultation_id=consultation.id,
            thread_id=thread.id,
            agency_id=agency_id,
            status="accepted",
            due_at=promised_at,
            case_id=case.id,
        )
    )
    session.flush()
    audit.record(
        session,
        audit.Event.CONSULTATION_RECEIVED,
        thread_id=thread.id,
        case_id=case.id,
        consultation=consultation.id,
        channel="VISIT",
    )
