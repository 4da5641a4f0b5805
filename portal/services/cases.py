"""Opening a case, and saying who belongs to it (domain.md §2)."""

import uuid
from collections.abc import Iterable, Mapping

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import audit
from portal import models as m
from portal.codes import new_reference
from portal.database import standing
from portal.policy.permissions import Action, NotPermittedError, require
from portal.services.once import already
from portal.services.sharing import clock
from portal.vault import INTERNAL, Scope, create_key, seal, spelling_of
from portal.vocabulary import SLICES, known

# The threads that become the case's: a third-party reporter's never does (domain.md §4).
_THREADS_OF_A_CASE = ("child", "guardian")


def open_case(
    session: Session,
    *,
    family_name: str,
    given_name: str,
    kana: str,
    called: str,
    birth_date: str | None,
    item: m.InboxItem | None,
    topics: list[str],
    reference: str | None = None,
    case_id: uuid.UUID | None = None,
) -> m.Case:
    """Open a case about one child; whoever opens it works on it (受理).

    Args:
        session: of the centre's director, counsellor or investigator.
        family_name, given_name, kana, called: the child's; "" where nobody knows.
        birth_date: as YYYY-MM-DD, or None where nobody knows.
        item: the consultation on the own desk that becomes this case, if it began with one.
        topics: codes of the list ``topic``.
        reference: a random one unless an import brings its own.
        case_id: of the form that was sent; a second sending returns the same case.

    Raises:
        NotPermittedError: not somebody of the centre who coordinates.
        UnknownCode: a topic is not in the list.

    """
    acting = require(standing(session), Action.COORDINATE)
    known_case = None if case_id is None else already(session, m.Case, case_id)
    if known_case is not None:
        return known_case
    names = {"family_name": family_name, "given_name": given_name, "kana": kana, "called": called}
    child = _new_person(session, names, birth_date=birth_date)
    case = m.Case(
        id=case_id or uuid.uuid4(),
        reference=reference or new_reference(),
        owner_agency_id=acting.agency_id,
        status="accepted",
    )
    session.add(case)
    # Row by row: the wall admits a child of a case only once the case is there.
    session.flush()
    for slice_ in (*SLICES, INTERNAL):
        create_key(session, Scope("slice", case.id, slice_))
    link = _link(case, child, subject_kind="child", is_child=True)
    session.add_all([link, spelling_of(session, link, **names)])
    session.add_all(_of_case(case, m.CaseTopic, topic=known("topic", code)) for code in topics)
    session.add(_of_case(case, m.CaseWorker, account_id=session.info["viewer"].account_id))
    session.flush()
    if item is not None:
        take_in(session, case, item, child_id=child.id)
    audit.record(
        session,
        audit.Event.CASE_OPENED,
        case_id=case.id,
        consultation=None if item is None else item.consultation_id,
    )
    return case


def add_person(
    session: Session,
    case: m.Case,
    *,
    family_name: str,
    given_name: str,
    kana: str,
    called: str,
    subject_kind: str,
    relationship_code: str | None,
    person_id: uuid.UUID | None = None,
) -> m.Person:
    """Add a guardian, a sibling or somebody else to a case, whose data entries can then be.

    Args:
        session: of the owner.
        case: the own agency's.
        family_name, given_name, kana, called: "" where nobody knows.
        subject_kind, relationship_code: codes of their lists; the relationship may be unknown.
        person_id: of the form; a second sending returns the same person.

    Raises:
        NotPermittedError: not the owner's.
        UnknownCode: ``subject_kind`` or ``relationship_code`` is not in its list.

    """
    require(standing(session), Action.COORDINATE, case)
    earlier = None if person_id is None else already(session, m.Person, person_id)
    if earlier is not None:
        return earlier
    known("subject", subject_kind)
    if relationship_code is not None:
        known("relationship", relationship_code)
    names = {"family_name": family_name, "given_name": given_name, "kana": kana, "called": called}
    person = _new_person(session, names, birth_date=None, person_id=person_id)
    link = _link(case, person, subject_kind=subject_kind, relationship_code=relationship_code)
    session.add_all([link, spelling_of(session, link, **names)])
    session.flush()
    return person


def link_household(session: Session, cases: Iterable[m.Case]) -> m.Household:
    """Link the cases of brothers and sisters as one household 世帯; a link opens nothing.

    Cases that belong to a household already bring the others into it.

    Raises:
        NotPermittedError: one of the cases is not the own agency's.

    """
    linked = list(cases)
    for case in linked:
        require(standing(session), Action.COORDINATE, case)
    of_cases = select(m.HouseholdCase).where(
        m.HouseholdCase.case_id.in_([case.id for case in linked])
    )
    links = {link.case_id: link for link in session.scalars(of_cases)}
    if links:
        first = min(links.values(), key=lambda link: (link.recorded_at, link.id))
        household = session.get_one(m.Household, first.household_id)
    else:
        household = m.Household(owner_agency_id=linked[0].owner_agency_id)
        session.add(household)
        session.flush()
    for case in linked:
        if case.id not in links:
            session.add(_of_case(case, m.HouseholdCase, household_id=household.id))
    session.flush()
    return household


def finish_task(session: Session, case: m.Case, task: m.Task) -> None:
    """Note that a task of the owner is done, such as the safety check after a withdrawal.

    A task that is done stays as it was done first.

    Raises:
        NotPermittedError: not the owner's, or a task that a deed of its own ends: the review of an
            emergency, the record of a report.

    """
    require(standing(session), Action.COORDINATE, case)
    if task.kind in (m.Task.EMERGENCY, m.Task.REPORT):
        raise NotPermittedError(Action.COORDINATE)
    if task.done_at is not None:
        return
    task.done_at = clock(session)
    task.done_by = session.info["viewer"].account_id
    audit.record(session, audit.Event.TASK_DONE, case_id=case.id, task=task.id)
    session.flush()


def _new_person(
    session: Session,
    names: Mapping[str, str],
    *,
    birth_date: str | None,
    person_id: uuid.UUID | None = None,
) -> m.Person:
    person = m.Person(id=person_id or uuid.uuid4())
    create_key(session, Scope("person", person.id))
    seal(
        session,
        person,
        family_name=names["family_name"],
        given_name=names["given_name"],
        kana=names["kana"] or None,
        called=names["called"] or None,
        birth_date=birth_date,
    )
    session.add(person)
    session.flush()
    return person


def _of_case(case: m.Case, model: type[m.Base], **columns: object) -> m.Base:
    return model(case_id=case.id, owner_agency_id=case.owner_agency_id, **columns)


def _link(
    case: m.Case,
    person: m.Person,
    *,
    subject_kind: str,
    relationship_code: str | None = None,
    is_child: bool = False,
) -> m.CasePerson:
    return m.CasePerson(
        case_id=case.id,
        owner_agency_id=case.owner_agency_id,
        case_opened_at=case.opened_at,
        person_id=person.id,
        subject_kind=subject_kind,
        relationship_code=relationship_code,
        is_child=is_child,
    )


def take_in(
    session: Session, case: m.Case, item: m.InboxItem, *, child_id: uuid.UUID | None
) -> None:
    """Make a consultation the case's: its place on the desk, and the thread of child or guardian.

    The thread of the child opens the child's own record of sharing from then on; a guardian's is
    tied to the guardian as a person when there is one.

    Args:
        session: of the owner.
        case: the own agency's.
        item: held, and of no case yet.
        child_id: the child whose thread it is; None where nobody knows that whoever wrote it is
            the child or a guardian of the case: then the thread stays by itself.

    """
    item.status = "accepted"
    item.case_id = case.id
    item.handled_at = clock(session)
    item.handled_by = session.info["viewer"].account_id
    item.unread_since = None
    session.flush()
    thread = session.scalars(select(m.Thread).where(m.Thread.id == item.thread_id)).one()
    barred = thread.sealed or thread.kind not in _THREADS_OF_A_CASE
    if barred or thread.case_id is not None or child_id is None:
        return
    thread.case_id, thread.owner_agency_id = case.id, case.owner_agency_id
    if thread.kind == "child":
        thread.person_id = child_id
    session.flush()
