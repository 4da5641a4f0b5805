"""The desk: a consultation answered, passed on, and taken into a case or out of it again (§2).

The chapters are those of domain.md.
"""

import datetime as dt
import logging
import uuid

from sqlalchemy import func, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, aliased

from portal import audit
from portal import models as m
from portal.database import (
    ConflictError,
    SystemSession,
    standing,
)
from portal.policy.permissions import (
    CENTRE,
    NPO,
    Action,
    NotPermittedError,
    Standing,
    require,
)
from portal.policy.terms import clock
from portal.services.assessment import decide_urgency
from portal.services.cases import open_case, take_in
from portal.services.consultations import CHANNEL_OF_DESK, centre_for, lay_on, look_by
from portal.services.denials import add_never_tell
from portal.services.entries import knows_reporter
from portal.services.once import already
from portal.services.threads import (
    mark_seen,
    write_message,
)
from portal.vault import reveal
from portal.vocabulary import CAFETERIA
from portal.working_hours import promised_reply

log = logging.getLogger(__name__)

NEW, ANSWERED, HANDED_OVER, ACCEPTED = "new", "answered", "handed_over", "accepted"


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
    due_at = look_by(at, promised_reply(at, channel), urgent=consultation.urgent)
    # The giver cannot see whether the centre has it already, so the attempt must tell.
    try:
        with session.begin_nested():
            lay_on(
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


def separable_of(session: Session, case_id: uuid.UUID) -> set[uuid.UUID]:
    """Return those of a case's consultations that ``separate`` can take out, by their items.

    Not one that began at the centre for a person of the case, and not one by whose return code a
    consent was given or taken back: whoever did that keeps the hand on it.
    """
    consented = select(m.ConsentEvent.id).where(m.ConsentEvent.thread_id == m.InboxItem.thread_id)
    found = select(m.InboxItem.id).where(
        m.InboxItem.case_id == case_id, m.InboxItem.handled_by.is_not(None), ~consented.exists()
    )
    return set(session.scalars(found))


def separable(session: Session, item: m.InboxItem) -> bool:
    """Return whether ``separate`` can take a consultation out of its case."""
    return item.case_id is not None and item.id in separable_of(session, item.case_id)


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
    item.due_at = look_by(at, promised, urgent=consultation.urgent)
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
    lay_on(
        session,
        consultation,
        centre_id,
        giver_id=item.agency_id,
        sealed=item.sealed,
        due_at=look_by(at, promised_reply(at, consultation.channel), urgent=consultation.urgent),
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
