"""A child's date of birth that becomes known or is corrected, and what ends with it at 18.

A guardian's consent ends on the child's 18th birthday (domain.md §3, lane A; Civil Code art. 4).
One that was given while nobody knew the date ends later, and is shortened once it is known. Nothing
is ever lengthened: a later date opens nothing again, for that a new consent is asked.

Whoever enters the date ends what they were shown, in the cases they see. A case of the same child
that is closed to them, or another centre's, is left to the worker, seconds later.
"""

import datetime as dt
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import Session

from portal import audit
from portal import models as m
from portal.database import ConflictError, SystemSession, before_viewer, lock_grants, standing
from portal.policy.permissions import Action, require
from portal.policy.terms import clock
from portal.services.consents import GUARDIAN_KINDS, YES
from portal.services.ends import end_by_itself, not_over
from portal.services.guardians import GUARDIAN
from portal.services.sharing import end_grant, step_of
from portal.vault import reveal, seal
from portal.vocabulary import CONSENT, EXPIRED, SHORTENED
from portal.working_hours import eighteenth_birthday, inclusive_to_instant

# Answers that open something, or can.
_STANDING = ("given", "partial")


@dataclass(frozen=True)
class Yes:
    """A guardian's yes about an agency, and when it ends so far (UTC)."""

    consent: m.Consent
    agency_id: uuid.UUID
    until: dt.datetime | None


@dataclass(frozen=True)
class Beyond:
    """What rests on a guardian's consent and reaches beyond the child's 18th birthday.

    Attributes:
        end: 00:00 JST of that birthday, as an instant in UTC.
        over: it has come already, so that all of it ends now.
        grants: that are not over.
        said: every such yes that stands.

    """

    end: dt.datetime
    over: bool
    grants: Sequence[m.Grant]
    said: Sequence[Yes]

    @property
    def waiting(self) -> list[Yes]:
        """Return what was said yes to and carries none of the grants: not shared yet."""
        carrying = {
            (consent_id, grant.agency_id)
            for grant in self.grants
            for consent_id in (grant.consent_id, *(grant.guardian_consent_ids or ()))
        }
        return [yes for yes in self.said if (yes.consent.id, yes.agency_id) not in carrying]


def beyond_18(session: Session, child_id: uuid.UUID, born: dt.date) -> Beyond:
    """Return what would be shortened if a child were born on a day.

    Args:
        session: of the director, a counsellor or an investigator of the owner.
        child_id: of the own agency's cases that are about this child, all are meant.
        born: in JST.

    """
    return _beyond(session, [case.id for case in _cases_about(session, child_id)], born)


def _beyond(session: Session, case_ids: Sequence[uuid.UUID], born: dt.date) -> Beyond:
    end, now = eighteenth_birthday(born), clock(session)
    consents = _guardians_consents(session, case_ids)
    return Beyond(
        end,
        end <= now,
        _grants_beyond(session, case_ids, consents, end),
        _said_beyond(session, consents, max(end, now)),
    )


def record_birth_date(
    session: Session, case: m.Case, born: dt.date, *, seen: str, child_id: uuid.UUID
) -> int:
    """Enter or correct when a child was born, and shorten what must end on the 18th birthday.

    Args:
        session: of the director, a counsellor or an investigator of the owner.
        case: the own agency's.
        born: in JST; not after today.
        seen: the date that the person saw before, as YYYY-MM-DD, "" where nobody knew it.
        child_id: whom the case is about.

    Returns:
        How many shares were shortened or ended.

    Raises:
        NotPermittedError: not the owner's.
        ConflictError: somebody else entered another date meanwhile.

    """
    require(standing(session), Action.COORDINATE, case)
    cases = _cases_about(session, child_id)
    for each in cases:
        lock_grants(session, each.id, exclusive=True)
    child = session.get_one(m.Person, child_id)
    session.refresh(child)
    written, mine = reveal(session, child, "birth_date"), born.isoformat()
    if written == mine:
        return 0
    if written != seen:
        raise ConflictError(theirs=written, mine=mine)
    seal(session, child, birth_date=mine)
    for each in cases:
        audit.record(session, audit.Event.BIRTH_DATE_RECORDED, case_id=each.id, person=child_id)
    session.flush()
    before_viewer(session, func.defer_ends_at_18(child_id))
    return _end_in(session, [each.id for each in cases], born, _end_of_owner)


def end_at_18(session: SystemSession, child_id: uuid.UUID) -> int:
    """Shorten what must end on a child's 18th birthday in every case; the worker calls it.

    Args:
        session: of the system, equipped with the keys.
        child_id: whose date of birth was entered or corrected.

    Returns:
        How many shares were shortened or ended, none where nobody knows the date.

    """
    child = session.get_one(m.Person, child_id)
    if not (written := reveal(session, child, "birth_date")):
        return 0
    case_ids = session.scalars(_about(child_id).order_by(m.CasePerson.case_id)).all()
    for case_id in case_ids:
        lock_grants(session, case_id, exclusive=True)
    return _end_in(session, case_ids, dt.date.fromisoformat(written), _end_of_system)


def _end_in(
    session: Session,
    case_ids: Sequence[uuid.UUID],
    born: dt.date,
    end: Callable[[Session, m.Grant, Beyond], bool],
) -> int:
    beyond = _beyond(session, case_ids, born)
    count = sum(end(session, grant, beyond) for grant in beyond.grants)
    session.flush()
    # Asked again: of what carried a grant, the history of the consent tells already.
    for yes in _beyond(session, case_ids, born).said:
        session.add(_step(session, yes, beyond))
    session.flush()
    return count


def _end_of_owner(session: Session, grant: m.Grant, beyond: Beyond) -> bool:
    if beyond.over:
        return end_grant(session, grant, state=EXPIRED)
    return _shorten(session, grant, beyond.end)


def _end_of_system(session: Session, grant: m.Grant, beyond: Beyond) -> bool:
    if beyond.over:
        end_by_itself(session, grant, EXPIRED, clock(session))
    else:
        grant.valid_until = beyond.end
        _note_shortened(session, grant)
    return True


def _shorten(session: Session, grant: m.Grant, end: dt.datetime) -> bool:
    """Let a grant end sooner; return whether it was this call that did it."""
    if not before_viewer(session, func.shorten_grant(grant.id, end)).scalar_one():
        return False
    session.refresh(grant)
    _note_shortened(session, grant)
    return True


def _note_shortened(session: Session, grant: m.Grant) -> None:
    step = step_of(grant, SHORTENED, valid_until=grant.valid_until, account_id=_by(session))
    session.add(step)
    audit.record(session, audit.Event.GRANT_SHORTENED, case_id=grant.case_id, grant=grant.id)
    session.flush()


def _by(session: Session) -> uuid.UUID | None:
    """Return who does it; None for the worker."""
    viewer = session.info.get("viewer")
    return viewer.account_id if viewer else None


def _step(session: Session, yes: Yes, beyond: Beyond) -> m.ConsentEvent:
    return m.ConsentEvent(
        case_id=yes.consent.case_id,
        owner_agency_id=yes.consent.owner_agency_id,
        consent_id=yes.consent.id,
        state=EXPIRED if beyond.over else SHORTENED,
        agency_id=yes.agency_id,
        valid_until=None if beyond.over else beyond.end,
        account_id=_by(session),
    )


def _cases_about(session: Session, child_id: uuid.UUID) -> Sequence[m.Case]:
    """Return the own cases about a child, in the order in which they are locked."""
    acting = require(standing(session), Action.COORDINATE)
    about = m.Case.id.in_(_about(child_id))
    own = select(m.Case).where(about, m.Case.owner_agency_id == acting.agency_id)
    return session.scalars(own.order_by(m.Case.id)).all()


def _about(child_id: uuid.UUID) -> Select[uuid.UUID]:
    """Return the ids of the cases about a child, as the session sees them."""
    case_id = m.CasePerson.case_id
    return select(case_id).where(m.CasePerson.person_id == child_id, m.CasePerson.is_child)


def _guardians_consents(session: Session, case_ids: Sequence[uuid.UUID]) -> list[m.Consent]:
    """Return the consents to sharing that guardians gave, whatever a register called them."""
    guardian = (
        select(m.CasePerson.id)
        .where(
            m.CasePerson.case_id == m.Consent.case_id,
            m.CasePerson.person_id == m.Consent.giver_person_id,
            m.CasePerson.subject_kind == GUARDIAN,
        )
        .exists()
    )
    given = select(m.Consent).where(
        m.Consent.case_id.in_(case_ids),
        m.Consent.kind == "sharing",
        or_(m.Consent.giver_kind.in_(GUARDIAN_KINDS), guardian),
    )
    return list(session.scalars(given.order_by(m.Consent.asked_at, m.Consent.id)))


def _grants_beyond(
    session: Session,
    case_ids: Sequence[uuid.UUID],
    consents: Iterable[m.Consent],
    end: dt.datetime,
) -> Sequence[m.Grant]:
    """Return the grants on a guardian's consent, alone or beside the child's, that end later."""
    row = m.Grant
    return session.scalars(
        not_over(
            session,
            row.case_id.in_(case_ids),
            row.basis == CONSENT,
            or_(
                row.consent_id.in_([consent.id for consent in consents]),
                row.guardian_consent_ids.is_not(None),
            ),
            or_(row.valid_until.is_(None), row.valid_until > end),
        )
    ).all()


def _said_beyond(session: Session, consents: Iterable[m.Consent], end: dt.datetime) -> list[Yes]:
    by_id = {consent.id: consent for consent in consents}
    until = _ends_of_answers(session, by_id)
    steps: dict[tuple[uuid.UUID, uuid.UUID], list[m.ConsentEvent]] = defaultdict(list)
    written = select(m.ConsentEvent).where(m.ConsentEvent.consent_id.in_(by_id))
    for step in session.scalars(written.order_by(m.ConsentEvent.happened_at, m.ConsentEvent.id)):
        if step.agency_id is not None:
            steps[step.consent_id, step.agency_id].append(step)
    return [
        Yes(by_id[consent_id], agency_id, last)
        for (consent_id, agency_id), last in until.items()
        if _reaches(steps[consent_id, agency_id], last, end)
    ]


def _ends_of_answers(
    session: Session, consents: Mapping[uuid.UUID, m.Consent]
) -> dict[tuple[uuid.UUID, uuid.UUID], dt.datetime | None]:
    item = m.ConsentItem
    said = session.execute(
        select(item.consent_id, item.agency_id, func.min(item.last_day))
        .where(item.consent_id.in_(consents), item.answer == YES)
        .group_by(item.consent_id, item.agency_id)
        .order_by(item.consent_id, item.agency_id)
    )
    return {
        (consent_id, agency_id): None if last is None else inclusive_to_instant(last)
        for consent_id, agency_id, last in said
    }


def _reaches(steps: Sequence[m.ConsentEvent], last: dt.datetime | None, end: dt.datetime) -> bool:
    """Return whether a yes still stands, was not shortened so far, and ends after an instant."""
    answers = [step.state for step in steps if step.state != SHORTENED]
    if not answers or answers[-1] not in _STANDING:
        return False
    ends = [step.valid_until for step in steps if step.state == SHORTENED]
    return all(each is None or each > end for each in (last, *ends))


__all__ = ["Beyond", "Yes", "beyond_18", "end_at_18", "record_birth_date"]
