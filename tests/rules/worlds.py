"""Random worlds for the rule of domain.md §4.

`random_world` draws a small city as `portal-world/1` (world-format.md): the same seed, the same
world. Two modes: lawful worlds load as they are; the others break the *granting* rules and load
with `--trust`. Neither contradicts itself, so that every world can stand in a real database.

Every instant lies on, one microsecond before, one microsecond after, or far away from the instant
asked for, because that is where `<` and `<=` part.
"""

from __future__ import annotations

import csv
import hashlib
import random
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from tests.rules.clauses import coverage
from tests.rules.oracle import (
    EXPERT_TYPES,
    NEVER_SHARED,
    OVERRIDES_NEVER_TELL,
    Record,
    World,
)

__all__ = [
    "AGENCY_TYPES",
    "JST",
    "TICK",
    "canaries",
    "canary",
    "coverage",
    "name_canaries",
    "random_world",
    "share_bases",
    "with_consent_for_everyone",
]

T = TypeVar("T")
JST = timezone(timedelta(hours=9))
TICK = timedelta(microseconds=1)

# Each agency type with its name, the legal forms it may have, and the roles of its people. The
# vocabulary has no role for the staff of a clinic, a court or a club: they take a plain one.
AGENCY_TYPES: dict[str, tuple[str, tuple[str, ...], tuple[str, ...]]] = {
    "support_center": (
        "みほん市こどもの権利サポートセンター",
        ("municipal",),
        (
            "center_director",
            "center_counselor",
            "center_investigator",
            "center_clerk",
            "sysadmin",
        ),
    ),
    "school": (
        "見本小学校",
        ("municipal", "prefectural", "national", "private"),
        (
            "school_principal",
            "school_nurse",
            "school_team",
            "school_staff",
            "school_social_worker",
            "school_counselor",
        ),
    ),
    "nursery": ("見本保育園", ("municipal", "private"), ("school_principal", "school_staff")),
    "board_of_education": ("みほん市教育委員会", ("municipal",), ("boe_staff",)),
    "mayor_department": ("みほん市こども局", ("municipal",), ("mayor_officer", "audit_officer")),
    "cgc": ("みほん市児童相談所", ("municipal",), ("cgc_worker",)),
    "ward_welfare": ("見本区福祉課", ("municipal",), ("ward_worker",)),
    "ward_child_health": ("見本区保健こども課", ("municipal",), ("ward_worker",)),
    "ward_protection": ("見本区保護課", ("municipal",), ("ward_worker",)),
    "police": ("見本警察署", ("prefectural",), ("police_liaison",)),
    "npo": ("NPO法人みほん", ("private",), ("npo_worker",)),
    "cafeteria": (
        "こども食堂みほん",
        ("private",),
        ("watcher", "watcher", "watcher", "cafeteria_operator", "cafeteria_volunteer"),
    ),
    "expert_lawyer": ("提携弁護士", ("private",), ("expert", "expert_lawyer")),
    "expert_welfare": ("福祉専門家", ("private",), ("expert",)),
    "cram_club": ("見本クラブ", ("private",), ("school_staff",)),
    "medical": ("見本医院", ("private", "prefectural"), ("school_nurse",)),
    "family_court": ("見本家庭裁判所", ("national",), ("school_staff",)),
}
SLICES = (
    "basic",
    "contact",
    "summary",
    "detail",
    "child_view",
    "school",
    "home",
    "health",
    "welfare",
    "safety",
    "facts",
    "judgement",
    "plan",
    "watch_points",
    "progress",
    "advice",
    "others",
    "reporter",
)
PURPOSES = (
    "support",
    "coordination",
    "fact_finding",
    "watching",
    "safety",
    "protection",
    "statutory_report",
    "expert_advice",
)
NECESSITIES = ("alone_difficult", "agencies_needed", "cannot_reach")
STATUSES = ("received", "accepted", "assessing", "policy", "supporting", "watching", "closed")
WARDS = ("43101", "43102", "43103", "43104", "43105")
FAMILY_NAMES = ("佐藤", "髙﨑", "𠮷野", "田中", "渡邉", "山﨑", "中村", "小林")
GIVEN_NAMES = ("あおい", "はるか", "りく", "そら", "ひな", "まこと", "けん", "美咲")
SENTENCES = (
    "放課後に一人で残ることが多い。",
    "保健室で話した。笑顔があった。",
    "家に帰りたくないと言う。",
    "給食費のことを気にしている。",
    "来たら名前で呼んで、あいさつを。",
)

# Whether these come as recipients depends on more than the type: the first two stand for anybody,
# the third for a member of the council on the day, the fourth for a school with that legal form.
ANYBODY = frozenset({"any", "named_in_consent", "as_in_the_law"})
# A report goes to the centre only where a setting says that it receives 通告; the default is no.
DUTIES_NOT_TO_CENTER = frozenset({"CAPA6", "CWA25", "CWA33_12"})
# A lawful grant to the police lasts a month at most (domain.md §1), whatever the basis allows.
POLICE_DAYS = 30


@dataclass(frozen=True)
class Basis:
    """A row of legal_bases.csv that can be the basis of a share; `max_days` in days."""

    code: str
    providers: frozenset[str]
    recipients: frozenset[str]
    purposes: tuple[str, ...]
    max_days: int


@cache
def share_bases() -> dict[str, Basis]:
    """The bases with can_be_share_basis=yes, by code, from the tests' copy of legal_bases.csv."""
    path = Path(__file__).parent.parent / "data" / "legal_bases.csv"
    with path.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["can_be_share_basis"] == "yes"]
    return {
        row["code"]: Basis(
            code=row["code"],
            providers=frozenset(row["provider_roles"].split(";")),
            recipients=frozenset(row["allowed_recipients"].split(";")),
            purposes=tuple(row["allowed_purposes"].split(";")),
            max_days=int(row["max_days"]),
        )
        for row in rows
    }


def canary(row_id: str) -> str:
    """The token that stands in the text of the entry with this id; ids come from the seed."""
    return "カナリア-" + hashlib.sha256(f"canary {row_id}".encode()).hexdigest()[:12]


def canaries(world: World) -> dict[str, str]:
    """The token in each entry's text, by entry id."""
    return {
        entry["id"]: canary(entry["id"])
        for case in world["cases"]
        for entry in case.get("entries", [])
    }


def name_canaries(world: World) -> dict[str, tuple[str, str]]:
    """The tokens in the family and the given name of each person, by person id."""
    return {
        person["id"]: (canary(person["id"] + " family"), canary(person["id"] + " given"))
        for person in world.get("persons", [])
    }


def random_world(seed: int, *, cases: int = 6, at: datetime, lawful: bool = True) -> World:
    """A world of `cases` cases around the instant `at` (with an offset), the same for each seed.

    `lawful=True` keeps the granting rules that a load checks; `lawful=False` breaks them freely
    (basis and recipient, purpose, slices, length, order of a grant's times) but never contradicts
    itself. Raises ValueError where `at` has no offset.
    """
    if at.tzinfo is None:
        raise ValueError("the instant needs an offset")
    maker = _Lawful(seed, at) if lawful else _Unlawful(seed, at)
    return maker.world(cases)


def with_consent_for_everyone(world: World, seed: int) -> World:
    """The world with some of its CONSENT grants on subject `*`, which no load accepts.

    Only for comparing readings of the rule: `*` never opens anything with CONSENT.
    """
    rng = random.Random(seed)
    for case in world["cases"]:
        for grant in case.get("grants", []):
            if grant["basis"] == "CONSENT" and rng.random() < 0.5:
                grant["subject"] = "*"
    return world


class _Lawful:
    """Draws a world whose grants keep every rule that a load checks."""

    def __init__(self, seed: int, at: datetime) -> None:
        self.rng = random.Random(f"{type(self).__name__} {seed}")
        self.at = at
        self.agencies: list[Record] = []
        self.accounts: list[Record] = []
        self.teams: list[Record] = []
        self.persons: list[Record] = []
        self.cases: list[Record] = []
        self.households: list[Record] = []

    def world(self, cases: int) -> World:
        """All of it, in the order in which the parts refer to each other."""
        self._draw_agencies()
        self._draw_accounts()
        self._draw_teams()
        while len(self.cases) < cases:
            self._draw_household(cases - len(self.cases))
        self._draw_ends()
        self.rng.shuffle(self.accounts)
        self.rng.shuffle(self.persons)
        world = {
            "format": "portal-world/1",
            "agencies": self.agencies,
            "accounts": self.accounts,
            "teams": self.teams,
            "persons": self.persons,
            "households": self.households,
            "cases": self.cases,
        }
        # A third of the worlds leave out what is empty, as the format allows.
        return _without_empty(world) if self.rng.random() < 0.33 else world

    def _draw_ends(self) -> None:
        """Some agencies have left the scheme, or left and came back; some cases are concealed."""
        for agency in self.agencies[1:]:
            if self._chance(0.12):
                agency["departures"] = self._periods(past=0.5, lasting=0.4)
        for case in self.cases:
            if self._chance(0.2):
                case["concealed"] = True

    # -- small things ---------------------------------------------------------------------------

    def _chance(self, share: float) -> bool:
        return self.rng.random() < share

    def _some(self, items: Sequence[T], most: int, least: int = 0) -> list[T]:
        return self.rng.sample(items, min(len(items), self.rng.randint(least, most)))

    def _id(self) -> str:
        return str(uuid.UUID(int=self.rng.getrandbits(128), version=4))

    def _text(self, moment: datetime) -> str:
        """The same instant may be written in Japanese time, in UTC, or with a Z."""
        if self._chance(0.8):
            return moment.astimezone(JST).isoformat()
        text = moment.astimezone(UTC).isoformat()
        return text.replace("+00:00", "Z") if self._chance(0.5) else text

    def _past(self) -> datetime:
        return self.at - timedelta(days=self.rng.randint(2, 400), minutes=self.rng.randint(0, 600))

    def _future(self) -> datetime:
        return self.at + timedelta(days=self.rng.randint(2, 400), minutes=self.rng.randint(0, 600))

    def _edge(self) -> datetime:
        return self.at + self.rng.choice((-TICK, 0 * TICK, TICK))

    def _start(self, past: float = 0.72) -> datetime:
        kind = self.rng.random()
        if kind < past:
            return self._past()
        return self._edge() if kind < 0.95 else self._future()

    def _stop(self, start: datetime, lasting: float = 0.55) -> datetime | None:
        kind = self.rng.random()
        if kind < lasting:
            return None
        moment = self.rng.choices((self._edge(), self._future(), self._past()), (5, 3, 2))[0]
        return moment if moment > start else None

    def _period(self, past: float = 0.72, lasting: float = 0.55) -> Record:
        start = self._start(past)
        stop = self._stop(start, lasting)
        return {"from": self._text(start), "until": stop and self._text(stop)}

    def _periods(self, past: float = 0.72, lasting: float = 0.55) -> list[Record]:
        """One period, or two that follow each other without overlapping."""
        if not self._chance(0.15):
            return [self._period(past, lasting)]
        middle = self._edge() if self._chance(0.6) else self._past()
        later = middle if self._chance(0.5) else max(middle, self._edge())
        first = {"from": self._text(middle - timedelta(days=9)), "until": self._text(middle)}
        stop = self._stop(later)
        return [first, {"from": self._text(later), "until": stop and self._text(stop)}]

    # -- agencies, people, teams ----------------------------------------------------------------

    def _draw_agencies(self) -> None:
        others = [kind for kind in AGENCY_TYPES if kind not in {"support_center", "school"}]
        kinds = ["support_center", "school", "school", *self.rng.sample(others, 5)]
        if "cafeteria" not in kinds and self._chance(0.6):
            kinds.append("cafeteria")
        if "cgc" in kinds and "police" not in kinds and self._chance(0.5):
            kinds.append("police")
        for number, kind in enumerate(kinds + self._more_agencies(), start=1):
            name, forms, _ = AGENCY_TYPES[kind]
            self.agencies.append(
                {
                    "id": self._id(),
                    "type": kind,
                    "name": f"{name}（その{number}）",
                    "legal_form": self.rng.choice(forms),
                    "ward": self.rng.choice(WARDS) if kind.startswith("ward_") else None,
                    "council": self._council(),
                }
            )

    def _more_agencies(self) -> list[str]:
        return []

    def _council(self) -> list[Record]:
        """Member for long and without an end, or a member no longer, or never one."""
        long_ago = self.at - timedelta(days=2000)
        if self._chance(0.6):
            return [{"from": self._text(long_ago), "until": None}]
        if self._chance(0.5):
            return [{"from": self._text(long_ago), "until": self._text(self._past())}]
        return []

    def _draw_accounts(self) -> None:
        for agency in self.agencies:
            many = 4 if agency["type"] == "support_center" else 2
            for _ in range(many + self._chance(0.5)):
                number = len(self.accounts) + 1
                self.accounts.append(
                    {
                        "id": self._id(),
                        "email": f"viewer{number}@example.jp",
                        "name": f"見本 職員{number}",
                        "person": self._person(adult=True)["id"] if self._chance(0.6) else None,
                        "disabled": self._chance(0.05),
                        "memberships": self._memberships(agency),
                    }
                )

    def _memberships(self, agency: Record) -> list[Record]:
        """One agency or two, and in the first one sometimes two memberships that follow on."""
        memberships = [self._membership(agency, period) for period in self._periods()]
        if self._chance(0.25):
            other = self.rng.choice([row for row in self.agencies if row is not agency])
            memberships.append(self._membership(other, self._period()))
        return memberships

    def _membership(self, agency: Record, period: Record) -> Record:
        role = self._role(agency)
        return {"agency": agency["id"], "role": role, "manager": self._chance(0.35), **period}

    def _role(self, agency: Record) -> str:
        if self._chance(0.04):
            return self.rng.choice(("sysadmin", "audit_officer"))
        return self.rng.choice(AGENCY_TYPES[agency["type"]][2])

    def _people_of(self, agency_id: str) -> list[str]:
        return [
            account["id"]
            for account in self.accounts
            if any(row["agency"] == agency_id for row in account["memberships"])
        ]

    def _draw_teams(self) -> None:
        for agency in self.agencies:
            if self._chance(0.8):
                self._draw_team(agency, "学校内対応チーム", share=0.75, default=True)
            for number in range(self.rng.choice((0, 0, 1, 2))):
                self._draw_team(agency, f"担当{number + 1}", share=0.55, default=False)

    def _draw_team(self, agency: Record, name: str, *, share: float, default: bool) -> None:
        people = [account for account in self._people_of(agency["id"]) if self._chance(share)]
        members = [{"account": who, **when} for who in people for when in self._periods()]
        self.teams.append(
            {
                "id": self._id(),
                "agency": agency["id"],
                "name": name,
                "default": default,
                "members": members,
            }
        )

    def _person(self, *, adult: bool) -> Record:
        person_id = self._id()
        years = self.rng.randint(25, 60) if adult else self.rng.randint(5, 14)
        given = self.rng.choice(GIVEN_NAMES)
        person = {
            "id": person_id,
            "family_name": self.rng.choice(FAMILY_NAMES) + canary(person_id + " family"),
            "given_name": given + canary(person_id + " given"),
            "kana": "みほん",
            "called": "" if adult else f"{given}ちゃん{canary(person_id + ' given')}",
            "birth_date": (
                None
                if self._chance(0.3)
                else (self.at - timedelta(days=366 * years)).date().isoformat()
            ),
        }
        self.persons.append(person)
        return person

    # -- cases ----------------------------------------------------------------------------------

    def _draw_household(self, most: int) -> None:
        """One case, or a few of siblings under one parent, who may be known as an account."""
        children = [
            self._person(adult=False) for _ in range(min(most, self.rng.choice((1, 1, 2, 3))))
        ]
        known = [account["person"] for account in self.accounts if account["person"]]
        parent = (
            self.rng.choice(known)
            if known and self._chance(0.3)
            else self._person(adult=True)["id"]
        )
        sibling = self._person(adult=False)["id"]
        for number, child in enumerate(children):
            brother = children[number - 1]["id"] if number else sibling
            self.cases.append(self._case(child["id"], [child["id"], parent, brother]))
        if len(children) > 1:
            ids = [case["id"] for case in self.cases[-len(children) :]]
            self.households.append({"id": self._id(), "cases": ids})

    def _case(self, child: str, subjects: list[str]) -> Record:
        owner = self._owner()
        opened = self._start(past=0.86)
        closed = max(opened, self._start()) if self._chance(0.12) else None
        palette = [*self.rng.sample(SLICES, 5), self.rng.choice(("basic", "detail", "detail"))]
        grants = self._grants(owner, palette, subjects)
        involved = [grant["agency"] for grant in grants] or [owner["id"]]
        return {
            "id": self._id(),
            "reference": f"R-{self.rng.getrandbits(40):010x}",
            "owner": owner["id"],
            "child": child,
            "status": "closed" if closed else self.rng.choice(STATUSES[:-1]),
            "opened": self._text(opened),
            "closed": closed and self._text(closed),
            "workers": self._workers(owner),
            "entries": self._entries(owner, involved, palette, subjects),
            "grants": grants,
            "exclusions": self._exclusions([owner["id"], *involved]),
            "never_tell": self._never_tell(
                self._some(involved, 3, 1) + [owner["id"]][: self._chance(0.3)]
            ),
        }

    def _owner(self) -> Record:
        if self._chance(0.82):
            return self.agencies[0]
        others = [row for row in self.agencies if row["type"] not in EXPERT_TYPES]
        # These two have bases of their own (police assistance, bullying), so they come more often.
        weights = [3 if row["type"] in {"cgc", "school"} else 1 for row in others]
        return self.rng.choices(others, weights)[0]

    def _workers(self, owner: Record) -> list[str]:
        return self._some(self._people_of(owner["id"]), 2)

    def _entries(
        self, owner: Record, involved: list[str], palette: list[str], subjects: list[str]
    ) -> list[Record]:
        return [
            self._entry(self._author_agency(owner, involved), palette, subjects)
            for _ in range(self.rng.randint(6, 11))
        ]

    def _author_agency(self, owner: Record, involved: list[str]) -> str:
        kind = self.rng.random()
        if kind < 0.4:
            return str(owner["id"])
        if kind < 0.85:
            return self.rng.choice(involved)
        return str(self.rng.choice(self.agencies)["id"])

    def _entry(self, author_agency: str, palette: list[str], subjects: list[str]) -> Record:
        entry_id = self._id()
        at = self._start(past=0.85)
        retracted = None
        if self._chance(0.2):
            retracted = self._text(max(at, self._start(past=0.2)))
        return {
            "id": entry_id,
            "slice": self.rng.choice(palette if self._chance(0.85) else SLICES),
            "subject": self.rng.choices(subjects, (6, 3, 2))[0],
            "author_agency": author_agency,
            "author": self.rng.choice(self._people_of(author_agency)),
            "at": self._text(at),
            "text": f"{self.rng.choice(SENTENCES)}{canary(entry_id)}",
            "retracted": retracted,
        }

    def _exclusions(self, agencies: list[str]) -> list[Record]:
        nearby = sorted({who for agency in agencies for who in self._people_of(agency)})
        return [
            {"account": who, **when}
            for who in self._some(nearby, 3)
            for when in self._periods(past=0.6, lasting=0.4)
        ]

    def _never_tell(self, agencies: list[str]) -> list[Record]:
        """Agencies, accounts and persons; half of the persons are known as an account."""
        nearby = sorted({who for agency in agencies for who in self._people_of(agency)})
        known = [a["person"] for a in self.accounts if a["person"] and a["id"] in nearby]
        anyone = [person["id"] for person in self.persons]
        names = [{"agency": agency} for agency in self._some(sorted(set(agencies)), 2)]
        names += [{"account": account} for account in self._some(nearby, 4)]
        names += [{"person": person} for person in self._some(known, 4) + self._some(anyone, 1)]
        kept = {str(name): name for name in names if self._chance(0.75)}
        return [
            {**name, **when}
            for name in kept.values()
            for when in self._periods(past=0.55, lasting=0.2)
        ]

    # -- grants ---------------------------------------------------------------------------------

    def _grants(self, owner: Record, palette: list[str], subjects: list[str]) -> list[Record]:
        agencies = self._some(self.agencies, 5, 2)
        wanted = [agency for agency in agencies for _ in range(self.rng.choice((1, 1, 2)))]
        drawn = [self._grant(owner, agency, palette, subjects) for agency in wanted]
        return [grant for grant in drawn if grant]

    def _grant(
        self, owner: Record, agency: Record, palette: list[str], subjects: list[str]
    ) -> Record | None:
        basis = self._basis(owner, agency)
        slices = self._slices(agency, palette)
        if basis is None or not slices:
            return None
        everyone = basis.code != "CONSENT" and self._chance(0.4)
        return {
            "id": self._id(),
            "agency": agency["id"],
            "slices": slices,
            "subject": "*" if everyone else self.rng.choices(subjects, (6, 3, 2))[0],
            "purpose": self._purpose(basis),
            "basis": basis.code,
            "necessity": self.rng.choice(NECESSITIES),
            **self._times(agency, basis),
            **self._readers(agency),
        }

    def _basis(self, owner: Record, agency: Record) -> Basis | None:
        fitting = [basis for basis in share_bases().values() if _allows(basis, owner, agency)]
        if not fitting or agency["type"] in EXPERT_TYPES or agency is owner:
            return None
        overriding = [basis for basis in fitting if basis.code in OVERRIDES_NEVER_TELL]
        if overriding and self._chance(0.4):
            return self.rng.choice(overriding)
        rare = [basis for basis in fitting if not basis.providers & {"any", "support_center"}]
        if rare and self._chance(0.5):
            return self.rng.choice(rare)
        if self._chance(0.3):
            return share_bases()["CONSENT"]
        return self.rng.choice(fitting)

    def _slices(self, agency: Record, palette: list[str]) -> list[str]:
        barred = NEVER_SHARED | ({"detail"} if agency["type"] == "cafeteria" else set())
        drawn = self._some(palette, 5, 2) + self._some(SLICES, 2)
        return [slice_ for slice_ in dict.fromkeys(drawn) if slice_ not in barred]

    def _purpose(self, basis: Basis) -> str:
        return self.rng.choice(basis.purposes)

    def _times(self, agency: Record, basis: Basis) -> Record:
        days = min(basis.max_days, POLICE_DAYS) if agency["type"] == "police" else basis.max_days
        length = timedelta(days=days) * self.rng.choice((0.25, 0.5, 1, 1))
        start = self._first_instant(length)
        until = start + length
        return {
            "from": self._text(start),
            "until": self._text(until),
            "ended": self._ended(start, until),
        }

    def _first_instant(self, length: timedelta) -> datetime:
        kind = self.rng.random()
        if kind < 0.55:
            return self.at - length * self.rng.choice((0.2, 0.5, 0.8))
        if kind < 0.7:
            return self._edge()
        if kind < 0.85:
            return self._edge() - length
        return self._past() - length if kind < 0.93 else self._future()

    def _ended(self, start: datetime, until: datetime) -> str | None:
        kind = self.rng.random()
        if kind < 0.7:
            return None
        if kind < 0.88 and start <= self.at - TICK:
            return self._text(self._edge())
        return self._text(start + (until - start) * self.rng.choice((0, 0.1, 0.9)))

    def _readers(self, agency: Record) -> Record:
        """Named accounts, or a named team, or neither (the default team reads)."""
        kind = self.rng.random()
        people = self._people_of(agency["id"])
        teams = [team["id"] for team in self.teams if team["agency"] == agency["id"]]
        if kind < 0.25:
            return {"accounts": self._some(people, 2, 1)}
        if kind < 0.5 and teams:
            return {"team": self.rng.choice(teams)}
        return {} if self._chance(0.5) else {"team": None}


class _Unlawful(_Lawful):
    """Breaks the granting rules, and lets roles stand where nobody would give them."""

    def _more_agencies(self) -> list[str]:
        return [kind for kind in ("support_center", "expert_lawyer") if self._chance(0.25)]

    def _role(self, agency: Record) -> str:
        if self._chance(0.08):
            return self.rng.choice(
                ("center_director", "center_counselor", "center_clerk", "watcher", "audit_officer")
            )
        return super()._role(agency)

    def _workers(self, owner: Record) -> list[str]:
        strangers = [account["id"] for account in self.accounts]
        return list(dict.fromkeys(super()._workers(owner) + self._some(strangers, 1)))

    def _basis(self, owner: Record, agency: Record) -> Basis | None:
        lawful = super()._basis(owner, agency)
        if lawful and self._chance(0.5):
            return lawful
        return self.rng.choice(list(share_bases().values()))

    def _slices(self, agency: Record, palette: list[str]) -> list[str]:
        if self._chance(0.06):
            return self._some(sorted(NEVER_SHARED), 2, 1)
        drawn = self._some(palette, 5, 2) + self._some(SLICES, 2)
        if agency["type"] == "cafeteria" and self._chance(0.9):
            drawn.append("detail")
        return list(dict.fromkeys(drawn))

    def _purpose(self, basis: Basis) -> str:
        return self.rng.choice(PURPOSES)

    def _times(self, agency: Record, basis: Basis) -> Record:
        kind = self.rng.random()
        if kind < 0.6:
            return super()._times(agency, basis)
        if kind < 0.95:
            start = self._start()
            stop = self._stop(start)
            ended = self._stop(start)
        else:
            # The order of times is a granting rule too: these end before they begin.
            start, stop, ended = self._future(), self._edge(), self._past()
        return {
            "from": self._text(start),
            "until": stop and self._text(stop),
            "ended": ended and self._text(ended),
        }


def _allows(basis: Basis, owner: Record, agency: Record) -> bool:
    """Whether the owner may give, and this agency take, on this basis, read narrowly."""
    if basis.code in DUTIES_NOT_TO_CENTER and agency["type"] == "support_center":
        return False
    return _fits(owner, basis.providers) and _fits(agency, basis.recipients)


def _fits(agency: Record, tokens: frozenset[str]) -> bool:
    """`school` alone is read as a public one, so that either reading of the column accepts it."""
    member = any(row["until"] is None for row in agency["council"])
    private_school = agency["type"] == "school" and agency["legal_form"] == "private"
    kind = "private_school" if private_school else agency["type"]
    return bool(tokens & ANYBODY) or kind in tokens or ("council_member" in tokens and member)


def _without_empty(value: Any) -> Any:
    """The same document without keys that are null, false or an empty list, where it may be so."""
    needed = {"memberships", "members", "accounts", "cases", "agencies", "called"}
    if isinstance(value, list):
        return [_without_empty(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: _without_empty(item)
        for key, item in value.items()
        if key in needed or item not in (None, False, [])
    }
