"""Giving and ending grants: the only places where somebody's sight of a case changes."""

import datetime as dt
import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import audit
from portal import models as m
from portal.database import lock_grants, standing
from portal.policy.permissions import Action, require
from portal.policy.terms import Terms, clock, columns_of, holds, is_linked, never_tells_of
from portal.policy.viewer import DIRECTOR
from portal.vault import seal
from portal.vocabulary import (
    CONSENT,
    EXPERT_TYPES,
    EXPIRED,
    OVERRIDING_BASES,
    OWNER_ROLES,
    SHORTENED,
    SHORTEST_REASON,
    Brought,
    Refusal,
    Side,
    bases,
    is_permission,
    known,
    lane,
    longest_days,
    refused_between,
    shareable_with,
    unmet,
)
from portal.working_hours import add_working_days, inclusive_to_instant, instant_to_inclusive

SAFETY_CHECK = "safety_check"
POLICE = "police"


class RefusedShareError(ValueError):
    """The share breaks a rule of domain.md §3 or of its row in legal_bases.csv.

    ``code`` says which rule; ``because`` is the sentence of the legal basis, where it refused.
    """

    def __init__(self, code: str, because: Refusal | None = None) -> None:
        """Keep the code, from which the page makes a sentence."""
        super().__init__(code)
        self.code = code
        self.because = because


def give_grant(session: Session, case: m.Case, terms: Terms) -> m.Grant:
    """Open slices of a case to an agency, from now on, by a consent or by a duty of the law.

    What the law only permits, contracts and emergencies have use cases of their own
    (``portal.services.lawful``, ``contracts`` and ``emergencies``).

    Raises:
        NotPermittedError: not the owner's counsellor, investigator or director.
        RefusedShareError: a rule forbids it.

    """
    acting = require(standing(session), Action.SHARE, case)
    lock_grants(session, case.id, exclusive=True)
    if terms.basis == CONSENT:
        check_recipient(session, case, terms)
        _check_consent(session, case, terms, acting.role)
    elif lane(terms.basis) != "law" or is_permission(terms.basis):
        raise RefusedShareError("basis_not_offered")
    return open_up(session, case, terms)


def open_up(session: Session, case: m.Case, terms: Terms) -> m.Grant:
    """Give a grant that its own use case decided on; the machine checks the rest.

    Recipient and readers, everything that the row of the basis asks for, and whom not to tell. The
    caller holds the lock of the case's grants.

    Raises:
        RefusedShareError: a rule forbids it.

    """
    now = clock(session)
    check_recipient(session, case, terms)
    check_readers(session, terms, now)
    check_basis(session, case, terms, now)
    unlinked = check_never_tells(session, case, terms, now)
    grant = write_grant(session, case, terms, now)
    if unlinked:
        audit.record(
            session,
            audit.Event.RECIPIENTS_STATED,
            case_id=case.id,
            grant=grant.id,
            never_tells=unlinked,
        )
    return grant


def check_recipient(session: Session, case: m.Case, terms: Terms) -> None:
    """Refuse an agency that never reads, the own one, and slices it may not have."""
    agency = session.get_one(m.Agency, terms.agency_id)
    # Experts read the briefs of a meeting; a grant would open nothing to them (domain.md §4, 5c).
    if agency.type in EXPERT_TYPES or agency.id == case.owner_agency_id:
        raise RefusedShareError("never_reads")
    if not terms.slices or not set(terms.slices) <= set(shareable_with(agency.type)):
        raise RefusedShareError("slice")
    known("necessity", terms.necessity)


def check_readers(session: Session, terms: Terms, now: dt.datetime) -> None:
    """Named readers work for the agency, and a named team is the agency's."""
    if terms.team_id is not None:
        team = session.get_one(m.Team, terms.team_id)
        if team.agency_id != terms.agency_id:
            raise RefusedShareError("not_of_agency")
    if not terms.account_ids:
        return
    members = select(m.Membership.account_id).where(
        m.Membership.agency_id == terms.agency_id,
        m.Membership.account_id.in_(terms.account_ids),
        holds(m.Membership, now),
    )
    if set(session.scalars(members)) != set(terms.account_ids):
        raise RefusedShareError("not_of_agency")


def _check_consent(session: Session, case: m.Case, terms: Terms, role: str) -> None:
    """A consent covers exactly what its giver said yes to: agency, slices, own data, until."""
    if terms.consent_id is None:
        raise RefusedShareError("consent_without_giver")
    consent = session.scalars(
        select(m.Consent).where(m.Consent.id == terms.consent_id, m.Consent.case_id == case.id)
    ).one_or_none()
    if consent is None or consent.kind != "sharing" or terms.subject_id is None:
        raise RefusedShareError("consent_without_giver")
    if consent.giver_person_id != terms.subject_id:
        raise RefusedShareError("consent_of_another")
    _check_items(_yes_of(session, consent, terms.agency_id), terms)
    last = holds_through(session, consent, terms.agency_id)
    if last is None or terms.until > inclusive_to_instant(last):
        raise RefusedShareError("longer_than_consented")
    if _ever_given(session, consent, terms.agency_id):
        raise RefusedShareError("asked_anew")
    if terms.necessity not in _necessities(session, case):
        raise RefusedShareError("no_necessity")
    # The police read one case at a time, and only with the director's approval (domain.md §1).
    if session.get_one(m.Agency, terms.agency_id).type == POLICE and role != DIRECTOR:
        raise RefusedShareError("director_only")


def _yes_of(session: Session, consent: m.Consent, agency_id: uuid.UUID) -> Sequence[m.ConsentItem]:
    return session.scalars(
        select(m.ConsentItem).where(
            m.ConsentItem.consent_id == consent.id,
            m.ConsentItem.agency_id == agency_id,
            m.ConsentItem.answer == "yes",
        )
    ).all()


def _check_items(items: Sequence[m.ConsentItem], terms: Terms) -> None:
    if not set(terms.slices) <= {code for item in items for code in item.slices}:
        raise RefusedShareError("not_consented")


def holds_through(session: Session, consent: m.Consent, agency_id: uuid.UUID) -> dt.date | None:
    """Return the last day (JST) on which a yes about an agency holds; None where none does.

    It is the earliest of what was answered, and of what it was shortened to since.
    """
    step = m.ConsentEvent
    steps = session.execute(
        select(step.state, step.valid_until).where(
            step.consent_id == consent.id,
            step.agency_id == agency_id,
            step.state.in_((EXPIRED, SHORTENED)),
        )
    ).all()
    if any(state == EXPIRED for state, _until in steps):
        return None
    answered = [item.last_day for item in _yes_of(session, consent, agency_id)]
    shortened = [instant_to_inclusive(until) for _state, until in steps if until is not None]
    return min((day for day in (*answered, *shortened) if day is not None), default=None)


def _ever_given(session: Session, consent: m.Consent, agency_id: uuid.UUID) -> bool:
    """Return whether this consent carried a grant to the agency: once ended, one asks anew."""
    given = select(m.Grant.id).where(
        m.Grant.consent_id == consent.id, m.Grant.agency_id == agency_id
    )
    return session.scalars(given.limit(1)).first() is not None


def _necessities(session: Session, case: m.Case) -> set[str]:
    recorded = select(m.NecessityRecord.necessity).where(m.NecessityRecord.case_id == case.id)
    return set(session.scalars(recorded))


def check_basis(
    session: Session, case: m.Case, terms: Terms, now: dt.datetime, *, proposing: bool = False
) -> None:
    """Refuse what the row of the basis in legal_bases.csv does not allow, or asks for in vain.

    Args:
        session: of who shares, or proposes it.
        case, terms, now: what is to be shared, and the present instant (UTC).
        proposing: the director's approval is still to come.

    Raises:
        RefusedShareError: with the sentence of the row.

    """
    brought = _brought(session, terms, proposing=proposing)
    begins = terms.begins or now
    if terms.until <= begins:
        raise RefusedShareError("over_already")
    provider = side_of(session, case.owner_agency_id, now)
    recipient = side_of(session, terms.agency_id, now)
    days = (terms.until - begins) / dt.timedelta(days=1)
    for code in _bases_of(terms):
        # What it is for is judged by the basis itself; a wrapped statute limits the days.
        purpose = terms.purpose if code == terms.basis else bases()[code].allowed_purposes[0]
        refused = refused_between(code, provider, recipient, purpose=purpose, days=days) or unmet(
            code, brought, provider=provider, recipient=recipient
        )
        if refused is not None:
            raise RefusedShareError(refused.code, refused)
    longest = longest_days(terms.basis, recipient.type)
    if longest is None or days > longest:
        raise RefusedShareError("too_long_for_police")


def _bases_of(terms: Terms) -> list[str]:
    """Return the basis, and the statute that it wraps where that one's limits hold as well."""
    wraps = bases()[terms.basis].needs_other_statute and lane(terms.basis) == "law"
    return [terms.basis, str(terms.other_statute)] if wraps else [terms.basis]


def side_of(session: Session, agency_id: uuid.UUID, now: dt.datetime) -> Side:
    """Return what the rows of legal_bases.csv ask about an agency, on the day."""
    agency = session.get_one(m.Agency, agency_id)
    council = m.CouncilMembership
    member = select(council.id).where(council.agency_id == agency_id, holds(council, now))
    on_council = session.scalars(member.limit(1)).first() is not None
    return Side(agency.type, agency.legal_form, on_council, agency.receives_reports)


def _brought(session: Session, terms: Terms, *, proposing: bool) -> Brought:
    kind = session.scalars(select(m.Meeting.kind).where(m.Meeting.id == terms.meeting_id)).first()
    viewer = session.info["viewer"].account_id
    by_another = terms.proposed_by is not None and terms.proposed_by != viewer
    acting = standing(session)
    decides = by_another and acting is not None and acting.role == DIRECTOR
    return Brought(
        consented=terms.consent_id is not None,
        reason=terms.reason,
        ruled_out=terms.ruled_out,
        why_not_asked=terms.why_not_asked,
        told=terms.told,
        told_later=terms.told_later,
        request_no=terms.request_no,
        meeting_kind=kind,
        other_statute=terms.other_statute,
        director=proposing or decides,
        second=terms.approved_by is not None or terms.emergency_id is not None,
        task=terms.action_id is not None,
    )


def check_never_tells(
    session: Session, case: m.Case, terms: Terms, now: dt.datetime
) -> list[uuid.UUID]:
    """Check the wishes against a share (domain.md §4).

    Returns the never-tells without a target about which somebody stated that no recipient is
    meant.
    """
    standing_ones = never_tells_of(session, case.id, now)
    overrides = terms.basis in OVERRIDING_BASES
    if not overrides and any(n.agency_id == terms.agency_id for n in standing_ones):
        raise RefusedShareError("never_tell_agency")
    unlinked = [n.id for n in standing_ones if not is_linked(n)]
    if unlinked and not terms.nobody_unlinked:
        raise RefusedShareError("never_tell_unlinked")
    if overrides and standing_ones:
        check_second_person(session, case, terms.approved_by, now)
    return unlinked


def check_second_person(
    session: Session, case: m.Case, account_id: uuid.UUID | None, now: dt.datetime
) -> None:
    """Somebody else of the centre decides with, who may know of the case at all."""
    excluded = select(m.Exclusion.account_id).where(
        m.Exclusion.case_id == case.id, holds(m.Exclusion, now)
    )
    second = (
        select(m.Membership.id)
        .join(m.Account, m.Account.id == m.Membership.account_id)
        .where(
            m.Membership.account_id == account_id,
            m.Membership.account_id != session.info["viewer"].account_id,
            m.Membership.agency_id == case.owner_agency_id,
            m.Membership.role.in_(OWNER_ROLES),
            m.Membership.account_id.not_in(excluded),
            holds(m.Membership, now),
            ~m.Account.disabled,
        )
    )
    if session.scalars(second.limit(1)).first() is None:
        raise RefusedShareError("second_person")


def write_grant(session: Session, case: m.Case, terms: Terms, now: dt.datetime) -> m.Grant:
    """Write a grant that was checked, with its reason and its line in the log."""
    grant = m.Grant(
        recorded_by=terms.proposed_by or session.info["viewer"].account_id,
        valid_from=terms.begins or now,
        **columns_of(case, terms),
    )
    session.add(grant)
    session.flush()
    if terms.reason:
        _keep_reason(session, case, grant, terms)
    audit.record(
        session,
        audit.Event.GRANT_GIVEN,
        case_id=case.id,
        grant=grant.id,
        agency=terms.agency_id,
        basis=terms.basis,
    )
    return grant


def _keep_reason(session: Session, case: m.Case, grant: m.Grant, terms: Terms) -> None:
    kept = m.GrantReason(case_id=case.id, owner_agency_id=case.owner_agency_id, grant_id=grant.id)
    seal(session, kept, reason=terms.reason, told=terms.told or None)
    session.add(kept)
    session.flush()


def step_of(grant: m.Grant, state: str, **more: Any) -> m.ConsentEvent:
    """Return a step in the history of the consent on which a grant rests.

    Args:
        grant: that rests on a consent.
        state: code of the list ``consent_state``.
        more: what the step says besides, such as who did it; another ``consent_id`` too.

    """
    of_grant = {
        "case_id": grant.case_id,
        "owner_agency_id": grant.owner_agency_id,
        "consent_id": grant.consent_id,
        "agency_id": grant.agency_id,
        "grant_id": grant.id,
    }
    return m.ConsentEvent(state=state, **(of_grant | more))


def end_grant(
    session: Session,
    grant: m.Grant,
    *,
    state: str = "withdrawn",
    asked_by: uuid.UUID | None = None,
) -> bool:
    """End a grant now: from the next request on it opens nothing.

    Args:
        session: of the owner, or of the child or guardian who takes a consent back.
        grant: ends once; a second end changes nothing.
        state: what the consent's history says of it (code list ``consent_state``).
        asked_by: the person who asked for it, where staff writes it down.

    Returns:
        Whether it was this call that ended it.

    """
    lock_grants(session, grant.case_id, exclusive=True)
    session.refresh(grant)
    if grant.ended_at is not None:
        return False
    grant.ended_at = clock(session)
    if grant.consent_id is not None:
        viewer = session.info["viewer"]
        consent = _ended_consent(session, grant, asked_by)
        session.add(
            step_of(
                grant,
                known("consent_state", state),
                consent_id=consent.id,
                wording_id=consent.wording_id,
                account_id=viewer.account_id,
                thread_id=viewer.thread_id,
                person_id=asked_by,
            )
        )
    audit.record(session, audit.Event.GRANT_ENDED, case_id=grant.case_id, grant=grant.id)
    session.flush()
    return True


def _ended_consent(session: Session, grant: m.Grant, asked_by: uuid.UUID | None) -> m.Consent:
    """Return the consent to whose history an end belongs: of who took back, else the grant's own.

    A guardian who comes by code sees the own consent alone, and writes into no other.
    """
    ids = [grant.consent_id, *(grant.guardian_consent_ids or ())]
    visible = session.scalars(select(m.Consent).where(m.Consent.id.in_(ids))).all()
    in_order = sorted(visible, key=lambda consent: ids.index(consent.id))
    return next((c for c in in_order if c.giver_person_id == asked_by), in_order[0])


def take_back(session: Session, grant: m.Grant, *, asked_by: uuid.UUID | None = None) -> None:
    """「やっぱりやめる」: end a grant that rests on a consent, and open a safety task.

    The task asks whether somebody was forced to take it back (domain.md §3, lane A); it is due
    after one working day.

    Args:
        session: of the child or guardian who came with a code, or of the owner's staff.
        grant: as this session sees it; row-level security lets a guardian end the own ones only.
        asked_by: for staff, the person of the case who asked.

    Raises:
        NotPermittedError: staff, but not the owner's.
        RefusedShareError: the grant rests on a law, or who asked did not give this consent.

    """
    if grant.basis != CONSENT:
        raise RefusedShareError("not_by_consent")
    if session.info["viewer"].thread_id is None:
        require(standing(session), Action.SHARE, grant)
        _check_asker(session, grant, asked_by)
    if end_grant(session, grant, asked_by=asked_by):
        check_safety(session, grant)


def check_safety(session: Session, grant: m.Grant) -> None:
    """Open the task that asks whether somebody was forced to take a consent back.

    Every road of a withdrawal opens it; it is due after one working day.
    """
    session.add(
        m.Task(
            case_id=grant.case_id,
            owner_agency_id=grant.owner_agency_id,
            kind=SAFETY_CHECK,
            grant_id=grant.id,
            due_at=add_working_days(clock(session), 1),
        )
    )
    session.flush()


def _check_asker(session: Session, grant: m.Grant, asked_by: uuid.UUID | None) -> None:
    """Who gave a consent takes it back, and always the child (domain.md §3, lane A)."""
    child = select(m.CasePerson.person_id).where(
        m.CasePerson.case_id == grant.case_id, m.CasePerson.is_child
    )
    beside = select(m.Consent.giver_person_id).where(
        m.Consent.id.in_(grant.guardian_consent_ids or ())
    )
    givers = {grant.subject_id, *session.scalars(child), *session.scalars(beside)}
    if asked_by is None or asked_by not in givers:
        raise RefusedShareError("not_theirs")


__all__ = [
    "SAFETY_CHECK",
    "SHORTEST_REASON",
    "RefusedShareError",
    "Terms",
    "check_basis",
    "check_never_tells",
    "check_readers",
    "check_recipient",
    "check_safety",
    "check_second_person",
    "clock",
    "end_grant",
    "give_grant",
    "holds_through",
    "open_up",
    "side_of",
    "take_back",
    "write_grant",
]
