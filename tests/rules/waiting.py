"""What waits for people in a random world, and which of it each of them may hear of.

A world holds cases, entries and grants. Here it gets what lies beside them: what agencies were
asked, tasks, consultations on desks, alarms, and for every account a notification of nearly
everything there is, whether it may hear of it or not. What shows of it is the oracle's to say, by
the clauses of domain.md.
"""

from __future__ import annotations

import random
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import TypeVar

from sqlalchemy import text
from sqlalchemy.orm import Session

from portal import models as m
from portal.codes import number_of
from portal.policy.permissions import Action, Standing, allows
from portal.vault import Scope, create_key, seal
from tests.rules import oracle
from tests.rules.oracle import Record, World
from tests.rules.sight import Pair, Sight
from tests.rules.worlds import JST, canary

T = TypeVar("T")
# Whoever has one of these roles is at a desk; of a school and a nursery its team (domain.md §2).
DESKS = frozenset({"center_director", "center_counselor", "center_investigator", "npo_worker"})
TEAM_DESKS = frozenset({"school", "nursery"})
DESK_TYPES = TEAM_DESKS | {"support_center", "npo"}
DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
ENDING = timedelta(days=14)
# Whoever looks again before that is at the same visit.
VISIT = timedelta(minutes=30)
# A picture begins so many weeks before the present one.
WEEKS_BACK = 11
TARGETS = ("case_id", "action_id", "entry_id", "thread_id")
# How somebody wants mail at noon, when the worker comes: only the first two get it then.
CHOICES: dict[str, dict[str, int]] = {
    "at once": {},
    "a digest at twelve": {"daily_at": 12},
    "a digest in the evening": {"daily_at": 20},
    "quiet at noon": {"quiet_from": 11, "quiet_until": 13},
}
COMES = frozenset({"at once", "a digest at twelve"})


@dataclass
class Waiting:
    """What waits in a world at an instant, as plain data beside the world's own."""

    world: World
    at: str
    rng: random.Random
    actions: list[Record] = field(default_factory=list)
    tasks: list[Record] = field(default_factory=list)
    threads: list[Record] = field(default_factory=list)
    alarms: list[Record] = field(default_factory=list)
    told: list[Record] = field(default_factory=list)
    choices: dict[str, str] = field(default_factory=dict)
    # When somebody looked at a case last, and when the visit before that one ended.
    looks: dict[tuple[str, str, str], tuple[datetime, datetime | None]] = field(
        default_factory=dict
    )

    @classmethod
    def draw(cls, world: World, seed: int, at: str) -> Waiting:
        """Return what waits in a world, the same for each seed; of cases already opened."""
        waiting = cls(world, at, random.Random(f"waiting {seed}"))
        for case in world["cases"]:
            # As an address finds it and a search compares it.
            case["reference"] = case["reference"].upper()
            if oracle.instant(case["opened"]) <= waiting.t:
                waiting._draw_of_case(case)
        for agency in world["agencies"]:
            if agency["type"] in DESK_TYPES:
                waiting._draw_thread(None, agency["id"])
        for account in world["accounts"]:
            waiting.choices[account["id"]] = waiting.rng.choice([*CHOICES])
            for agency in dict.fromkeys(row["agency"] for row in account["memberships"]):
                for case in world["cases"]:
                    days = waiting.rng.choice((100, 400))
                    look = account["id"], agency, case["id"]
                    waiting.looks[look] = waiting.t - days * DAY, None
        return waiting

    @property
    def t(self) -> datetime:
        return oracle.instant(self.at)

    def _id(self) -> str:
        return str(uuid.UUID(int=self.rng.getrandbits(128), version=4))

    def _draw_of_case(self, case: Record) -> None:
        admitted = sorted({grant["agency"] for grant in case.get("grants", [])})
        for agency in {*admitted, self.rng.choice(self.world["agencies"])["id"]}:
            days = self.rng.choice((-2, 2))
            status = self.rng.choice(("asked", "accepted", "done"))
            self.actions.append(
                {"id": self._id(), "case": case, "agency": agency, "days": days, "status": status}
            )
        self.tasks.append({"id": self._id(), "case": case, "done": self.rng.random() < 0.3})
        self._draw_thread(case, case["owner"])
        if self.rng.random() < 0.5:
            self.alarms.append({"id": self._id(), "case": case, "agency": case["owner"]})

    def _draw_thread(self, case: Record | None, desk: str) -> None:
        """A consultation on a desk; one with a case may have come over another desk."""
        desks = [row["id"] for row in self.world["agencies"] if row["type"] in DESK_TYPES]
        over = self.rng.choice(desks) if case is not None and self.rng.random() < 0.6 else desk
        sealed = self.rng.random() < 0.4
        items = [
            {"id": self._id(), "agency": desk, "case": case, "sealed": sealed, "waits": not case}
        ]
        if over != desk:
            waits = self.rng.random() < 0.5
            items.append(
                {"id": self._id(), "agency": over, "case": None, "sealed": False, "waits": waits}
            )
        self.threads.append({"id": self._id(), "case": case, "sealed": sealed, "items": items})

    def draw_told(self) -> list[Record]:
        """Draw for every account a notification of most of what there is; return the new ones."""
        new = [
            {
                "id": self._id(),
                "account": account["id"],
                "agency": agency,
                **dict.fromkeys(TARGETS),
                **target,
            }
            for account in self.world["accounts"]
            for agency in dict.fromkeys(row["agency"] for row in account["memberships"])
            for target in self._targets()
        ]
        self.told += new
        return new

    def _targets(self) -> Iterator[Record]:
        cases = self.world["cases"]
        entries = [(case, entry) for case in cases for entry in case.get("entries", [])]
        for case in cases:
            yield {"case_id": case["id"], "kind": "share"}
        for case, entry in self._some(entries, 5):
            yield {"case_id": case["id"], "entry_id": entry["id"], "kind": "mention"}
        for action in self._some(self.actions, 5):
            yield {
                "case_id": action["case"]["id"],
                "action_id": action["id"],
                "kind": self.rng.choice(("action", "due", "answer")),
            }
        for thread in self._some(self.threads, 5):
            yield {"thread_id": thread["id"], "kind": self.rng.choice(("arrived", "overdue"))}

    def _some(self, rows: list[T], number: int) -> list[T]:
        return self.rng.sample(rows, min(number, len(rows)))

    def withdraw(self) -> None:
        """Every grant of the world ends now, as the grants of the database do."""
        for case in self.world["cases"]:
            for grant in case.get("grants", []):
                ended = grant.get("ended")
                if ended is None or self.t < oracle.instant(ended):
                    grant["ended"] = self.at

    # ------------------------------------------------------------------------- into the database

    def write(self, session: Session) -> None:
        """Write what waits, but for the notifications, as the system role."""
        refer = text("UPDATE cases SET reference = upper(reference) WHERE id = :id")
        for case in self.world["cases"]:
            session.execute(refer, {"id": case["id"]})
        some_account = uuid.UUID(self.world["accounts"][0]["id"])
        for row in self.actions:
            action = m.Action(
                id=uuid.UUID(row["id"]),
                **_place(row["case"]),
                agency_id=uuid.UUID(row["agency"]),
                kind="watch",
                status=row["status"],
                due_on=(self.t + row["days"] * DAY).date(),
                asked_by=some_account,
            )
            create_key(session, Scope("action", action.id))
            seal(session, action, request=canary(row["id"]))
            session.add(action)
        for row in self.tasks:
            session.add(
                m.Task(
                    id=uuid.UUID(row["id"]),
                    **_place(row["case"]),
                    kind=m.Task.SEE_CHILD,
                    due_at=self.t - DAY,
                    done_at=self.t if row["done"] else None,
                )
            )
        session.flush()
        for row in self.threads:
            self._write_thread(session, row)
        for row in self.alarms:
            session.add(
                m.Alarm(
                    id=uuid.UUID(row["id"]),
                    agency_id=uuid.UUID(row["agency"]),
                    case_id=uuid.UUID(row["case"]["id"]),
                    about_id=uuid.uuid4(),
                    rung_at=self.t,
                )
            )
        self._write_own(session)
        session.flush()

    def _write_own(self, session: Session) -> None:
        """Write what is each account's own: when it looked at cases, and how it wants mail."""
        for (account_id, agency_id, case_id), (looked_at, since) in self.looks.items():
            session.add(
                m.CaseLook(
                    account_id=uuid.UUID(account_id),
                    agency_id=uuid.UUID(agency_id),
                    case_id=uuid.UUID(case_id),
                    looked_at=looked_at,
                    since=since,
                )
            )
        for account_id, choice in self.choices.items():
            if CHOICES[choice]:
                session.add(m.MailChoice(account_id=uuid.UUID(account_id), **CHOICES[choice]))

    def _write_thread(self, session: Session, row: Record) -> None:
        place = {} if row["case"] is None else _place(row["case"])
        thread = m.Thread(id=uuid.UUID(row["id"]), kind="child", sealed=row["sealed"], **place)
        session.add(thread)
        session.flush()
        create_key(session, Scope("thread", thread.id))
        consultation = m.Consultation(
            thread_id=thread.id, channel="WEB", consulter="CHILD", topic="FAMILY"
        )
        seal(session, consultation, words=canary(row["id"]))
        session.add(consultation)
        session.flush()
        for item in row["items"]:
            of_case = item["case"] and uuid.UUID(item["case"]["id"])
            session.add(
                m.InboxItem(
                    id=uuid.UUID(item["id"]),
                    consultation_id=consultation.id,
                    thread_id=thread.id,
                    agency_id=uuid.UUID(item["agency"]),
                    status="new" if item["waits"] else "accepted",
                    sealed=item["sealed"],
                    due_at=self.t + DAY,
                    case_id=of_case,
                )
            )
        session.flush()

    def write_told(self, session: Session, rows: Iterable[Record]) -> None:
        """Write notifications as the system role, whoever may hear of what they tell."""
        session.add_all(
            m.Notification(
                id=uuid.UUID(row["id"]),
                account_id=uuid.UUID(row["account"]),
                agency_id=uuid.UUID(row["agency"]),
                kind=row["kind"],
                about_id=uuid.uuid4(),
                recorded_at=self.t - 5 * MINUTE,
                **{name: row[name] and uuid.UUID(row[name]) for name in TARGETS},
            )
            for row in rows
        )
        session.flush()

    def tokens(self) -> dict[str, str]:
        """Return what stands in the texts of what waits, by the id of its row."""
        return {row["id"]: canary(row["id"]) for row in (*self.actions, *self.threads)}


def _place(case: Record) -> dict[str, uuid.UUID]:
    return {"case_id": uuid.UUID(case["id"]), "owner_agency_id": uuid.UUID(case["owner"])}


# ------------------------------------------------------------------------------------ the oracle


@dataclass(frozen=True, eq=False)
class Hearer:
    """Somebody of the world acting for one agency, and what of all that waits is for them."""

    waiting: Waiting
    pair: Pair
    sight: Sight

    @cached_property
    def viewer(self) -> oracle.Viewer | None:
        return oracle.viewer_of(self.waiting.world, *self.pair, self.waiting.t)

    @property
    def standing(self) -> Standing | None:
        viewer = self.viewer
        if viewer is None:
            return None
        return Standing(viewer.role, viewer.manager, viewer.agency_type, uuid.UUID(viewer.agency))

    def told(self) -> list[Record]:
        """Return the notifications that show: all that they name is visible (rules 1 to 8)."""
        if self.viewer is None:
            return []
        shown = {
            "case_id": self.sight["cases"],
            "entry_id": self.sight["entries"] | self.sight["own_posts"],
            "action_id": {each["id"] for each in self.waiting.actions if self._acts_on(each)},
            "thread_id": {each["id"] for each in self.waiting.threads if self._reads(each)},
        }
        return [
            row
            for row in self.waiting.told
            if (row["account"], row["agency"]) == self.pair
            and all(row[name] in shown[name] for name in TARGETS if row[name] is not None)
        ]

    def _reach(self, case: Record) -> oracle.Viewer | None:
        """Return the viewer where neither an exclusion nor a blind role stands before a case."""
        viewer = self.viewer
        if viewer is None or not oracle._within_reach(case, viewer, self.waiting.t):
            return None
        return viewer

    def _owns(self, case: Record, slice_: str | None = None) -> bool:
        viewer = self._reach(case)
        return viewer is not None and oracle._owner_sees(case, viewer, slice_)

    def _mine(self, case: Record) -> bool:
        """Whether a case of the own centre is answered for: the director's all, else the own."""
        viewer = self.viewer
        return viewer is not None and (
            viewer.role == "center_director" or viewer.account in case.get("workers", [])
        )

    def _acts_on(self, action: Record) -> bool:
        """An action: the owner; the assigned agency while it has any live grant (§4)."""
        case, viewer = action["case"], self._reach(action["case"])
        if viewer is None:
            return False
        return self._owns(case) or (
            action["agency"] == viewer.agency
            and any(
                oracle._grant_shows_case(case, grant, viewer, self.waiting.t)
                for grant in case.get("grants", [])
            )
        )

    def _reads(self, thread: Record) -> bool:
        """A consultation: the own desk that holds or held it, and the owner of its case (§2)."""
        case = thread["case"]
        if any(self._holds(item, case) for item in thread["items"]):
            return True
        return case is not None and self._owns(case, "reporter" if thread["sealed"] else None)

    def _holds(self, item: Record, of_thread: Record | None) -> bool:
        viewer = self.viewer
        if viewer is None or item["agency"] != viewer.agency:
            return False
        team_desk = viewer.agency_type in TEAM_DESKS and viewer.role not in oracle.BLIND_ROLES
        if viewer.role not in DESKS and not (team_desk and viewer.in_default_team):
            return False
        if of_thread is not None and self._excluded(of_thread):
            return False
        return item["case"] is None or not item["sealed"] or self._owns(item["case"], "reporter")

    def _excluded(self, case: Record) -> bool:
        return any(
            row["account"] == self.pair[0] and oracle.live(row, self.waiting.t)
            for row in case.get("exclusions", [])
        )

    def counts(self) -> dict[str, int]:
        """Return how much of each kind waits on the first page; what is empty is left out."""
        acting = self.standing
        counts: Counter[str] = Counter()
        if acting is None:
            return counts
        if allows(acting, Action.COORDINATE):
            counts |= self._at_centre()
        elif allows(acting, Action.WORK_ACTION):
            counts["actions"] = len(
                [
                    each
                    for each in self.waiting.actions
                    if each["agency"] == self.pair[1]
                    and each["status"] != "done"
                    and self._acts_on(each)
                ]
            )
        if allows(acting, Action.READ_INBOX):
            counts["inbox"] = sum(
                item["waits"] and self._holds(item, thread["case"])
                for thread in self.waiting.threads
                for item in thread["items"]
            )
        if allows(acting, Action.LIST_CASES) and not acting.at_centre:
            counts["cases"] = len(self.sight["cases"])
        if allows(acting, Action.MANAGE) and acting.reads_by_team:
            counts["shares"] = self._ending_shares()
        return dict(+counts)

    def _at_centre(self) -> Counter[str]:
        mine = [case for case in self._own_cases() if self._mine(case)]
        ids = {case["id"] for case in mine}
        return Counter(
            alarms=sum(self._owns(each["case"]) for each in self.waiting.alarms),
            tasks=sum(
                each["case"]["id"] in ids and not each["done"] for each in self.waiting.tasks
            ),
            checks=sum(case["status"] != "closed" for case in mine),
            asked=sum(
                each["case"]["id"] in ids and each["days"] < 0 and each["status"] != "done"
                for each in self.waiting.actions
            ),
            unread=sum(
                oracle.live(grant, self.waiting.t) and not self._has_reader(case, grant)
                for case in mine
                for grant in case.get("grants", [])
            ),
        )

    def _own_cases(self) -> list[Record]:
        return [case for case in self.waiting.world["cases"] if self._owns(case)]

    def _has_reader(self, case: Record, grant: Record) -> bool:
        """Whether anybody is left who reads a share: a place to read from, and not excluded."""
        world, t = self.waiting.world, self.waiting.t
        for account in world["accounts"]:
            viewer = oracle.viewer_of(world, account["id"], grant["agency"], t)
            if viewer is None or not oracle._within_reach(case, viewer, t):
                continue
            watches = viewer.agency_type != "cafeteria" or viewer.role == "watcher"
            if watches and oracle._is_reader(grant, viewer):
                return True
        return False

    def _ending_shares(self) -> int:
        """The live shares that end within two weeks, or all of them where nobody is on the team."""
        world, t = self.waiting.world, self.waiting.t
        team = any(
            oracle.live(member, t)
            for team in world.get("teams", [])
            if team["agency"] == self.pair[1] and team.get("default")
            for member in team["members"]
        )
        return sum(
            not team
            or (grant.get("until") is not None and oracle.instant(grant["until"]) <= t + ENDING)
            for case in world["cases"]
            for grant in case.get("grants", [])
            if grant["id"] in self.sight["managed_grants"]
        )

    def new(self, case: Record, since: datetime) -> set[str]:
        """Return the entries of a case that show and that others wrote after an instant."""
        return {
            entry["id"]
            for entry in case.get("entries", [])
            if entry["id"] in self.sight["entries"]
            and entry["author"] != self.pair[0]
            and oracle.instant(entry["at"]) > since
        }

    def listed(self) -> dict[str, int]:
        """Return how much is new in each case that is listed with something new."""
        counts = {}
        for case in self.waiting.world["cases"]:
            look = self.waiting.looks.get((*self.pair, case["id"]))
            if look is not None and case["id"] in self.sight["cases"]:
                counts[case["id"]] = len(self.new(case, look[0]))
        return {case_id: number for case_id, number in counts.items() if number}

    def marked(self, case: Record) -> set[str] | None:
        """Note that the viewer opens a case; return what is marked on it as new, None: no case."""
        if case["id"] not in self.sight["cases"]:
            return None
        here = (*self.pair, case["id"])
        looked, since = self.waiting.looks[here]
        since = looked if looked < self.waiting.t - VISIT else since
        self.waiting.looks[here] = self.waiting.t, since
        return set() if since is None else self.new(case, since)

    def pictured(self, case: Record) -> tuple[int, int] | None:
        """Return how many entries of the last weeks and measures a picture has; None: no case."""
        if case["id"] not in self.sight["cases"]:
            return None
        today = self.waiting.t.astimezone(JST).date()
        since = today - timedelta(days=today.weekday() + 7 * WEEKS_BACK)
        entries = [
            entry
            for entry in case.get("entries", [])
            if entry["id"] in self.sight["entries"]
            and oracle.instant(entry["at"]).astimezone(JST).date() >= since
        ]
        acted = [each for each in self.waiting.actions if each["case"] is case]
        return len(entries), sum(map(self._acts_on, acted))

    def named(self) -> frozenset[str]:
        """Return the references and numbers that may stand on a page of the viewer's."""
        managed = self.sight["managed_grants"]
        cases = {
            case["reference"]
            for case in self.waiting.world["cases"]
            if case["id"] in self.sight["cases"]
            or any(grant["id"] in managed for grant in case.get("grants", []))
        }
        threads = {
            number_of(uuid.UUID(each["id"])) for each in self.waiting.threads if self._reads(each)
        }
        return frozenset(cases | threads)


def all_names(waiting: Waiting) -> frozenset[str]:
    """Return every reference and number of a world, of which a page may hold only ``named``."""
    return frozenset(
        {case["reference"] for case in waiting.world["cases"]}
        | {number_of(uuid.UUID(each["id"])) for each in waiting.threads}
    )
