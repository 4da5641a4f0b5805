"""Which deeds a person may do. Which rows they may see is ``portal.policy.visibility``.

Visibility is not permission: a row that is hidden is a 404, a deed that is refused on a visible row
is a 403. Everything is refused unless a line here allows it.
"""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from portal.vocabulary import BLIND_ROLES, CAFETERIA, EXPERT_TYPES, OWNER_ROLES, WATCHER

CENTRE, NPO, POLICE = "support_center", "npo", "police"
SCHOOLS = ("school", "nursery")
SCHOOL_DESK_ROLES = (
    "school_nurse",
    "school_team",
    "school_principal",
    "school_social_worker",
    "school_counselor",
)


class NotPermittedError(PermissionError):
    """The deed is refused to this person, though the thing itself is visible."""


class Action(StrEnum):
    """Every deed of the portal, ``what.deed``."""

    ADMINISTER = "agencies.administer"
    ADVISE = "briefs.advise"
    ASSIGN = "actions.assign"
    CLOSE = "cases.close"
    COORDINATE = "cases.coordinate"
    HAND_OVER = "consultations.hand_over"
    HOLD_MEETING = "meetings.hold"
    KEEP_ACCOUNT = "account.keep"
    LIST_CASES = "cases.list"
    MANAGE = "agency.manage"
    OVERSEE = "log.oversee"
    POST = "entries.post"
    READ_CASES = "cases.read"
    READ_INBOX = "inbox.read"
    READ_LOG = "log.read"
    READ_OWN_RECORDS = "entries.read_own"
    READ_OWN_REPORTS = "reports.read_own"
    RECEIVE = "consultations.receive"
    SHARE = "cases.share"
    VISIT = "thread.visit"
    WORK_ACTION = "actions.work"


@dataclass(frozen=True)
class Standing:
    """In what capacity somebody acts, read from the live membership at the start of a request."""

    role: str
    manager: bool
    agency_type: str
    agency_id: uuid.UUID

    @property
    def at_centre(self) -> bool:
        """Return whether this is a director, counsellor or investigator of a centre."""
        return self.agency_type == CENTRE and self.role in OWNER_ROLES

    @property
    def sees_cases(self) -> bool:
        """Return whether cases can be shown at all (domain.md §4, rules 4 and 5 (c))."""
        return (
            self.role not in BLIND_ROLES
            and self.agency_type not in EXPERT_TYPES
            and (self.agency_type != CAFETERIA or self.role == WATCHER)
        )

    @property
    def at_desk(self) -> bool:
        """Return whether consultations are received and answered here (domain.md §2)."""
        return (
            self.at_centre
            or (self.agency_type == NPO and self.role == "npo_worker")
            or (self.agency_type in SCHOOLS and self.role in SCHOOL_DESK_ROLES)
        )


def _anyone(_standing: Standing) -> bool:
    return True


_ALLOWED: Mapping[Action, Callable[[Standing], bool]] = MappingProxyType(
    {
        Action.ADMINISTER: lambda s: s.role == "sysadmin",
        Action.ADVISE: lambda s: s.agency_type in EXPERT_TYPES and s.role not in BLIND_ROLES,
        Action.ASSIGN: lambda s: s.at_centre,
        Action.CLOSE: lambda s: s.at_centre,
        Action.COORDINATE: lambda s: s.at_centre,
        Action.HAND_OVER: lambda s: s.at_desk and not s.at_centre,
        Action.HOLD_MEETING: lambda s: s.at_centre,
        Action.KEEP_ACCOUNT: _anyone,
        # The police see one case at a time and never list or search (domain.md §1).
        Action.LIST_CASES: lambda s: s.sees_cases and s.agency_type != POLICE,
        Action.MANAGE: lambda s: s.manager and s.role not in BLIND_ROLES,
        Action.OVERSEE: lambda s: s.role == "audit_officer",
        Action.POST: lambda s: s.sees_cases,
        Action.READ_CASES: lambda s: s.sees_cases,
        Action.READ_INBOX: lambda s: s.at_desk,
        Action.READ_LOG: lambda s: s.at_centre,
        Action.READ_OWN_RECORDS: lambda s: s.sees_cases,
        Action.READ_OWN_REPORTS: lambda s: s.agency_type == CAFETERIA,
        Action.RECEIVE: lambda s: s.at_centre or s.role == "center_clerk",
        Action.SHARE: lambda s: s.at_centre,
        Action.WORK_ACTION: lambda s: s.sees_cases,
    }
)


def allows(standing: Standing | None, action: Action) -> bool:
    """Return whether somebody of this standing may ever do this; nobody may do VISIT as staff."""
    rule = _ALLOWED.get(action)
    return standing is not None and rule is not None and rule(standing)


def require(standing: Standing | None, action: Action, case: Any = None) -> Standing:
    """Return the standing, or refuse the deed.

    Args:
        standing: of who does it.
        action: the deed.
        case: the case it is done to, where the deed is the owner's: it must be the own agency's.

    Raises:
        NotPermittedError: the deed is not for this person, or not on this case.

    """
    if standing is None or not allows(standing, action):
        raise NotPermittedError(action)
    if case is not None and case.owner_agency_id != standing.agency_id:
        raise NotPermittedError(action)
    return standing
