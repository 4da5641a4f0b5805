"""Posting into a slice, and taking a wrong post back at once (domain.md §4)."""

import uuid
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from portal import audit
from portal import models as m
from portal.database import NotVisibleError, lock_grants, standing
from portal.policy.hot import hot
from portal.policy.permissions import Action, NotPermittedError, require
from portal.policy.viewer import DIRECTOR
from portal.policy.visibility import PLACE_SLICES, admits, by_grant, live_grant
from portal.services.notifications import NOBODY, Asked, mention
from portal.services.once import already, write_once
from portal.vault import seal
from portal.vocabulary import OVERRIDING_BASES, SLICES, WATCHER, shareable_with

# Code of the slice and id of the person whose data it is.
Place = tuple[str, uuid.UUID]

_USUAL: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        **dict.fromkeys(("school", "nursery"), ("school", "child_view")),
        **dict.fromkeys(("ward_welfare", "ward_child_health", "ward_protection"), ("welfare",)),
        "cgc": ("safety", "home"),
        "police": ("safety",),
        "npo": ("child_view", "home"),
        "cafeteria": ("watch_points",),
        "medical": ("health",),
    }
)


# Built once: making the rule into a statement takes longer than running it. The clock of a rule is
# the start of the transaction, so a post that began before a withdrawal and waited for it would
# still find its grant live; an end is only ever written as "now", so one that stands there is over.
_ADMITTING = hot(
    "grants that let somebody write in a case",
    select(m.Grant).where(
        m.Grant.case_id == bindparam("case_id"), admits(m.Grant), m.Grant.ended_at.is_(None)
    ),
)
_PEOPLE = hot(
    "people of a case",
    select(m.CasePerson.person_id).where(m.CasePerson.case_id == bindparam("case_id")),
)


def writable(session: Session, case: m.Case) -> frozenset[Place]:
    """Return where the viewer may write in a case: the slices read there, about whom.

    The owner writes everywhere, but who reported only as director or worker of the case; an agency
    where a live grant opens slice and subject to the writer (rule 5).
    """
    acting, bound = require(standing(session), Action.POST), {"case_id": case.id}
    grants = () if acting.owns(case) else session.scalars(_ADMITTING, bound).all()
    return writable_with(session, case, session.scalars(_PEOPLE, bound), grants)


def writable_with(
    session: Session, case: m.Case, known: Iterable[uuid.UUID], admitting: Iterable[m.Grant]
) -> frozenset[Place]:
    """Return what ``writable`` does, for a page that has read people and grants already.

    Args:
        session: of the viewer.
        case: visible to the viewer.
        known: the people of the case whom the viewer may know.
        admitting: the grants that admit the viewer; none for the owner.

    """
    acting, people = require(standing(session), Action.POST), set(known)
    if acting.owns(case):
        hidden = () if knows_reporter(session, case, acting.role) else ("reporter",)
        return frozenset((code, who) for code in SLICES if code not in hidden for who in people)
    grants = [grant for grant in admitting if grant.ended_at is None]
    if any(grant.subject_id is None for grant in grants):
        people |= _people_of_open_entries(session, case)
    return frozenset(_opened(grants, people, shareable_with(acting.agency_type)))


def _opened(
    grants: Iterable[m.Grant], people: set[uuid.UUID], slices: Iterable[str]
) -> Iterable[Place]:
    for grant in grants:
        everybody = grant.subject_id is None and grant.basis != "CONSENT"
        subjects = people if everybody else {grant.subject_id} - {None}
        # 秘匿: where a child is, is told by a duty of the law alone (domain.md §4).
        concealed = grant.case_concealed and grant.basis not in OVERRIDING_BASES
        hidden = PLACE_SLICES if concealed else ()
        yield from (
            (code, who)
            for code in slices
            if code in grant.slices and code not in hidden
            for who in subjects
            if who
        )


def knows_reporter(session: Session, case: m.Case, role: str) -> bool:
    """Return whether the owner's viewer may know who reported: a director, or who works on it."""
    me = session.info["viewer"].account_id
    mine = select(m.CaseWorker.id).where(
        m.CaseWorker.case_id == case.id, m.CaseWorker.account_id == me
    )
    return role == DIRECTOR or session.scalars(mine).first() is not None


def _people_of_open_entries(session: Session, case: m.Case) -> set[uuid.UUID]:
    """Return whose data the visible entries are: known even where ``basic`` is not shared."""
    subjects = select(m.Entry.subject_id).where(m.Entry.case_id == case.id, by_grant(m.Entry))
    return set(session.scalars(subjects.distinct()))


def usual_place(
    session: Session, places: frozenset[Place], child_id: uuid.UUID | None
) -> Place | None:
    """Return where the viewer's agency usually writes about the child, or None.

    It saves the school nurse two questions out of three; the owner has no usual slice. A watcher,
    to whom ``basic`` is not shared, may write about one person only, and that is the child.
    """
    acting = require(standing(session), Action.POST)
    wanted = (*_USUAL.get(acting.agency_type, ()), "progress")
    people = {who for _code, who in places}
    if child_id is None and acting.role == WATCHER and len(people) == 1:
        (child_id,) = people
    if acting.at_centre or child_id is None:
        return None
    return next(((code, child_id) for code in wanted if (code, child_id) in places), None)


def post_entry(
    session: Session,
    case: m.Case,
    *,
    entry_id: uuid.UUID,
    slice_: str,
    subject_id: uuid.UUID,
    text: str,
    tell: Asked = NOBODY,
) -> m.Entry:
    """Write into a slice of a case that the author can read, about a subject likewise.

    Args:
        session: of the author.
        case: visible to the author.
        entry_id: of the form; a second sending returns what the first wrote.
        slice_: code of the list ``slice``.
        subject_id: whose data it is: a person of the case.
        text: what is said, cleaned already.
        tell: who is asked to read it.

    Raises:
        NotPermittedError: not into this slice, or not about this person.
        NotVisibleError: a withdrawal was faster.

    """
    acting = require(standing(session), Action.POST)
    # Posts share the lock: one that waited for a withdrawal finds its grant ended.
    lock_grants(session, case.id)
    known_entry = already(session, m.Entry, entry_id)
    if known_entry is not None:
        return known_entry
    _require_place(session, case, (slice_, subject_id))
    entry = _entry(session, case, entry_id, (slice_, subject_id), acting.agency_id)
    seal(session, entry, text=text)
    if write_once(session, entry):
        audit.record(
            session, audit.Event.ENTRY_POSTED, case_id=case.id, entry=entry.id, slice=slice_
        )
        mention(session, entry, tell)
    return entry


def _entry(
    session: Session, case: m.Case, entry_id: uuid.UUID, place: Place, agency_id: uuid.UUID
) -> m.Entry:
    """Return an entry of an agency, written by the viewer, whose texts are not sealed yet."""
    return m.Entry(
        id=entry_id,
        case_id=case.id,
        owner_agency_id=case.owner_agency_id,
        case_opened_at=case.opened_at,
        slice=place[0],
        subject_id=place[1],
        author_agency_id=agency_id,
        author_account_id=session.info["viewer"].account_id,
    )


def _require_place(session: Session, case: m.Case, place: Place) -> None:
    places = frozenset() if already(session, m.Case, case.id) is None else writable(session, case)
    if not places:
        raise NotVisibleError
    if place not in places:
        raise NotPermittedError(Action.POST)


def hearable(session: Session, case: m.Case) -> Mapping[uuid.UUID, frozenset[Place]]:
    """Return where each agency could write that may phone instead of signing in.

    Args:
        session: of the owner.
        case: the own agency's.

    """
    require(standing(session), Action.COORDINATE, case)
    people = set(session.scalars(_PEOPLE, {"case_id": case.id}))
    rows = session.execute(
        select(m.Grant, m.Agency.type)
        .join(m.Agency, m.Agency.id == m.Grant.agency_id)
        .where(
            m.Grant.case_id == case.id,
            m.Grant.agency_id != case.owner_agency_id,
            live_grant(m.Grant),
            m.Grant.ended_at.is_(None),
        )
    )
    found: dict[uuid.UUID, frozenset[Place]] = {}
    for grant, agency_type in rows:
        places = frozenset(_opened([grant], people, shareable_with(agency_type)))
        found[grant.agency_id] = found.get(grant.agency_id, frozenset()) | places
    return found


def hear(
    session: Session,
    case: m.Case,
    *,
    entry_id: uuid.UUID,
    agency_id: uuid.UUID,
    slice_: str,
    subject_id: uuid.UUID,
    heard_from: str,
    text: str,
) -> m.Entry:
    """Write down what an agency told by phone, as that agency's own record (「電話で聞き取り」).

    The agency reads it as its own and takes it back where it is wrong; everybody who reads it sees
    that it was heard by phone, and from whom.

    Args:
        session: of somebody who coordinates at the centre.
        case: the own agency's.
        entry_id: of the form; a second sending returns what the first wrote.
        agency_id: who phoned: an agency to which slice and subject are open now.
        slice_: code of the list ``slice``.
        subject_id: whose data it is: a person of the case.
        heard_from: who spoke, by post: names of an agency are for its own people (domain.md §1).
        text: what was said, cleaned already.

    Raises:
        NotPermittedError: not the owner's, or the agency could not write there itself.

    """
    require(standing(session), Action.COORDINATE, case)
    lock_grants(session, case.id)
    known_entry = already(session, m.Entry, entry_id)
    if known_entry is not None:
        return known_entry
    if (slice_, subject_id) not in hearable(session, case).get(agency_id, ()):
        raise NotPermittedError(Action.POST)
    entry = _entry(session, case, entry_id, (slice_, subject_id), agency_id)
    seal(session, entry, text=text, heard_from=heard_from)
    if write_once(session, entry):
        audit.record(
            session,
            audit.Event.ENTRY_HEARD,
            case_id=case.id,
            entry=entry.id,
            slice=slice_,
            agency=agency_id,
        )
    return entry


def retract_entry(
    session: Session,
    entry: m.Entry,
    *,
    reason: str,
    successor_id: uuid.UUID | None = None,
    retraction_id: uuid.UUID | None = None,
) -> m.Retraction:
    """Take a wrong post back: hidden from everybody at once, its original sealed.

    Args:
        session: of somebody of the author's agency, or of the case's owner.
        entry: visible to the viewer.
        reason: why, for the owner and for who retracts.
        successor_id: the entry that says it right, where there is one.
        retraction_id: of the form that was sent.

    Raises:
        NotPermittedError: neither the own agency's post nor an own case's.
        ConflictError: somebody else retracted it at the same moment.

    """
    acting = require(standing(session), Action.POST)
    if acting.agency_id not in (entry.author_agency_id, entry.owner_agency_id):
        raise NotPermittedError(Action.POST)
    retraction = m.Retraction(
        id=retraction_id or uuid.uuid4(),
        case_id=entry.case_id,
        owner_agency_id=entry.owner_agency_id,
        entry_id=entry.id,
        slice=entry.slice,
        agency_id=acting.agency_id,
        account_id=session.info["viewer"].account_id,
        successor_id=successor_id,
    )
    seal(session, retraction, reason=reason)
    if write_once(session, retraction):
        audit.record(session, audit.Event.ENTRY_RETRACTED, case_id=entry.case_id, entry=entry.id)
    return retraction


def take_back_entry(
    session: Session,
    case: m.Case,
    entry: m.Entry,
    *,
    retraction_id: uuid.UUID,
    reason: str,
    successor_id: uuid.UUID,
    corrected: str,
) -> m.Retraction:
    """Take a wrong post back and, where there are words for it, say it right in the same slice.

    Args:
        session, entry, retraction_id, reason: as in ``retract_entry``.
        case: the entry's.
        successor_id: of the form; the id of the new entry.
        corrected: what should have been said about the same person; "" for nothing.

    """
    if corrected:
        post_entry(
            session,
            case,
            entry_id=successor_id,
            slice_=entry.slice,
            subject_id=entry.subject_id,
            text=corrected,
        )
    return retract_entry(
        session,
        entry,
        reason=reason,
        successor_id=successor_id if corrected else None,
        retraction_id=retraction_id,
    )


__all__ = [
    "Place",
    "hear",
    "hearable",
    "knows_reporter",
    "post_entry",
    "retract_entry",
    "take_back_entry",
    "usual_place",
    "writable",
    "writable_with",
]
