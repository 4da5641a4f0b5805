"""Consultations: told at a door, written down, and laid on the desks that hear of them (§2).

The chapters are those of domain.md.
"""

import datetime as dt
import uuid
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import audit, codes
from portal import models as m
from portal.config import Config
from portal.database import (
    NotVisibleError,
    look_as,
    look_as_intake,
    standing,
)
from portal.policy.permissions import (
    CENTRE,
    NPO,
    SCHOOLS,
    Action,
    NotPermittedError,
    require,
)
from portal.policy.terms import clock
from portal.policy.viewer import Viewer
from portal.services.threads import (
    open_thread,
    return_code,
    thread_id_of,
)
from portal.vault import seal
from portal.vocabulary import Side, known, refused_between
from portal.working_hours import npo_deadline, promised_reply

# Who consults, as the code list has it, and the kind of thread that makes.
KIND_OF_CONSULTER = {"CHILD": "child", "FAMILY": "guardian", "OTHER": "other"}
# How a desk's own channel of passing on is called in the code list.
CHANNEL_OF_DESK = {NPO: "NPO", "school": "SCHOOL", "nursery": "SCHOOL"}

# Who suspects abuse must report it and asks for no consent first (domain.md §3, lane B).
ABUSE_REPORT = "CAPA6"
# On which bases an agency tells the centre of a matter, and for which purpose of the row.
_PURPOSE_OF_TELLING = {
    "CWA21_10_5": "support",
    "CONSENT": "support",
    "APPI69_2_3": "support",
    ABUSE_REPORT: "statutory_report",
    "CWA25": "statutory_report",
}


@dataclass(frozen=True)
class Told:
    """What somebody told, cleaned already; "" where nothing was said.

    ``about`` is which child, ``name`` who tells, ``callback`` how and when a call back is safe,
    ``not_to_tell`` who must not learn of it.
    """

    words: str
    topic: str
    about: str = ""
    name: str = ""
    callback: str = ""
    not_to_tell: str = ""
    suspected_abuse: bool = False
    urgent: bool = False


@dataclass(frozen=True)
class Receipt:
    """What is handed to who consulted: return code, number, and by when an answer is promised."""

    words: tuple[str, ...]
    number: str
    promised_at: dt.datetime
    urgent: bool


@dataclass(frozen=True)
class _Door:
    """Through which door a consultation came, and on which desks it lies from when until when."""

    channel: str
    consulter: str
    kind: str
    desks: tuple[tuple[uuid.UUID, dt.datetime], ...]
    promised_at: dt.datetime
    reporting_agency_id: uuid.UUID | None = None
    account_id: uuid.UUID | None = None
    recorded_by: uuid.UUID | None = None
    basis: str | None = None


def addressed(session: Session, slug: str, types: Iterable[str]) -> m.Agency:
    """Return the agency that a public link names; works without anybody being signed in.

    Raises:
        NotVisibleError: no agency of these types has this link.

    """
    _look_at_all(session)
    found = select(m.Agency).where(m.Agency.report_slug == slug, m.Agency.type.in_(list(types)))
    agency = session.scalars(found).one_or_none()
    if agency is None:
        raise NotVisibleError
    return agency


def centre_for(session: Session, agency: m.Agency | None) -> m.Agency:
    """Return the centre that stands behind an agency, or the first one where none is named.

    Raises:
        NotVisibleError: there is no centre.

    """
    _look_at_all(session)
    if agency is not None and agency.centre_id is not None:
        return session.get_one(m.Agency, agency.centre_id)
    first = select(m.Agency).where(m.Agency.type == CENTRE).order_by(m.Agency.recorded_at)
    centre = session.scalars(first.limit(1)).one_or_none()
    if centre is None:
        raise NotVisibleError
    return centre


def listeners(session: Session, school_slug: str | None) -> list[m.Agency]:
    """Return who can hear a child: the centre, and with a school's own link that school too.

    A child may not want the school to know, so the centre always comes first.

    Raises:
        NotVisibleError: no school has this link, or there is no centre.

    """
    if school_slug is None:
        return [centre_for(session, None)]
    school = addressed(session, school_slug, SCHOOLS)
    return [centre_for(session, school), school]


def _look_at_all(session: Session) -> None:
    # Agencies are public knowledge; a stranger's session looks for nobody yet.
    if session.info.get("viewer") is None:
        look_as(session, Viewer())


def receive_report(
    session: Session,
    settings: Config,
    cafeteria: m.Agency,
    *,
    submission: uuid.UUID,
    secret: str,
    told: Told,
) -> Receipt:
    """Take a cafeteria's report: to its NPO, and at once to the centre on any suspicion of abuse.

    A volunteer of this cafeteria who is signed in stays known as the reporter to the own account;
    everybody else, signed in elsewhere or not at all, is nobody.

    Args:
        session: of anybody; it looks as an intake from here on.
        settings: for the return code.
        cafeteria: whose link was used.
        submission: of the form; a second sending returns the same receipt.
        secret: the secret word, "" for none.
        told: what was told.

    Raises:
        NotVisibleError: there is no centre.

    """
    account_id = _volunteer(session, cafeteria)
    centre = centre_for(session, cafeteria)
    look_as_intake(session, thread_id_of(submission), in_own_name=account_id is not None)
    at = clock(session)
    waits = npo_deadline(at)
    to_npo = [(cafeteria.entrusted_npo_id, waits)] if cafeteria.entrusted_npo_id else []
    promised = promised_reply(at, "CAFETERIA")
    grave = told.urgent or told.suspected_abuse
    at_once = [(centre.id, promised)] if grave or not to_npo else []
    door = _Door(
        channel="CAFETERIA",
        consulter="OTHER",
        kind="reporter",
        desks=(*to_npo, *at_once),
        promised_at=promised if at_once else waits,
        reporting_agency_id=cafeteria.id,
        account_id=account_id,
    )
    return _receive(session, settings, door, submission=submission, secret=secret, told=told)


def _volunteer(session: Session, cafeteria: m.Agency) -> uuid.UUID | None:
    viewer: Viewer | None = session.info.get("viewer")
    if viewer is None or viewer.agency_id != cafeteria.id:
        return None
    return viewer.account_id


def look_by(at: dt.datetime, due_at: dt.datetime, *, urgent: bool) -> dt.datetime:
    """Return by when a desk looks at a consultation that came at ``at``.

    What cannot wait is looked at like a call: at once, or when the desk opens.
    """
    return min(due_at, promised_reply(at, "PHONE")) if urgent else due_at


def receive_consultation(
    session: Session,
    settings: Config,
    listener: m.Agency,
    *,
    submission: uuid.UUID,
    secret: str,
    told: Told,
) -> Receipt:
    """Take a child's own consultation to the one desk that the child chose, and to no other.

    Args:
        session: of anybody; it looks as nobody's intake from here on, whoever's tablet it is.
        settings: for the return code.
        listener: the centre, or the child's school.
        submission, secret, told: as in ``receive_report``.

    """
    look_as_intake(session, thread_id_of(submission), in_own_name=False)
    channel = "WEB" if listener.type == CENTRE else "TABLET"
    due = promised_reply(clock(session), channel)
    door = _Door(
        channel=channel,
        consulter="CHILD",
        kind="child",
        desks=((listener.id, due),),
        promised_at=due,
    )
    return _receive(session, settings, door, submission=submission, secret=secret, told=told)


def bases_of_telling(session: Session) -> list[str]:
    """Return on which legal bases the own agency may tell the centre, the usual one first.

    The machine checks provider, recipient and purpose against each row, as for a share.

    Raises:
        NotPermittedError: not somebody who tells the centre.

    """
    acting = require(standing(session), Action.TELL_CENTRE)
    agency = session.get_one(m.Agency, acting.agency_id)
    us, centre = Side(agency.type, agency.legal_form), Side(CENTRE, "municipal")
    return [
        code
        for code, purpose in _PURPOSE_OF_TELLING.items()
        if refused_between(code, us, centre, purpose=purpose, days=1) is None
    ]


def tell_centre(
    session: Session, settings: Config, *, submission: uuid.UUID, told: Told, basis: str
) -> Receipt:
    """Hand a matter to the centre in the own agency's name (学校からの引きつぎ).

    The centre alone reads it. Who told reads what was told and the replies, and learns nothing of
    what becomes of it: a case shows itself only where it is shared (domain.md §2).

    Args:
        session: of somebody of a school or another agency.
        settings: for the return code, which nobody needs who signs in.
        submission, told: as in ``receive_report``.
        basis: code of a legal basis of ``bases_of_telling``.

    Raises:
        NotPermittedError: not somebody who tells the centre, or the basis does not carry it; on a
            suspicion of abuse nothing but the duty to report does.
        NotVisibleError: there is no centre.

    """
    acting = require(standing(session), Action.TELL_CENTRE)
    agency = session.get_one(m.Agency, acting.agency_id)
    if basis not in bases_of_telling(session) or (told.suspected_abuse and basis != ABUSE_REPORT):
        raise NotPermittedError(Action.TELL_CENTRE)
    centre = centre_for(session, agency)
    look_as_intake(session, thread_id_of(submission), in_own_name=True)
    channel = CHANNEL_OF_DESK.get(agency.type, "AGENCY")
    due = promised_reply(clock(session), channel)
    account_id = session.info["viewer"].account_id
    door = _Door(
        channel=channel,
        consulter="OTHER",
        kind="reporter",
        desks=((centre.id, due),),
        promised_at=due,
        reporting_agency_id=agency.id,
        account_id=account_id,
        recorded_by=account_id,
        basis=basis,
    )
    return _receive(session, settings, door, submission=submission, secret="", told=told)


def take_down(
    session: Session,
    settings: Config,
    *,
    submission: uuid.UUID,
    channel: str,
    consulter: str,
    told: Told,
    secret: str = "",
    reporting_agency_id: uuid.UUID | None = None,
) -> Receipt:
    """Write down for the own centre what came by phone, visit, postcard or mail.

    Args:
        session: of somebody of the centre, a clerk too, who never reads it again.
        settings: for the return code, which is read out.
        submission, told: as in ``receive_report``.
        channel, consulter: codes of their lists.
        secret: the word that the person made up; without one a child's or guardian's code shows the
            newest reply alone.
        reporting_agency_id: of an agency that phoned instead of signing in (「電話で聞き取り」).

    Raises:
        NotPermittedError: not somebody who receives consultations.
        UnknownCode: ``channel`` or ``consulter`` is not in its list.

    """
    acting = require(standing(session), Action.RECEIVE)
    known("channel", channel)
    known("consulter", consulter)
    look_as_intake(session, thread_id_of(submission), in_own_name=True)
    due = promised_reply(clock(session), channel)
    by_agency = reporting_agency_id is not None
    door = _Door(
        channel=channel,
        consulter="OTHER" if by_agency else consulter,
        kind="reporter" if by_agency else KIND_OF_CONSULTER[consulter],
        desks=((acting.agency_id, due),),
        promised_at=due,
        reporting_agency_id=reporting_agency_id,
        recorded_by=session.info["viewer"].account_id,
    )
    return _receive(session, settings, door, submission=submission, secret=secret, told=told)


def _receive(
    session: Session,
    settings: Config,
    door: _Door,
    *,
    submission: uuid.UUID,
    secret: str,
    told: Told,
) -> Receipt:
    thread, is_new = open_thread(
        session,
        settings,
        submission=submission,
        kind=door.kind,
        secret=secret,
        promised_at=door.promised_at,
        account_id=door.account_id,
    )
    if is_new:
        consultation = _write_down(session, door, thread, told)
        at = clock(session)
        for agency_id, due_at in door.desks:
            lay_on(
                session,
                consultation,
                agency_id,
                giver_id=door.reporting_agency_id,
                sealed=thread.sealed,
                due_at=look_by(at, due_at, urgent=told.urgent),
            )
    return Receipt(
        return_code(settings, submission),
        codes.number_of(thread.id),
        thread.promised_at or door.promised_at,
        told.urgent,
    )


def _write_down(session: Session, door: _Door, thread: m.Thread, told: Told) -> m.Consultation:
    consultation = m.Consultation(
        thread_id=thread.id,
        channel=door.channel,
        consulter=door.consulter,
        anonymous=not told.name,
        topic=known("topic", told.topic),
        suspected_abuse=told.suspected_abuse,
        urgent=told.urgent,
        reporting_agency_id=door.reporting_agency_id,
        recorded_by=door.recorded_by,
        basis=door.basis,
    )
    seal(
        session,
        consultation,
        words=told.words,
        about=told.about or None,
        name=told.name or None,
        callback=told.callback or None,
        not_to_tell=told.not_to_tell or None,
    )
    session.add(consultation)
    session.flush()
    audit.record(
        session,
        audit.Event.CONSULTATION_RECEIVED,
        thread_id=thread.id,
        consultation=consultation.id,
        channel=door.channel,
    )
    return consultation


def lay_on(
    session: Session,
    consultation: m.Consultation,
    agency_id: uuid.UUID,
    *,
    giver_id: uuid.UUID | None,
    sealed: bool,
    due_at: dt.datetime,
) -> None:
    """Lay a consultation on the desk of an agency; ``giver_id`` is who passed it on, if somebody.

    ``sealed`` where the desk does not learn who reported.
    """
    session.add(
        m.InboxItem(
            consultation_id=consultation.id,
            thread_id=consultation.thread_id,
            agency_id=agency_id,
            from_agency_id=giver_id,
            sealed=sealed,
            due_at=due_at,
        )
    )
    session.flush()
