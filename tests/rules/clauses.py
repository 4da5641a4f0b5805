"""Which clause of the rule decided: each decision of domain.md §4 taken apart into its clauses.

It shows that random worlds put every clause to the question, both ways. The oracle says who sees
what; here every clause of it is a named answer, and a test holds the two against each other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tests.rules.oracle import (
    BLIND_ROLES,
    EXPERT_TYPES,
    NEVER_SHARED,
    OVERRIDES_NEVER_TELL,
    OWNER_ROLES,
    PLACES,
    Record,
    World,
    instant,
    live,
)

TICK = timedelta(microseconds=1)


@dataclass(frozen=True)
class Tried:
    """One clause put to one question; `edges` says which of its instants lay within a tick of T."""

    passed: bool
    edges: tuple[str, ...] = ()


Route = dict[str, Tried]


@dataclass(frozen=True)
class Decision:
    """Whether a viewer sees one object, with each way (route) on which the rule may show it.

    `kind` is case, entry, own_post or managed_grant. The object is shown where some route passes
    every clause. Routes that fail more than one clause are left out: no single clause decides
    there. `marks` name what did *not* hinder (or help), for the clauses that say so.
    """

    account: str
    agency: str
    kind: str
    object_id: str
    routes: tuple[Route, ...]
    marks: frozenset[str] = frozenset()

    @property
    def shown(self) -> bool:
        return any(_failures(route) == 0 for route in self.routes)


def coverage(world: World, at: str | datetime) -> Counter[str]:
    """How many decisions each clause decided, keyed `kind | clause | yes` and `… | no`.

    `no`: the clause alone hid the object (had it passed, the viewer would see it). `yes`: the
    object is shown on one route only, and the clause was put to the question there. Where an
    instant within a microsecond of T was involved there is a second key with ` | field place`.
    """
    count: Counter[str] = Counter()
    for decision in decisions(world, at):
        count.update(_decided(decision))
    return count


def _decided(decision: Decision) -> set[str]:
    passing = [route for route in decision.routes if _failures(route) == 0]
    if passing:
        deciding = list(passing[0].items()) if len(passing) == 1 else []
        keys = {f"{decision.kind} | {mark} | yes" for mark in decision.marks}
    else:
        deciding = [pair for route in decision.routes for pair in route.items() if _fails(pair)]
        keys = set()
    way = "yes" if passing else "no"
    for clause, tried in deciding:
        key = f"{decision.kind} | {clause} | {way}"
        keys |= {key, *(f"{key} | {edge}" for edge in tried.edges)}
    return keys


def _failures(route: Route) -> int:
    return [tried.passed for tried in route.values()].count(False)


def _fails(pair: tuple[str, Tried]) -> bool:
    return not pair[1].passed


def _edges(record: Record, t: datetime) -> tuple[str, ...]:
    """Which of the record's instants lie on T or a tick beside it, and decide its being live."""
    near, ended = [], []
    for name in ("from", "until", "ended"):
        if record.get(name) is None:
            continue
        moment = instant(record[name])
        if abs(moment - t) <= TICK:
            near.append((name, _place(moment, t)))
        if (moment > t) if name == "from" else (moment <= t):
            ended.append(name)
    deciding = [f"{name} {place}" for name, place in near if not ended or [name] == ended]
    return tuple(deciding)


def _place(moment: datetime, t: datetime) -> str:
    return "on T" if moment == t else "just before T" if moment < t else "just after T"


def _instant_edge(name: str, text: str, t: datetime) -> tuple[str, ...]:
    moment = instant(text)
    return (f"{name} {_place(moment, t)}",) if abs(moment - t) <= TICK else ()


def _live_row(rows: Iterable[Record], t: datetime, *, wanted: bool) -> Tried | None:
    """The question whether any of these rows is live: None where there are none to ask about."""
    asked = list(rows)
    if not asked:
        return None
    found = [row for row in asked if live(row, t)]
    edges = _edges(found[0] if found else asked[0], t) if len(asked) == 1 else ()
    return Tried(bool(found) == wanted, edges)


def _present(route: dict[str, Tried | None]) -> Route:
    return {clause: tried for clause, tried in route.items() if tried is not None}


@dataclass
class _Seat:
    """An account in an agency, as the rule looks at it: the live membership, or one that is not."""

    world: World
    account: Record
    agency: Record
    membership: Record
    t: datetime
    default_teams: dict[str, Tried | None] = field(default_factory=dict)

    @property
    def role(self) -> str:
        return str(self.membership["role"])

    def team(self, teams: Iterable[Record]) -> Tried | None:
        """Whether the account is a live member of one of the teams; None where there is no team."""
        found = list(teams)
        if not found:
            return None
        rows = [
            row for team in found for row in team["members"] if row["account"] == self.account["id"]
        ]
        return _live_row(rows, self.t, wanted=True) or Tried(passed=False)

    def default_team(self, agency_id: str) -> Tried | None:
        """The same for the agency's default team, looked up once."""
        if agency_id not in self.default_teams:
            teams = self.world.get("teams", [])
            own = [t for t in teams if t["agency"] == agency_id and t.get("default")]
            self.default_teams[agency_id] = self.team(own)
        return self.default_teams[agency_id]

    def common(self, case: Record) -> Route:
        """Rules 1 to 3 as far as they speak of the case, and the blind roles of rule 4."""
        mine = [x for x in case.get("exclusions", []) if x["account"] == self.account["id"]]
        opened = case["opened"]
        return _present(
            {
                "1 account not disabled": Tried(not self.account.get("disabled")),
                "1 membership live": _live_row([self.membership], self.t, wanted=True),
                "2 not excluded": _live_row(mine, self.t, wanted=False),
                "3 case opened": Tried(
                    instant(opened) <= self.t, _instant_edge("opened", opened, self.t)
                ),
                "4 role not blind": Tried(self.role not in BLIND_ROLES),
            }
        )

    def human(self, case: Record, basis: str = "") -> Route:
        """Rule 5 (e): a never-tell of the account, and one of the person it is."""
        under = ", though the basis overrides" if basis in OVERRIDES_NEVER_TELL else ""
        rows = case.get("never_tell", [])
        person = self.account.get("person")
        return _present(
            {
                f"5e never-tell of the account{under}": _live_row(
                    [row for row in rows if row.get("account") == self.account["id"]],
                    self.t,
                    wanted=False,
                ),
                f"5e never-tell of the person{under}": _live_row(
                    [row for row in rows if person and row.get("person") == person],
                    self.t,
                    wanted=False,
                ),
            }
        )

    def barred_agency(self, case: Record) -> Tried | None:
        """Whether a never-tell names the agency; None where none ever did."""
        rows = [x for x in case.get("never_tell", []) if x.get("agency") == self.agency["id"]]
        return _live_row(rows, self.t, wanted=False)

    def never_tell(self, case: Record, grant: Record) -> Route:
        """Rule 5 (d) and (e) for this grant."""
        named = self.barred_agency(case)
        route = self.human(case, grant["basis"])
        if named and named.passed:
            route["5d never-tell of the agency not live"] = named
        elif named:
            overrides = grant["basis"] in OVERRIDES_NEVER_TELL
            route["5d basis overrides never-tell"] = Tried(overrides, named.edges)
        return route

    def grant(self, grant: Record) -> Route:
        """That the grant is live and goes to the acting agency, which takes part in the scheme."""
        return _present(
            {
                "5 grant live": Tried(live(grant, self.t), _edges(grant, self.t)),
                "5 grant to the acting agency": Tried(grant["agency"] == self.agency["id"]),
                "5 agency has not left": _live_row(
                    self.agency.get("departures", []), self.t, wanted=False
                ),
            }
        )

    def reader(self, grant: Record) -> Route:
        """Rule 5 (a) and (c)."""
        route: dict[str, Tried | None] = {
            "5c not an expert's agency": Tried(self.agency["type"] not in EXPERT_TYPES)
        }
        if self.agency["type"] == "cafeteria":
            route["5c cafeteria's watcher"] = Tried(self.role == "watcher")
        if grant.get("accounts"):
            route["5a named account"] = Tried(self.account["id"] in grant["accounts"])
        elif grant.get("team"):
            teams = [x for x in self.world.get("teams", []) if x["id"] == grant["team"]]
            route["5a member of the named team"] = self.team(teams)
        else:
            member = self.default_team(grant["agency"])
            route["5a member of the default team"] = member
            route["5a there is a default team"] = Tried(member is not None)
        return _present(route)

    def owner(self, case: Record, slice_: str | None) -> Route:
        """Rule 4 beyond the blind roles."""
        route = {
            "4 the acting agency owns the case": Tried(case["owner"] == self.agency["id"]),
            "4 an owner's role": Tried(self.role in OWNER_ROLES),
        }
        if slice_ == "reporter" and self.role == "center_director":
            route["4 reporter for the director"] = Tried(passed=True)
        elif slice_ == "reporter":
            works = self.account["id"] in case.get("workers", [])
            route["4 reporter for a case worker"] = Tried(works)
        return route

    def opens(self, case: Record, grant: Record, entry: Record) -> Route:
        """Slice, subject and (b) of rule 5, and 秘匿."""
        slice_, subject = entry["slice"], grant["subject"]
        route = {
            "5 grant names the slice": Tried(slice_ in grant["slices"]),
            "5b neither reporter nor advice": Tried(slice_ not in NEVER_SHARED),
        }
        if slice_ == "detail":
            route["5b detail not at a cafeteria"] = Tried(self.agency["type"] != "cafeteria")
        if case.get("concealed") and slice_ in PLACES:
            route["5 a duty tells where, though concealed"] = Tried(
                grant["basis"] in OVERRIDES_NEVER_TELL
            )
        if subject == "*":
            route["5 every subject, not with CONSENT"] = Tried(grant["basis"] != "CONSENT")
        else:
            route["5 grant names the subject"] = Tried(subject == entry["subject"])
        return route


def _entry_exists(entry: Record, t: datetime) -> Route:
    """Rule 3 for an entry, which asks nothing of the viewer."""
    at, retracted = entry["at"], entry.get("retracted")
    route = {"3 entry written": Tried(instant(at) <= t, _instant_edge("at", at, t))}
    if retracted is not None:
        edges = _instant_edge("retracted", retracted, t)
        route["3 entry not retracted"] = Tried(t < instant(retracted), edges)
    return route


def _seats(world: World, t: datetime) -> Iterator[_Seat]:
    """Each account once in each of its agencies, in the live membership where there is one."""
    agencies = {agency["id"]: agency for agency in world["agencies"]}
    for account in world["accounts"]:
        best: dict[str, Record] = {}
        for membership in account["memberships"]:
            if membership["agency"] not in best or live(membership, t):
                best[membership["agency"]] = membership
        for agency_id, membership in best.items():
            yield _Seat(world, account, agencies[agency_id], membership, t)


def decisions(world: World, at: str | datetime) -> Iterator[Decision]:
    """Every decision of the rule in this world at this instant that a single clause could change.

    For each account in each of its agencies, and all that is shown to it.
    """
    t = instant(at)
    exist = {
        entry["id"]: _entry_exists(entry, t)
        for case in world["cases"]
        for entry in case.get("entries", [])
    }
    for seat in _seats(world, t):
        for case in world["cases"]:
            common = seat.common(case)
            if _failures(common) <= 1:
                yield from _Look(seat, case, common, exist).decisions()


@dataclass
class _Look:
    """One viewer looking at one case.

    `common` are the clauses that every route shares, `exist` those of rule 3 by entry id.
    """

    seat: _Seat
    case: Record
    common: Route
    exist: dict[str, Route]

    def decisions(self) -> Iterator[Decision]:
        entries, grants = self.case.get("entries", []), self.case.get("grants", [])
        ways = self._ways(grants)
        decided = [self._entry(entry, ways) for entry in entries]
        shown = {decision.object_id for decision in decided if decision.shown}
        case = self._case(ways, shown)
        yield from decided
        yield case
        own = self.common | self.seat.human(self.case)
        if _failures(own) <= 1:
            yield from (
                self._own_post(own, entry, shown, case_shown=case.shown) for entry in entries
            )
        yield from (self._managed(grant) for grant in grants)

    def _decision(
        self, kind: str, object_id: str, routes: Iterable[Route], marks: Iterable[str] = ()
    ) -> Decision:
        near = tuple(route for route in routes if _failures(route) <= 1)
        seat = self.seat
        return Decision(
            seat.account["id"], seat.agency["id"], kind, object_id, near, frozenset(marks)
        )

    def _ways(self, grants: Iterable[Record]) -> list[tuple[Record, Route]]:
        """The grants on which the case may be seen, but for at most one clause."""
        seat, ways = self.seat, []
        for grant in grants:
            route = self.common | seat.grant(grant)
            if _failures(route) <= 1:
                route |= seat.reader(grant) | seat.never_tell(self.case, grant)
            if _failures(route) <= 1:
                ways.append((grant, route))
        return ways

    def _entry(self, entry: Record, ways: list[tuple[Record, Route]]) -> Decision:
        exists = self.exist[entry["id"]]
        owner = self.common | exists | self.seat.owner(self.case, entry["slice"])
        granted = [
            route | exists | self.seat.opens(self.case, grant, entry) for grant, route in ways
        ]
        return self._decision("entry", entry["id"], [owner, *granted], self._owner_marks(owner))

    def _owner_marks(self, owner: Route) -> list[str]:
        if _failures(owner):
            return []
        me = {self.seat.account["id"], self.seat.account.get("person"), self.seat.agency["id"]}
        named = any(
            live(row, self.seat.t)
            and {row.get(key) for key in ("account", "person", "agency")} & (me - {None})
            for row in self.case.get("never_tell", [])
        )
        return ["4 never-tell does not bind"] if named else []

    def _case(self, ways: list[tuple[Record, Route]], shown: set[str]) -> Decision:
        owner = self.common | self.seat.owner(self.case, None)
        marks = self._owner_marks(owner)
        slices = {s for grant, route in ways if not _failures(route) for s in grant["slices"]}
        if _failures(owner) and not shown:
            marks.append("8 without any entry")
        if _failures(owner) and slices <= NEVER_SHARED:
            marks.append("8 (b) does not bind")
        routes = [owner, *(route for _, route in ways)]
        return self._decision("case", self.case["id"], routes, marks)

    def _own_post(
        self, own: Route, entry: Record, shown: set[str], *, case_shown: bool
    ) -> Decision:
        seat = self.seat
        base = own | self.exist[entry["id"]]
        base["6 the acting agency wrote it"] = Tried(entry["author_agency"] == seat.agency["id"])
        if self.case["owner"] == seat.agency["id"]:
            owner = seat.owner(self.case, entry["slice"])
            base["6 in the owner's agency only what 4 shows"] = Tried(_failures(owner) == 0)
        member = seat.default_team(seat.agency["id"]) or Tried(passed=False)
        routes = [
            base | {"6 wrote it": Tried(entry["author"] == seat.account["id"])},
            base | {"6 member of the default team": member},
        ]
        barred = seat.barred_agency(self.case)
        marks = {
            "6 never-tell of the agency does not bind": barred is not None and not barred.passed,
            "6 the entry is not shown otherwise": entry["id"] not in shown,
            "6 the case is not shown": not case_shown,
        }
        held = [mark for mark, holds in marks.items() if holds]
        return self._decision("own_post", entry["id"], routes, held)

    def _managed(self, grant: Record) -> Decision:
        seat = self.seat
        route = self.common | seat.grant(grant)
        route["7 manager"] = Tried(bool(seat.membership.get("manager")))
        if _failures(route) > 1:
            return self._decision("managed_grant", grant["id"], [])
        route |= seat.never_tell(self.case, grant)
        failed = {clause[:2] for clause, tried in seat.reader(grant).items() if not tried.passed}
        named = {"5a": "7 without being a reader", "5c": "7 (c) does not bind"}
        marks = [named[letter] for letter in failed]
        return self._decision("managed_grant", grant["id"], [route], marks)
