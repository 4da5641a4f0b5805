"""The shape of ``portal-world/1``: which keys there are, and what each holds."""

import datetime as dt
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final
from zoneinfo import ZoneInfo

from portal.vocabulary import bases, codes

FORMAT: Final = "portal-world/1"
EVERYBODY: Final = "*"
JST = ZoneInfo("Asia/Tokyo")

# Returns why a value is not of this kind, or None if it is.
Kind = Callable[[Any], str | None]
Shape = Mapping[str, "Field"]


@dataclass(frozen=True)
class Field:
    """One key of an object.

    Attributes:
        kind: what its value is: a kind of scalar, or the shape of an object.
        many: it holds a list of these.
        needed: it may not be left out.
        null: it may be null.
        least: the least length of a list.

    """

    kind: Kind | Shape
    many: bool = False
    needed: bool = True
    null: bool = False
    least: int = 0


def as_id(text: str) -> uuid.UUID:
    """Return the id that a text of a checked world writes."""
    return uuid.UUID(text)


def as_instant(text: str) -> dt.datetime:
    """Return the aware instant that a text of a checked world writes."""
    return dt.datetime.fromisoformat(text)


def _text(value: Any) -> str | None:
    if not isinstance(value, str):
        return "is not a text"
    try:
        value.encode()
    except UnicodeEncodeError:
        return "holds a broken character"
    return "holds a NUL character" if "\0" in value else None


def _flag(value: Any) -> str | None:
    return None if isinstance(value, bool) else "is neither true nor false"


def _id(value: Any) -> str | None:
    try:
        written = str(uuid.UUID(value))
    except (ValueError, AttributeError, TypeError):
        return "is not a UUID"
    return None if written == value else "is not a UUID in lower case with hyphens"


def not_an_instant(value: Any) -> str | None:
    """Return why a value is no ISO 8601 instant with an offset, None if it is one."""
    try:
        instant = dt.datetime.fromisoformat(value)
        if instant.tzinfo is None:
            return "has no offset"
        # What cannot be shown in both is at the very edge of the calendar.
        instant.astimezone(JST), instant.astimezone(dt.UTC)
    except (ValueError, TypeError, OverflowError):
        return "is not an instant in ISO 8601"
    return None


def _day(value: Any) -> str | None:
    try:
        written = dt.date.fromisoformat(value).isoformat()
    except (ValueError, TypeError):
        written = None
    return None if written == value and value else "is not a day, YYYY-MM-DD"


def _subject(value: Any) -> str | None:
    return None if value == EVERYBODY else _id(value)


def _format(value: Any) -> str | None:
    return None if value == FORMAT else f"is not {FORMAT}"


def _one_of(name: str, known: frozenset[str]) -> Kind:
    def kind(value: Any) -> str | None:
        known_one = isinstance(value, str) and value in known
        return None if known_one else f"unknown code {value!r} (list {name})"

    return kind


def _code(list_name: str) -> Kind:
    return _one_of(list_name, frozenset(codes(list_name)))


def _may(kind: Kind) -> Field:
    return Field(kind, needed=False)


def _or_null(kind: Kind) -> Field:
    return Field(kind, needed=False, null=True)


def _list(kind: Kind | Shape, *, needed: bool = False, least: int = 0) -> Field:
    return Field(kind, many=True, needed=needed, least=least)


_PERIOD: Shape = {"from": Field(not_an_instant), "until": _or_null(not_an_instant)}
_AGENCY: Shape = {
    "id": Field(_id),
    "type": Field(_code("org_type")),
    "name": Field(_text),
    "legal_form": _may(_code("legal_form")),
    "ward": _or_null(_code("ward")),
    "council": _list(_PERIOD),
    "departures": _list(_PERIOD),
}
_MEMBERSHIP: Shape = {
    "agency": Field(_id),
    "role": Field(_code("role")),
    "manager": _may(_flag),
    **_PERIOD,
}
_ACCOUNT: Shape = {
    "id": Field(_id),
    "email": Field(_text),
    "name": Field(_text),
    "person": _or_null(_id),
    "disabled": _may(_flag),
    "memberships": _list(_MEMBERSHIP, needed=True),
}
_TEAM: Shape = {
    "id": Field(_id),
    "agency": Field(_id),
    "name": Field(_text),
    "default": _may(_flag),
    "members": _list({"account": Field(_id), **_PERIOD}, needed=True),
}
_PERSON: Shape = {
    "id": Field(_id),
    "family_name": Field(_text),
    "given_name": Field(_text),
    "kana": _may(_text),
    "called": _may(_text),
    "birth_date": _or_null(_day),
}
_ENTRY: Shape = {
    "id": Field(_id),
    "slice": Field(_code("slice")),
    "subject": Field(_id),
    "author_agency": Field(_id),
    "author": Field(_id),
    "at": Field(not_an_instant),
    "text": Field(_text),
    "heard_from": _may(_text),
    "retracted": _or_null(not_an_instant),
}
_GRANT: Shape = {
    "id": Field(_id),
    "agency": Field(_id),
    "slices": _list(_code("slice"), needed=True, least=1),
    "subject": Field(_subject),
    "purpose": Field(_code("purpose")),
    "basis": Field(_one_of("legal_bases", frozenset(bases()))),
    "necessity": Field(_code("necessity")),
    "ended": _or_null(not_an_instant),
    "team": _or_null(_id),
    "accounts": _list(_id, least=1),
    **_PERIOD,
}
_CASE: Shape = {
    "id": Field(_id),
    "reference": Field(_text),
    "owner": Field(_id),
    "child": Field(_id),
    "status": Field(_code("case_status")),
    "opened": Field(not_an_instant),
    "closed": _or_null(not_an_instant),
    "concealed": _may(_flag),
    "workers": _list(_id),
    "entries": _list(_ENTRY),
    "grants": _list(_GRANT),
    "exclusions": _list({"account": Field(_id), **_PERIOD}),
    "never_tell": _list(
        {"agency": _may(_id), "account": _may(_id), "person": _may(_id), **_PERIOD}
    ),
}
WORLD: Shape = MappingProxyType(
    {
        "format": Field(_format),
        "note": _may(_text),
        "agencies": _list(_AGENCY, needed=True),
        "accounts": _list(_ACCOUNT, needed=True),
        "teams": _list(_TEAM),
        "persons": _list(_PERSON),
        "households": _list({"id": Field(_id), "cases": _list(_id, needed=True)}),
        "cases": _list(_CASE, needed=True),
    }
)
