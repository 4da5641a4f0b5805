"""The weekly 支援方針会議: experts, briefs, conflicts, advice (domain.md §5).

A brief is pseudonymised when it is saved: registered names of the case become what the person is to
it. What is left in another spelling is found by sound and looked at by a person before the release.
"""

import datetime as dt
import uuid
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import audit
from portal import models as m
from portal.codes import new_reference
from portal.database import ConflictError, NotVisibleError, standing
from portal.people import people_in
from portal.policy.permissions import Action, require
from portal.policy.terms import (
    cases_left,
    clock,
    consultations_left,
    holds,
    unnoted_permissions,
)
from portal.services.contracts import end_of_meeting, tell_of_brief, unlinked_wishes
from portal.services.lawful import note_permissions
from portal.services.once import already, write_once
from portal.text import fold_kana
from portal.vault import Scope, create_key, reveal, seal
from portal.vocabulary import (
    BLIND_ROLES,
    COUNCIL_MEETINGS,
    EXPERT_TYPES,
    POLICY_MEETING,
    bases,
    codes,
    known,
    label,
)

EXPERT_BASIS = "EXPERT"
# The others of the code list are no meetings on which a share rests.
MEETING_KINDS = (POLICY_MEETING, *COUNCIL_MEETINGS)
# A name of one character is a word of many sentences: it is pointed out, never replaced.
SHORTEST_REPLACED = 2

# A family name alone may be anybody's of the family.
_FAMILY = "○○"


class RefusedBriefError(ValueError):
    """A step of a brief or a meeting is not possible; ``code`` says why."""

    def __init__(self, code: str) -> None:
        """Keep the code, from which the page makes a sentence."""
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class Name:
    """One registered name, in one spelling, and what stands for it in a brief."""

    text: str
    stands_for: str


def registered_names(session: Session, case_id: uuid.UUID) -> list[Name]:
    """Return every spelling of the names registered with a case, the longest first."""
    found = people_in(session, case_id)
    counts: dict[str, int] = {}
    names: dict[str, str] = {}
    for link, person in found:
        counts[link.subject_kind] = counts.get(link.subject_kind, 0) + 1
        stands_for = _word(link, counts[link.subject_kind])
        for text in _spellings(session, person):
            names.setdefault(text, stands_for)
    for _link, person in found:
        names.setdefault(reveal(session, person, "family_name"), _FAMILY)
    names.pop("", None)
    ordered = sorted(names.items(), key=lambda pair: (-len(pair[0]), pair[0]))
    return [Name(text, stands_for) for text, stands_for in ordered]


def _word(link: m.CasePerson, number: int) -> str:
    """Return what stands for a name: what the person is to the case, and letters tell two apart."""
    word = label("subject", link.subject_kind)
    return word if link.is_child else f"{word}{chr(ord('A') + number - 1)}"


def _spellings(session: Session, person: m.Person) -> list[str]:
    family, given = reveal(session, person, "family_name"), reveal(session, person, "given_name")
    kana, called = reveal(session, person, "kana"), reveal(session, person, "called")
    together = [f"{family}{blank}{given}" for blank in ("", " ", "　")] if family and given else []
    return [*together, given, kana, kana.replace(" ", "").replace("　", ""), called]


def pseudonymised(text: str, names: Iterable[Name]) -> str:
    """Return a text with each registered name replaced; longest first, so no half names stay."""
    for name in names:
        if len(name.text) >= SHORTEST_REPLACED:
            text = text.replace(name.text, name.stands_for)
    return text


def names_left(text: str, names: Iterable[Name]) -> list[str]:
    """Return the registered names that still sound in a text, whatever the spelling.

    髙橋 and 高橋, ミナト and みなと are one name here; the words that stand for names are no names.
    """
    for word in (*(label("subject", code) for code in codes("subject")), _FAMILY):
        text = text.replace(word, " ")
    folded = fold_kana(text)
    return sorted({name.text for name in names if fold_kana(name.text) in folded})


def open_meeting(
    session: Session, *, meeting_id: uuid.UUID, held_on: dt.date, kind: str = POLICY_MEETING
) -> m.Meeting:
    """Call a 支援方針会議, or enter a meeting of the council (要対協); sent twice it is one.

    Args:
        session: of the centre.
        meeting_id: of the form.
        held_on: the day in JST.
        kind: ``POLICY_MEETING``, or one of ``COUNCIL_MEETINGS``, on which a permission may rest.

    Raises:
        NotPermittedError: not the centre's director, counsellor or investigator.
        RefusedBriefError: another kind of meeting.

    """
    acting = require(standing(session), Action.HOLD_MEETING)
    known_meeting = already(session, m.Meeting, meeting_id)
    if known_meeting is not None:
        return known_meeting
    if kind not in MEETING_KINDS:
        raise RefusedBriefError("meeting_kind")
    meeting = m.Meeting(id=meeting_id, agency_id=acting.agency_id, kind=kind, held_on=held_on)
    if write_once(session, meeting):
        _changed(session, meeting, "opened")
    return meeting


def _changed(session: Session, meeting: m.Meeting, change: str) -> None:
    audit.record(session, audit.Event.MEETING_CHANGED, meeting=meeting.id, change=change)


def invite(session: Session, meeting: m.Meeting, account_id: uuid.UUID) -> None:
    """Invite an expert by name; invited twice is invited once.

    Raises:
        NotPermittedError: not the centre's.
        RefusedBriefError: the meeting is closed, or this account is no expert's.

    """
    _require_open(session, meeting)
    expert = session.scalars(
        select(m.Membership)
        .join(m.Agency, m.Agency.id == m.Membership.agency_id)
        .where(
            m.Membership.account_id == account_id,
            m.Membership.role.not_in(BLIND_ROLES),
            m.Agency.type.in_(EXPERT_TYPES),
            holds(m.Membership, clock(session)),
        )
        .order_by(m.Membership.valid_from)
    ).first()
    if expert is None:
        raise RefusedBriefError("no_expert")
    invited = select(m.MeetingExpert.id).where(
        m.MeetingExpert.meeting_id == meeting.id, m.MeetingExpert.account_id == account_id
    )
    if session.scalars(invited).first() is not None:
        return
    invitation = m.MeetingExpert(
        meeting_id=meeting.id,
        centre_id=meeting.agency_id,
        account_id=account_id,
        agency_id=expert.agency_id,
    )
    session.add(invitation)
    _changed(session, meeting, "invited")
    session.flush()
    released = select(m.BriefParty).where(
        m.BriefParty.meeting_id == meeting.id, m.BriefParty.released_at.is_not(None)
    )
    for parties in session.scalars(released.order_by(m.BriefParty.case_id)).all():
        tell_of_brief(session, parties, invitation)


def _require_open(session: Session, meeting: m.Meeting) -> None:
    acting = require(standing(session), Action.HOLD_MEETING)
    if meeting.agency_id != acting.agency_id:
        raise NotVisibleError
    if meeting.closed_at is not None:
        raise RefusedBriefError("meeting_closed")


@dataclass(frozen=True)
class Paper:
    """What is written into a brief."""

    question: str
    text: str
    parties: str


def write_brief(
    session: Session, meeting: m.Meeting, case: m.Case, paper: Paper, *, brief_id: uuid.UUID
) -> m.Brief:
    """Put a case before a meeting; nobody outside the centre sees it before its release.

    Raises:
        NotPermittedError: not the centre's.
        RefusedBriefError: the meeting is closed or the council's, or the case has a brief there
            already.

    """
    _require_open(session, meeting)
    if meeting.kind != POLICY_MEETING:
        raise RefusedBriefError("no_briefs")
    require(standing(session), Action.HOLD_MEETING, case)
    known_brief = already(session, m.Brief, brief_id)
    if known_brief is not None:
        return known_brief
    there = select(m.Brief.id).where(m.Brief.meeting_id == meeting.id, m.Brief.case_id == case.id)
    if session.scalars(there).first() is not None:
        raise RefusedBriefError("brief_exists")
    place = {"case_id": case.id, "owner_agency_id": case.owner_agency_id}
    brief = m.Brief(
        id=brief_id,
        meeting_id=meeting.id,
        # Random: a running number would tell an excluded expert that something is left out.
        number=new_reference().rpartition("-")[2],
        written_by=session.info["viewer"].account_id,
        **place,
    )
    create_key(session, Scope("brief", brief.id))
    _fill(session, brief, paper)
    if not write_once(session, brief):
        return brief
    parties = m.BriefParty(brief_id=brief.id, meeting_id=meeting.id, **place)
    create_key(session, Scope("parties", parties.id))
    seal(session, parties, names=paper.parties)
    session.add(parties)
    audit.record(session, audit.Event.BRIEF_WRITTEN, case_id=case.id, brief=brief.id)
    session.flush()
    return brief


def _fill(session: Session, brief: m.Brief, paper: Paper) -> None:
    names = registered_names(session, brief.case_id)
    seal(
        session,
        brief,
        question=pseudonymised(paper.question, names),
        text=pseudonymised(paper.text, names),
    )


def change_brief(session: Session, brief: m.Brief, paper: Paper, *, version: int) -> m.Brief:
    """Change a brief that the author saw at a version.

    Raises:
        NotPermittedError: not the centre's.
        ConflictError: somebody changed it meanwhile; both texts are with it.
        RefusedBriefError: the meeting is closed.

    """
    meeting = session.get_one(m.Meeting, brief.meeting_id)
    _require_open(session, meeting)
    # Whoever comes second waits here and then finds the other version.
    session.refresh(brief, with_for_update=True)
    if brief.version != version:
        theirs = f"{reveal(session, brief, 'question')}\n\n{reveal(session, brief, 'text')}"
        raise ConflictError(theirs, f"{paper.question}\n\n{paper.text}")
    _fill(session, brief, paper)
    brief.version = version + 1
    parties = parties_of(session, brief)
    seal(session, parties, names=paper.parties)
    audit.record(session, audit.Event.BRIEF_WRITTEN, case_id=brief.case_id, brief=brief.id)
    session.flush()
    return brief


def parties_of(session: Session, brief: m.Brief) -> m.BriefParty:
    """Return the party names of a brief."""
    return session.scalars(select(m.BriefParty).where(m.BriefParty.brief_id == brief.id)).one()


def names_in(session: Session, brief: m.Brief) -> list[str]:
    """Return the registered names that are still to be found in a brief."""
    text = f"{reveal(session, brief, 'question')}\n{reveal(session, brief, 'text')}"
    return names_left(text, registered_names(session, brief.case_id))


def release_brief(
    session: Session, brief: m.Brief, *, looked_through: bool, nobody_unlinked: bool = False
) -> None:
    """Put a brief before the invited experts, for as long as the contract's basis allows.

    Each of them stands in the child's record of sharing from then on (domain.md §3.3).

    Args:
        session: of the centre.
        brief: of an open meeting; released once.
        looked_through: somebody looked at the names that are left and found them harmless.
        nobody_unlinked: somebody stated that no expert is a person of a never-tell that names
            nobody yet.

    Raises:
        NotPermittedError: not the centre's.
        RefusedBriefError: the meeting is closed, a name is left that nobody looked at, or nobody
            stated that no expert is meant by a never-tell.

    """
    _require_open(session, session.get_one(m.Meeting, brief.meeting_id))
    parties = parties_of(session, brief)
    if parties.released_at is not None:
        return
    if names_in(session, brief) and not looked_through:
        raise RefusedBriefError("names_left")
    if unlinked_wishes(session, brief.case_id) and not nobody_unlinked:
        raise RefusedBriefError("never_tell_unlinked")
    now = clock(session)
    days = bases()[EXPERT_BASIS].max_days
    parties.released_at = now
    parties.valid_until = now + dt.timedelta(days=days or 0)
    audit.record(session, audit.Event.BRIEF_WRITTEN, case_id=brief.case_id, brief=brief.id)
    session.flush()
    invited = select(m.MeetingExpert).where(m.MeetingExpert.meeting_id == brief.meeting_id)
    for expert in session.scalars(invited.order_by(m.MeetingExpert.id)).all():
        tell_of_brief(session, parties, expert)


@dataclass(frozen=True)
class PutOff:
    """Why a matter was left, a code of the list ``put_off``, and when it is looked at (JST)."""

    reason: str
    until_on: dt.date


def put_off(
    session: Session, meeting: m.Meeting, matter: m.Case | m.InboxItem, terms: PutOff
) -> None:
    """Leave a matter of a meeting for a later one, with a reason and a day; the last word counts.

    Raises:
        NotPermittedError: not the centre's.
        RefusedBriefError: the meeting is closed or the council's, or the day is not after it.

    """
    _require_policy_meeting(session, meeting)
    known("put_off", terms.reason)
    if terms.until_on <= meeting.held_on:
        raise RefusedBriefError("put_off_day")
    _settle(session, meeting, matter, reason=terms.reason, until_on=terms.until_on)


def talk_over(session: Session, meeting: m.Meeting, item: m.InboxItem) -> None:
    """Note that a meeting talked over a consultation that is no case; it leaves the agenda.

    Raises:
        NotPermittedError: not the centre's.
        RefusedBriefError: the meeting is closed or the council's.

    """
    _require_policy_meeting(session, meeting)
    _settle(session, meeting, item, reason=None, until_on=None)


def _require_policy_meeting(session: Session, meeting: m.Meeting) -> None:
    _require_open(session, meeting)
    if meeting.kind != POLICY_MEETING:
        raise RefusedBriefError("no_briefs")


def _settle(
    session: Session,
    meeting: m.Meeting,
    matter: m.Case | m.InboxItem,
    *,
    reason: str | None,
    until_on: dt.date | None,
) -> None:
    of_case = isinstance(matter, m.Case)
    column = m.MatterOutcome.case_id if of_case else m.MatterOutcome.item_id
    said = select(m.MatterOutcome).where(
        m.MatterOutcome.meeting_id == meeting.id, column == matter.id
    )
    outcome = session.scalars(said.with_for_update()).one_or_none()
    if outcome is None:
        outcome = m.MatterOutcome(
            id=uuid.uuid5(meeting.id, str(matter.id)),
            meeting_id=meeting.id,
            agency_id=meeting.agency_id,
            case_id=matter.id if of_case else None,
            item_id=None if of_case else matter.id,
            recorded_by=session.info["viewer"].account_id,
            reason=reason,
            until_on=until_on,
        )
        # Two people at the same moment name the same row; the first has said it then.
        write_once(session, outcome)
    else:
        outcome.reason, outcome.until_on = reason, until_on
        outcome.recorded_by, outcome.recorded_at = (
            session.info["viewer"].account_id,
            clock(session),
        )
        session.flush()
    audit.record(
        session,
        audit.Event.MATTER_SETTLED,
        case_id=matter.id if of_case else None,
        meeting=meeting.id,
        item=None if of_case else matter.id,
        reason=reason or "talked_over",
    )


def close_meeting(session: Session, meeting: m.Meeting, rest: PutOff | None = None) -> None:
    """Close a meeting: from the next request on no expert reads any of its briefs.

    A 支援方針会議 thereby took note of what was shared by permission of the law since the last. It
    cannot be closed with a matter left without a reason and a day (domain.md §5): of those that
    the closing person sees, for whoever is excluded from a case must not learn that there is one.

    Args:
        session: of the centre.
        meeting: closed once; a second time changes nothing.
        rest: said of every matter that is left.

    Raises:
        NotPermittedError: not the centre's.
        RefusedBriefError: something is left and ``rest`` is missing, or its day is not after the
            meeting.

    """
    acting = require(standing(session), Action.HOLD_MEETING)
    if meeting.agency_id != acting.agency_id:
        raise NotVisibleError
    if meeting.closed_at is not None:
        return
    if meeting.kind == POLICY_MEETING:
        _put_off_rest(session, meeting, rest)
    now = clock(session)
    meeting.closed_at = now
    before = select(m.BriefParty).where(m.BriefParty.meeting_id == meeting.id)
    for parties in session.scalars(before).all():
        if parties.valid_until is None or parties.valid_until > now:
            parties.valid_until = now
    end_of_meeting(session, meeting)
    if meeting.kind == POLICY_MEETING:
        note_permissions(session, meeting, unnoted_permissions(session, meeting.agency_id))
    _changed(session, meeting, "closed")
    session.flush()


def _put_off_rest(session: Session, meeting: m.Meeting, rest: PutOff | None) -> None:
    cases = session.scalars(select(m.Case).where(m.Case.id.in_(cases_left(meeting)))).all()
    left = consultations_left(meeting)
    items = session.scalars(select(m.InboxItem).where(m.InboxItem.id.in_(left))).all()
    if rest is None and (cases or items):
        raise RefusedBriefError("matters_left")
    if rest is not None:
        matters: list[m.Case | m.InboxItem] = [*cases, *items]
        for matter in matters:
            put_off(session, meeting, matter, rest)


def declare(session: Session, parties: m.BriefParty, *, conflict: bool) -> None:
    """Say as an expert whether one has a conflict with the parties, before the text is shown.

    A conflict closes the case to the own account at once and for good. Said once, it stands.

    Raises:
        NotPermittedError: not an expert.

    """
    require(standing(session), Action.ADVISE)
    me = session.info["viewer"].account_id
    said = select(m.ConflictDeclaration.id).where(
        m.ConflictDeclaration.brief_id == parties.brief_id, m.ConflictDeclaration.account_id == me
    )
    if session.scalars(said).first() is not None:
        return
    place = {
        "case_id": parties.case_id,
        "owner_agency_id": parties.owner_agency_id,
        "account_id": me,
    }
    # Before the exclusion: the wall shows the parties to nobody who is excluded.
    session.add(m.ConflictDeclaration(brief_id=parties.brief_id, conflict=conflict, **place))
    audit.record(
        session,
        audit.Event.CONFLICT_DECLARED,
        case_id=parties.case_id,
        brief=parties.brief_id,
        conflict=conflict,
    )
    session.flush()
    if conflict:
        session.add(m.Exclusion(recorded_by=me, **place))
        session.flush()


def give_advice(
    session: Session, brief: m.Brief, *, advice_id: uuid.UUID, assent: bool, text: str
) -> m.Advice:
    """Advise the centre on a brief, or say 了承（意見なし）; once by each expert.

    Raises:
        NotPermittedError: not an expert.
        RefusedBriefError: neither assent nor a text.
        ConflictError: the same expert advised on it already.

    """
    acting = require(standing(session), Action.ADVISE)
    known_advice = already(session, m.Advice, advice_id)
    if known_advice is not None:
        return known_advice
    if not assent and not text:
        raise RefusedBriefError("no_advice")
    advice = m.Advice(
        id=advice_id,
        case_id=brief.case_id,
        owner_agency_id=brief.owner_agency_id,
        brief_id=brief.id,
        account_id=session.info["viewer"].account_id,
        agency_id=acting.agency_id,
        assent=assent,
    )
    create_key(session, Scope("advice", advice.id))
    seal(session, advice, text=text or None)
    if write_once(session, advice):
        audit.record(
            session,
            audit.Event.ADVICE_GIVEN,
            case_id=brief.case_id,
            brief=brief.id,
            assent=assent,
        )
    return advice


__all__ = [
    "Name",
    "Paper",
    "PutOff",
    "RefusedBriefError",
    "change_brief",
    "close_meeting",
    "declare",
    "give_advice",
    "invite",
    "names_in",
    "names_left",
    "open_meeting",
    "parties_of",
    "pseudonymised",
    "put_off",
    "registered_names",
    "release_brief",
    "talk_over",
    "write_brief",
]
