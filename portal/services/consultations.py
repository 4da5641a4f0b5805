"""Consultations: told at a door, held on a desk, answered, passed on, taken into a case (§2).

The chapters are those of domain.md.
"""

import datetime as dt
import logging
import uuid
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import func, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, aliased

from portal import audit, codes
from portal import models as m
from portal.config import Config
from portal.database import (
    ConflictError,
    NotVisibleError,
    SystemSession,
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
    Standing,
    require,
)
from portal.policy.terms import clock
from portal.policy.viewer import Viewer
from portal.services.assessment import decide_urgency
from portal.services.cases import open_case, take_in
from portal.services.denials import add_never_tell
from portal.services.entries import knows_reporter
from portal.services.once import already
from portal.services.threads import (
    mark_seen,
    open_thread,
    return_code,
    thread_id_of,
    write_message,
)
from portal.vault import reveal, seal
from portal.vocabulary import CAFETERIA, Side, known, refused_between
from portal.working_hours import npo_deadline, promised_reply

log = logging.getLogger(__name__)

NEW, ANSWERED, HANDED_OVER, ACCEPTED = "new", "answered", "handed_over", "accepted"

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


def _look_by(at: dt.datetime, due_at: dt.datetime, *, urgent: bool) -> dt.datetime:
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
            _lay_on(
                session,
                consultation,
                agency_id,
                giver_id=door.reporting_agency_id,
                sealed=thread.sealed,
                due_at=_look_by(at, due_at, urgent=told.urgent),
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


def _lay_on(
    session: Session,
    consultation: m.Consultation,
    agency_id: uuid.UUID,
    *,
    giver_id: uuid.UUID | None,
    sealed: bool,
    due_at: dt.datetime,
) -> None:
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


def answer(session: Session, item: m.InboxItem, *, message_id: uuid.UUID, text: str) -> None:
    """Answer who consulted, in the thread; what waited is thereby dealt with.

    Args:
        session: of somebody at the desk on which the item lies.
        item: visible to the viewer.
        message_id: of the form.
        text: cleaned already.

    Raises:
        NotPermittedError: not at a desk, or the consultation was handed over.

    """
    acting = _at_desk(session, item)
    if already(session, m.ThreadMessage, message_id) is not None:
        return
    write_message(
        session, item.thread_id, message_id=message_id, text=text, agency_id=acting.agency_id
    )
    _settle(session, item)


def mark_answered(session: Session, item: m.InboxItem) -> None:
    """Note that nothing waits here any more, without a written answer: it was a call, for example.

    Raises:
        NotPermittedError: as in ``answer``.

    """
    _at_desk(session, item)
    _settle(session, item)
    audit.record(
        session,
        audit.Event.CONSULTATION_ANSWERED,
        thread_id=item.thread_id,
        consultation=item.consultation_id,
    )


def hand_over(
    session: Session, item: m.InboxItem, *, message_id: uuid.UUID, text: str = ""
) -> None:
    """Pass a consultation on to the centre, which gets an item of its own.

    The giver keeps what was told until then and learns nothing of what becomes of it. Handing over
    again, or what the centre has already, changes nothing there.

    Args:
        session: of somebody at the desk of an NPO or a school.
        item: visible to the viewer.
        message_id: of the form.
        text: what who consulted is told of it in the thread, "" for nothing.

    Raises:
        NotPermittedError: not at a desk, or at the centre's.
        NotVisibleError: there is no centre.

    """
    acting = require(standing(session), Action.HAND_OVER)
    item = _locked(session, item)
    if item.status == HANDED_OVER:
        return
    giver = session.get_one(m.Agency, acting.agency_id)
    centre = centre_for(session, giver)
    if text:
        write_message(session, item.thread_id, message_id=message_id, text=text, agency_id=giver.id)
    _pass_on(session, item, centre.id, CHANNEL_OF_DESK[giver.type])
    item.status, item.unread_since = HANDED_OVER, None
    item.handled_at = clock(session)
    item.handled_by = session.info["viewer"].account_id
    audit.record(
        session,
        audit.Event.CONSULTATION_HANDED_OVER,
        thread_id=item.thread_id,
        consultation=item.consultation_id,
        agency=centre.id,
    )
    session.flush()


def _pass_on(session: Session, item: m.InboxItem, centre_id: uuid.UUID, channel: str) -> None:
    consultation = session.get_one(m.Consultation, item.consultation_id)
    at = clock(session)
    due_at = _look_by(at, promised_reply(at, channel), urgent=consultation.urgent)
    # The giver cannot see whether the centre has it already, so the attempt must tell.
    try:
        with session.begin_nested():
            _lay_on(
                session,
                consultation,
                centre_id,
                giver_id=item.agency_id,
                sealed=item.sealed,
                due_at=due_at,
            )
    except IntegrityError as error:
        if "uq_inbox_items_consultation_id_agency_id" not in str(error.orig):
            raise


def accept(
    session: Session,
    item: m.InboxItem,
    *,
    case_id: uuid.UUID,
    child: dict[str, str],
    birth_date: str | None,
    topics: list[str],
    urgency: str,
    grounds: str,
) -> m.Case:
    """Take a consultation on the centre's desk into a new case, with its urgency (受理).

    Whom not to tell becomes a wish of the case at once, before anybody can share anything.

    Args:
        session: of somebody who coordinates at the centre.
        item: visible to the viewer.
        case_id: of the form; a second sending returns the same case.
        child: ``family_name``, ``given_name``, ``kana`` and ``called``; "" where nobody knows.
        birth_date: as YYYY-MM-DD, or None.
        topics: codes of the list ``topic``.
        urgency: code of the list ``urgency``, decided by the person with the criteria on screen.
        grounds: why.

    Raises:
        NotPermittedError: not somebody of the centre who coordinates.
        ConflictError: somebody else took it into a case first.

    """
    require(standing(session), Action.COORDINATE)
    item = _locked(session, item)
    if item.case_id is not None and item.case_id != case_id:
        raise ConflictError(mine=grounds)
    earlier = already(session, m.Case, case_id)
    if earlier is not None:
        return earlier
    case = open_case(
        session, **child, birth_date=birth_date, item=item, topics=topics, case_id=case_id
    )
    _keep_wish(session, case, item, wish_id=item.consultation_id)
    decide_urgency(session, case, urgency=urgency, grounds=grounds, decision_id=case_id)
    return case


def _keep_wish(session: Session, case: m.Case, item: m.InboxItem, *, wish_id: uuid.UUID) -> None:
    """Make whom not to tell a wish of the case: unlinked words block every share until then."""
    consultation = session.get_one(m.Consultation, item.consultation_id)
    words = reveal(session, consultation, "not_to_tell")
    if words:
        add_never_tell(session, case, never_tell_id=wish_id, words=words)


def join(session: Session, item: m.InboxItem, case: m.Case, *, by_the_child: bool) -> None:
    """Take a consultation on the centre's desk into a case that there is already.

    A person has compared the children and says that it is the same one. Whom not to tell becomes a
    wish of that case at once. ``separate`` takes it apart again.

    Args:
        session: of somebody who coordinates at the centre.
        item: visible to the viewer.
        case: the own agency's.
        by_the_child: whether it is known that whoever consulted is the child itself, or a guardian:
            only then does the return code lead into the case, the child's to the whole record of
            sharing. Else the consultation is the case's and the thread stays by itself.

    Raises:
        NotPermittedError: not the owner's; or somebody's who reported, who in a case is known to
            the director and those who work on it alone, and the viewer is neither.
        ConflictError: somebody else took it into another case first.

    """
    acting = require(standing(session), Action.COORDINATE, case)
    item = _locked(session, item)
    if item.case_id == case.id:
        return
    if item.sealed and not knows_reporter(session, case, acting.role):
        raise NotPermittedError(Action.COORDINATE)
    if item.case_id is not None or item.status == HANDED_OVER:
        raise ConflictError
    child = select(m.CasePerson.person_id).where(
        m.CasePerson.case_id == case.id, m.CasePerson.is_child
    )
    known_child = session.scalars(child).one() if by_the_child else None
    take_in(session, case, item, child_id=known_child)
    _keep_wish(session, case, item, wish_id=uuid.uuid4())
    audit.record(
        session,
        audit.Event.CONSULTATION_JOINED,
        case_id=case.id,
        thread_id=item.thread_id,
        consultation=item.consultation_id,
        child=by_the_child,
    )


def separable(session: Session, item: m.InboxItem) -> bool:
    """Return whether ``separate`` can take a consultation out of its case.

    Not one that began at the centre for a person of the case, and not one by whose return code a
    consent was given or taken back: whoever did that keeps the hand on it.
    """
    consented = select(m.ConsentEvent.id).where(m.ConsentEvent.thread_id == item.thread_id)
    return (
        item.case_id is not None
        and item.handled_by is not None
        and session.scalars(consented.limit(1)).first() is None
    )


def separate(session: Session, item: m.InboxItem, case: m.Case) -> None:
    """Take a consultation out of its case again; it waits on the desk as if it had come now.

    Nothing is lost: its words and its thread come along, the case keeps its records, and whom not
    to tell stays a wish of the case until a person lifts it there. From the next request on the
    return code leads into the case no more.

    Args:
        session: of somebody who coordinates at the centre.
        item: visible to the viewer.
        case: the own agency's, of which the consultation is.

    Raises:
        NotPermittedError: not the owner's, or ``separable`` says that it cannot be taken out.

    """
    require(standing(session), Action.COORDINATE, case)
    item = _locked(session, item)
    if item.case_id != case.id:
        return
    if not separable(session, item):
        raise NotPermittedError(Action.COORDINATE)
    consultation = session.get_one(m.Consultation, item.consultation_id)
    thread = session.scalars(select(m.Thread).where(m.Thread.id == item.thread_id)).one()
    thread.case_id = thread.owner_agency_id = thread.person_id = None
    item.case_id = item.handled_at = item.handled_by = None
    item.status = NEW
    at = clock(session)
    promised = promised_reply(at, consultation.channel)
    item.due_at = _look_by(at, promised, urgent=consultation.urgent)
    audit.record(
        session,
        audit.Event.CONSULTATION_SEPARATED,
        case_id=case.id,
        thread_id=item.thread_id,
        consultation=consultation.id,
    )
    session.flush()


def _at_desk(session: Session, item: m.InboxItem) -> Standing:
    acting = require(standing(session), Action.READ_INBOX)
    if item.status == HANDED_OVER:
        raise NotPermittedError(Action.READ_INBOX)
    return acting


def _locked(session: Session, item: m.InboxItem) -> m.InboxItem:
    """Return the item as it stands now, held until the end: two colleagues act one by one."""
    held = (
        select(m.InboxItem)
        .where(m.InboxItem.id == item.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return session.scalars(held).one()


def _settle(session: Session, item: m.InboxItem) -> None:
    mark_seen(session, item.thread_id, by_desk=True)
    item.unread_since = None
    if item.status == NEW:
        item.status, item.handled_at = ANSWERED, clock(session)
        item.handled_by = session.info["viewer"].account_id
    session.flush()


def lift_overdue(session: SystemSession) -> int:
    """Bring reports that wait at an NPO beyond their working day to the centre; return how many.

    They come up by themselves (domain.md §2). The worker calls it; what an NPO dealt with in time
    stays there. Each report is lifted once, however often this runs.
    """
    at = clock(session)
    held, holder = aliased(m.InboxItem), aliased(m.Agency)
    at_a_centre = (
        select(held.id)
        .join(holder, holder.id == held.agency_id)
        .where(held.consultation_id == m.InboxItem.consultation_id, holder.type == CENTRE)
    )
    waiting = (
        select(m.InboxItem, m.Consultation, m.Agency)
        .join(m.Consultation, m.Consultation.id == m.InboxItem.consultation_id)
        .join(m.Agency, m.Agency.id == m.InboxItem.agency_id)
        .where(
            m.Agency.type == NPO,
            m.InboxItem.due_at <= at,
            or_(m.InboxItem.status == NEW, m.InboxItem.unread_since.is_not(None)),
            ~at_a_centre.exists(),
        )
        .with_for_update(of=m.InboxItem, skip_locked=True)
    )
    overdue = session.execute(waiting).all()
    for item, consultation, npo in overdue:
        _lift(session, item, consultation, _centre_of_report(session, consultation, npo), at)
    session.flush()
    log.info("overdue reports lifted", extra={"count": len(overdue)})
    return len(overdue)


def _lift(
    session: SystemSession,
    item: m.InboxItem,
    consultation: m.Consultation,
    centre_id: uuid.UUID,
    at: dt.datetime,
) -> None:
    _lay_on(
        session,
        consultation,
        centre_id,
        giver_id=item.agency_id,
        sealed=item.sealed,
        due_at=_look_by(at, promised_reply(at, consultation.channel), urgent=consultation.urgent),
    )
    # The worker is nobody who looks, so the centre's desk is told here.
    lifted = select(m.InboxItem.id).where(
        m.InboxItem.consultation_id == consultation.id, m.InboxItem.agency_id == centre_id
    )
    session.execute(select(func.tell_of_item(session.scalars(lifted).one())))
    # Nobody handed it over: the NPO's page says that its time was up.
    item.status, item.handled_at, item.unread_since = HANDED_OVER, at, None
    audit.record(
        session,
        audit.Event.CONSULTATION_HANDED_OVER,
        thread_id=item.thread_id,
        consultation=consultation.id,
        agency=centre_id,
    )


def _centre_of_report(
    session: SystemSession, consultation: m.Consultation, npo: m.Agency
) -> uuid.UUID:
    """Return the centre behind the cafeteria that reported, else behind the NPO."""
    if consultation.reporting_agency_id is not None:
        cafeteria = session.get_one(m.Agency, consultation.reporting_agency_id)
        if cafeteria.type == CAFETERIA and cafeteria.centre_id is not None:
            return cafeteria.centre_id
    first = select(m.Agency.id).where(m.Agency.type == CENTRE).order_by(m.Agency.recorded_at)
    return npo.centre_id or session.scalars(first.limit(1)).one()
