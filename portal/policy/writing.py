"""Which rows a viewer may write: the WITH CHECK side of the walls.

A rule here keeps a row honest about who writes it and where; whether a person may do the deed at
all is ``portal.policy.permissions``. A rule never reads its own table through another's policy,
which PostgreSQL refuses as recursion, so the owner's terms stand on the denormalised owner column.
Columns that may change are granted one by one; everything else is written once.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from sqlalchemy import ColumnElement, and_, literal_column, or_, select

from portal import models as m
from portal.policy.permissions import GIVEN_BY_ONE, PROPOSAL_HOLDS
from portal.policy.viewer import (
    ACCOUNT,
    ACTING,
    ADMINISTERING,
    ADVISING,
    CHILD_CASE,
    CLERKING,
    CLOCK,
    DESK,
    DIRECTING,
    GLIMPSE,
    GUARDIAN_CASE,
    GUARDIAN_PERSON,
    INTAKE,
    MANAGING,
    NAMING,
    OWNING,
    POSTING,
    VISITOR,
    present,
    sees_parties,
    sees_thread,
)
from portal.policy.visibility import (
    Rule,
    alarms,
    briefs,
    by_grant,
    by_guardians_consent,
    by_owner,
    case_looks,
    cases,
    consent_events,
    emergencies,
    entries,
    issuer_links,
    managed,
    matter_outcomes,
    not_excluded,
    of_own_account,
    of_owner,
    open_to_author,
    probe,
    threads,
    through,
)
from portal.vocabulary import EMERGENCY_SLICES


@dataclass(frozen=True)
class Writing:
    """What the application may write to one table.

    Attributes:
        insert: the rule a new row must meet, or None where nothing is inserted.
        update: the rule a changed row must meet before and after, or None.
        columns: the only columns an update may name.

    """

    insert: Rule | None = None
    update: Rule | None = None
    columns: tuple[str, ...] = ()


def entered(_row: Any) -> ColumnElement[bool]:
    """Accounts and their names: who keeps people; an account alone works nowhere."""
    return present(ADMINISTERING, MANAGING)


def administered(_row: Any) -> ColumnElement[bool]:
    """Agencies and accounts: the administrator."""
    return present(ADMINISTERING)


def _kept_staff(row: Any) -> ColumnElement[bool]:
    """Return whether the viewer keeps the agency's people: an administrator or its manager.

    Never for the own account: an administrator could give itself a case (domain.md §1).
    """
    return and_(or_(present(ADMINISTERING), row.agency_id == MANAGING), row.account_id != ACCOUNT)


def new_proposal(row: Any) -> ColumnElement[bool]:
    """Proposals: in the own name, undecided, never for the own account."""
    return and_(
        _kept_staff(row),
        row.proposed_by == ACCOUNT,
        row.proposed_at <= CLOCK,
        row.decision.is_(None),
    )


def _decided(row: Any, asked: Any, *, by: Any, confirmed: str) -> ColumnElement[bool]:
    """What takes two people: confirmed by another person in time; declined by whoever sees it.

    Args:
        row: of what was asked for, about ``account_id``, which never decides on itself.
        asked: the column of the instant; ``PROPOSAL_HOLDS`` from then on it can be confirmed.
        by: the column of who asked.
        confirmed: the code of the decision that takes another person.

    """
    in_time = CLOCK < asked + literal_column(f"interval '{PROPOSAL_HOLDS.days} days'")
    return and_(
        or_(present(ADMINISTERING, NAMING), row.agency_id == MANAGING),
        row.account_id != ACCOUNT,
        or_(
            row.decision.is_(None),
            and_(
                row.decided_by == ACCOUNT,
                or_(
                    row.decision != literal_column(f"'{confirmed}'"),
                    and_(by != ACCOUNT, in_time),
                ),
            ),
        ),
    )


def decided_proposal(row: Any) -> ColumnElement[bool]:
    """Proposals of a role: by two people."""
    confirmed = m.MembershipProposal.CONFIRMED
    return _decided(row, row.proposed_at, by=row.proposed_by, confirmed=confirmed)


def new_factor_reset(row: Any) -> ColumnElement[bool]:
    """Resets of factors: of somebody who works where the viewer keeps the people, never the own.

    Undecided, or done by the viewer alone: ``reset_factors`` refuses that for whoever opens cases.
    """
    place = m.Membership.__table__.alias("place_of_reset")
    return and_(
        _kept_staff(row),
        row.asked_by == ACCOUNT,
        row.asked_at <= CLOCK,
        or_(
            row.decision.is_(None),
            and_(
                row.decision == literal_column(f"'{m.FactorReset.ALONE}'"),
                row.decided_by == ACCOUNT,
            ),
        ),
        probe(
            select(place.c.id).where(
                place.c.account_id == row.account_id, place.c.agency_id == row.agency_id
            )
        ),
    )


def decided_factor_reset(row: Any) -> ColumnElement[bool]:
    """Resets of factors that wait: by two people; what is done alone begins as done."""
    return and_(
        row.decision.is_distinct_from(literal_column(f"'{m.FactorReset.ALONE}'")),
        _decided(row, row.asked_at, by=row.asked_by, confirmed=m.FactorReset.CONFIRMED),
    )


def new_membership(row: Any) -> ColumnElement[bool]:
    """Memberships: of a role that opens nothing, or as proposed by one and confirmed by another.

    The confirmed proposal has the membership's id and says the same of it; whoever writes the
    membership is who confirmed it just now.
    """
    agency = m.Agency.__table__.alias("agency_of_membership")
    proposal = m.MembershipProposal.__table__.alias("proposal_of_membership")
    opens_nothing = or_(
        *(
            and_(
                agency.c.type == literal_column(f"'{agency_type}'"),
                row.role == literal_column(f"'{role}'"),
            )
            for agency_type, role in GIVEN_BY_ONE
        )
    )
    return or_(
        and_(
            _kept_staff(row),
            ~row.manager,
            probe(select(agency.c.id).where(agency.c.id == row.agency_id, opens_nothing)),
        ),
        probe(
            select(proposal.c.id).where(
                proposal.c.id == row.id,
                proposal.c.account_id == row.account_id,
                proposal.c.agency_id == row.agency_id,
                proposal.c.role == row.role,
                proposal.c.manager == row.manager,
                proposal.c.valid_from <= row.valid_from,
                proposal.c.valid_until.is_not_distinct_from(row.valid_until),
                proposal.c.decision == literal_column(f"'{m.MembershipProposal.CONFIRMED}'"),
                proposal.c.decided_by == ACCOUNT,
                proposal.c.decided_at == CLOCK,
                proposal.c.proposed_by != ACCOUNT,
                row.account_id != ACCOUNT,
            )
        ),
    )


def kept_membership(row: Any) -> ColumnElement[bool]:
    """Memberships: ended by who keeps the agency's people; a trigger refuses a later end."""
    return _kept_staff(row)


def own_link(row: Any) -> ColumnElement[bool]:
    """Links to a sign-on: made by the person alone."""
    return and_(row.account_id == ACCOUNT, present(ACTING))


def of_managed_agency(row: Any) -> ColumnElement[bool]:
    """Teams: the agency's manager."""
    owned: ColumnElement[bool] = row.agency_id == MANAGING
    return owned


def of_managed_team(row: Any) -> ColumnElement[bool]:
    """Members of teams: the agency's manager."""
    team = m.Team.__table__.alias("managed_team")
    return probe(select(team.c.id).where(team.c.id == row.team_id, team.c.agency_id == MANAGING))


def owning(_row: Any) -> ColumnElement[bool]:
    """Persons, before a case names them, and wordings of consents: the people of an owner."""
    return present(OWNING)


def child_of_owner(row: Any) -> ColumnElement[bool]:
    """The date of birth of a person: the owner of a case that is about this child."""
    link = m.CasePerson.__table__.alias("child_of_case")
    return probe(
        select(link.c.id).where(link.c.person_id == row.id, link.c.is_child, of_owner(link.c))
    )


def directed(_row: Any) -> ColumnElement[bool]:
    """Agencies that leave the scheme: a centre's director writes it down."""
    return present(DIRECTING)


def new_duty_place(row: Any) -> ColumnElement[bool]:
    """The duty list: kept by the centre's director."""
    kept: ColumnElement[bool] = row.agency_id == DIRECTING
    return kept


def of_absent(row: Any) -> ColumnElement[bool]:
    """Covers: said by who is away, or by the manager of the agency."""
    return or_(row.agency_id == MANAGING, and_(row.agency_id == ACTING, row.absent_id == ACCOUNT))


def owned(row: Any) -> ColumnElement[bool]:
    """Cases, households, meetings' matters: rows whose owner is the viewer's agency."""
    owned: ColumnElement[bool] = row.owner_agency_id == OWNING
    return owned


def owned_meeting(row: Any) -> ColumnElement[bool]:
    """Meetings: the centre's."""
    owned: ColumnElement[bool] = row.agency_id == OWNING
    return owned


def own_outcome(row: Any) -> ColumnElement[bool]:
    """What became of a matter in a meeting: in the own name, of a matter that the viewer sees."""
    return and_(row.recorded_by == ACCOUNT, matter_outcomes(row))


def own_look(row: Any) -> ColumnElement[bool]:
    """When one first looked at a case: in the own name, at a case that shows."""
    case = m.Case.__table__.alias("case_looked_at")
    return and_(
        case_looks(row),
        probe(select(case.c.id).where(case.c.id == row.case_id, through(cases(case.c)))),
    )


def owned_invitation(row: Any) -> ColumnElement[bool]:
    """Invitations to a meeting: the centre's."""
    owned: ColumnElement[bool] = row.centre_id == OWNING
    return owned


def own_entry(entry: Any) -> ColumnElement[bool]:
    """Entries: in the own name, into a slice and about a subject that the author can read.

    The owner also writes down what another agency told by phone, in that agency's name, where it
    could write itself; who spoke is kept with it.
    """
    return and_(
        entry.author_account_id == ACCOUNT,
        not_excluded(entry.case_id),
        or_(
            and_(
                entry.author_agency_id == POSTING,
                entry.heard_from_sealed.is_(None),
                or_(by_owner(entry), by_grant(entry)),
            ),
            and_(
                entry.owner_agency_id == OWNING,
                entry.author_agency_id != OWNING,
                entry.heard_from_sealed.is_not(None),
                open_to_author(entry),
            ),
        ),
    )


def own_retraction(row: Any) -> ColumnElement[bool]:
    """Retractions: in the own name, of a visible post of the own agency or of an own case."""
    entry = m.Entry.__table__.alias("retracted_entry")
    return and_(
        row.account_id == ACCOUNT,
        row.agency_id == POSTING,
        probe(
            select(entry.c.id).where(
                entry.c.id == row.entry_id,
                entry.c.case_id == row.case_id,
                or_(entry.c.author_agency_id == POSTING, entry.c.owner_agency_id == OWNING),
                through(entries(entry.c)),
            )
        ),
    )


def new_grant(grant: Any) -> ColumnElement[bool]:
    """Grants: the owner; one on EMERGENCY only with the emergency that it belongs to.

    So nothing is open in an emergency without who started it, why, and the second person, nor
    longer than a day at a time or wider than the slices of domain.md §3.4 (security.md Z11). A view
    by somebody of another agency is written by a sanctioned function.
    """
    emergency = m.Emergency.__table__.alias("emergency_of_grant")
    slices = ", ".join(f"'{code}'" for code in EMERGENCY_SLICES)
    return and_(
        of_owner(grant),
        or_(
            grant.basis != literal_column("'EMERGENCY'"),
            and_(
                grant.valid_until <= grant.valid_from + literal_column("interval '24 hours'"),
                grant.slices.op("<@")(literal_column(f"ARRAY[{slices}]")),
                probe(
                    select(emergency.c.id).where(
                        emergency.c.id == grant.emergency_id,
                        emergency.c.case_id == grant.case_id,
                        emergency.c.agency_id == grant.agency_id,
                        emergency.c.kind == literal_column("'provision'"),
                        emergency.c.reviewed_at.is_(None),
                        through(emergencies(emergency.c)),
                    )
                ),
            ),
        ),
    )


def ended_grant(grant: Any) -> ColumnElement[bool]:
    """Grants: ended by the owner, by the child, by a guardian for the own data; read by a manager.

    The manager names other readers, unless the centre did; the child and the guardian end consents
    only.
    """
    return or_(
        of_owner(grant),
        and_(not_excluded(grant.case_id), managed(grant), ~grant.readers_fixed),
        and_(grant.case_id == CHILD_CASE, grant.basis == "CONSENT"),
        and_(
            grant.case_id == GUARDIAN_CASE,
            grant.subject_id == GUARDIAN_PERSON,
            grant.basis == "CONSENT",
        ),
        by_guardians_consent(grant),
    )


def of_owner_or_visitor(row: Any) -> ColumnElement[bool]:
    """The task that a withdrawal opens: the owner, or who takes the consent back."""
    return or_(of_owner(row), row.case_id == CHILD_CASE, row.case_id == GUARDIAN_CASE)


def new_thread(row: Any) -> ColumnElement[bool]:
    """Threads: an intake writes its own; desks and clerks write for others.

    Only the own account can be named as the reporter's: it opens the thread ever after.
    """
    return and_(
        or_(row.id == INTAKE, present(DESK, CLERKING)),
        or_(row.account_id.is_(None), row.account_id == ACCOUNT),
    )


def code_of_thread(row: Any) -> ColumnElement[bool]:
    """Return codes: with the new thread, or by who sees the thread."""
    thread = m.Thread.__table__.alias("thread_of_code")
    return or_(
        row.thread_id == INTAKE,
        probe(select(thread.c.id).where(thread.c.id == row.thread_id, through(threads(thread.c)))),
        present(CLERKING),
    )


def own_message(row: Any) -> ColumnElement[bool]:
    """Messages: a visitor's in the own thread; staff in the own name in a thread they see."""
    thread = m.Thread.__table__.alias("thread_of_message")
    return or_(
        and_(
            or_(row.thread_id == VISITOR, row.thread_id == INTAKE),
            row.agency_id.is_(None),
            row.account_id.is_(None),
        ),
        and_(
            row.agency_id == ACTING,
            row.account_id == ACCOUNT,
            probe(
                select(thread.c.id).where(thread.c.id == row.thread_id, through(threads(thread.c)))
            ),
        ),
    )


def seen_message(row: Any) -> ColumnElement[bool]:
    """Messages are marked as seen by whoever reads the thread."""
    thread = m.Thread.__table__.alias("thread_of_seen_message")
    return probe(
        select(thread.c.id).where(thread.c.id == row.thread_id, through(threads(thread.c)))
    )


def new_consultation(row: Any) -> ColumnElement[bool]:
    """Consultations: an intake, or a desk or clerk who writes down what was said."""
    return or_(
        row.thread_id == INTAKE,
        and_(row.recorded_by == ACCOUNT, present(DESK, CLERKING)),
    )


def new_inbox_item(row: Any) -> ColumnElement[bool]:
    """Inbox items: with an intake, or handed over by a desk that holds the thread."""
    return or_(row.thread_id == INTAKE, and_(present(DESK), sees_thread(row.thread_id)))


def on_own_desk(row: Any) -> ColumnElement[bool]:
    """Inbox items change on the desk they lie on."""
    owned: ColumnElement[bool] = row.agency_id == DESK
    return owned


def own_step(row: Any) -> ColumnElement[bool]:
    """Steps of an action: in the own name, of an action that the viewer sees."""
    action = m.Action.__table__.alias("action_of_step")
    return and_(
        row.account_id == ACCOUNT,
        row.agency_id == POSTING,
        probe(select(action.c.id).where(action.c.id == row.action_id)),
    )


def seen_action(row: Any) -> ColumnElement[bool]:
    """Actions change in the hands of the owner and of the assigned agency's readers."""
    return or_(of_owner(row), row.agency_id == POSTING)


def own_declaration(row: Any) -> ColumnElement[bool]:
    """Declarations: an expert's own, about a brief whose parties the expert sees."""
    return and_(row.account_id == ACCOUNT, sees_parties(row.brief_id, row.case_id))


def own_advice(row: Any) -> ColumnElement[bool]:
    """Advice: an expert's own, on a brief that the expert reads."""
    brief = m.Brief.__table__.alias("brief_of_advice")
    return and_(
        row.account_id == ACCOUNT,
        row.agency_id == ADVISING,
        probe(
            select(brief.c.id).where(
                brief.c.id == row.brief_id, brief.c.case_id == row.case_id, through(briefs(brief.c))
            )
        ),
    )


def own_exclusion(row: Any) -> ColumnElement[bool]:
    """Exclusions: the owner; and an expert who declares a conflict excludes the own account."""
    return or_(of_owner(row), and_(row.account_id == ACCOUNT, present(ADVISING)))


def new_key(row: Any) -> ColumnElement[bool]:
    """Keys: made by whoever writes first; what they open is decided by the read side."""
    return or_(present(ACTING), row.scope_id == INTAKE)


def own_event(row: Any) -> ColumnElement[bool]:
    """Audit events: in the own name; refused sign-ins in nobody's."""
    nobody = and_(row.account_id.is_(None), row.thread_id.is_(None), row.case_id.is_(None))
    return or_(
        row.account_id == ACCOUNT,
        and_(
            row.account_id.is_(None),
            or_(row.thread_id == VISITOR, row.thread_id == INTAKE, row.thread_id == GLIMPSE),
        ),
        and_(nobody, row.viewer == literal_column("'nobody'")),
    )


_OWNED = Writing(insert=of_owner)

WRITABLE: Mapping[type[m.Base], Writing] = MappingProxyType(
    {
        m.Account: Writing(entered, administered, ("disabled", "version")),
        m.AccountProfile: Writing(
            entered,
            administered,
            ("email_index", "email_sealed", "name_sealed", "mail_refused_at"),
        ),
        m.Action: Writing(of_owner, seen_action, ("status",)),
        m.ActionEvent: Writing(own_step),
        m.Advice: Writing(own_advice),
        m.Alarm: Writing(None, alarms, ("confirmed_at", "confirmed_by")),
        m.Agency: Writing(
            administered,
            administered,
            (
                "type",
                "name",
                "legal_form",
                "ward",
                "report_slug",
                "entrusted_npo_id",
                "centre_id",
                "receives_reports",
                "version",
            ),
        ),
        m.AuditEvent: Writing(own_event),
        m.Brief: Writing(
            of_owner,
            of_owner,
            ("version", "question_sealed", "text_sealed"),
        ),
        m.BriefParty: Writing(of_owner, of_owner, ("names_sealed", "released_at", "valid_until")),
        m.Case: Writing(owned, owned, ("status", "closed_at", "concealed")),
        m.CaseLook: Writing(own_look, case_looks, ("looked_at", "since")),
        m.CasePerson: _OWNED,
        m.CaseTopic: _OWNED,
        m.CaseWorker: _OWNED,
        m.ChildMeeting: _OWNED,
        m.Closure: Writing(of_owner, of_owner, ("reopened_at",)),
        m.ConflictDeclaration: Writing(own_declaration),
        m.Consent: Writing(
            of_owner,
            of_owner,
            ("draft_sealed", "note_sealed", "objection_sealed", "said_back_sealed"),
        ),
        # The owner, and by code whoever gave the consent; a guardian not into the child's.
        m.ConsentEvent: Writing(consent_events),
        m.ConsentItem: _OWNED,
        m.Consultation: Writing(new_consultation),
        m.CouncilMembership: Writing(administered, administered, ("valid_until",)),
        **dict.fromkeys(m.KEYS.values(), Writing(new_key)),
        m.Departure: Writing(directed, directed, ("valid_until",)),
        m.Emergency: Writing(
            of_owner,
            of_owner,
            (
                *("decision", "decided_by", "decided_at", "decision_sealed"),
                *("prolonged_by", "prolonged_at"),
                *("finding", "reviewed_by", "reviewed_at", "review_sealed", "told_sealed"),
                *("told_on", "told_by"),
            ),
        ),
        m.Door: Writing(
            administered, administered, ("networks", "certificates", "contact", "version")
        ),
        m.Cover: Writing(of_absent, of_absent, ("valid_until",)),
        m.DutyPlace: Writing(new_duty_place, new_duty_place, ("valid_until",)),
        m.Entry: Writing(own_entry),
        m.Concealment: Writing(of_owner, of_owner, ("valid_until", "lifted_by", "lifted_sealed")),
        m.Exclusion: Writing(own_exclusion, of_owner, ("valid_until",)),
        m.FactorReset: Writing(
            new_factor_reset, decided_factor_reset, ("decided_at", "decided_by", "decision")
        ),
        m.Grant: Writing(
            new_grant, ended_grant, ("ended_at", "team_id", "account_ids", "readers_fixed")
        ),
        m.GrantReason: _OWNED,
        m.GuardianRecord: _OWNED,
        m.Household: Writing(owned),
        m.HouseholdCase: _OWNED,
        m.InboxItem: Writing(
            new_inbox_item,
            on_own_desk,
            ("status", "handled_at", "handled_by", "case_id", "due_at", "unread_since"),
        ),
        m.Issuer: Writing(
            administered,
            administered,
            (
                "name",
                "url",
                "client_id",
                "client_secret_sealed",
                "domains",
                "claim",
                "second_factors",
                "suspended",
                "version",
            ),
        ),
        m.IssuerLink: Writing(own_link, issuer_links, ("valid_until",)),
        m.IssuerPlace: Writing(administered, administered, ("valid_until",)),
        m.MachineClient: Writing(administered, administered, ("revoked_at",)),
        m.MachineSecret: Writing(administered, administered, ("valid_until",)),
        m.LawReport: Writing(
            of_owner,
            of_owner,
            ("phoned_at", "recorded_by", "recorded_at", "phoned_to_sealed", "told_sealed"),
        ),
        m.MatterOutcome: Writing(
            own_outcome,
            matter_outcomes,
            ("reason", "until_on", "recorded_by", "recorded_at"),
        ),
        m.MailChoice: Writing(
            of_own_account, of_own_account, ("daily_at", "quiet_from", "quiet_until")
        ),
        m.Meeting: Writing(owned_meeting, owned_meeting, ("closed_at",)),
        m.MeetingExpert: Writing(owned_invitation),
        m.Membership: Writing(new_membership, kept_membership, ("confirm_by", "valid_until")),
        m.MembershipProposal: Writing(
            new_proposal, decided_proposal, ("decided_at", "decided_by", "decision")
        ),
        m.NecessityRecord: _OWNED,
        m.NeverTell: Writing(
            of_owner, of_owner, ("valid_until", "agency_id", "account_id", "person_id")
        ),
        # Written by the database alone, with what they tell of.
        m.Notification: Writing(None, of_own_account, ("read_at",)),
        m.Passkey: Writing(of_own_account, of_own_account, ("sign_count", "used_at", "ended_at")),
        m.PermissionNoting: _OWNED,
        m.Person: Writing(owning, child_of_owner, ("birth_date_sealed",)),
        m.Pledge: Writing(of_own_account),
        m.ProgressCheck: _OWNED,
        m.RecoveryCode: Writing(of_own_account, of_own_account, ("used_at", "ended_at")),
        m.ShareProposal: Writing(
            of_owner,
            of_owner,
            ("decision", "decided_by", "decided_at", "grant_id", "refusal_sealed"),
        ),
        m.Retraction: Writing(own_retraction),
        m.SavedText: Writing(of_own_account),
        m.SignInRule: Writing(
            administered,
            administered,
            ("idle_minutes", "absolute_minutes", "sign_on_only", "version"),
        ),
        m.Spelling: _OWNED,
        m.Task: Writing(of_owner_or_visitor, of_owner, ("done_at", "done_by")),
        m.Team: Writing(of_managed_agency, of_managed_agency, ("name", "is_default")),
        m.TeamMember: Writing(of_managed_team, of_managed_team, ("valid_until",)),
        m.Thread: Writing(
            new_thread,
            threads,
            ("promised_at", "closed_at", "case_id", "owner_agency_id", "person_id"),
        ),
        m.ThreadCode: Writing(code_of_thread),
        m.ThreadMessage: Writing(own_message, seen_message, ("seen_at",)),
        m.TotpSecret: Writing(of_own_account, of_own_account, ("used_step", "ended_at")),
        m.UrgencyDecision: _OWNED,
        m.Violation: _OWNED,
        m.Wording: Writing(owning),
    }
)
