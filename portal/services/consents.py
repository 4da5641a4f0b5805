"""Asking a child or a guardian, and keeping every answer.

A consent is asked for once: who is asked, which agencies it is about, in which words. Its answers
are written once; 「あとできめる」 and an empty answer open nothing; asking again is a new consent.
Sources: domain.md §3 lane A, law-and-practice.md §2.
"""

import datetime as dt
import hashlib
import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import ARRAY, Uuid, func, literal, or_, select
from sqlalchemy.orm import Session

from portal import audit
from portal import models as m
from portal.database import lock_grants, standing
from portal.models.base import Base
from portal.policy.bundles import bundles_for, bundles_to_ask, slices_of
from portal.policy.capacity import SUBSTITUTES, askable
from portal.policy.permissions import Action, require
from portal.policy.terms import clock, holds, never_tells_of, slices_by_duty
from portal.services.denials import add_never_tell
from portal.services.guardians import (
    GUARDIAN,
    birth_date_text,
    guardians_of,
)
from portal.services.once import already, write_once
from portal.services.sharing import (
    SHORTEST_REASON,
    RefusedShareError,
    take_back,
)
from portal.vault import reveal, seal
from portal.vocabulary import CONSENT, OWNER_ROLES, known, longest_days
from portal.working_hours import (
    ONE_DAY,
    eighteenth_birthday,
    inclusive_to_instant,
    instant_to_inclusive,
    jst,
)

YES, NO, LATER = "yes", "no", "later"
ANSWERS: Final = (YES, NO, LATER)

DEFAULT_MONTHS, MOST_MONTHS = 6, 12
MONTHS: Final = (1, 3, DEFAULT_MONTHS, MOST_MONTHS)
METHODS: Final = tuple(known("consent_method", code) for code in ("screen", "oral", "paper"))
_MONTHS_OF_A_YEAR = 12
# Their consents end with the child's 18th birthday (code list ``consent_giver``).
GUARDIAN_KINDS: Final = tuple(
    known("consent_giver", code) for code in ("guardian", "foster_or_head")
)
# Siblings and others' children are asked in a case of their own, by their own age and guardians.
OTHER_CHILDREN: Final = tuple(known("subject", code) for code in ("sibling", "other_child"))


@dataclass(frozen=True)
class Asking:
    """Who is asked about which agencies, how and in which words.

    Attributes:
        giver_id: of the case; everybody but the child answers for the own data alone.
        for_child: a guardian answers for the child's data, beside the child.
        alone_because: why one of two holders of parental authority answers alone, if so.
        agency_ids: about whom is asked.
        method: ``screen``, ``oral`` or ``paper``.
        witness_id: where it is oral, the second person who heard it; without one the answers need
            a note of the same day.
        words: the explanation as it stands on the screen; its level and language beside it.

    """

    giver_id: uuid.UUID
    agency_ids: tuple[uuid.UUID, ...]
    method: str
    witness_id: uuid.UUID | None
    words: str
    level: str
    language: str
    for_child: bool = False
    alone_because: str | None = None


@dataclass(frozen=True)
class Answers:
    """What the person said: per agency and bundle, for how long, and in own words.

    Attributes:
        given: (agency, bundle) to yes, no or later; what is missing counts as later.
        months: how long a yes holds.
        said_back: the decision in own words, needed as soon as there is a yes.
        not_to_tell: who should not know, in own words; kept until somebody links it.
        note: by phone without a second person, what staff noted the same day.

    """

    given: Mapping[tuple[uuid.UUID, str], str]
    months: int = DEFAULT_MONTHS
    said_back: str = ""
    not_to_tell: str = ""
    note: str = ""


def ask(session: Session, case: m.Case, asking: Asking, *, consent_id: uuid.UUID) -> m.Consent:
    """Record that the sharing was explained and is asked about; nothing is open by that.

    Args:
        session: of the centre's director, counsellor or investigator.
        case: the own agency's.
        asking: who is asked about what.
        consent_id: of the form; a second sending returns the same consent.

    Raises:
        NotPermittedError: not the owner's.
        RefusedShareError: this person is not asked, or not about this agency.

    """
    require(standing(session), Action.SHARE, case)
    known_consent = already(session, m.Consent, consent_id)
    if known_consent is not None:
        return known_consent
    now = clock(session)
    _check_asked(session, case, asking.agency_ids, now)
    giver = _giver(session, case, asking.giver_id, now)
    _check_method(session, case, asking.method, asking.witness_id, now, noted=True)
    consent = m.Consent(
        id=consent_id,
        case_id=case.id,
        owner_agency_id=case.owner_agency_id,
        kind="sharing",
        giver_kind=_kind_of(session, giver),
        giver_person_id=giver.person_id,
        for_person_id=_for_whom(session, case, giver, asking),
        alone_because=_alone(giver, asking),
        method=asking.method,
        wording_id=_wording(session, asking).id,
        explained_by=session.info["viewer"].account_id,
        witness_id=asking.witness_id,
    )
    if write_once(session, consent):
        _note(session, consent, "explained")
        for agency_id in asking.agency_ids:
            _note(session, consent, "asked", agency_id)
        session.flush()
    return consent


def _check_asked(
    session: Session, case: m.Case, agency_ids: Sequence[uuid.UUID], now: dt.datetime
) -> None:
    agencies = session.scalars(select(m.Agency).where(m.Agency.id.in_(agency_ids))).all()
    if not agencies or any(not bundles_for(agency.type) for agency in agencies):
        raise RefusedShareError("never_reads")
    # Who must not be told is not asked about again: that would be pressing.
    if any(n.agency_id in agency_ids for n in never_tells_of(session, case.id, now)):
        raise RefusedShareError("never_tell_agency")
    by_duty = slices_by_duty(session, case.id, now)
    if not all(bundles_to_ask(a.type, by_duty.get(a.id, ())) for a in agencies):
        raise RefusedShareError("duty_stands")


def _giver(session: Session, case: m.Case, person_id: uuid.UUID, now: dt.datetime) -> m.CasePerson:
    """Return who is asked; whoever is concerned or must not know never is (domain.md §3.6)."""
    person = session.scalars(
        select(m.CasePerson).where(
            m.CasePerson.case_id == case.id, m.CasePerson.person_id == person_id
        )
    ).one_or_none()
    if person is None:
        raise RefusedShareError("not_a_giver")
    if person.is_child:
        return person
    if person.subject_kind in OTHER_CHILDREN:
        raise RefusedShareError("in_own_case")
    never_told = {n.person_id for n in never_tells_of(session, case.id, now)}
    barred = {g.person_id for g in guardians_of(session, case.id) if g.concerned}
    if person_id in never_told | barred:
        raise RefusedShareError("giver_must_not_know")
    if person.subject_kind == GUARDIAN and _is_adult(session, case, now):
        raise RefusedShareError("child_is_adult")
    return person


def _kind_of(session: Session, giver: m.CasePerson) -> str:
    """Return in what quality somebody answers (code list ``consent_giver``)."""
    if giver.is_child:
        return known("consent_giver", "child")
    if giver.subject_kind != GUARDIAN:
        return known("consent_giver", "consulter")
    [guardian] = [g for g in guardians_of(session, giver.case_id) if g.person_id == giver.person_id]
    stands_in = guardian.authority in SUBSTITUTES
    return known("consent_giver", "foster_or_head" if stands_in else "guardian")


def _for_whom(
    session: Session, case: m.Case, giver: m.CasePerson, asking: Asking
) -> uuid.UUID | None:
    """Return the child, where one who may answer for it does; None where the data are the own."""
    if not asking.for_child or giver.is_child:
        return None
    if giver.person_id not in {g.person_id for g in askable(guardians_of(session, case.id))}:
        raise RefusedShareError("not_for_the_child")
    child = select(m.CasePerson.person_id).where(
        m.CasePerson.case_id == case.id, m.CasePerson.is_child
    )
    return session.scalars(child).one()


def _alone(giver: m.CasePerson, asking: Asking) -> str | None:
    if not asking.for_child or giver.is_child or not asking.alone_because:
        return None
    return known("alone_because", asking.alone_because)


def _is_adult(session: Session, case: m.Case, now: dt.datetime) -> bool:
    birth = birth_date_of(session, case.id)
    return birth is not None and eighteenth_birthday(birth) <= now


def _check_method(
    session: Session,
    case: m.Case,
    method: str,
    witness_id: uuid.UUID | None,
    now: dt.datetime,
    *,
    noted: bool = False,
) -> None:
    """What is only spoken has a second person of the centre who heard it, or will be noted."""
    if method not in METHODS:
        raise RefusedShareError("method")
    if method != "oral" or (noted and witness_id is None):
        return
    witness = select(m.Membership.id).where(
        m.Membership.account_id == witness_id,
        m.Membership.account_id != session.info["viewer"].account_id,
        m.Membership.agency_id == case.owner_agency_id,
        m.Membership.role.in_(OWNER_ROLES),
        holds(m.Membership, now),
    )
    if session.scalars(witness.limit(1)).first() is None:
        raise RefusedShareError("witness")


def _wording(session: Session, asking: Asking) -> m.Wording:
    """Return the version of the words that was shown; the same words are one version."""
    version = hashlib.sha256(asking.words.encode()).hexdigest()[:12]
    place = {
        "name": "sharing",
        "version": version,
        "level": asking.level,
        "language": asking.language,
    }
    found = session.scalars(select(m.Wording).filter_by(**place).limit(1)).first()
    if found is not None:
        return found
    wording = m.Wording(body=asking.words, **place)
    session.add(wording)
    session.flush()
    return wording


def _of_consent(consent: m.Consent, model: type[Base], **columns: object) -> Base:
    return model(
        case_id=consent.case_id,
        owner_agency_id=consent.owner_agency_id,
        consent_id=consent.id,
        **columns,
    )


def _note(
    session: Session,
    consent: m.Consent,
    state: str,
    agency_id: uuid.UUID | None = None,
    until: dt.date | None = None,
) -> None:
    """Add a step to the life of a consent, and to the log; ``until`` is its last day in JST."""
    session.add(
        _of_consent(
            consent,
            m.ConsentEvent,
            state=known("consent_state", state),
            agency_id=agency_id,
            valid_until=None if until is None else inclusive_to_instant(until),
            wording_id=consent.wording_id,
            account_id=session.info["viewer"].account_id,
            person_id=consent.giver_person_id,
        )
    )
    audit.record(
        session,
        audit.Event.CONSENT_RECORDED,
        case_id=consent.case_id,
        consent=consent.id,
        state=state,
    )


def asked_agencies(session: Session, consent: m.Consent) -> list[m.Agency]:
    """Return the agencies that a consent asks about, by type and name."""
    asked = select(m.ConsentEvent.agency_id).where(
        m.ConsentEvent.consent_id == consent.id, m.ConsentEvent.state == "asked"
    )
    agencies = select(m.Agency).where(m.Agency.id.in_(asked))
    return list(session.scalars(agencies.order_by(m.Agency.type, m.Agency.name, m.Agency.id)))


def is_answered(session: Session, consent: m.Consent) -> bool:
    """Return whether the answers of a consent are written."""
    items = select(m.ConsentItem.id).where(m.ConsentItem.consent_id == consent.id)
    return session.scalars(items.limit(1)).first() is not None


def answer(session: Session, consent: m.Consent, answers: Answers) -> None:
    """Write down what the person answered, every no and later too. No agency sees anything yet.

    A consent is answered once: a second sending changes nothing.

    Raises:
        NotPermittedError: not the owner's.
        RefusedShareError: an unknown answer or length, or a yes that was not said back.

    """
    require(standing(session), Action.SHARE, consent)
    lock_grants(session, consent.case_id, exclusive=True)
    if is_answered(session, consent):
        return
    _check_answers(answers)
    now = clock(session)
    _check_note(consent, answers, now)
    birth = birth_date_of(session, consent.case_id)
    by_duty = slices_by_duty(session, consent.case_id, now)
    for agency in asked_agencies(session, consent):
        until = last_day_for(now, answers.months, agency.type, consent.giver_kind, birth)
        given = {
            bundle: answers.given.get((agency.id, bundle), LATER)
            for bundle in bundles_to_ask(agency.type, by_duty.get(agency.id, ()))
        }
        _write_items(session, consent, agency, given, until)
        state = _state(list(given.values()))
        _note(session, consent, state, agency.id, until if YES in given.values() else None)
        _heed(session, consent, agency, given)
    seal(
        session,
        consent,
        said_back=answers.said_back or None,
        note=answers.note or None,
        draft=None,
    )
    session.flush()
    if answers.not_to_tell:
        case = session.scalars(select(m.Case).where(m.Case.id == consent.case_id)).one()
        add_never_tell(session, case, words=answers.not_to_tell, never_tell_id=uuid.uuid4())


def _check_note(consent: m.Consent, answers: Answers, now: dt.datetime) -> None:
    """By phone without a second person the centre writes down the same day what was said."""
    if consent.method != "oral" or consent.witness_id is not None:
        return
    if not answers.note:
        raise RefusedShareError("witness")
    if jst(consent.asked_at).date() != jst(now).date():
        raise RefusedShareError("note_too_late")


def _heed(session: Session, consent: m.Consent, agency: m.Agency, given: Mapping[str, str]) -> None:
    """End at once what the same person let the agency see and now says no to.

    A new no is a taking back: it waits for nobody to press a button.
    """
    refused = {
        code
        for bundle, said in given.items()
        if said == NO
        for code in slices_of(bundle, agency.type)
    } - {"basic"}
    for grant in grants_by(session, consent, agency.id):
        if refused & set(grant.slices):
            take_back(session, grant, asked_by=consent.giver_person_id)


def grants_by(session: Session, consent: m.Consent, agency_id: uuid.UUID) -> Sequence[m.Grant]:
    """Return the live grants to an agency that rest on a word of the same giver on the same data.

    Args:
        session: of the owner.
        consent: whose giver and whose data are meant.
        agency_id: of the grants.

    """
    given = select(m.Consent.id).where(
        m.Consent.case_id == consent.case_id,
        m.Consent.giver_person_id == consent.giver_person_id,
        func.coalesce(m.Consent.for_person_id, m.Consent.giver_person_id) == consent.subject_id,
    )
    ids = session.scalars(given).all()
    live = select(m.Grant).where(
        m.Grant.case_id == consent.case_id,
        m.Grant.agency_id == agency_id,
        m.Grant.basis == CONSENT,
        m.Grant.ended_at.is_(None),
        or_(
            m.Grant.consent_id.in_(ids),
            m.Grant.guardian_consent_ids.bool_op("&&")(literal(list(ids), ARRAY(Uuid))),
        ),
    )
    return session.scalars(live.order_by(m.Grant.valid_from, m.Grant.id)).all()


def _check_answers(answers: Answers) -> None:
    if not set(answers.given.values()) <= set(ANSWERS) or answers.months not in MONTHS:
        raise RefusedShareError("answer")
    # Said back in own words: how one knows that it was understood (domain.md §3).
    if YES in answers.given.values() and not answers.said_back:
        raise RefusedShareError("not_said_back")


def _write_items(
    session: Session,
    consent: m.Consent,
    agency: m.Agency,
    given: Mapping[str, str],
    until: dt.date,
) -> None:
    session.add_all(
        _of_consent(
            consent,
            m.ConsentItem,
            agency_id=agency.id,
            bundle=bundle,
            slices=list(slices_of(bundle, agency.type)),
            answer=said,
            last_day=until if said == YES else None,
        )
        for bundle, said in given.items()
    )


def _state(said: Sequence[str]) -> str:
    if YES in said:
        return "given" if set(said) == {YES} else "partial"
    # Nobody said no either: it is still open, and opens nothing.
    return "refused" if NO in said else "requested"


def last_day_for(
    now: dt.datetime, months: int, agency_type: str, giver_kind: str, birth: dt.date | None
) -> dt.date:
    """Return the last day in JST on which a yes of now holds.

    Args:
        now: the present instant (UTC).
        months: how long the person wants it.
        agency_type: an agency may have a limit of its own (the police: 30 days).
        giver_kind: a guardian's consent ends on the child's 18th birthday.
        birth: the child's, where it is known.

    """
    today = jst(now).date()
    last = _months_later(today, months) - ONE_DAY
    longest = longest_days(CONSENT, agency_type)
    if longest is not None:
        # A day less: the rest of today counts, and the end lies at midnight.
        last = min(last, today + (longest - 1) * ONE_DAY)
    if giver_kind in GUARDIAN_KINDS and birth is not None:
        last = min(last, instant_to_inclusive(eighteenth_birthday(birth)))
    return last


def _months_later(day: dt.date, months: int) -> dt.date:
    years, month = divmod(day.month - 1 + months, _MONTHS_OF_A_YEAR)
    first = dt.date(day.year + years, month + 1, 1)
    following = (first.replace(day=28) + dt.timedelta(days=4)).replace(day=1)
    # The 31st becomes the last day of a shorter month.
    return min(first + (day.day - 1) * ONE_DAY, following - ONE_DAY)


def birth_date_of(session: Session, case_id: uuid.UUID) -> dt.date | None:
    """Return the child's date of birth, or None where nobody knows."""
    written = birth_date_text(session, case_id)
    return dt.date.fromisoformat(written) if written else None


def keep_draft(session: Session, consent: m.Consent, given: Mapping[str, str]) -> None:
    """Keep what was chosen so far on the person's screen, sealed; nothing opens by it.

    Args:
        session: of the centre's director, counsellor or investigator.
        consent: not answered yet; else nothing is kept.
        given: values of the screen's fields by name; together with those kept before.

    Raises:
        NotPermittedError: not the owner's.

    """
    require(standing(session), Action.SHARE, consent)
    lock_grants(session, consent.case_id, exclusive=True)
    if not is_answered(session, consent):
        session.refresh(consent)
        kept = {**draft_of(session, consent), **given}
        seal(session, consent, draft=json.dumps(kept, ensure_ascii=False))
        session.flush()


def draft_of(session: Session, consent: m.Consent) -> dict[str, str]:
    """Return what was chosen so far on the person's screen, by name of the field."""
    written = reveal(session, consent, "draft")
    kept: dict[str, str] = json.loads(written) if written else {}
    return kept


def record_objection(session: Session, consent: m.Consent, words: str) -> None:
    """Keep the good reason for which a child of 12 to 15 does not want a guardian to be asked.

    Raises:
        NotPermittedError: not the owner's.
        RefusedShareError: not the child's consent, or the reason is no sentence.

    """
    require(standing(session), Action.SHARE, consent)
    if consent.giver_kind != "child":
        raise RefusedShareError("not_a_giver")
    if len(words) < SHORTEST_REASON:
        raise RefusedShareError("reason_too_short")
    seal(session, consent, objection=words)
    session.flush()


@dataclass(frozen=True)
class Deed:
    """What will be done, and whether the person agrees to it."""

    giver_id: uuid.UUID
    what: str
    agreed: bool
    method: str
    witness_id: uuid.UUID | None
    said_back: str = ""


def record_action_consent(
    session: Session, case: m.Case, deed: Deed, *, consent_id: uuid.UUID
) -> m.Consent:
    """Record the consent to an action (対応への同意), or its refusal; it shares nothing.

    Raises:
        NotPermittedError: not the owner's.
        RefusedShareError: this person is not asked, or the witness is missing.

    """
    require(standing(session), Action.SHARE, case)
    known_consent = already(session, m.Consent, consent_id)
    if known_consent is not None:
        return known_consent
    now = clock(session)
    giver = _giver(session, case, deed.giver_id, now)
    _check_method(session, case, deed.method, deed.witness_id, now)
    consent = m.Consent(
        id=consent_id,
        case_id=case.id,
        owner_agency_id=case.owner_agency_id,
        kind="action",
        giver_kind=_kind_of(session, giver),
        giver_person_id=giver.person_id,
        method=deed.method,
        explained_by=session.info["viewer"].account_id,
        witness_id=deed.witness_id,
    )
    seal(session, consent, what=deed.what, said_back=deed.said_back or None)
    if write_once(session, consent):
        _note(session, consent, "given" if deed.agreed else "refused")
        session.flush()
    return consent


__all__ = [
    "ANSWERS",
    "DEFAULT_MONTHS",
    "METHODS",
    "MONTHS",
    "Answers",
    "Asking",
    "Deed",
    "answer",
    "ask",
    "asked_agencies",
    "birth_date_of",
    "draft_of",
    "grants_by",
    "is_answered",
    "keep_draft",
    "last_day_for",
    "record_action_consent",
    "record_objection",
]
