"""Who may read which row of the tables that the random worlds do not know, in plain Python.

Each rule is that of domain.md, said of one person and one row of ``tests.rules.everybody``.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from portal import models as m
from tests.rules.everybody import (
    ADMINISTERED,
    CASE,
    CENTRE,
    CHILD_THREAD,
    GUARDIAN,
    GUARDIAN_THREAD,
    NOW,
    OF_ACCOUNT,
    OF_OWNER,
    PERSON,
    Everything,
    Row,
    Who,
    key,
)

Reads = Callable[[Everything, Who, Row], bool]


def same(given: Any, asked: uuid.UUID | None) -> bool:
    """Whether somebody has what is asked for, and it is this; nobody's is not nobody's."""
    return asked is not None and given == asked


def of_owner(_all: Everything, who: Who, row: Row) -> bool:
    """Rule 4: the owner's director, counsellors and investigators, but for whom is excluded."""
    return same(row.owner_agency_id, who.owning) and not who.shut(row.case_id)


def knows_who_reported(who: Who, owner: uuid.UUID, case_id: uuid.UUID | None) -> bool:
    """Who reported is for the director and the workers of the case (domain.md §4)."""
    works = who.works and case_id == CASE
    return same(owner, who.directing) or (works and same(owner, who.owning))


def live(grant: Row) -> bool:
    """Until ≤ now it holds no more, nor from its early end on."""
    return grant.valid_until > NOW and (grant.ended_at is None or grant.ended_at > NOW)


def admitted(
    every: Everything,
    who: Who,
    case_id: uuid.UUID,
    slice_: str | None = None,
    subject_id: uuid.UUID | None = None,
) -> bool:
    """Rules 5 and 8: a live grant names the viewer's agency, whose default team reads.

    And the slice and the subject, where these are asked for.
    """
    if who.not_told(case_id) or who.agency_not_told(case_id) or not who.team:
        return False
    return any(
        same(grant.agency_id, who.reading)
        and live(grant)
        and (slice_ is None or (slice_ in grant.slices and _speaks_of(grant, subject_id)))
        for grant in every.of(m.Grant, case_id=case_id)
    )


def grants(_all: Everything, who: Who, grant: Row) -> bool:
    """The owner, readers and managers while it is live; by code the child all, guardians the own.

    A guardian never sees what rests on the law (domain.md §1).
    """
    if who.viewer.account_id is None:
        agreed = grant.guardian_consent_ids == [key("guardian's consent")]
        own = grant.basis == "CONSENT" and (grant.subject_id == GUARDIAN or agreed)
        thread = who.viewer.thread_id
        return grant.case_id == CASE and (
            thread == CHILD_THREAD or (thread == GUARDIAN_THREAD and own)
        )
    if who.shut(grant.case_id) or same(grant.owner_agency_id, who.owning):
        return not who.shut(grant.case_id)
    denied = who.agency_not_told(grant.case_id) and grant.basis == "CONSENT"
    if denied or who.not_told(grant.case_id) or not live(grant):
        return False
    reads = same(grant.agency_id, who.reading) and who.team
    return reads or same(grant.agency_id, who.managing)


def _speaks_of(grant: Row, subject_id: uuid.UUID | None) -> bool:
    """Of somebody, of whom it names; a share that names nobody of anybody, but for a consent."""
    if grant.subject_id is None:
        return bool(grant.basis != "CONSENT")
    return subject_id is None or subject_id == grant.subject_id


# -- consultations (domain.md §2) ------------------------------------------------------------------


def inbox_items(_all: Everything, who: Who, item: Row) -> bool:
    """A desk's people; what is sealed and of a case, its workers."""
    if not same(item.agency_id, who.desk) or who.shut_thread(item.thread_id):
        return False
    open_ = item.case_id is None or not item.sealed
    return open_ or knows_who_reported(who, item.agency_id, item.case_id)


def consults(who: Who, thread: Row) -> bool:
    """Whoever consults: by code, now, or signed in."""
    signed_in = same(thread.account_id, who.account) and who.acting is not None
    return (
        same(thread.id, who.viewer.thread_id)
        or same(thread.id, who.viewer.intake_id)
        or (signed_in and not who.shut_thread(thread.id))
    )


def threads(every: Everything, who: Who, thread: Row) -> bool:
    """Whoever consults, the owner of the case, and the desk where no other agency owns it."""
    if consults(who, thread):
        return True
    if who.shut_thread(thread.id):
        return False
    owner = thread.owner_agency_id
    if same(owner, who.owning) and (
        not thread.sealed or knows_who_reported(who, owner, thread.case_id)
    ):
        return True
    lies_here = any(
        inbox_items(every, who, item) for item in every.of(m.InboxItem, thread_id=thread.id)
    )
    return lies_here and (owner is None or same(owner, who.desk))


def thread_messages(every: Everything, who: Who, message: Row) -> bool:
    """Who consults and the centre all; a desk its own, and the visitor's until it handed over."""
    of = every.of(m.ThreadMessage, thread_id=message.thread_id)
    replies = [row for row in of if row.agency_id is not None]
    if same(message.thread_id, who.viewer.glimpse_id):
        return bool(message is max(replies, key=lambda row: row.written_at))
    for thread in every.of(m.Thread, id=message.thread_id):
        if consults(who, thread) or (who.owning is not None and threads(every, who, thread)):
            return True
    return any(
        message.agency_id == item.agency_id
        or (
            message.agency_id is None
            and (item.status != "handed_over" or message.written_at <= item.handled_at)
        )
        for item in every.of(m.InboxItem, thread_id=message.thread_id)
        if inbox_items(every, who, item)
    )


def _thread_or_item(every: Everything, who: Who, thread_id: uuid.UUID) -> bool:
    seen = any(threads(every, who, thread) for thread in every.of(m.Thread, id=thread_id))
    items = every.of(m.InboxItem, thread_id=thread_id)
    return seen or any(inbox_items(every, who, item) for item in items)


def consultations(every: Everything, who: Who, row: Row) -> bool:
    """Whoever sees the thread, and each desk that holds or held it."""
    return _thread_or_item(every, who, row.thread_id)


# -- actions, consents -----------------------------------------------------------------------------


def actions(every: Everything, who: Who, action: Row) -> bool:
    """The owner, and the assigned agency's readers while it has any live grant (domain.md §4)."""
    if who.shut(action.case_id):
        return False
    assigned = same(action.agency_id, who.reading) and admitted(every, who, action.case_id)
    return same(action.owner_agency_id, who.owning) or assigned


def action_events(every: Everything, who: Who, step: Row) -> bool:
    """As the action; the result stays its agency's own record, as an own post does (rule 6)."""
    if who.shut(step.case_id):
        return False
    mine = same(step.account_id, who.account) or who.team
    own = same(step.agency_id, who.posting) and mine and not who.not_told(step.case_id)
    of_action = any(actions(every, who, each) for each in every.of(m.Action, id=step.action_id))
    return same(step.owner_agency_id, who.owning) or own or of_action


def _comes_by_code(who: Who, case_id: uuid.UUID, person_id: uuid.UUID) -> bool:
    """A child sees all of its case's, a guardian the own; a thread that is closed opens nothing."""
    if case_id != CASE:
        return False
    guardian = who.viewer.thread_id == GUARDIAN_THREAD and person_id == GUARDIAN
    return who.viewer.thread_id == CHILD_THREAD or guardian


def consents(every: Everything, who: Who, consent: Row) -> bool:
    """The owner, and by code whoever gave them (domain.md §1)."""
    by_code = _comes_by_code(who, consent.case_id, consent.giver_person_id)
    return of_owner(every, who, consent) or by_code


def of_consent(every: Everything, who: Who, row: Row) -> bool:
    """Whoever sees the consent."""
    return any(consents(every, who, each) for each in every.of(m.Consent, id=row.consent_id))


def _reads(
    every: Everything, who: Who, case_id: uuid.UUID, slice_: str, subject_id: uuid.UUID | None
) -> bool:
    """Rules 4 and 5; of a key it is not asked whom an entry is about."""
    if who.shut(case_id):
        return False
    owner = who.owning == CENTRE and (
        slice_ != "reporter" or knows_who_reported(who, CENTRE, case_id)
    )
    return owner or admitted(every, who, case_id, slice_, subject_id)


def _wrote(who: Who, entry: Row) -> bool:
    mine = same(entry.author_account_id, who.account) or who.team
    own = same(entry.author_agency_id, who.posting) and mine and not who.not_told(entry.case_id)
    return own and entry.owner_agency_id != who.agency and not who.shut(entry.case_id)


def entries(every: Everything, who: Who, entry: Row) -> bool:
    """Rules 4, 5 and 6."""
    read = _reads(every, who, entry.case_id, entry.slice, entry.subject_id)
    return read or _wrote(who, entry)


def slice_keys(every: Everything, who: Who, key: Row) -> bool:
    """Where something in the slice could be seen."""
    return _reads(every, who, key.scope_id, key.slice, None) or any(
        _wrote(who, entry) for entry in every.of(m.Entry, case_id=key.scope_id, slice=key.slice)
    )


def retractions(every: Everything, who: Who, row: Row) -> bool:
    """Why a post was retracted: the owner and who retracted it, where its slice's key opens."""
    mine = same(row.account_id, who.account) and same(row.agency_id, who.posting)
    opens = any(
        slice_keys(every, who, each)
        for each in every.of(m.SliceKey, scope_id=row.case_id, slice=row.slice)
    )
    return opens and (of_owner(every, who, row) or (mine and not who.shut(row.case_id)))


# -- what people are told of -----------------------------------------------------------------------


def cases(every: Everything, who: Who, case_id: uuid.UUID) -> bool:
    """Rules 4 and 8."""
    return not who.shut(case_id) and (who.owning == CENTRE or admitted(every, who, case_id))


def notifications(every: Everything, who: Who, row: Row) -> bool:
    """The account's own, acting for that agency, while all that it names is visible."""
    named = (
        row.case_id is None or cases(every, who, row.case_id),
        row.action_id is None
        or any(actions(every, who, each) for each in every.of(m.Action, id=row.action_id)),
        row.entry_id is None
        or any(entries(every, who, each) for each in every.of(m.Entry, id=row.entry_id)),
        row.thread_id is None or _thread_or_item(every, who, row.thread_id),
    )
    return same(row.account_id, who.account) and same(row.agency_id, who.acting) and all(named)


def case_looks(_all: Everything, who: Who, row: Row) -> bool:
    """When one looked at a case: the account itself, acting for that agency."""
    return same(row.account_id, who.account) and same(row.agency_id, who.acting)


def alarms(_all: Everything, who: Who, row: Row) -> bool:
    """The centre's people, but for who is excluded from what rings."""
    shut = who.shut(row.case_id) or who.shut_thread(row.thread_id)
    return same(row.agency_id, who.owning) and not shut


def duty_places(_all: Everything, who: Who, row: Row) -> bool:
    """The centre's people."""
    return same(row.agency_id, who.owning)


def covers(_all: Everything, who: Who, row: Row) -> bool:
    """Colleagues; the centre and the audit officer, who read the log."""
    reads_log = who.owning is not None or who.auditing is not None
    return same(row.agency_id, who.acting) or reads_log


# -- meetings (domain.md §5) -----------------------------------------------------------------------


def _invited(every: Everything, who: Who, meeting_id: uuid.UUID) -> bool:
    return any(
        same(row.account_id, who.account) and same(row.agency_id, who.advising)
        for row in every.of(m.MeetingExpert, meeting_id=meeting_id)
    )


def meetings(every: Everything, who: Who, row: Row) -> bool:
    """The centre and the experts invited by name."""
    return same(row.agency_id, who.owning) or _invited(every, who, row.id)


def meeting_experts(_all: Everything, who: Who, row: Row) -> bool:
    """The centre, and each expert the own."""
    own = same(row.account_id, who.account) and same(row.agency_id, who.advising)
    return same(row.centre_id, who.owning) or own


def matter_outcomes(every: Everything, who: Who, row: Row) -> bool:
    """The centre, as far as it sees the matter itself."""
    case_ = row.case_id is not None and not who.shut(row.case_id)
    items = every.of(m.InboxItem, id=row.item_id)
    matter = case_ or any(inbox_items(every, who, item) for item in items)
    return same(row.agency_id, who.owning) and matter


def _put_to(every: Everything, who: Who, parties: Row) -> bool:
    """Names of parties are before the experts invited while they decide whether they may advise."""
    if parties.released_at is None or parties.valid_until is None:
        return False
    denied = who.shut(parties.case_id) or who.not_told(parties.case_id)
    held = parties.released_at <= NOW < parties.valid_until
    return held and not denied and _invited(every, who, parties.meeting_id)


def brief_parties(every: Everything, who: Who, row: Row) -> bool:
    """The owner, and invited experts before they declare a conflict."""
    return of_owner(every, who, row) or _put_to(every, who, row)


def briefs(every: Everything, who: Who, row: Row) -> bool:
    """The owner, and invited experts who declared that they have no conflict."""
    put = any(_put_to(every, who, each) for each in every.of(m.BriefParty, brief_id=row.id))
    declared = every.of(m.ConflictDeclaration, brief_id=row.id, account_id=who.account)
    return of_owner(every, who, row) or (put and any(not each.conflict for each in declared))


def conflict_declarations(every: Everything, who: Who, row: Row) -> bool:
    """The owner, and each expert the own."""
    return of_owner(every, who, row) or same(row.account_id, who.account)


def advices(every: Everything, who: Who, row: Row) -> bool:
    """The centre only, and each expert the own."""
    own = same(row.account_id, who.account) and same(row.agency_id, who.advising)
    return of_owner(every, who, row) or (own and not who.shut(row.case_id))


# -- people, agencies, the log ---------------------------------------------------------------------


def of_account(_all: Everything, who: Who, row: Row) -> bool:
    """What somebody proves the own account by: the account alone."""
    return same(row.account_id, who.account)


def administered(_all: Everything, who: Who, _row: Row) -> bool:
    """Sign-ons of organisations, and machines: the administrator."""
    return who.administering is not None


def proposed(_all: Everything, who: Who, row: Row) -> bool:
    """Administrators, the agency's managers, and who names these."""
    anywhere = who.administering is not None or who.naming is not None
    return anywhere or same(row.agency_id, who.managing)


def settings(_all: Everything, who: Who, row: Row) -> bool:
    """Administrators, and the agency's managers."""
    return who.administering is not None or same(row.agency_id, who.managing)


def account_profiles(every: Everything, who: Who, row: Row) -> bool:
    """Names only inside one's own agency and at the centre (domain.md §1).

    Before the second factor the own one; a manager also that of somebody proposed and undecided.
    """
    own = same(row.account_id, who.account) and (who.acting is not None or who.agency is None)
    anybody = (who.owning, who.administering, who.auditing)
    colleagues = every.of(m.Membership, account_id=row.account_id)
    asked = every.of(m.MembershipProposal, account_id=row.account_id, decision=None)
    return (
        own
        or any(agency is not None for agency in anybody)
        or any(same(each.agency_id, who.acting) for each in colleagues)
        or any(same(each.agency_id, who.managing) for each in asked)
    )


def issuer_links(every: Everything, who: Who, row: Row) -> bool:
    """The own, the administrator, managers of the person."""
    own = same(row.account_id, who.account) and who.acting is not None
    members = every.of(m.Membership, account_id=row.account_id)
    managed = any(same(each.agency_id, who.managing) for each in members)
    return own or who.administering is not None or managed


def case_access(_all: Everything, who: Who, row: Row) -> bool:
    """What drives a list is seen where the case is: by the owner, or by readers who may be told."""
    if row.circle_id not in who.viewer.circles or who.shut(row.case_id):
        return False
    owner = row.circle_id == row.agency_id
    mine = same(row.agency_id, who.owning if owner else who.reading)
    told = owner or not who.not_told(row.case_id)
    return mine and told and row.valid_from <= NOW < row.valid_until


def case_workers(every: Everything, who: Who, row: Row) -> bool:
    """The owner, and each worker the own row."""
    return of_owner(every, who, row) or same(row.account_id, who.account)


def denials(_all: Everything, who: Who, row: Row) -> bool:
    """Exactly those whom they deny, or they would deny nothing."""
    person = PERSON if who.name == "relative" else None
    return (
        same(row.account_id, who.account)
        or same(row.agency_id, who.agency)
        or same(row.person_id, person)
    )


def households(_all: Everything, who: Who, row: Row) -> bool:
    """The owner alone: a link opens no sibling's slices."""
    return same(row.owner_agency_id, who.owning)


def _manages_share(every: Everything, who: Who, case_id: uuid.UUID) -> bool:
    """Rule 7: a manager sees each live grant to the agency that no denial stands against."""
    if who.shut(case_id) or who.not_told(case_id) or who.agency_not_told(case_id):
        return False
    return any(
        same(grant.agency_id, who.managing) and live(grant)
        for grant in every.of(m.Grant, case_id=case_id)
    )


def audit_events(every: Everything, who: Who, row: Row) -> bool:
    """The audit officer all; the owner of its cases; managers of their staff and their agency.

    Of staff's work on a case a manager sees as much as of the shares of it. The child sees what
    was done with its case.
    """
    case_id = row.case_id
    of_case = case_id is not None and who.owning == CENTRE and not who.shut(case_id)
    of_staff = same(row.agency_id, who.managing) and (
        case_id is None or _manages_share(every, who, case_id)
    )
    child = who.viewer.thread_id == CHILD_THREAD and case_id == CASE
    about = same(row.about_agency_id, who.managing)
    return who.auditing is not None or of_case or of_staff or about or child


# -- keys: where what they open is seen ------------------------------------------------------------


def _key_of(model: type[m.Base], rule: Reads, name: str = "id") -> Reads:
    def reads(every: Everything, who: Who, key: Row) -> bool:
        opened = every.of(model, **{name: key.scope_id})
        return any(rule(every, who, row) for row in opened)

    return reads


def thread_keys(every: Everything, who: Who, key: Row) -> bool:
    """Where the thread, its place on a desk or its newest reply shows."""
    glimpsed = same(key.scope_id, who.viewer.glimpse_id)
    return glimpsed or _thread_or_item(every, who, key.scope_id)


def action_keys(every: Everything, who: Who, key: Row) -> bool:
    """Where the action or one of its steps shows."""
    steps = every.of(m.ActionEvent, action_id=key.scope_id)
    action = any(actions(every, who, row) for row in every.of(m.Action, id=key.scope_id))
    return action or any(action_events(every, who, step) for step in steps)


READS: dict[type[m.Base], Reads] = {
    **dict.fromkeys((*OF_OWNER, m.Emergency), of_owner),
    **dict.fromkeys(OF_ACCOUNT, of_account),
    **dict.fromkeys(ADMINISTERED, administered),
    **dict.fromkeys((m.MembershipProposal, m.FactorReset), proposed),
    **dict.fromkeys((m.Door, m.SignInRule), settings),
    **dict.fromkeys((m.ConsentItem, m.ConsentEvent), of_consent),
    m.AccountKey: _key_of(m.AccountProfile, account_profiles, "account_id"),
    m.AccountProfile: account_profiles,
    m.Action: actions,
    m.ActionEvent: action_events,
    m.ActionKey: action_keys,
    m.Advice: advices,
    m.AdviceKey: _key_of(m.Advice, advices),
    m.Alarm: alarms,
    m.AuditEvent: audit_events,
    m.Brief: briefs,
    m.BriefKey: _key_of(m.Brief, briefs),
    m.BriefParty: brief_parties,
    m.CaseAccess: case_access,
    m.CaseLook: case_looks,
    m.CaseWorker: case_workers,
    m.ConflictDeclaration: conflict_declarations,
    m.Consent: consents,
    m.Consultation: consultations,
    m.Cover: covers,
    m.Denial: denials,
    m.DutyPlace: duty_places,
    m.EmergencyKey: _key_of(m.Emergency, of_owner),
    m.Entry: entries,
    m.Grant: grants,
    m.Household: households,
    m.InboxItem: inbox_items,
    m.IssuerKey: _key_of(m.Issuer, administered),
    m.IssuerLink: issuer_links,
    m.MatterOutcome: matter_outcomes,
    m.Meeting: meetings,
    m.MeetingExpert: meeting_experts,
    m.Notification: notifications,
    m.PartiesKey: _key_of(m.BriefParty, brief_parties),
    m.Retraction: retractions,
    m.SliceKey: slice_keys,
    m.Thread: threads,
    m.ThreadKey: thread_keys,
    m.ThreadMessage: thread_messages,
}
