"""The code lists of categories.csv: each code with its name in Japanese and English."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from portal.vocabulary.reader import Row, UnknownCode, VocabularyError, read_rows

FOLDER = Path(__file__).parent
COLUMNS = ("list", "code", "ja", "reading", "en", "note", "source_kind", "source", "sort")
SOURCE_KINDS = ("seed", "source", "general", "proposed")

# The lists are closed: a mistyped list name would otherwise become a new list that nobody reads.
LIST_NAMES = (
    *("action", "alone_because", "authority", "case_status", "channel", "check_in"),
    *("consent_giver", "consent_method"),
    *("consent_state", "consulter", "grade", "hotline", "legal_form", "meeting", "necessity"),
    *(
        "org_type",
        "outcome",
        "party_token",
        "police_station",
        "purpose",
        "put_off",
        "relationship",
        "role",
    ),
    *("severity", "slice", "stat_abuse_type", "stat_abuser", "stat_age", "stat_bullying_consulted"),
    *("stat_bullying_form", "stat_bullying_found_by", "stat_bullying_state", "stat_consult_type"),
    *("stat_long_absence", "stat_route", "stat_serious", "stat_violence", "subject", "topic"),
    *("urgency", "violation", "violation_finding", "ward"),
)
_CODE = re.compile(r"[A-Za-z0-9_]+")


@dataclass(frozen=True)
class Category:
    """One code of one list; `sort` orders the list, and equal ones keep the order of the file."""

    list_name: str
    code: str
    ja: str
    reading: str
    en: str
    note: str
    source_kind: str
    source: str
    sort: int

    def label(self, locale: str) -> str:
        """Return the name in `locale` (`ja` or `en`); raises UnknownCode for another."""
        if locale not in ("ja", "en"):
            raise UnknownCode("locale", locale)
        return self.ja if locale == "ja" else self.en


Lists = Mapping[str, Mapping[str, Category]]


def read_lists(path: Path) -> Lists:
    """Return the categories of the file `path` by list and code, each list in its sort order.

    Raises VocabularyError for a duplicate code, an unknown or empty list, a missing name, or a
    `sort` that is not a whole number.
    """
    found: dict[str, dict[str, Category]] = {name: {} for name in LIST_NAMES}
    for row in read_rows(path, COLUMNS):
        category = _category(row)
        if category.code in found[category.list_name]:
            raise row.mistake("code", f"{category.list_name} {category.code} stands twice")
        found[category.list_name][category.code] = category
    for name, categories in found.items():
        if not categories:
            raise VocabularyError(path, 1, "list", f"the list {name} has no code")
    return MappingProxyType({name: _in_order(found[name]) for name in LIST_NAMES})


def _category(row: Row) -> Category:
    code = row.text("code")
    if not _CODE.fullmatch(code):
        raise row.mistake("code", f"{code!r} must consist of letters, digits and underscores")
    return Category(
        list_name=row.one_of("list", LIST_NAMES),
        code=code,
        ja=row.text("ja"),
        reading=row.optional("reading"),
        en=row.text("en"),
        note=row.optional("note"),
        source_kind=row.one_of("source_kind", SOURCE_KINDS),
        source=row.optional("source"),
        sort=row.number("sort"),
    )


def _in_order(categories: Mapping[str, Category]) -> Mapping[str, Category]:
    # sorted() is stable, which keeps equal numbers in the order of the file.
    ordered = sorted(categories.values(), key=lambda category: category.sort)
    return MappingProxyType({category.code: category for category in ordered})


_LISTS = read_lists(FOLDER / "categories.csv")


def categories(list_name: str) -> Mapping[str, Category]:
    """Return the categories of `list_name` by code, in sort order; UnknownCode if no such list."""
    try:
        return _LISTS[list_name]
    except KeyError:
        raise UnknownCode("list", list_name) from None


def codes(list_name: str) -> tuple[str, ...]:
    """Return the codes of `list_name` in sort order; raises UnknownCode for an unknown list."""
    return tuple(categories(list_name))


def known(list_name: str, code: str) -> str:
    """Return `code` if `list_name` has it; raises UnknownCode otherwise."""
    if code not in categories(list_name):
        raise UnknownCode(list_name, code)
    return code


def label(list_name: str, code: str, locale: str = "ja") -> str:
    """Return the name of `code` in `locale` (`ja` or `en`); raises UnknownCode."""
    return categories(list_name)[known(list_name, code)].label(locale)


def choices(list_name: str, locale: str = "ja") -> list[tuple[str, str]]:
    """Return (code, name) for each code of `list_name` in sort order; raises UnknownCode."""
    return [(code, each.label(locale)) for code, each in categories(list_name).items()]
