"""What a consent opens: from the yes that was said to the share it gives.

Sources: domain.md §3 lane A, law-and-practice.md §2.
"""

import datetime as dt
import uuid
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import models as m
from portal.config import ConsentAges
from portal.database import lock_grants, standing
from portal.policy.bundles import purpose_for
from portal.policy.capacity import Decision
from portal.policy.permissions import Action, require
from portal.policy.terms import Terms, clock, never_tells_of
from portal.services.consents import YES, grants_by
from portal.services.guardians import (
    consents_for_child,
    decision_for,
)
from portal.services.sharing import (
    RefusedShareError,
    end_grant,
    give_grant,
    holds_through,
)
from portal.vocabulary import CONSENT
from portal.working_hours import (
    inclusive_to_instant,
)


def terms_of(
    session: Session,
    consent: m.Consent,
    agency_id: uuid.UUID,
    *,
    ages: ConsentAges,
    account_ids: tuple[uuid.UUID, ...] = (),
    nobody_unlinked: bool = False,
) -> Terms:
    """Return the terms on which a consent shares with an agency: all that was said yes to.

    Where a guardian's word is needed beside the child's, only what each of them said yes to.

    Raises:
        RefusedShareError: the agency must not be told, nothing was said yes to, the decision table
            asks for more than there is, or no necessity is recorded (seed 取組2).

    """
    wishes = never_tells_of(session, consent.case_id, clock(session))
    if any(wish.agency_id == agency_id for wish in wishes):
        raise RefusedShareError("never_tell_agency")
    if consent.for_person_id is not None:
        raise RefusedShareError("beside_the_childs")
    said = _said_yes(session, consent, agency_id)
    beside = _guardians_beside(session, consent, agency_id, ages)
    slices = set(said.slices).intersection(*(word.slices for word in beside))
    # The name alone is nothing to share: what was left of both answers must say something.
    if not slices - {"basic"}:
        raise RefusedShareError("guardian_refused" if beside else "not_consented")
    necessity = latest_necessity(session, consent.case_id)
    if necessity is None:
        raise RefusedShareError("no_necessity")
    return Terms(
        agency_id=agency_id,
        slices=tuple(sorted(slices)),
        subject_id=consent.giver_person_id,
        purpose=purpose_for(session.get_one(m.Agency, agency_id).type),
        basis=CONSENT,
        necessity=necessity,
        until=inclusive_to_instant(min(word.last_day for word in (said, *beside))),
        consent_id=consent.id,
        guardian_consent_ids=tuple(word.consent_id for word in beside),
        account_ids=account_ids,
        nobody_unlinked=nobody_unlinked,
    )


@dataclass(frozen=True)
class _Yes:
    """What one person said yes to about an agency, and through which day (JST)."""

    consent_id: uuid.UUID
    slices: frozenset[str]
    last_day: dt.date


def _said_yes(session: Session, consent: m.Consent, agency_id: uuid.UUID) -> _Yes:
    items = session.scalars(
        select(m.ConsentItem).where(
            m.ConsentItem.consent_id == consent.id,
            m.ConsentItem.agency_id == agency_id,
            m.ConsentItem.answer == YES,
        )
    ).all()
    if not items:
        raise RefusedShareError("not_consented")
    last_day = holds_through(session, consent, agency_id)
    if last_day is None:
        raise RefusedShareError("asked_anew")
    opened = frozenset(code for item in items for code in item.slices)
    return _Yes(consent.id, opened, last_day)


def _guardians_beside(
    session: Session, consent: m.Consent, agency_id: uuid.UUID, ages: ConsentAges
) -> list[_Yes]:
    """Return the yes of each guardian that a share of the child's data needs beside the child's.

    Raises RefusedShareError where the table asks for more than there is.
    """
    if consent.giver_kind != "child":
        return []
    decision = decide_share(session, consent, agency_id, ages)
    if decision.refusal is not None:
        raise RefusedShareError(decision.refusal)
    answered = consents_for_child(session, consent.case_id, agency_id)
    return [_said_yes(session, answered[person_id][0], agency_id) for person_id in decision.counted]


def decide_share(
    session: Session, consent: m.Consent, agency_id: uuid.UUID, ages: ConsentAges
) -> Decision:
    """Return what the decision table says of sharing the child's data on the child's consent."""
    objects = consent.objection_sealed is not None
    return decision_for(session, consent.case_id, agency_id, ages, objects=objects)


def latest_necessity(session: Session, case_id: uuid.UUID) -> str | None:
    """Return which of the seed's three conditions was recorded last, or None."""
    recorded = (
        select(m.NecessityRecord.necessity)
        .where(m.NecessityRecord.case_id == case_id)
        .order_by(m.NecessityRecord.recorded_at.desc(), m.NecessityRecord.id)
    )
    return session.scalars(recorded.limit(1)).first()


def share(
    session: Session,
    consent: m.Consent,
    agency_id: uuid.UUID,
    *,
    ages: ConsentAges,
    account_ids: tuple[uuid.UUID, ...] = (),
    nobody_unlinked: bool = False,
) -> m.Grant:
    """Open to one agency what the consent says yes to; sent twice it is one grant.

    What an earlier consent of the same giver opened to the agency ends as superseded.

    Args:
        session: of the centre's director, counsellor or investigator.
        consent: answered.
        agency_id: one of those asked about.
        ages: from which the city lets children decide with a guardian, and alone.
        account_ids: the readers the centre names; without, the agency's default team.
        nobody_unlinked: see ``Terms``.

    Raises:
        NotPermittedError: not the owner's.
        RefusedShareError: a rule forbids it; once taken back, one asks anew.

    """
    require(standing(session), Action.SHARE, consent)
    lock_grants(session, consent.case_id, exclusive=True)
    shared = session.scalars(
        select(m.Grant).where(
            m.Grant.consent_id == consent.id,
            m.Grant.agency_id == agency_id,
            m.Grant.ended_at.is_(None),
        )
    ).first()
    if shared is not None:
        return shared
    case = session.scalars(select(m.Case).where(m.Case.id == consent.case_id)).one()
    terms = terms_of(
        session,
        consent,
        agency_id,
        ages=ages,
        account_ids=account_ids,
        nobody_unlinked=nobody_unlinked,
    )
    earlier = grants_by(session, consent, agency_id)
    grant = give_grant(session, case, terms)
    # The newest word counts: what the same person said before about the agency is replaced.
    for old in earlier:
        end_grant(session, old, state="superseded")
    return grant
