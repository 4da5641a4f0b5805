"""Whom not to tell, and who may know nothing of a case: deny wins (domain.md §4)."""

import uuid
from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import audit
from portal import models as m
from portal.database import lock_grants, standing
from portal.policy.permissions import Action, require
from portal.policy.terms import clock, holds, is_linked
from portal.services.once import already, write_once
from portal.services.sharing import check_safety, end_grant
from portal.vault import seal
from portal.vocabulary import CONSENT, OVERRIDING_BASES, known


class WrongTargetError(ValueError):
    """A wish names more than one target, none and no words, or somebody foreign to the case."""


def add_never_tell(
    session: Session,
    case: m.Case,
    *,
    never_tell_id: uuid.UUID,
    agency_id: uuid.UUID | None = None,
    account_id: uuid.UUID | None = None,
    person_id: uuid.UUID | None = None,
    relationship_code: str | None = None,
    words: str = "",
) -> m.NeverTell:
    """Keep a wish that somebody be not told, and end what it forbids at once.

    Grants to a named agency end, but those of a duty, whose basis overrides the wish. Words that
    name nobody yet block every new share until they are linked or somebody states that no recipient
    is meant.

    Args:
        session: of the centre's director, counsellor or investigator.
        case: the own agency's.
        never_tell_id: of the form; a second sending returns the same row.
        agency_id, account_id, person_id: at most one of them.
        relationship_code: code of the list ``relationship``, where that much is known.
        words: as the child said it.

    Raises:
        NotPermittedError: not the owner's.
        WrongTargetError: two targets, or neither a target nor words.

    """
    require(standing(session), Action.SHARE, case)
    lock_grants(session, case.id, exclusive=True)
    known_wish = already(session, m.NeverTell, never_tell_id)
    if known_wish is not None:
        return known_wish
    targets = [key for key in (agency_id, account_id, person_id) if key is not None]
    if len(targets) > 1 or not (targets or words):
        raise WrongTargetError
    wish = m.NeverTell(
        id=never_tell_id,
        case_id=case.id,
        owner_agency_id=case.owner_agency_id,
        agency_id=agency_id,
        account_id=account_id,
        person_id=_of_case(session, case, person_id),
        relationship_code=relationship_code and known("relationship", relationship_code),
        recorded_by=session.info["viewer"].account_id,
    )
    seal(session, wish, words=words or None)
    if write_once(session, wish):
        _now_denied(session, case, wish)
    return wish


def _of_case(session: Session, case: m.Case, person_id: uuid.UUID | None) -> uuid.UUID | None:
    if person_id is None:
        return None
    belongs = select(m.CasePerson.id).where(
        m.CasePerson.case_id == case.id,
        m.CasePerson.person_id == person_id,
        ~m.CasePerson.is_child,
    )
    if session.scalars(belongs).first() is None:
        raise WrongTargetError
    return person_id


def _now_denied(session: Session, case: m.Case, wish: m.NeverTell) -> None:
    audit.record(session, audit.Event.NEVER_TELL_SET, case_id=case.id, never_tell=wish.id)
    if wish.agency_id is None:
        return
    forbidden = select(m.Grant).where(
        m.Grant.case_id == case.id,
        m.Grant.agency_id == wish.agency_id,
        m.Grant.ended_at.is_(None),
        m.Grant.basis.not_in(sorted(OVERRIDING_BASES)),
    )
    for grant in session.scalars(forbidden).all():
        # Whoever does not want an agency to know takes back what it was shown by consent.
        if end_grant(session, grant) and grant.basis == CONSENT:
            check_safety(session, grant)


def link_never_tell(
    session: Session,
    case: m.Case,
    wish: m.NeverTell,
    *,
    agency_id: uuid.UUID | None = None,
    account_id: uuid.UUID | None = None,
    person_id: uuid.UUID | None = None,
) -> None:
    """Say whom the words of a wish mean; from now on it blocks exactly them.

    Raises:
        NotPermittedError: not the owner's.
        WrongTargetError: not exactly one target, or the wish is linked already.

    """
    require(standing(session), Action.SHARE, case)
    lock_grants(session, case.id, exclusive=True)
    targets = [key for key in (agency_id, account_id, person_id) if key is not None]
    if len(targets) != 1 or is_linked(wish) or wish.case_id != case.id:
        raise WrongTargetError
    wish.agency_id, wish.account_id = agency_id, account_id
    wish.person_id = _of_case(session, case, person_id)
    session.flush()
    _now_denied(session, case, wish)


def end_never_tell(session: Session, case: m.Case, wish: m.NeverTell) -> None:
    """End a wish from now on, because who said it no longer wants it; its history stays.

    What it ended does not come back: sharing again is asked anew.

    Raises:
        NotPermittedError: not the owner's.

    """
    require(standing(session), Action.SHARE, case)
    lock_grants(session, case.id, exclusive=True)
    if wish.valid_until is None:
        wish.valid_until = clock(session)
        audit.record(session, audit.Event.NEVER_TELL_SET, case_id=case.id, never_tell=wish.id)
        session.flush()


def exclude(
    session: Session,
    case: m.Case,
    *,
    account_id: uuid.UUID,
    reason: str,
    exclusion_id: uuid.UUID,
) -> m.Exclusion:
    """Close a case to an account, absolutely and at once: not even its existence shows.

    Raises:
        NotPermittedError: not the owner's.

    """
    require(standing(session), Action.SHARE, case)
    lock_grants(session, case.id, exclusive=True)
    known_exclusion = already(session, m.Exclusion, exclusion_id)
    if known_exclusion is not None:
        return known_exclusion
    exclusion = m.Exclusion(
        id=exclusion_id,
        case_id=case.id,
        owner_agency_id=case.owner_agency_id,
        account_id=account_id,
        recorded_by=session.info["viewer"].account_id,
    )
    seal(session, exclusion, reason=reason or None)
    if write_once(session, exclusion):
        audit.record(session, audit.Event.EXCLUSION_SET, case_id=case.id, account=account_id)
    return exclusion


def hide_from(
    session: Session, case: m.Case, account_ids: Collection[uuid.UUID], *, reason: str
) -> None:
    """Close a case to whom the centre named to 「見せない人は」; who is shut out already stays so.

    Raises:
        NotPermittedError: not the owner's.

    """
    now = clock(session)
    shut_out = select(m.Exclusion.account_id).where(
        m.Exclusion.case_id == case.id, holds(m.Exclusion, now)
    )
    for account_id in sorted(set(account_ids) - set(session.scalars(shut_out))):
        exclude(session, case, account_id=account_id, reason=reason, exclusion_id=uuid.uuid4())


def end_exclusion(session: Session, case: m.Case, exclusion: m.Exclusion) -> None:
    """End an exclusion from now on; its history stays.

    Raises:
        NotPermittedError: not the owner's.

    """
    require(standing(session), Action.SHARE, case)
    lock_grants(session, case.id, exclusive=True)
    if exclusion.valid_until is None:
        exclusion.valid_until = clock(session)
        audit.record(
            session, audit.Event.EXCLUSION_SET, case_id=case.id, account=exclusion.account_id
        )
        session.flush()


__all__ = [
    "WrongTargetError",
    "add_never_tell",
    "end_exclusion",
    "end_never_tell",
    "exclude",
    "hide_from",
    "link_never_tell",
]
