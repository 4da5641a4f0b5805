"""The audit log: a closed vocabulary of events, each with exactly its keys, and no free text.

Rows are written in the transaction of what they tell of, reads included, and before any byte
leaves: if the log cannot be written, nothing is shown (security.md L1).
"""

import uuid
from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from sqlalchemy import insert
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.orm import Session

from portal import models as m
from portal.policy.viewer import Viewer
from portal.vault import reads


class AuditUnavailableError(RuntimeError):
    """The log cannot be written, so nothing is shown."""


class Event(StrEnum):
    """Everything that is ever written to the log: ``what.happened``."""

    ACCOUNT_CHANGED = "account.changed"
    ACCOUNT_LINKED = "account.linked"
    ACTION_ASKED = "action.asked"
    ACTION_MOVED = "action.moved"
    ADVICE_GIVEN = "advice.given"
    AGENCY_CHANGED = "agency.changed"
    ALARM_CONFIRMED = "alarm.confirmed"
    BIRTH_DATE_RECORDED = "birth_date.recorded"
    BRIEF_READ = "brief.read"
    BRIEF_WRITTEN = "brief.written"
    CASE_CONCEALED = "case.concealed"
    CASE_CLOSED = "case.closed"
    CASE_LISTED = "case.listed"
    CASE_OPENED = "case.opened"
    CASE_READ = "case.read"
    CASE_REOPENED = "case.reopened"
    CHILD_MET = "child.met"
    CONFLICT_DECLARED = "conflict.declared"
    CONSENT_RECORDED = "consent.recorded"
    CONSULTATION_ANSWERED = "consultation.answered"
    CONSULTATION_HANDED_OVER = "consultation.handed_over"
    CONSULTATION_JOINED = "consultation.joined"
    CONSULTATION_LISTED = "consultation.listed"
    CONSULTATION_RECEIVED = "consultation.received"
    CONSULTATION_SEPARATED = "consultation.separated"
    DUTY_LIST_SET = "duty_list.set"
    EMERGENCY_DECIDED = "emergency.decided"
    EMERGENCY_PROLONGED = "emergency.prolonged"
    EMERGENCY_REVIEWED = "emergency.reviewed"
    EMERGENCY_STARTED = "emergency.started"
    ENTRY_HEARD = "entry.heard"
    ENTRY_POSTED = "entry.posted"
    ENTRY_RETRACTED = "entry.retracted"
    EXCLUSION_SET = "exclusion.set"
    FACTOR_ADDED = "factor.added"
    FACTOR_ENDED = "factor.ended"
    FACTORS_RESET = "factor.reset"
    GRANT_ENDED = "grant.ended"
    GRANT_GIVEN = "grant.given"
    GRANT_SHORTENED = "grant.shortened"
    GUARDIAN_RECORDED = "guardian.recorded"
    ISSUER_CHANGED = "issuer.changed"
    JUDGED = "case.judged"
    LOG_READ = "log.read"
    MACHINE_ADMITTED = "machine.admitted"
    MACHINE_CHANGED = "machine.changed"
    MATTER_SETTLED = "matter.settled"
    MEETING_CHANGED = "meeting.changed"
    MEMBERSHIP_CHANGED = "membership.changed"
    MESSAGE_SENT = "message.sent"
    NEVER_TELL_SET = "never_tell.set"
    PLEDGED = "pledge.given"
    PERMISSIONS_NOTED = "permissions.noted"
    PREVIEWED = "share.previewed"
    PROGRESS_CHECKED = "progress.checked"
    RECEIPT_GIVEN = "receipt.given"
    PROPOSED = "share.proposed"
    PROPOSAL_DECIDED = "share.decided"
    READERS_NAMED = "readers.named"
    RECIPIENTS_STATED = "recipients.stated"
    REFUSED = "access.refused"
    REPORT_RECORDED = "report.recorded"
    REPORT_SENT = "report.sent"
    SESSION_ENDED = "session.ended"
    SESSION_OPENED = "session.opened"
    SIGHTS_ASKED = "sights.asked"
    SIGN_IN_FAILED = "session.refused"
    TASK_DONE = "task.done"
    THREAD_READ = "thread.read"
    WORLD_LOADED = "world.loaded"


# The keys of each event's details. An event with other keys is a programming error and raises.
KEYS: Mapping[Event, frozenset[str]] = MappingProxyType(
    {
        event: frozenset(keys.split())
        for event, keys in {
            Event.ACCOUNT_CHANGED: "account change",
            Event.ACCOUNT_LINKED: "account issuer change",
            Event.ACTION_ASKED: "action agency",
            Event.ACTION_MOVED: "action status",
            Event.ADVICE_GIVEN: "brief assent",
            Event.AGENCY_CHANGED: "agency change",
            Event.ALARM_CONFIRMED: "alarm",
            Event.BIRTH_DATE_RECORDED: "person",
            Event.BRIEF_READ: "brief",
            Event.BRIEF_WRITTEN: "brief",
            Event.CASE_CONCEALED: "concealed",
            Event.CASE_CLOSED: "outcome",
            Event.CASE_LISTED: "cases",
            Event.CASE_OPENED: "consultation",
            Event.CASE_READ: "slices rules grants",
            Event.CASE_REOPENED: "",
            Event.CHILD_MET: "check_in",
            Event.CONFLICT_DECLARED: "brief conflict",
            Event.CONSENT_RECORDED: "consent state",
            Event.CONSULTATION_ANSWERED: "consultation",
            Event.CONSULTATION_HANDED_OVER: "consultation agency",
            Event.CONSULTATION_JOINED: "consultation child",
            Event.CONSULTATION_LISTED: "consultations",
            Event.CONSULTATION_RECEIVED: "consultation channel",
            Event.CONSULTATION_SEPARATED: "consultation",
            Event.DUTY_LIST_SET: "accounts change",
            Event.EMERGENCY_DECIDED: "emergency decision",
            Event.EMERGENCY_PROLONGED: "emergency grants",
            Event.EMERGENCY_REVIEWED: "emergency finding",
            Event.EMERGENCY_STARTED: "emergency kind agency",
            Event.ENTRY_HEARD: "entry slice agency",
            Event.ENTRY_POSTED: "entry slice",
            Event.ENTRY_RETRACTED: "entry",
            Event.EXCLUSION_SET: "account",
            Event.FACTOR_ADDED: "kind",
            Event.FACTOR_ENDED: "kind",
            Event.FACTORS_RESET: "account change reason checked",
            Event.GRANT_ENDED: "grant",
            Event.GRANT_GIVEN: "grant agency basis",
            Event.GRANT_SHORTENED: "grant",
            Event.GUARDIAN_RECORDED: "record",
            Event.ISSUER_CHANGED: "issuer change",
            Event.JUDGED: "what code",
            Event.LOG_READ: "view",
            Event.MACHINE_ADMITTED: "client scopes",
            Event.MACHINE_CHANGED: "client change",
            Event.MATTER_SETTLED: "meeting item reason",
            Event.MEETING_CHANGED: "meeting change",
            Event.MEMBERSHIP_CHANGED: "account agency role change",
            Event.MESSAGE_SENT: "message",
            Event.NEVER_TELL_SET: "never_tell",
            Event.PLEDGED: "year",
            Event.PERMISSIONS_NOTED: "meeting grants",
            Event.PREVIEWED: "agency slices",
            Event.PROGRESS_CHECKED: "next_on",
            Event.RECEIPT_GIVEN: "consent form",
            Event.PROPOSED: "proposal agency basis",
            Event.PROPOSAL_DECIDED: "proposal decision",
            Event.READERS_NAMED: "grant accounts before",
            Event.RECIPIENTS_STATED: "grant never_tells",
            Event.REFUSED: "endpoint status",
            Event.REPORT_RECORDED: "report",
            Event.REPORT_SENT: "report word agency",
            Event.SESSION_ENDED: "session",
            Event.SESSION_OPENED: "session factors",
            Event.SIGHTS_ASKED: "at",
            Event.SIGN_IN_FAILED: "door",
            Event.TASK_DONE: "task",
            Event.THREAD_READ: "",
            Event.WORLD_LOADED: "cases trust",
        }.items()
    }
)


def _plain(value: Any) -> Any:
    if isinstance(value, uuid.UUID):
        return str(value)
    if isinstance(value, set | frozenset | list | tuple):
        return sorted(str(part) for part in value)
    return value


def record(
    session: Session,
    event: Event,
    /,
    *,
    case_id: uuid.UUID | None = None,
    thread_id: uuid.UUID | None = None,
    about: uuid.UUID | None = None,
    **details: Any,
) -> None:
    """Add one row to the log in this transaction.

    Args:
        session: whose viewer did it; without a viewer it was nobody yet.
        event: what happened.
        case_id, thread_id: what it happened to, where there is such a thing.
        about: the agency whose people or settings were changed: its manager reads of it.
        details: exactly the keys of ``KEYS[event]``: ids, codes, numbers; never a text of a case.

    Raises:
        ValueError: other keys than the event has.

    """
    row = _row(session, event, details)
    row |= {"about_agency_id": about, "case_id": case_id}
    if thread_id is not None:
        row["thread_id"] = thread_id
    session.add(m.AuditEvent(**row))


def _row(session: Session, event: Event, details: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an event's row says of who looks, and its details."""
    if frozenset(details) != KEYS[event]:
        msg = f"{event} has the details {sorted(KEYS[event])}, not {sorted(details)}"
        raise ValueError(msg)
    viewer: Viewer | None = session.info.get("viewer")
    visitor = None if viewer is None else viewer.thread_id or viewer.intake_id or viewer.glimpse_id
    return {
        "event": event.value,
        "viewer": session.info.get("viewer_kind", "nobody" if viewer is None else viewer.kind),
        "account_id": None if viewer is None else viewer.account_id,
        "agency_id": None if viewer is None else viewer.agency_id,
        "thread_id": visitor,
        "details": {key: _plain(value) for key, value in details.items()},
    }


def record_listed(session: Session, event: Event, ids: Any) -> None:
    """Note a list that was shown, with the ids on it; none for an empty list.

    ``settle`` writes its row: in a transaction that has written, the database asks again with each
    statement who looks.
    """
    shown = list(ids)
    if shown:
        reads(session).lists.append((event.value, shown))


# Almost every page is a list: its row needs no object, and the statement is built once.
_LISTED = insert(m.AuditEvent)


def _listed(session: Session, event: Event, ids: list[uuid.UUID]) -> dict[str, Any]:
    key = "cases" if event is Event.CASE_LISTED else "consultations"
    return _row(session, event, {key: ids})


def settle(session: Session) -> None:
    """Write what was revealed in this unit, a row for each case, thread and list, and flush it all.

    Raises:
        AuditUnavailableError: the log cannot be written.

    """
    noted = reads(session)
    for case_id, slices in noted.slices.items():
        decisions = noted.decisions.get(case_id, set())
        record(
            session,
            Event.CASE_READ,
            case_id=case_id,
            slices=slices,
            rules={decision.rule for decision in decisions},
            grants={decision.grant_id for decision in decisions if decision.grant_id},
        )
    for thread_id in noted.threads:
        record(session, Event.THREAD_READ, thread_id=thread_id)
    for brief_id in noted.briefs:
        record(session, Event.BRIEF_READ, brief=brief_id)
    session.info.pop("reads", None)
    try:
        if noted.lists:
            rows = [_listed(session, Event(listed), ids) for listed, ids in noted.lists]
            session.connection().execute(_LISTED, rows)
        session.flush()
    except SQLAlchemyError as error:
        if is_about_log(error):
            raise AuditUnavailableError from error
        raise


def is_about_log(error: BaseException) -> bool:
    """Return whether a failure of the database is that of writing the log, for whatever reason."""
    return isinstance(error, DBAPIError) and "audit_events" in str(error.statement)
