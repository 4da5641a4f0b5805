"""Who sees what, written a second time: plain Python over the world format.

Numbers and letters below are clauses of domain.md §4 "The rule, exactly", the only source. Nothing
of portal is imported: a misreading there shall not be repeated here. A world is parsed JSON of
`portal-world/1` (world-format.md), and its instants are ISO 8601 with an offset.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

World = dict[str, Any]
Record = dict[str, Any]

# The rows of legal_bases.csv with overrides_never_tell=yes, copied by hand.
OVERRIDES_NEVER_TELL = frozenset(
    {"APPI27_1_2", "BULLY23_6", "BULLY28", "CAPA10", "CAPA6"}
    | {"CWA25", "CWA25_7", "CWA33_12", "EMERGENCY", "TSV18"}
)
OWNER_ROLES = frozenset({"center_director", "center_counselor", "center_investigator"})
BLIND_ROLES = frozenset({"center_clerk", "sysadmin", "audit_officer"})
EXPERT_TYPES = frozenset({"expert_lawyer", "expert_welfare"})
NEVER_SHARED = frozenset({"reporter", "advice"})
# 秘匿 hides where the child lives and learns (domain.md §4, the flag).
PLACES = frozenset({"contact", "school"})


@lru_cache(maxsize=100_000)
def _parsed(text: str) -> datetime:
    value = datetime.fromisoformat(text)
    if value.tzinfo is None:
        raise ValueError(f"an instant without an offset: {text}")
    return value


def instant(value: str | datetime) -> datetime:
    """The aware datetime of an ISO 8601 text with an offset; raises ValueError without one."""
    return _parsed(value if isinstance(value, str) else value.isoformat())


def live(record: Record, t: datetime) -> bool:
    """Whether from ≤ T, and T lies before `until` and before `ended` where these are given."""
    return instant(record["from"]) <= t and all(
        record.get(end) is None or t < instant(record[end]) for end in ("until", "ended")
    )


@dataclass(frozen=True)
class Viewer:
    """An account acting in one live membership at one instant; `teams` are ids of its teams."""

    account: str
    person: str | None
    agency: str
    agency_type: str
    role: str
    manager: bool
    teams: frozenset[str]
    in_default_team: bool
    departed: bool


def viewer_of(world: World, account_id: str, agency_id: str, t: datetime) -> Viewer | None:
    """The viewer of rule 1, or None where it leaves nothing; KeyError for an unknown id."""
    account = {row["id"]: row for row in world["accounts"]}[account_id]
    agency = {row["id"]: row for row in world["agencies"]}[agency_id]
    acting = [m for m in account["memberships"] if m["agency"] == agency_id and live(m, t)]
    if account.get("disabled") or not acting:
        return None
    joined = [
        team
        for team in world.get("teams", [])
        if any(m["account"] == account_id and live(m, t) for m in team["members"])
    ]
    return Viewer(
        account=account_id,
        person=account.get("person"),
        agency=agency_id,
        agency_type=agency["type"],
        role=acting[0]["role"],
        manager=bool(acting[0].get("manager")),
        teams=frozenset(team["id"] for team in joined),
        in_default_team=any(team["agency"] == agency_id and team.get("default") for team in joined),
        departed=any(live(row, t) for row in agency.get("departures", [])),
    )


def _within_reach(case: Record, viewer: Viewer, t: datetime) -> bool:
    """Rules 2 and 3 as far as they speak of the case, and the blind roles of rule 4."""
    exclusions = case.get("exclusions", [])
    excluded = any(row["account"] == viewer.account and live(row, t) for row in exclusions)
    return instant(case["opened"]) <= t and not excluded and viewer.role not in BLIND_ROLES


def _exists(entry: Record, t: datetime) -> bool:
    """Rule 3 for an entry: written by T, and not retracted at or before T."""
    retracted = entry.get("retracted")
    return instant(entry["at"]) <= t and (retracted is None or t < instant(retracted))


def _owner_sees(case: Record, viewer: Viewer, slice_: str | None) -> bool:
    """Rule 4, for an entry of this slice, or for the case itself where `slice_` is None."""
    if case["owner"] != viewer.agency or viewer.role not in OWNER_ROLES:
        return False
    trusted = viewer.role == "center_director" or viewer.account in case.get("workers", [])
    return trusted or slice_ != "reporter"


def _agency_barred(case: Record, grant: Record, viewer: Viewer, t: datetime) -> bool:
    """Rule 5 (d) turned round: a never-tell names G and the basis does not override it."""
    denials = case.get("never_tell", [])
    named = any(row.get("agency") == viewer.agency and live(row, t) for row in denials)
    return named and grant["basis"] not in OVERRIDES_NEVER_TELL


def _human_barred(case: Record, viewer: Viewer, t: datetime) -> bool:
    """Rule 5 (e) turned round: a never-tell names A, or the person that A is."""
    denials = [row for row in case.get("never_tell", []) if live(row, t)]
    persons = {row.get("person") for row in denials} - {None}
    return viewer.person in persons or any(row.get("account") == viewer.account for row in denials)


def _reaches(case: Record, grant: Record, viewer: Viewer, t: datetime) -> bool:
    """A live grant to G, which is in the scheme, with no never-tell against it (rule 5 d, e)."""
    if viewer.departed or grant["agency"] != viewer.agency or not live(grant, t):
        return False
    return not (_agency_barred(case, grant, viewer, t) or _human_barred(case, viewer, t))


def _is_reader(grant: Record, viewer: Viewer) -> bool:
    """Rule 5 (a): named accounts before a named team before the agency's default team."""
    if grant.get("accounts"):
        return viewer.account in grant["accounts"]
    if grant.get("team"):
        return grant["team"] in viewer.teams
    return viewer.in_default_team


def _grant_shows_case(case: Record, grant: Record, viewer: Viewer, t: datetime) -> bool:
    """A live grant to G that passes rule 5 (a), (c), (d) and (e): what rule 8 asks for."""
    if not _reaches(case, grant, viewer, t) or viewer.agency_type in EXPERT_TYPES:
        return False
    if viewer.agency_type == "cafeteria" and viewer.role != "watcher":
        return False
    return _is_reader(grant, viewer)


def _grant_opens(case: Record, grant: Record, viewer: Viewer, slice_: str, subject: str) -> bool:
    """What rule 5 asks of a grant for an entry beyond the case: slice, subject, (b) and 秘匿."""
    if case.get("concealed") and slice_ in PLACES and grant["basis"] not in OVERRIDES_NEVER_TELL:
        return False
    if slice_ not in grant["slices"] or slice_ in NEVER_SHARED:
        return False
    if slice_ == "detail" and viewer.agency_type == "cafeteria":
        return False
    if grant["subject"] == "*":
        return bool(grant["basis"] != "CONSENT")
    return bool(grant["subject"] == subject)


def _shown(case: Record, viewer: Viewer, t: datetime, slice_: str, subject: str) -> bool:
    """Rules 4 and 5 for an entry of this slice and subject, on a case within reach."""
    return _owner_sees(case, viewer, slice_) or any(
        _grant_shows_case(case, grant, viewer, t)
        and _grant_opens(case, grant, viewer, slice_, subject)
        for grant in case.get("grants", [])
    )


def _own_post(case: Record, entry: Record, viewer: Viewer, t: datetime) -> bool:
    """Rule 6, on a case within reach."""
    if entry["author_agency"] != viewer.agency or _human_barred(case, viewer, t):
        return False
    if case["owner"] == viewer.agency and not _owner_sees(case, viewer, entry["slice"]):
        return False
    return entry["author"] == viewer.account or viewer.in_default_team


def _managed(case: Record, grant: Record, viewer: Viewer, t: datetime) -> bool:
    """Rule 7, on a case within reach."""
    return viewer.manager and _reaches(case, grant, viewer, t)


def visible(world: World, account_id: str, agency_id: str, at: str | datetime) -> dict[str, Any]:
    """What `policy visible` prints for one account acting in one agency at one instant.

    `at` is echoed as given (a datetime as its ISO text); the lists hold ids and are sorted.
    """
    t = instant(at)
    viewer = viewer_of(world, account_id, agency_id, t)
    cases, entries, managed, own = [], [], [], []
    for case in world["cases"]:
        if viewer is None or not _within_reach(case, viewer, t):
            continue
        grants = case.get("grants", [])
        existing = [entry for entry in case.get("entries", []) if _exists(entry, t)]
        if _owner_sees(case, viewer, None) or any(
            _grant_shows_case(case, grant, viewer, t) for grant in grants
        ):
            cases.append(case["id"])
        entries += [e["id"] for e in existing if _shown(case, viewer, t, e["slice"], e["subject"])]
        own += [e["id"] for e in existing if _own_post(case, e, viewer, t)]
        managed += [grant["id"] for grant in grants if _managed(case, grant, viewer, t)]
    return {
        "account": account_id,
        "agency": agency_id,
        "at": at if isinstance(at, str) else at.isoformat(),
        "cases": sorted(cases),
        "entries": sorted(entries),
        "managed_grants": sorted(managed),
        "own_posts": sorted(own),
    }


def lines(world: World, at: str | datetime) -> list[str]:
    """The lines of `policy visible --all`: one per membership live at `at`, in the world's order.

    A disabled account keeps its lines: rule 1 says only that there is nothing in them.
    """
    t = instant(at)
    return [
        json.dumps(
            visible(world, account["id"], acting["agency"], at), ensure_ascii=False, sort_keys=True
        )
        for account in world["accounts"]
        for acting in account["memberships"]
        if live(acting, t)
    ]


def sees(  # noqa: PLR0917 - the words of the question, in the order in which it is asked
    world: World,
    account_id: str,
    agency_id: str,
    at: str | datetime,
    case: Record,
    slice_: str,
    subject: str,
) -> bool:
    """Whether rule 4 or 5 shows what is governed like an entry of `case`, written as it opened."""
    t = instant(at)
    viewer = viewer_of(world, account_id, agency_id, t)
    if viewer is None or not _within_reach(case, viewer, t):
        return False
    return _shown(case, viewer, t, slice_, subject)
