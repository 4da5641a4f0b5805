"""Who is looking, as SQL: the terms that every rule is made of.

The settings of a transaction carry identities only (account, acting agency, thread, new thread).
Role, manager flag, team and whether an account is disabled are read from live rows *inside* the
predicates, so that a change acts on the next statement.

Each term is written here once, as a SQLAlchemy query, and becomes a function of the database that
runs with the rights of its caller (``TERMS``, rendered by ``portal.policy.rls``). A rule calls it
in a subquery of its own, which PostgreSQL evaluates once a statement; written out in full in every
rule the policies were 390 kB of SQL and took longer to plan than to run
(docs/decisions/0001-the-policy-mechanism.md).
"""

import uuid
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    Boolean,
    ColumnElement,
    CompoundSelect,
    Select,
    and_,
    cast,
    func,
    literal_column,
    or_,
    select,
    union_all,
)
from sqlalchemy.dialects.postgresql import ARRAY, UUID
from sqlalchemy.sql.expression import ScalarSelect
from sqlalchemy.sql.selectable import FromClause
from sqlalchemy.types import TypeEngine

from portal.models import (
    Account,
    Agency,
    BriefParty,
    CaseWorker,
    Consent,
    Denial,
    Departure,
    Membership,
    Team,
    TeamMember,
    Thread,
)
from portal.vocabulary import BLIND_ROLES, CAFETERIA, EXPERT_TYPES, OWNER_ROLES, WATCHER

SETTINGS = ("account_id", "agency_id", "thread_id", "intake_id", "glimpse_id", "circles")

DIRECTOR = "center_director"
DESK_ROLES = (*OWNER_ROLES, "npo_worker")
TEAM_DESKS = ("school", "nursery")


@dataclass(frozen=True)
class Viewer:
    """Somebody who looks: staff in one membership, a visitor to one thread, or an intake.

    Attributes:
        account_id, agency_id: the signed-in account and the agency it acts for.
        thread_id: the one thread that a return code opened.
        intake_id: the random id of a thread about to be written, also by somebody signed in; only
            whoever holds the form it was made from can name it.
        glimpse_id: the thread whose code was right but whose secret word was not given: the newest
            reply in it is shown, and nothing else (domain.md §1).
        circles: ids of the projection's rows to look at; a hint that the tables check again.

    """

    account_id: uuid.UUID | None = None
    agency_id: uuid.UUID | None = None
    thread_id: uuid.UUID | None = None
    intake_id: uuid.UUID | None = None
    glimpse_id: uuid.UUID | None = None
    circles: tuple[uuid.UUID, ...] = ()

    @property
    def kind(self) -> str:
        """Return ``staff``, ``visitor`` or ``intake``."""
        if self.account_id is not None:
            return "staff"
        by_code = self.thread_id is not None or self.glimpse_id is not None
        return "visitor" if by_code else "intake"

    def settings(self) -> dict[str, str]:
        """Return the transaction's settings, one string for each name of ``SETTINGS``."""
        values = (
            *(self.account_id, self.agency_id, self.thread_id),
            *(self.intake_id, self.glimpse_id),
        )
        texts = ["" if value is None else str(value) for value in values]
        return dict(zip(SETTINGS, [*texts, ",".join(map(str, self.circles))], strict=True))


@dataclass(frozen=True)
class Term:
    """One thing the rules ask about the viewer: a function of the database and its query."""

    name: str
    returns: str
    query: Select[Any]
    arguments: str = ""


TERMS: list[Term] = []


def _setting(name: str) -> ColumnElement[Any]:
    # Empty after a transaction that set it, hence nullif.
    return func.nullif(func.current_setting(f"portal.{name}", True), "")


def _called(term: Term, type_: TypeEngine[Any]) -> ScalarSelect[Any]:
    TERMS.append(term)
    call: ColumnElement[Any] = getattr(func, f"viewer_{term.name}")(type_=type_)
    return select(call).scalar_subquery()


def _identity(name: str) -> ScalarSelect[uuid.UUID]:
    # A bare call in a predicate costs three times as much as this one, evaluated once.
    return select(cast(_setting(name), UUID())).scalar_subquery()


ACCOUNT = _identity("account_id")
AGENCY = _identity("agency_id")
VISITOR = _identity("thread_id")
INTAKE = _identity("intake_id")
GLIMPSE = _identity("glimpse_id")
# Bare, as a last question to a row that nothing else opened: for most rows it is never asked.
NO_AGENCY = _setting("agency_id").is_(None)
# A policy of messages cannot read messages; the function that can gives an id and no text.
NEWEST_REPLY = select(func.newest_reply(GLIMPSE, type_=UUID())).scalar_subquery()
CIRCLES = cast(
    select(func.string_to_array(_setting("circles"), ",")).scalar_subquery(),
    ARRAY(UUID()),
)
# Bare: PostgreSQL puts now() in its place, cheaper for a row than a subquery is for a statement.
CLOCK: ColumnElement[Any] = func.portal_clock()

# Account and agency inside the terms: variables of their functions, for setting a subquery up at
# each call made a term a third dearer.
VARIABLES = {
    "v_me": "uuid := nullif(current_setting('portal.account_id', true), '')",
    "v_us": "uuid := nullif(current_setting('portal.agency_id', true), '')",
}
_ME: ColumnElement[uuid.UUID]
_US: ColumnElement[uuid.UUID]
_ME, _US = map(literal_column, VARIABLES)

_UUIDS = ARRAY(UUID())
MEMBERSHIP = Membership.__table__.alias("acting")
ACCOUNT_ROW = Account.__table__.alias("acting_account")
AGENCY_ROW = Agency.__table__.alias("acting_agency")
_TEAM = Team.__table__.alias("my_team")
_TEAM_MEMBER = TeamMember.__table__.alias("my_team_member")
_DENIAL = Denial.__table__.alias("denial")
_DEPARTURE = Departure.__table__.alias("departure")
_WORKER = CaseWorker.__table__.alias("my_work")
_THREAD = Thread.__table__.alias("my_thread")
_CONSENT = Consent.__table__.alias("my_consent")
_PARTIES = BriefParty.__table__.alias("my_parties")


def live(row: FromClause) -> ColumnElement[bool]:
    """Return whether a dated row holds now: from ≤ now, and now < until."""
    return and_(
        row.c.valid_from <= CLOCK, or_(row.c.valid_until.is_(None), CLOCK < row.c.valid_until)
    )


def awake(row: FromClause) -> ColumnElement[bool]:
    """Return whether a membership is confirmed for this year, or was never asked about."""
    return or_(row.c.confirm_by.is_(None), CLOCK < row.c.confirm_by)


def _acting(name: str, *conditions: ColumnElement[bool]) -> ScalarSelect[uuid.UUID]:
    """Return the viewer's agency if the membership is live, awake and as the conditions say."""
    query = (
        select(MEMBERSHIP.c.agency_id)
        .join_from(MEMBERSHIP, ACCOUNT_ROW)
        .join(AGENCY_ROW)
        .where(
            MEMBERSHIP.c.account_id == _ME,
            MEMBERSHIP.c.agency_id == _US,
            live(MEMBERSHIP),
            awake(MEMBERSHIP),
            ~ACCOUNT_ROW.c.disabled,
            *conditions,
        )
    )
    return _called(Term(name, "uuid", query), UUID())


def _array(name: str, ids: Select[Any] | CompoundSelect[Any]) -> Any:
    """Return an array of ids; empty rather than NULL, so that ``<> ALL`` holds."""
    query = select(func.array(ids.scalar_subquery(), type_=_UUIDS))
    return cast(_called(Term(name, "uuid[]", query), ARRAY(UUID())), _UUIDS)


def _ids(name: str, column: ColumnElement[Any], *conditions: ColumnElement[bool]) -> Any:
    return _array(name, select(column).where(*conditions))


_SEEING = MEMBERSHIP.c.role.not_in(BLIND_ROLES)
# What is shared ends for an agency that leaves the scheme, from the instant of its leaving on; what
# it wrote itself stays its own (domain.md §3, lane A, "Ends").
_IN_SCHEME = ~(
    select(_DEPARTURE.c.id)
    .where(_DEPARTURE.c.agency_id == MEMBERSHIP.c.agency_id, live(_DEPARTURE))
    .exists()
)
_READING = and_(
    _SEEING,
    _IN_SCHEME,
    AGENCY_ROW.c.type.not_in(EXPERT_TYPES),
    or_(AGENCY_ROW.c.type != CAFETERIA, MEMBERSHIP.c.role == WATCHER),
)

# Rule 1: a disabled account or a membership that is not live acts for no agency at all, and one
# that nobody confirmed for this year sleeps.
ACTING = _acting("acting")
# Rule 4: director, counsellor, investigator of the owner; the director alone for the reporter.
OWNING = _acting("owning", MEMBERSHIP.c.role.in_(OWNER_ROLES))
DIRECTING = _acting("directing", MEMBERSHIP.c.role == DIRECTOR)
# The director of the city's only centre, who names the managers of the other agencies (domain.md
# §1). Where there are several centres none of them speaks for the whole city.
_CENTRE = Agency.__table__.alias("another_centre")
NAMING = _acting(
    "naming",
    MEMBERSHIP.c.role == DIRECTOR,
    ~select(_CENTRE.c.id)
    .where(_CENTRE.c.type == AGENCY_ROW.c.type, _CENTRE.c.id != AGENCY_ROW.c.id)
    .correlate(AGENCY_ROW)
    .exists(),
)
# Rule 5 (c): no expert's agency, at a cafeteria only the watcher; and no blind role.
READING = _acting("reading", _READING)
# Rule 5 (b): detail never goes to a cafeteria.
READING_DETAIL = _acting("reading_detail", _READING, AGENCY_ROW.c.type != CAFETERIA)
# Rule 6: whoever writes for an agency, but for the blind roles.
POSTING = _acting("posting", _SEEING)
# Rule 7.
MANAGING = _acting("managing", _SEEING, _IN_SCHEME, MEMBERSHIP.c.manager)
# Outside experts, who read the briefs of a meeting and nothing else (domain.md §5).
ADVISING = _acting("advising", _SEEING, _IN_SCHEME, AGENCY_ROW.c.type.in_(EXPERT_TYPES))
ADMINISTERING = _acting("administering", MEMBERSHIP.c.role == "sysadmin")
AUDITING = _acting("auditing", MEMBERSHIP.c.role == "audit_officer")
CLERKING = _acting("clerking", MEMBERSHIP.c.role == "center_clerk")

# Rule 5 (a): the standing teams the viewer belongs to, and the acting agency's default team.
_MY_TEAMS = select(_TEAM_MEMBER.c.team_id).where(
    _TEAM_MEMBER.c.account_id == _ME, live(_TEAM_MEMBER)
)
_MY_DEFAULT_TEAM = (
    select(_TEAM.c.agency_id)
    .join_from(_TEAM, _TEAM_MEMBER, _TEAM.c.id == _TEAM_MEMBER.c.team_id)
    .where(
        _TEAM.c.agency_id == _US,
        _TEAM.c.is_default,
        _TEAM_MEMBER.c.account_id == _ME,
        live(_TEAM_MEMBER),
    )
)
DEFAULT_TEAM = _called(Term("default_team", "uuid", _MY_DEFAULT_TEAM.limit(1)), UUID())
# For whom the viewer reads: each standing team by its id, the default team by its agency's.
READS = _array("reads", union_all(_MY_TEAMS, _MY_DEFAULT_TEAM))
IN_DEFAULT_TEAM = DEFAULT_TEAM.is_not(None)

# A desk takes consultations: the centre's people, NPO workers, the team of a school.
DESK = _acting(
    "desk",
    or_(
        MEMBERSHIP.c.role.in_(DESK_ROLES),
        and_(AGENCY_ROW.c.type.in_(TEAM_DESKS), _SEEING, IN_DEFAULT_TEAM),
    ),
)

PERSON = _called(
    Term("person", "uuid", select(ACCOUNT_ROW.c.person_id).where(ACCOUNT_ROW.c.id == _ME)),
    UUID(),
)

# Rule 2: the cases and threads that an exclusion closes to the account.
_EXCLUSION = and_(_DENIAL.c.kind == "exclusion", _DENIAL.c.account_id == _ME, live(_DENIAL))
EXCLUDED_CASES = _ids("excluded_cases", _DENIAL.c.case_id, _EXCLUSION)
EXCLUDED_THREADS = _ids(
    "excluded_threads", _DENIAL.c.thread_id, _EXCLUSION, _DENIAL.c.thread_id.is_not(None)
)
# Rule 5 (e) and (d): the cases of which the viewer, or the agency, is not to be told.
CASES_NOT_TO_TELL_ME = _ids(
    "cases_not_to_tell_me",
    _DENIAL.c.case_id,
    _DENIAL.c.kind == "never_tell",
    or_(_DENIAL.c.account_id == _ME, _DENIAL.c.person_id == PERSON),
    live(_DENIAL),
)
CASES_NOT_TO_TELL_US = _ids(
    "cases_not_to_tell_us",
    _DENIAL.c.case_id,
    _DENIAL.c.kind == "never_tell",
    _DENIAL.c.agency_id == _US,
    live(_DENIAL),
)
# Who works on a case may know who reported.
WORKED_CASES = _ids("worked_cases", _WORKER.c.case_id, _WORKER.c.account_id == _ME)


def _visitor(name: str, column: ColumnElement[Any], kind: str) -> ScalarSelect[uuid.UUID]:
    query = select(column).where(
        _THREAD.c.id == VISITOR, _THREAD.c.kind == kind, _THREAD.c.closed_at.is_(None)
    )
    return _called(Term(name, "uuid", query), UUID())


# What a return code opens beside the thread: to the child the whole record of sharing of its
# case, to a guardian the own consents and nothing more (domain.md §1).
CHILD_CASE = _visitor("child_case", _THREAD.c.case_id, "child")
GUARDIAN_CASE = _visitor("guardian_case", _THREAD.c.case_id, "guardian")
GUARDIAN_PERSON = _visitor("guardian_person", _THREAD.c.person_id, "guardian")
GUARDIAN_CONSENTS = _ids(
    "guardian_consents",
    _CONSENT.c.id,
    _CONSENT.c.case_id == GUARDIAN_CASE,
    _CONSENT.c.giver_person_id == GUARDIAN_PERSON,
)


TERMS.append(
    Term(
        "sees_thread",
        "boolean",
        select(select(_THREAD.c.id).where(_THREAD.c.id == literal_column("p_thread")).exists()),
        "p_thread uuid",
    )
)
TERMS.append(
    Term(
        "sees_parties",
        "boolean",
        select(
            select(_PARTIES.c.id)
            .where(
                _PARTIES.c.brief_id == literal_column("p_brief"),
                _PARTIES.c.case_id == literal_column("p_case"),
            )
            .exists()
        ),
        "p_brief uuid, p_case uuid",
    )
)


def sees_thread(thread_id: ColumnElement[Any]) -> ColumnElement[bool]:
    """Return whether the viewer sees a thread, asked of the wall itself.

    For the policies of tables that the thread's own policy reads: written out in them it would be
    refused as recursion. It holds only where row-level security does: no rule for reading uses it.
    """
    return func.viewer_sees_thread(thread_id, type_=Boolean())


def sees_parties(brief_id: ColumnElement[Any], case_id: ColumnElement[Any]) -> ColumnElement[bool]:
    """Return whether the viewer sees the parties of a brief; as ``sees_thread``."""
    return func.viewer_sees_parties(brief_id, case_id, type_=Boolean())


def reads_for(g: Any) -> ColumnElement[bool]:
    """Return whether the viewer is a reader of a grant: named account, else team, else default.

    Args:
        g: the grant's columns, of the acting agency; neither accounts nor a team mean the agency's
            default team.

    """
    return or_(
        ACCOUNT == func.any(g.account_ids),
        and_(g.account_ids.is_(None), func.coalesce(g.team_id, g.agency_id) == func.any(READS)),
    )


def among(value: ColumnElement[Any], ids: ColumnElement[Any]) -> ColumnElement[bool]:
    """Return whether a value is one of an array's."""
    return value == func.any(ids)


def not_among(value: ColumnElement[Any], ids: ColumnElement[Any]) -> ColumnElement[bool]:
    """Return whether a value is none of an array's."""
    return value != func.all(ids)


def present(*anyone: ScalarSelect[uuid.UUID]) -> ColumnElement[bool]:
    """Return whether at least one of the terms names an agency."""
    return or_(*(term.is_not(None) for term in anyone))
