"""Arrivals and departures from one table (人事異動): looked at first, then done whole or not.

Everybody who changes places on 1 April stands in one file. ``plan`` reads it and changes nothing:
it says line by line what would happen, or why a line cannot be. ``carry_out`` does what a plan
without a mistake says, in the transaction of the request. A manager's table speaks of the own
agency alone. A role that opens cases is proposed here and still waits for its second person.
"""

import datetime as dt
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256

from sqlalchemy import func, literal_column, or_, select
from sqlalchemy.orm import Session

from portal import models as m
from portal.database import before_viewer, standing
from portal.move_words import ARRIVAL, DEPARTURE, HEAD, KINDS, NO, REMARK, YES
from portal.policy.permissions import ADMINISTRATOR, Action, keeps, require, roles_of, takes_two
from portal.policy.terms import clock
from portal.services.administration import RefusedError, enter_account
from portal.services.memberships import Place, end_membership, give_place, pending
from portal.spreadsheet import Line, UnreadableError, read
from portal.text import BadText, clean, normalise_email
from portal.vault import email_index_for
from portal.vocabulary import ROLES, label
from portal.working_hours import ONE_DAY, inclusive_to_instant

# One line a person: a city's whole April fits, and one request does it.
MOST_LINES = 1000
_LONGEST_NAME = 200
FIRST_YEAR, LAST_YEAR = 2000, 2100


@dataclass(frozen=True)
class Move:
    """What one line does.

    Attributes:
        line: where it stands, from 1.
        kind: ``arrival`` or ``departure``.
        name, email: whose; the name of an account that exists stays as it is.
        day: the first day at work, or the last one (both in Japan, that day included).
        account_id: None for an account that is made.
        membership_id: which membership ends; None for an arrival.
        takes_two: whether the role waits for a second person.

    """

    line: int
    kind: str
    name: str
    email: str
    agency_id: uuid.UUID
    agency: str
    role: str
    manager: bool
    day: dt.date
    account_id: uuid.UUID | None
    membership_id: uuid.UUID | None = None
    takes_two: bool = False

    @property
    def instant(self) -> dt.datetime:
        """Return when the membership begins or ends: 00:00 JST of, or after, the day (UTC)."""
        return inclusive_to_instant(self.day - ONE_DAY if self.kind == ARRIVAL else self.day)


@dataclass(frozen=True)
class Problem:
    """Why a line cannot be; ``code`` has its sentence on the page, line 0 is the file itself."""

    line: int
    code: str
    value: str = ""


@dataclass
class Plan:
    """What a table would do, and what is wrong with it; with a problem nothing is done."""

    moves: list[Move] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    @property
    def mark(self) -> str:
        """Return a digest: the same for what was looked at and what is done."""
        return sha256(repr(self.moves).encode()).hexdigest()


class _LineError(ValueError):
    def __init__(self, code: str, value: str = "") -> None:
        super().__init__(code)
        self.code, self.value = code, value


def plan(session: Session, data: bytes) -> Plan:
    """Return what a table of arrivals and departures would do; nothing is changed.

    Args:
        session: of an administrator, or of a manager for the own agency.
        data: a CSV file in UTF-8 or Shift_JIS (``portal.spreadsheet.read``).

    Raises:
        NotPermittedError: neither.

    """
    acting = require(standing(session), Action.KEEP_STAFF)
    found = Plan()
    try:
        lines = [line for line in read(data) if not line.cells[0].startswith(REMARK)]
    except UnreadableError as error:
        return Plan(problems=[Problem(error.line, "unreadable")])
    if lines and lines[0].cells[0] in HEAD[:1]:
        del lines[0]
    if not lines:
        return Plan(problems=[Problem(0, "empty")])
    if len(lines) > MOST_LINES:
        return Plan(problems=[Problem(0, "too_many", str(MOST_LINES))])
    own = None if acting.role == ADMINISTRATOR else acting.agency_id
    reading = _Reading(session, own, keeps_own=keeps(acting, acting.agency_id))
    for line in lines:
        try:
            found.moves.append(reading.move(line))
        except _LineError as error:
            found.problems.append(Problem(line.number, error.code, error.value))
    found.problems += reading.contradictions(found.moves)
    found.problems.sort(key=lambda problem: problem.line)
    return found


class _Reading:
    """Reads lines against what stands; asks the database once for each kind of thing."""

    def __init__(self, session: Session, own: uuid.UUID | None, *, keeps_own: bool) -> None:
        self._session, self._own, self._keeps_own = session, own, keeps_own
        self._me = session.info["viewer"].account_id
        self._now = clock(session)
        self._agencies: dict[str, list[m.Agency]] = {}
        listed = select(m.Agency) if own is None else select(m.Agency).where(m.Agency.id == own)
        for agency in session.scalars(listed):
            self._agencies.setdefault(agency.name, []).append(agency)
        self._roles = {code: code for code in ROLES}
        for locale in ("en", "ja"):
            self._roles |= {label("role", code, locale): code for code in ROLES}

    def move(self, line: Line) -> Move:
        """Return what a line does; raises _LineError."""
        if not self._keeps_own:
            raise _LineError("not_your_agency")
        cells = (*line.cells, *[""] * (len(HEAD) - len(line.cells)))
        if len(cells) > len(HEAD) and any(cells[len(HEAD) :]):
            raise _LineError("columns", str(len(HEAD)))
        kind, name, email, agency, role, manager, day = cells[: len(HEAD)]
        if kind not in KINDS:
            raise _LineError("kind", kind)
        where, address = self._agency(agency), _address(email)
        account_id = self._account(address)
        if account_id == self._me:
            raise _LineError("yourself")
        draft = Move(
            line.number,
            KINDS[kind],
            name,
            address,
            where.id,
            where.name,
            "",
            manager=False,
            day=_day(day),
            account_id=account_id,
        )
        if draft.kind == DEPARTURE:
            return self._departure(draft)
        return self._arrival(draft, self._role(role, where), where, manager=_flag(manager))

    def _departure(self, draft: Move) -> Move:
        """Return the end of the membership that holds on the last day."""
        if draft.instant <= self._now:
            raise _LineError("past")
        row, end = m.Membership, draft.instant
        held = self._session.scalars(
            select(row).where(
                row.account_id == draft.account_id,
                row.agency_id == draft.agency_id,
                row.valid_from < end,
                or_(row.valid_until.is_(None), row.valid_until > self._now),
            )
        ).all()
        if not held:
            raise _LineError("not_a_member", draft.email)
        last = max(held, key=lambda each: each.valid_from)
        if last.valid_until is not None and last.valid_until < end:
            raise _LineError("ends_sooner")
        return replace(draft, role=last.role, manager=last.manager, membership_id=last.id)

    def _arrival(self, draft: Move, role: str, agency: m.Agency, *, manager: bool) -> Move:
        if draft.instant <= self._now - ONE_DAY:
            raise _LineError("past")
        name = draft.name if draft.account_id else _named(draft.name)
        two = takes_two(agency.type, role, manager=manager)
        return replace(draft, name=name, role=role, manager=manager, takes_two=two)

    def contradictions(self, moves: Sequence[Move]) -> Iterator[Problem]:
        """Yield what lines say against one another, and against what stands."""
        seen: set[tuple[str, str, uuid.UUID]] = set()
        ends = {each.membership_id: each.instant for each in moves if each.membership_id}
        waiting = {(each.account_id, each.agency_id) for each in pending(self._session)}
        for move in moves:
            key = (move.kind, move.email, move.agency_id)
            if key in seen:
                yield Problem(move.line, "twice", move.email)
            seen.add(key)
            if move.kind == ARRIVAL and self._overlaps(move, ends):
                yield Problem(move.line, "overlaps", move.email)
            elif move.kind == ARRIVAL and (move.account_id, move.agency_id) in waiting:
                yield Problem(move.line, "proposed_already", move.email)

    def _overlaps(self, move: Move, ends: Mapping[uuid.UUID, dt.datetime]) -> bool:
        row = m.Membership
        held = self._session.scalars(
            select(row).where(row.account_id == move.account_id, row.agency_id == move.agency_id)
        )
        return any(
            (end := ends.get(each.id, each.valid_until)) is None
            or (end > move.instant and end > each.valid_from)
            for each in held
        )

    def _agency(self, name: str) -> m.Agency:
        if not name and self._own is not None:
            (only,) = next(iter(self._agencies.values()))
            return only
        found = self._agencies.get(name, [])
        if len(found) > 1:
            raise _LineError("agency_ambiguous", name)
        if not found:
            raise _LineError("not_your_agency" if self._own else "agency", name)
        return found[0]

    def _role(self, word: str, agency: m.Agency) -> str:
        code = self._roles.get(word)
        if code is None:
            raise _LineError("role", word)
        if code not in roles_of(agency.type):
            raise _LineError("role_of_other_agency", word)
        return code

    def _account(self, address: str) -> uuid.UUID | None:
        index = email_index_for(self._session, address)
        found: uuid.UUID | None = before_viewer(
            self._session, func.account_of_address(index)
        ).scalar_one()
        return found


def _address(text: str) -> str:
    try:
        return normalise_email(text)
    except BadText:
        raise _LineError("email", text) from None


def _named(text: str) -> str:
    try:
        name = clean(text, limit=_LONGEST_NAME, multiline=False)
    except BadText:
        raise _LineError("name") from None
    if not name:
        raise _LineError("name")
    return name


def _flag(word: str) -> bool:
    if word in YES:
        return True
    if word not in NO:
        raise _LineError("manager", word)
    return False


def _day(text: str) -> dt.date:
    """Return a day written 2027-04-01 or 2027/4/1."""
    try:
        year, month, day = (int(part) for part in text.replace("/", "-").split("-"))
        found = dt.date(year, month, day)
    except ValueError:
        raise _LineError("day", text) from None
    if not FIRST_YEAR <= found.year <= LAST_YEAR:
        raise _LineError("day", text)
    return found


def carry_out(session: Session, submission: uuid.UUID, found: Plan) -> bool:
    """Do what a plan says, whole; return False where the same form was sent before.

    Args:
        session: of whoever looked at the plan.
        submission: of the form; the rows of the moves are named after it.
        found: a plan without a problem.

    Raises:
        RefusedError: somebody changed meanwhile what a line speaks of; nothing is done.

    """
    require(standing(session), Action.KEEP_STAFF)
    if found.problems:
        raise RefusedError("table_refused")
    if is_done(session, submission, found):
        return False
    made: dict[str, uuid.UUID] = {}
    # Who leaves first: the same person may come again in another role.
    for move in sorted(found.moves, key=lambda each: each.kind != DEPARTURE):
        if move.membership_id is not None:
            end_membership(session, move.membership_id, move.instant)
        else:
            _arrive(session, _key(submission, move), move, made)
    return True


def is_done(session: Session, submission: uuid.UUID, found: Plan) -> bool:
    """Return whether an earlier sending of the same form did what its table says.

    A table of departures alone leaves no row of its own; done twice, it changes nothing.
    """
    keys = [_key(submission, move) for move in found.moves]
    return any(
        session.scalar(select(row.id).where(row.id.in_(keys)).limit(literal_column("1")))
        for row in (m.Membership, m.MembershipProposal)
    )


def _key(submission: uuid.UUID, move: Move) -> uuid.UUID:
    return uuid.uuid5(submission, str(move.line))


def _arrive(session: Session, key: uuid.UUID, move: Move, made: dict[str, uuid.UUID]) -> None:
    account_id = move.account_id or made.get(move.email)
    if account_id is None:
        account_id = made[move.email] = enter_account(
            session, uuid.uuid5(key, "account"), move.agency_id, name=move.name, email=move.email
        )
    since = max(move.instant, clock(session))
    place = Place(account_id, move.agency_id, move.role, move.manager, since)
    give_place(session, key, place)
