"""Who may write which row, in plain Python; as ``tests.rules.reads``.

Whether a person may do a deed at all is a permission; these rules keep a row honest about who
writes it, and where.
"""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from portal import models as m
from tests.rules.everybody import (
    AGENCIES,
    CASE,
    CENTRE,
    CHILD_THREAD,
    GLIMPSED,
    GUARDIAN,
    GUARDIAN_THREAD,
    LAWYERS,
    NEW_THREAD,
    NOW,
    NPO,
    OF_ACCOUNT,
    OF_OWNER,
    OTHER,
    PERSON,
    PHONING,
    SCHOOL,
    STRANGER,
    TICK,
    WELFARE,
    Everything,
    Row,
    Who,
    every,
    filled,
    key,
)
from tests.rules.reads import (
    Reads,
    actions,
    alarms,
    brief_parties,
    briefs,
    case_looks,
    cases,
    consents,
    entries,
    issuer_links,
    live,
    matter_outcomes,
    of_account,
    of_owner,
    same,
    threads,
)

# The account that writes, whoever that is.
OWN = object()
OTHERS = key("nurse's colleague")
TOMORROW = NOW + dt.timedelta(days=1)

Writes = Reads
Values = Callable[[Everything], Iterator[Mapping[str, Any]]]


def made(model: type[m.Base], values: Mapping[str, Any], who: Who) -> Row:
    """Return the row that somebody writes with these values."""
    said = {name: who.account if value is OWN else value for name, value in values.items()}
    return filled(model, **said)


def _each(**values: Any) -> Values:
    return lambda _everything: every(**values)


# -- people, agencies ------------------------------------------------------------------------------


def administered(_all: Everything, who: Who, _row: Row) -> bool:
    """The administrator."""
    return who.administering is not None


def entered(_all: Everything, who: Who, _row: Row) -> bool:
    """Whoever keeps people; an account alone works nowhere."""
    return who.administering is not None or who.managing is not None


def _keeps(who: Who, row: Row) -> bool:
    """An administrator, or the agency's manager; never for the own account (domain.md §1)."""
    place = who.administering is not None or same(row.agency_id, who.managing)
    return place and who.account is not None and row.account_id != who.account


def new_proposal(_all: Everything, who: Who, row: Row) -> bool:
    """In the own name, undecided, never for the own account."""
    own = row.proposed_by == who.account and row.proposed_at <= NOW
    return _keeps(who, row) and own and row.decision is None


def _decided(who: Who, row: Row, by: Any, asked: dt.datetime) -> bool:
    """By another person within a week; declined by whoever sees it; never about oneself."""
    sees = who.administering is not None or who.naming is not None
    if not (sees or same(row.agency_id, who.managing)) or row.account_id == who.account:
        return False
    if row.decision is None:
        return True
    second = by != who.account and asked + dt.timedelta(days=7) > NOW
    return bool(row.decided_by == who.account and (row.decision != "confirmed" or second))


def decided_proposal(_all: Everything, who: Who, row: Row) -> bool:
    """A role takes two people."""
    return _decided(who, row, row.proposed_by, row.proposed_at)


def new_factor_reset(everything: Everything, who: Who, row: Row) -> bool:
    """Of somebody who works there; undecided, or done alone in the own name."""
    open_ = row.decision is None or (row.decision == "alone" and row.decided_by == who.account)
    own = row.asked_by == who.account and row.asked_at <= NOW
    works = everything.of(m.Membership, account_id=row.account_id, agency_id=row.agency_id)
    return _keeps(who, row) and own and open_ and bool(works)


def decided_factor_reset(_all: Everything, who: Who, row: Row) -> bool:
    """Resets take two people; what was done alone is done."""
    return row.decision != "alone" and _decided(who, row, row.asked_by, row.asked_at)


OPENS_NOTHING = {
    ("support_center", "center_clerk"),
    ("cafeteria", "cafeteria_operator"),
    ("cafeteria", "cafeteria_volunteer"),
}


def new_membership(everything: Everything, who: Who, row: Row) -> bool:
    """Of a role that opens nothing, or as proposed by one and just now confirmed by another."""
    kind = next(AGENCIES[name] for name in AGENCIES if key(name) == row.agency_id)
    alone = _keeps(who, row) and not row.manager and (kind, row.role) in OPENS_NOTHING
    said = ("account_id", "agency_id", "role", "manager", "valid_until")
    return alone or any(
        all(getattr(proposal, name) == getattr(row, name) for name in said)
        and proposal.valid_from <= row.valid_from
        and proposal.decision == "confirmed"
        and (proposal.decided_by, proposal.decided_at) == (who.account, NOW)
        and who.account not in {proposal.proposed_by, row.account_id}
        and (who.administering or who.naming or same(row.agency_id, who.managing))
        for proposal in everything.of(m.MembershipProposal, id=row.id)
    )


def _memberships(everything: Everything) -> Iterator[Mapping[str, Any]]:
    yield from every(
        account_id=(OWN, OTHERS),
        agency_id=(CENTRE, SCHOOL, key("cafeteria")),
        role=("center_clerk", "cafeteria_volunteer", "school_nurse"),
        manager=(False, True),
    )
    for proposal in everything.of(m.MembershipProposal, decision="confirmed"):
        said = ("id", "account_id", "agency_id", "role", "manager", "valid_from", "valid_until")
        as_said = {name: getattr(proposal, name) for name in said}
        yield as_said
        yield as_said | {"valid_from": proposal.valid_from + TICK}
        for name, other in (
            *(("id", key("no proposal")), ("account_id", OTHERS), ("agency_id", NPO)),
            *(("role", "x"), ("manager", True), ("valid_from", proposal.valid_from - TICK)),
            ("valid_until", TOMORROW + TICK),
        ):
            yield as_said | {name: other}


def kept_membership(_all: Everything, who: Who, row: Row) -> bool:
    """Ended by who keeps the agency's people."""
    return _keeps(who, row)


def own_link(_all: Everything, who: Who, row: Row) -> bool:
    """Made by the person alone."""
    return same(row.account_id, who.account) and who.acting is not None


def of_managed_agency(_all: Everything, who: Who, row: Row) -> bool:
    """The agency's manager."""
    return same(row.agency_id, who.managing)


def of_managed_team(everything: Everything, who: Who, row: Row) -> bool:
    """The agency's manager."""
    return any(same(team.agency_id, who.managing) for team in everything.of(m.Team, id=row.team_id))


def owning(_all: Everything, who: Who, _row: Row) -> bool:
    """The people of an owner."""
    return who.owning is not None


def directed(_all: Everything, who: Who, _row: Row) -> bool:
    """The centre's director."""
    return who.directing is not None


def new_duty_place(_all: Everything, who: Who, row: Row) -> bool:
    """Kept by the centre's director."""
    return same(row.agency_id, who.directing)


def of_absent(_all: Everything, who: Who, row: Row) -> bool:
    """Who is away, or the manager of the agency."""
    own = same(row.agency_id, who.acting) and row.absent_id == who.account
    return own or same(row.agency_id, who.managing)


# -- cases -----------------------------------------------------------------------------------------


def owned(_all: Everything, who: Who, row: Row) -> bool:
    """Rows whose owner is the viewer's agency."""
    return same(row.owner_agency_id, who.owning)


def owned_meeting(_all: Everything, who: Who, row: Row) -> bool:
    """Meetings are the centre's."""
    return same(row.agency_id, who.owning)


def own_look(everything: Everything, who: Who, row: Row) -> bool:
    """In the own name, and at first at a case that shows."""
    return case_looks(everything, who, row) and cases(everything, who, row.case_id)


def owned_invitation(_all: Everything, who: Who, row: Row) -> bool:
    """Invitations are the centre's."""
    return same(row.centre_id, who.owning)


def own_outcome(everything: Everything, who: Who, row: Row) -> bool:
    """In the own name, of a matter that the viewer sees."""
    return same(row.recorded_by, who.account) and matter_outcomes(everything, who, row)


def own_entry(everything: Everything, who: Who, row: Row) -> bool:
    """In the own name, into a slice and about somebody that the author can read.

    The owner also writes down what another agency told by phone, where it could write itself.
    """
    if not same(row.author_account_id, who.account) or who.shut(row.case_id):
        return False
    if row.heard_from_sealed is None:
        unread = filled(m.Entry, **{**vars(row), "author_agency_id": None})
        return same(row.author_agency_id, who.posting) and entries(everything, who, unread)
    told = same(row.owner_agency_id, who.owning) and row.author_agency_id != who.owning
    return told and any(
        row.slice in grant.slices
        and grant.subject_id == row.subject_id
        and grant.agency_id == row.author_agency_id
        and live(grant)
        and _may_be_phoned(grant, row.slice)
        for grant in everything.of(m.Grant, case_id=row.case_id)
    )


def _may_be_phoned(grant: Row, slice_: str) -> bool:
    """Who reported is never shared, detail not with a cafeteria, a hidden place by duty alone."""
    cafeteria = grant.agency_id in {key("cafeteria"), key("phoning cafeteria")}
    hidden = grant.case_concealed and grant.basis == "CONSENT"
    if slice_ == "school":
        return not hidden
    return slice_ != "reporter" and not (slice_ == "detail" and cafeteria)


def own_retraction(everything: Everything, who: Who, row: Row) -> bool:
    """In the own name, of a visible post of the own agency or of an own case."""
    if not same(row.account_id, who.account) or not same(row.agency_id, who.posting):
        return False
    return any(
        same(entry.author_agency_id, who.posting) or same(entry.owner_agency_id, who.owning)
        for entry in everything.of(m.Entry, id=row.entry_id, case_id=row.case_id)
        if entries(everything, who, entry)
    )


def _retractions(everything: Everything) -> Iterator[Mapping[str, Any]]:
    for entry in everything.rows[m.Entry]:
        for values in every(
            account_id=(OWN, OTHERS), agency_id=(CENTRE, SCHOOL), case_id=(CASE, OTHER)
        ):
            yield {**values, "entry_id": entry.id, "owner_agency_id": CENTRE}


def new_grant(everything: Everything, who: Who, row: Row) -> bool:
    """The owner; in an emergency with it, a day at most, and no wider than domain.md §3.4 says."""
    if not of_owner(everything, who, row) or row.basis != "EMERGENCY":
        return of_owner(everything, who, row)
    narrow = set(row.slices) <= {"basic", "contact", "safety", "health"}
    day = row.valid_until <= row.valid_from + dt.timedelta(days=1)
    belongs = any(
        each.kind == "provision" and each.reviewed_at is None and of_owner(everything, who, each)
        for each in everything.of(
            m.Emergency, id=row.emergency_id, case_id=row.case_id, agency_id=row.agency_id
        )
    )
    return narrow and day and belongs


def _grants(everything: Everything) -> Iterator[Mapping[str, Any]]:
    grant = {"valid_from": NOW, "valid_until": NOW + dt.timedelta(days=1), "slices": ["basic"]}
    for values in every(case_id=(CASE, OTHER), owner_agency_id=(CENTRE, SCHOOL)):
        yield {**grant, **values, "agency_id": SCHOOL, "basis": "CONSENT"}
    longer = {"valid_until": NOW + dt.timedelta(days=1) + TICK}
    for each in everything.rows[m.Emergency]:
        of = {"case_id": each.case_id, "owner_agency_id": CENTRE, "agency_id": each.agency_id}
        emergency = {**grant, **of, "basis": "EMERGENCY", "emergency_id": each.id}
        yield emergency
        for other in (
            *(longer, {"slices": ["basic", "school"]}, {"slices": ["basic", "safety"]}),
            *({"emergency_id": None}, {"agency_id": NPO}, {"basis": "CONSENT"}),
            {"case_id": OTHER if each.case_id == CASE else CASE},
        ):
            yield emergency | other


def ended_grant(everything: Everything, who: Who, row: Row) -> bool:
    """By the owner; consents by the child, and by a guardian who gave them or whose data it is.

    A manager names other readers, unless the centre did.
    """
    denied = who.shut(row.case_id) or who.not_told(row.case_id) or who.agency_not_told(row.case_id)
    managed = same(row.agency_id, who.managing) and live(row) and not denied
    of_case = row.case_id == CASE and row.basis == "CONSENT"
    gave = {each.id for each in everything.of(m.Consent, case_id=CASE, giver_person_id=GUARDIAN)}
    own = row.subject_id == GUARDIAN or gave & set(row.guardian_consent_ids or ())
    thread = who.viewer.thread_id
    by_code = thread == CHILD_THREAD or (thread == GUARDIAN_THREAD and bool(own))
    return (
        of_owner(everything, who, row)
        or (managed and not row.readers_fixed)
        or (of_case and by_code)
    )


def new_task(everything: Everything, who: Who, row: Row) -> bool:
    """The owner, or who takes a consent back."""
    visitor = who.viewer.thread_id in {CHILD_THREAD, GUARDIAN_THREAD}
    return of_owner(everything, who, row) or (visitor and row.case_id == CASE)


def own_step(everything: Everything, who: Who, row: Row) -> bool:
    """In the own name, of an action that the viewer sees."""
    own = same(row.account_id, who.account) and same(row.agency_id, who.posting)
    found = everything.of(m.Action, id=row.action_id)
    return own and any(actions(everything, who, action) for action in found)


def seen_action(everything: Everything, who: Who, row: Row) -> bool:
    """In the hands of the owner and of the assigned agency."""
    return of_owner(everything, who, row) or same(row.agency_id, who.posting)


# -- consultations ---------------------------------------------------------------------------------


def _takes(who: Who) -> bool:
    return who.desk is not None or who.clerking is not None


def new_thread(_all: Everything, who: Who, row: Row) -> bool:
    """An intake its own, desks and clerks for others; only the own account is named in it."""
    whose = row.account_id is None or same(row.account_id, who.account)
    return whose and (same(row.id, who.viewer.intake_id) or _takes(who))


def _sees_thread(everything: Everything, who: Who, thread_id: Any) -> bool:
    return any(threads(everything, who, each) for each in everything.of(m.Thread, id=thread_id))


def code_of_thread(everything: Everything, who: Who, row: Row) -> bool:
    """With the new thread, by a clerk, or by who sees the thread."""
    new = same(row.thread_id, who.viewer.intake_id) or who.clerking is not None
    return new or _sees_thread(everything, who, row.thread_id)


def own_message(everything: Everything, who: Who, row: Row) -> bool:
    """A visitor's in the own thread; staff in the own name in a thread that they see."""
    visited = (who.viewer.thread_id, who.viewer.intake_id)
    nameless = row.agency_id is None and row.account_id is None
    visitor = nameless and any(same(row.thread_id, each) for each in visited)
    own = same(row.agency_id, who.acting) and same(row.account_id, who.account)
    return visitor or (own and _sees_thread(everything, who, row.thread_id))


def seen_message(everything: Everything, who: Who, row: Row) -> bool:
    """Whoever reads the thread."""
    return _sees_thread(everything, who, row.thread_id)


def new_consultation(_all: Everything, who: Who, row: Row) -> bool:
    """An intake, or a desk or clerk who writes down what was said."""
    own = same(row.recorded_by, who.account) and _takes(who)
    return own or same(row.thread_id, who.viewer.intake_id)


def new_inbox_item(everything: Everything, who: Who, row: Row) -> bool:
    """With an intake, or handed over by a desk that sees the thread."""
    holds = who.desk is not None and _sees_thread(everything, who, row.thread_id)
    return holds or same(row.thread_id, who.viewer.intake_id)


def on_own_desk(_all: Everything, who: Who, row: Row) -> bool:
    """On the desk they lie on."""
    return same(row.agency_id, who.desk)


THREADS = (CHILD_THREAD, GUARDIAN_THREAD, NEW_THREAD, GLIMPSED)


def _of_threads(**values: Any) -> Values:
    def give(everything: Everything) -> Iterator[Mapping[str, Any]]:
        held = [thread.id for thread in everything.rows[m.Thread] if thread.id not in THREADS]
        return every(thread_id=(*THREADS, *held[::3]), **values)

    return give


# -- meetings --------------------------------------------------------------------------------------


def own_declaration(everything: Everything, who: Who, row: Row) -> bool:
    """An expert's own, about a brief whose parties the expert sees."""
    parties = everything.of(m.BriefParty, brief_id=row.brief_id, case_id=row.case_id)
    own = same(row.account_id, who.account)
    return own and any(brief_parties(everything, who, each) for each in parties)


def own_advice(everything: Everything, who: Who, row: Row) -> bool:
    """An expert's own, on a brief that the expert reads."""
    own = same(row.account_id, who.account) and same(row.agency_id, who.advising)
    found = everything.of(m.Brief, id=row.brief_id, case_id=row.case_id)
    return own and any(briefs(everything, who, brief) for brief in found)


def own_exclusion(everything: Everything, who: Who, row: Row) -> bool:
    """The owner; an expert who declares a conflict shuts out the own account."""
    own = same(row.account_id, who.account) and who.advising is not None
    return of_owner(everything, who, row) or own


def _of_briefs(**values: Any) -> Values:
    def give(everything: Everything) -> Iterator[Mapping[str, Any]]:
        for brief in everything.rows[m.Brief]:
            other = OTHER if brief.case_id == CASE else CASE
            for each in every(case_id=(brief.case_id, other), account_id=(OWN, OTHERS), **values):
                yield {**each, "brief_id": brief.id, "owner_agency_id": CENTRE}

    return give


def _outcomes(everything: Everything) -> Iterator[Mapping[str, Any]]:
    items = (None, *(item.id for item in everything.rows[m.InboxItem][:12]))
    return every(
        agency_id=(CENTRE, NPO), case_id=(None, CASE), item_id=items, recorded_by=(OWN, OTHERS)
    )


def _of_consents(everything: Everything) -> Iterator[Mapping[str, Any]]:
    for consent in everything.rows[m.Consent]:
        yield {"consent_id": consent.id, "case_id": consent.case_id, "owner_agency_id": CENTRE}


def consent_events(everything: Everything, who: Who, row: Row) -> bool:
    """Whoever sees the consent: the owner, and by code whoever gave it."""
    found = everything.of(m.Consent, id=row.consent_id)
    return any(consents(everything, who, consent) for consent in found)


# -- keys and the log ------------------------------------------------------------------------------


def new_key(_all: Everything, who: Who, row: Row) -> bool:
    """By whoever writes first."""
    return who.acting is not None or same(row.scope_id, who.viewer.intake_id)


def own_event(_all: Everything, who: Who, row: Row) -> bool:
    """In the own name, in that of the thread one comes for, or in nobody's."""
    if row.account_id is not None:
        return same(row.account_id, who.account)
    visited = (who.viewer.thread_id, who.viewer.intake_id, who.viewer.glimpse_id)
    nobody = row.thread_id is None and row.case_id is None and row.viewer == "nobody"
    return nobody or any(same(row.thread_id, each) for each in visited)


_OF_CASE = _each(case_id=(CASE, OTHER), owner_agency_id=(CENTRE, SCHOOL))
_OF_ACCOUNT = _each(account_id=(OWN, OTHERS))
_OF_AGENCY = _each(agency_id=(CENTRE, SCHOOL, LAWYERS, key("old_school")))
_ONE = _each(id=(key("a new row"),))
_ADMINISTERED: tuple[type[m.Base], ...] = (
    *(m.Agency, m.CouncilMembership, m.Issuer, m.IssuerPlace, m.MachineClient, m.MachineSecret),
)
_OWNED: tuple[type[m.Base], ...] = (
    *(model for model in OF_OWNER if model not in (m.Exclusion, m.Task)),
    *(m.CasePerson, m.CaseWorker, m.Spelling, m.Consent, m.ConsentItem, m.Action, m.Brief),
    *(m.BriefParty, m.Emergency),
)
_SETTINGS: tuple[type[m.Base], ...] = (m.Door, m.SignInRule)


def child_of_owner(everything: Everything, who: Who, row: Row) -> bool:
    """When a child was born is written by the owner of a case about it."""
    links = everything.of(m.CasePerson, person_id=row.id)
    return any(link.is_child and of_owner(everything, who, link) for link in links)


# What is tried of each table, and who may.
INSERTS: dict[type[m.Base], tuple[Values, Writes]] = {
    **dict.fromkeys(_OWNED, (_OF_CASE, of_owner)),
    **dict.fromkeys(OF_ACCOUNT, (_OF_ACCOUNT, of_account)),
    **dict.fromkeys(_ADMINISTERED, (_ONE, administered)),
    **dict.fromkeys(_SETTINGS, (_OF_AGENCY, administered)),
    **dict.fromkeys(m.KEYS.values(), (_each(scope_id=(NEW_THREAD, CHILD_THREAD, CASE)), new_key)),
    m.Account: (_ONE, entered),
    m.AccountProfile: (_OF_ACCOUNT, entered),
    m.ActionEvent: (
        lambda everything: every(
            action_id=tuple(action.id for action in everything.rows[m.Action]),
            account_id=(OWN, OTHERS),
            agency_id=(CENTRE, SCHOOL, key("cafeteria")),
            case_id=(CASE,),
        ),
        own_step,
    ),
    m.Advice: (_of_briefs(agency_id=(LAWYERS, CENTRE)), own_advice),
    m.AuditEvent: (
        _each(
            account_id=(None, OWN, OTHERS),
            thread_id=(None, CHILD_THREAD, NEW_THREAD, GLIMPSED),
            case_id=(None, CASE),
            viewer=("nobody", "staff"),
        ),
        own_event,
    ),
    m.Case: (_each(owner_agency_id=(CENTRE, SCHOOL)), owned),
    m.CaseLook: (
        _each(
            account_id=(OWN, OTHERS),
            agency_id=(CENTRE, SCHOOL, WELFARE, NPO),
            case_id=(CASE, OTHER),
        ),
        own_look,
    ),
    m.ConflictDeclaration: (_of_briefs(), own_declaration),
    m.ConsentEvent: (_of_consents, consent_events),
    m.Consultation: (_of_threads(recorded_by=(None, OWN, OTHERS)), new_consultation),
    m.Cover: (
        _each(absent_id=(OWN, OTHERS), agency_id=(CENTRE, SCHOOL, LAWYERS, key("old_school"))),
        of_absent,
    ),
    m.Departure: (_OF_AGENCY, directed),
    m.DutyPlace: (_OF_AGENCY, new_duty_place),
    m.Entry: (
        _each(
            case_id=(CASE, OTHER),
            owner_agency_id=(CENTRE,),
            slice=("basic", "school", "reporter", "detail"),
            subject_id=(PERSON, STRANGER),
            author_agency_id=(CENTRE, SCHOOL, key("cafeteria"), *map(key, PHONING)),
            author_account_id=(OWN, OTHERS),
            heard_from_sealed=(None, b"x"),
        ),
        own_entry,
    ),
    m.Exclusion: (
        _each(case_id=(CASE, OTHER), owner_agency_id=(CENTRE, SCHOOL), account_id=(OWN, OTHERS)),
        own_exclusion,
    ),
    m.FactorReset: (
        lambda _all: itertools.chain(
            every(
                account_id=(OWN, OTHERS, key("nurse"), key("former")),
                agency_id=(SCHOOL, CENTRE),
                asked_by=(OWN, OTHERS),
                asked_at=(NOW, NOW + TICK),
                decision=(None, "alone", "confirmed"),
                decided_by=(None, OWN, OTHERS),
            )
        ),
        new_factor_reset,
    ),
    m.Grant: (_grants, new_grant),
    m.Household: (_each(owner_agency_id=(CENTRE, SCHOOL)), owned),
    m.InboxItem: (_of_threads(agency_id=(CENTRE, SCHOOL)), new_inbox_item),
    m.IssuerLink: (_OF_ACCOUNT, own_link),
    m.MatterOutcome: (_outcomes, own_outcome),
    m.Meeting: (_each(agency_id=(CENTRE, SCHOOL)), owned_meeting),
    m.MeetingExpert: (_each(centre_id=(CENTRE, SCHOOL), agency_id=(LAWYERS,)), owned_invitation),
    m.Membership: (_memberships, new_membership),
    m.MembershipProposal: (
        _each(
            account_id=(OWN, OTHERS),
            agency_id=(CENTRE, SCHOOL),
            proposed_by=(OWN, OTHERS),
            proposed_at=(NOW, NOW + TICK),
            decision=(None, "declined"),
        ),
        new_proposal,
    ),
    m.Person: (_ONE, owning),
    m.Retraction: (_retractions, own_retraction),
    m.Task: (_OF_CASE, new_task),
    m.Team: (_OF_AGENCY, of_managed_agency),
    m.TeamMember: (
        _each(team_id=(key("team of school"), key("team of centre"), key("no team"))),
        of_managed_team,
    ),
    m.Thread: (_each(id=(NEW_THREAD, key("another")), account_id=(None, OWN, OTHERS)), new_thread),
    m.ThreadCode: (_of_threads(), code_of_thread),
    m.ThreadMessage: (
        _of_threads(agency_id=(None, CENTRE, SCHOOL), account_id=(None, OWN, OTHERS)),
        own_message,
    ),
    m.Wording: (_ONE, owning),
}

# Who may change a row that is read.
UPDATES: dict[type[m.Base], Writes] = {
    **dict.fromkeys(
        (
            *(m.BriefParty, m.Brief, m.Closure, m.Consent, m.Emergency, m.Concealment),
            *(m.Exclusion, m.LawReport, m.NeverTell, m.ShareProposal, m.Task),
        ),
        of_owner,
    ),
    **dict.fromkeys(
        (m.Notification, m.Passkey, m.RecoveryCode, m.TotpSecret, m.MailChoice), of_account
    ),
    **dict.fromkeys((*_ADMINISTERED, *_SETTINGS, m.Account, m.AccountProfile), administered),
    m.Action: seen_action,
    m.Alarm: alarms,
    m.Case: owned,
    m.CaseLook: case_looks,
    m.Cover: of_absent,
    m.Departure: directed,
    m.DutyPlace: new_duty_place,
    m.FactorReset: decided_factor_reset,
    m.Grant: ended_grant,
    m.InboxItem: on_own_desk,
    m.IssuerLink: issuer_links,
    m.MatterOutcome: matter_outcomes,
    m.Meeting: owned_meeting,
    m.Membership: kept_membership,
    m.MembershipProposal: decided_proposal,
    m.Person: child_of_owner,
    m.Team: of_managed_agency,
    m.TeamMember: of_managed_team,
    m.Thread: threads,
    m.ThreadMessage: seen_message,
}
