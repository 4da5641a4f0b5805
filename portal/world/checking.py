"""What a world must be like to be loaded; each refusal names the place, the line and the reason.

Two kinds of rules: a world that contradicts itself is never loaded; the rules of *granting*
(recipient, purpose, slices, length, order of times) can be waived by ``trust``, because the walls
must hold all the same.
"""

import datetime as dt
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

from portal.text import BadText, normalise_email
from portal.vocabulary import CONSENT, label, refusal, shareable_with
from portal.world.reading import TWICE, Place, WorldRefused, refused
from portal.world.shape import (
    EVERYBODY,
    WORLD,
    Field,
    Shape,
    as_id,
    as_instant,
    not_an_instant,
)

Record = Mapping[str, Any]
_DAY = dt.timedelta(days=1)

# Where a world names something by its id: the list whose rows are meant. ``*`` names nobody.
_ID_LISTS = ("agencies", "accounts", "teams", "persons", "households", "cases")
_IDS_OF_CASE = ("entries", "grants")
_NAMES = {
    "agency": "agencies",
    "owner": "agencies",
    "author_agency": "agencies",
    "account": "accounts",
    "author": "accounts",
    "person": "persons",
    "child": "persons",
    "subject": "persons",
    "team": "teams",
}
_NAME_LISTS = {"workers": "accounts", "accounts": "accounts", "cases": "cases"}
_TARGETS = ("agency", "account", "person")


def check(world: Record, *, trust: bool) -> None:
    """Check a whole world.

    Args:
        world: parsed JSON; of ``read_file``, where refusals shall name the line.
        trust: waive the rules of granting.

    Raises:
        WorldRefused: at the first thing that is wrong.

    """
    _check_object(world, (), world, WORLD)
    index = _Index(world)
    for place, record in _records(world):
        _check_names(world, place, record, index)
        if not trust:
            _check_order(world, place, record)
    _check_emails(world)
    _check_teams(world)
    _check_memberships(world)
    _check_households(world)
    _check_references(world)
    for number, case in enumerate(world["cases"]):
        _check_never_tell(world, ("cases", number), case)
        for place, grant in _numbered(case, "grants", ("cases", number)):
            _check_grant(world, place, grant, index)
            if not trust:
                _check_granting(world, place, grant, index)


def checked_instant(name: str, text: str) -> dt.datetime:
    """Return the instant that a text writes; raises WorldRefused for what is no instant."""
    reason = not_an_instant(text)
    if reason is not None:
        raise WorldRefused(name, None, reason)
    return as_instant(text)


# -- shape ----------------------------------------------------------------------------------------


def _check_object(world: Record, place: Place, value: Any, shape: Shape) -> None:
    if not isinstance(value, dict):
        raise refused(world, place, "is not an object")
    if TWICE in value:
        raise refused(world, place, "has a key that stands twice")
    for key in value:
        if key not in shape:
            raise refused(world, (*place, key), "unknown key")
    for key, field in shape.items():
        if key in value:
            _check_value(world, (*place, key), value[key], field)
        elif field.needed:
            raise refused(world, place, f"lacks {key}")


def _check_value(world: Record, place: Place, value: Any, field: Field) -> None:
    if value is None and field.null:
        return
    if not field.many:
        _check_one(world, place, value, field)
        return
    if not isinstance(value, list):
        raise refused(world, place, "is not a list")
    if len(value) < field.least:
        raise refused(world, place, "is empty")
    for number, item in enumerate(value):
        _check_one(world, (*place, number), item, field)


def _check_one(world: Record, place: Place, value: Any, field: Field) -> None:
    if isinstance(field.kind, Mapping):
        _check_object(world, place, value, field.kind)
        return
    reason = field.kind(value)
    if reason is not None:
        raise refused(world, place, reason)


# -- ids ------------------------------------------------------------------------------------------


class _Index:
    """The rows of a world by list and id; an id stands once in a world, whatever it names."""

    def __init__(self, world: Record) -> None:
        self.rows: dict[str, dict[uuid.UUID, Record]] = {name: {} for name in _ID_LISTS}
        seen: set[uuid.UUID] = set()
        for place, record in _records(world):
            if "id" not in record:
                continue
            key = as_id(record["id"])
            if key in seen:
                raise refused(world, (*place, "id"), f"the id {key} stands twice")
            seen.add(key)
            self.rows.setdefault(str(place[-2]), {})[key] = record

    def row(self, name: str, text: str) -> Record:
        return self.rows[name][as_id(text)]


def _numbered(record: Record, key: str, place: Place = ()) -> Iterator[tuple[Place, Record]]:
    for number, row in enumerate(record.get(key, [])):
        yield (*place, key, number), row


def _records(record: Record, place: Place = ()) -> Iterator[tuple[Place, Record]]:
    """Yield every object of a world below its root, with its place."""
    for key, value in record.items():
        if not isinstance(value, list):
            continue
        for number, row in enumerate(value):
            if isinstance(row, dict):
                yield (*place, key, number), row
                yield from _records(row, (*place, key, number))


def _check_names(world: Record, place: Place, record: Record, index: _Index) -> None:
    for key, list_name in _NAMES.items():
        value = record.get(key)
        if value is not None and value != EVERYBODY:
            _check_name(world, (*place, key), value, index, list_name)
    for key, list_name in _NAME_LISTS.items():
        values = record.get(key, [])
        for number, value in enumerate(values):
            _check_name(world, (*place, key, number), value, index, list_name)
            if value in values[:number]:
                raise refused(world, (*place, key, number), f"{value} stands twice")


def _check_name(world: Record, place: Place, text: str, index: _Index, list_name: str) -> None:
    if as_id(text) not in index.rows[list_name]:
        raise refused(world, place, f"unknown id {text} (of {list_name})")


# -- what contradicts itself ----------------------------------------------------------------------


def _check_emails(world: Record) -> None:
    seen: set[str] = set()
    for place, account in _numbered(world, "accounts"):
        try:
            email = normalise_email(account["email"])
        except BadText as error:
            raise refused(world, (*place, "email"), "is not an e-mail address") from error
        if email in seen:
            raise refused(world, (*place, "email"), "a second account with this e-mail")
        seen.add(email)


def _check_teams(world: Record) -> None:
    seen: set[str] = set()
    for place, team in _numbered(world, "teams"):
        if not team.get("default"):
            continue
        if team["agency"] in seen:
            raise refused(world, (*place, "default"), "a second default team of this agency")
        seen.add(team["agency"])


def _check_memberships(world: Record) -> None:
    for place, account in _numbered(world, "accounts"):
        earlier: list[Record] = []
        for inner, membership in _numbered(account, "memberships", place):
            if any(_overlap(membership, other) for other in earlier):
                reason = "overlaps another membership of this account in this agency"
                raise refused(world, inner, reason)
            earlier.append(membership)


def _overlap(one: Record, other: Record) -> bool:
    latest = max(as_instant(one["from"]), as_instant(other["from"]))
    ends = [as_instant(row["until"]) for row in (one, other) if row.get("until") is not None]
    return bool(one["agency"] == other["agency"] and all(latest < end for end in ends))


def _check_households(world: Record) -> None:
    for place, household in _numbered(world, "households"):
        if not household["cases"]:
            raise refused(world, (*place, "cases"), "a household without a case has no owner")


def _check_references(world: Record) -> None:
    seen: set[tuple[str, str]] = set()
    for place, case in _numbered(world, "cases"):
        key = (case["owner"], case["reference"])
        if key in seen:
            raise refused(world, (*place, "reference"), "a second case of the owner has it")
        seen.add(key)


def _check_never_tell(world: Record, place: Place, case: Record) -> None:
    for inner, row in _numbered(case, "never_tell", place):
        if sum(target in row for target in _TARGETS) != 1:
            raise refused(world, inner, "names not exactly one of agency, account, person")


def _check_grant(world: Record, place: Place, grant: Record, index: _Index) -> None:
    team = grant.get("team")
    if team is not None and "accounts" in grant:
        raise refused(world, (*place, "team"), "a team together with accounts")
    if team is not None and index.row("teams", team)["agency"] != grant["agency"]:
        raise refused(world, (*place, "team"), "the team of another agency")
    if grant["basis"] == CONSENT and grant["subject"] == EVERYBODY:
        reason = f"a consent speaks for one subject, never for {EVERYBODY}"
        raise refused(world, (*place, "subject"), reason)


# -- the rules of granting ------------------------------------------------------------------------


def _check_order(world: Record, place: Place, record: Record) -> None:
    if "from" not in record:
        return
    for key in ("until", "ended"):
        end = record.get(key)
        if end is not None and as_instant(end) < as_instant(record["from"]):
            raise refused(world, (*place, key), f"{key} lies before from")


def _check_granting(world: Record, place: Place, grant: Record, index: _Index) -> None:
    agency = index.row("agencies", grant["agency"])
    for number, slice_ in enumerate(grant["slices"]):
        if slice_ not in shareable_with(agency["type"]):
            reason = f"{slice_} may not go to this recipient ({label('org_type', agency['type'])})"
            raise refused(world, (*place, "slices", number), reason)
    start = as_instant(grant["from"])
    until = grant.get("until")
    why = refusal(
        grant["basis"],
        recipient_type=agency["type"],
        recipient_legal_form=agency.get("legal_form"),
        recipient_on_council=any(_holds(row, start) for row in agency.get("council", [])),
        purpose=grant["purpose"],
        days=None if until is None else (as_instant(until) - start) / _DAY,
    )
    if why is not None:
        raise refused(world, (*place, _BLAMED.get(why.code, "basis")), str(why))


# Which key of a grant a refusal of its basis is about; a missing ``until`` has no line of its own.
_BLAMED = {"purpose_not_allowed": "purpose", "too_long": "until"}


def _holds(period: Record, instant: dt.datetime) -> bool:
    until = period.get("until")
    return as_instant(period["from"]) <= instant and (until is None or instant < as_instant(until))
