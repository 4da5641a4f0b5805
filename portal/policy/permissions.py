"""Which deeds a person may do. Which rows they may see is ``portal.policy.visibility``.

Visibility is not permission: a row that is hidden is a 404, a deed that is refused on a visible row
is a 403. Everything is refused unless a line here allows it.
"""

import datetime as dt
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from portal.policy.viewer import DIRECTOR
from portal.vocabulary import (
    BLIND_ROLES,
    CAFETERIA,
    EXPERT_TYPES,
    OWNER_ROLES,
    ROLES,
    WATCHER,
    codes,
)

CENTRE, CGC, NPO, POLICE = "support_center", "cgc", "npo", "police"
# Whose people may open a case in an emergency (domain.md §3.4).
EMERGENCY_VIEWERS = (CENTRE, CGC)
SCHOOLS = ("school", "nursery")
SCHOOL_DESK_ROLES = (
    "school_nurse",
    "school_team",
    "school_principal",
    "school_social_worker",
    "school_counselor",
)
ADMINISTRATOR, AUDITOR = "sysadmin", "audit_officer"

_WARDS = ("ward_welfare", "ward_child_health", "ward_protection")
_SCHOOL_ROLES = (
    "school_principal",
    "school_nurse",
    "school_team",
    "school_social_worker",
    "school_counselor",
    "school_staff",
)
_OF_TYPE: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        CENTRE: ("center_director", "center_counselor", "center_investigator", "center_clerk"),
        **dict.fromkeys(SCHOOLS, _SCHOOL_ROLES),
        "board_of_education": ("boe_staff",),
        "mayor_department": ("mayor_officer",),
        "cgc": ("cgc_worker",),
        POLICE: ("police_liaison",),
        NPO: ("npo_worker",),
        CAFETERIA: ("cafeteria_operator", "cafeteria_volunteer", "watcher"),
        **dict.fromkeys(_WARDS, ("ward_worker",)),
        **dict.fromkeys(EXPERT_TYPES, ("expert",)),
    }
)


class NotPermittedError(PermissionError):
    """The deed is refused to this person, though the thing itself is visible."""


class Action(StrEnum):
    """Every deed of the portal, ``what.deed``."""

    ADMINISTER = "agencies.administer"
    ADVISE = "briefs.advise"
    APPROVE = "shares.approve"
    ASSIGN = "actions.assign"
    CALL_WHOAMI = "api.whoami"
    CLOSE = "cases.close"
    COORDINATE = "cases.coordinate"
    EXPORT_LOG = "log.export"
    HAND_OVER = "consultations.hand_over"
    HOLD_MEETING = "meetings.hold"
    KEEP_ACCOUNT = "account.keep"
    KEEP_STAFF = "staff.keep"
    KEEP_SCHEME = "scheme.keep"
    LINK_ACCOUNT = "account.link"
    LIST_CASES = "cases.list"
    MANAGE = "agency.manage"
    OVERSEE = "log.oversee"
    OPEN_IN_EMERGENCY = "emergency.view"
    POST = "entries.post"
    PROVIDE_IN_EMERGENCY = "emergency.provide"
    READ_CASES = "cases.read"
    READ_INBOX = "inbox.read"
    READ_LOG = "log.read"
    READ_OWN_RECORDS = "entries.read_own"
    READ_OWN_REPORTS = "reports.read_own"
    RECEIVE = "consultations.receive"
    REVIEW_EMERGENCY = "emergency.review"
    SHARE = "cases.share"
    SHARE_BY_LAW = "cases.share_by_law"
    SIGN_IN = "account.sign_in"
    TELL_CENTRE = "matters.tell"
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

    def owns(self, row: Any) -> bool:
        """Return whether a case, or what belongs to one, is the own centre's (rule 4)."""
        owner_id = row.owner_agency_id
        return self.at_centre and bool(owner_id == self.agency_id)

    @property
    def sees_cases(self) -> bool:
        """Return whether cases can be shown at all (domain.md §4, rules 4 and 5 (c))."""
        return (
            self.role not in BLIND_ROLES
            and self.agency_type not in EXPERT_TYPES
            and (self.agency_type != CAFETERIA or self.role == WATCHER)
        )

    @property
    def tells_the_centre(self) -> bool:
        """Return whether a matter is handed to the centre in the agency's own name (domain.md §2).

        A cafeteria has its link, which asks for no sign-in; the police and outside experts are
        told of matters and hand none over here.
        """
        return self.sees_cases and self.agency_type not in (CENTRE, CAFETERIA, POLICE)

    @property
    def reads_by_team(self) -> bool:
        """Return whether grants are read here by a team that somebody manages.

        The centre reads as the owner, an expert's agency by no grant (domain.md §4, rules 4, 5 c).
        """
        return not self.at_centre and self.agency_type not in EXPERT_TYPES

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
        Action.ADMINISTER: lambda s: s.role == ADMINISTRATOR,
        Action.ADVISE: lambda s: s.agency_type in EXPERT_TYPES and s.role not in BLIND_ROLES,
        Action.APPROVE: lambda s: s.at_centre and s.role == DIRECTOR,
        Action.ASSIGN: lambda s: s.at_centre,
        Action.CLOSE: lambda s: s.at_centre,
        Action.COORDINATE: lambda s: s.at_centre,
        Action.EXPORT_LOG: lambda s: s.role == AUDITOR,
        Action.HAND_OVER: lambda s: s.at_desk and not s.at_centre,
        Action.HOLD_MEETING: lambda s: s.at_centre,
        Action.KEEP_ACCOUNT: _anyone,
        # The centre names the managers of the others (domain.md §1), so its director confirms them.
        Action.KEEP_STAFF: lambda s: (
            s.role in (ADMINISTRATOR, DIRECTOR) or (s.manager and s.role not in BLIND_ROLES)
        ),
        Action.KEEP_SCHEME: lambda s: s.at_centre and s.role == DIRECTOR,
        Action.LINK_ACCOUNT: _anyone,
        # The police see one case at a time and never list or search (domain.md §1).
        Action.LIST_CASES: lambda s: s.sees_cases and s.agency_type != POLICE,
        Action.MANAGE: lambda s: s.manager and s.role not in BLIND_ROLES,
        Action.OVERSEE: lambda s: s.role == AUDITOR,
        # Whoever works at the centre as director, counsellor or investigator sees its cases anyway.
        Action.OPEN_IN_EMERGENCY: (
            lambda s: s.sees_cases and s.agency_type in EMERGENCY_VIEWERS and not s.at_centre
        ),
        Action.POST: lambda s: s.sees_cases,
        Action.PROVIDE_IN_EMERGENCY: lambda s: s.at_centre,
        Action.READ_CASES: lambda s: s.sees_cases,
        Action.READ_INBOX: lambda s: s.at_desk,
        Action.READ_LOG: lambda s: s.at_centre,
        Action.READ_OWN_RECORDS: lambda s: s.sees_cases,
        Action.READ_OWN_REPORTS: lambda s: s.agency_type == CAFETERIA or s.tells_the_centre,
        Action.RECEIVE: lambda s: s.at_centre or s.role == "center_clerk",
        # Ending an emergency is among these, which must not be held up by anything.
        Action.REVIEW_EMERGENCY: lambda s: s.at_centre,
        Action.SHARE: lambda s: s.at_centre,
        Action.SHARE_BY_LAW: lambda s: s.at_centre,
        Action.SIGN_IN: _anyone,
        Action.TELL_CENTRE: lambda s: s.tells_the_centre,
        Action.WORK_ACTION: lambda s: s.sees_cases,
    }
)

# Weighty deeds: each asks for a second factor proven within the last minutes (security.md S5). A
# withdrawal is never among them, for whoever takes something back must not be held up.
STEP_UP: frozenset[Action] = frozenset(
    {
        Action.ADMINISTER,
        Action.APPROVE,
        Action.EXPORT_LOG,
        Action.KEEP_STAFF,
        Action.LINK_ACCOUNT,
        Action.OPEN_IN_EMERGENCY,
        Action.PROVIDE_IN_EMERGENCY,
        Action.SHARE_BY_LAW,
    }
)

# Deeds that do not wait for the pledge of secrecy: signing in, and writing down what somebody
# tells of a child. Everything that shows a case waits for it.
BEFORE_PLEDGE: frozenset[Action] = frozenset({Action.RECEIVE, Action.SIGN_IN, Action.TELL_CENTRE})


def allows(standing: Standing | None, action: Action) -> bool:
    """Return whether somebody of this standing may ever do this.

    Nobody does VISIT as staff, and the deeds that begin with ``api.`` are for machines.
    """
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


def roles_of(agency_type: str) -> tuple[str, ...]:
    """Return the roles that a member of an agency of this type may have, in sort order.

    The audit officer comes from outside the centre (domain.md §1).
    """
    allowed = {*_OF_TYPE.get(agency_type, ()), ADMINISTRATOR}
    if agency_type != CENTRE:
        allowed.add(AUDITOR)
    return tuple(role for role in ROLES if role in allowed)


def keeps(acting: Standing, agency_id: uuid.UUID) -> bool:
    """Return whether somebody keeps the people of an agency: an administrator or its manager."""
    return acting.role == ADMINISTRATOR or (
        allows(acting, Action.MANAGE) and acting.agency_id == agency_id
    )


def decides(acting: Standing, agency_id: uuid.UUID) -> bool:
    """Return whether somebody may be the second person for an agency, if its proposal is visible.

    A director sees what waits in every agency where the city has no other centre.
    """
    return keeps(acting, agency_id) or acting.role == DIRECTOR


# Whoever may do one of these opens something of a case, or lets others open it, or watches them.
OPENING = frozenset(
    {
        Action.ADMINISTER,
        Action.ADVISE,
        Action.MANAGE,
        Action.OVERSEE,
        Action.READ_CASES,
        Action.READ_INBOX,
    }
)
# The second person of a proposal has this long; afterwards it is as if nobody had proposed.
PROPOSAL_HOLDS = dt.timedelta(days=7)

_NOWHERE = uuid.UUID(int=0)


def deeds_of(agency_type: str, role: str, *, manager: bool = False) -> tuple[Action, ...]:
    """Return everything that a role of an agency of this type may ever do, by its code.

    What depends on the team besides the role (the desk of a school) is counted as allowed.
    """
    standing = Standing(role, manager, agency_type, _NOWHERE)
    return tuple(action for action in sorted(Action) if allows(standing, action))


def takes_two(agency_type: str, role: str, *, manager: bool = False) -> bool:
    """Return whether giving this role takes two people: it opens cases, or lets others open them.

    An administrator is among them: two who can be made by one would be one.
    """
    return not OPENING.isdisjoint(deeds_of(agency_type, role, manager=manager))


# Type of agency and role that one person alone may give, without the manager's flag.
GIVEN_BY_ONE: tuple[tuple[str, str], ...] = tuple(
    (agency_type, role)
    for agency_type in codes("org_type")
    for role in roles_of(agency_type)
    if not takes_two(agency_type, role)
)


class Sight(StrEnum):
    """What a role sees of cases, from the most to the least; the words stand with the page."""

    EVERY_CASE = "every_case"
    REPORTERS = "reporters"
    REPORTERS_OF_OWN = "reporters_of_own"
    GRANTED = "granted"
    ONE_BY_ONE = "one_by_one"
    WATCH_POINTS = "watch_points"
    BRIEFS = "briefs"
    CONSULTATIONS = "consultations"
    OWN_REPORTS = "own_reports"
    REFERENCES = "references"
    LOG = "log"
    NOTHING = "nothing"


_SEEN: Mapping[Sight, Callable[[Standing], bool]] = MappingProxyType(
    {
        Sight.EVERY_CASE: lambda s: s.at_centre,
        Sight.REPORTERS: lambda s: s.at_centre and s.role == DIRECTOR,
        Sight.REPORTERS_OF_OWN: lambda s: s.at_centre and s.role != DIRECTOR,
        Sight.GRANTED: lambda s: (
            s.sees_cases and not s.at_centre and s.agency_type not in (CAFETERIA, POLICE)
        ),
        Sight.ONE_BY_ONE: lambda s: s.sees_cases and s.agency_type == POLICE,
        Sight.WATCH_POINTS: lambda s: s.sees_cases and s.agency_type == CAFETERIA,
        Sight.BRIEFS: lambda s: allows(s, Action.ADVISE),
        Sight.CONSULTATIONS: lambda s: allows(s, Action.READ_INBOX),
        Sight.OWN_REPORTS: lambda s: allows(s, Action.READ_OWN_REPORTS),
        Sight.REFERENCES: lambda s: allows(s, Action.MANAGE),
        Sight.LOG: lambda s: allows(s, Action.OVERSEE),
    }
)


def sight_of(agency_type: str, role: str, *, manager: bool = False) -> tuple[Sight, ...]:
    """Return what a role of an agency of this type sees of cases (domain.md §1 and §4)."""
    standing = Standing(role, manager, agency_type, _NOWHERE)
    return tuple(what for what, seen in _SEEN.items() if seen(standing)) or (Sight.NOTHING,)
