"""The glossary of glossary.csv: the words of the house with their reading and English."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from portal.vocabulary.lists import FOLDER, SOURCE_KINDS
from portal.vocabulary.reader import UnknownCode, read_rows

COLUMNS = ("id", "ja", "reading", "en", "note", "category", "source_kind")


@dataclass(frozen=True)
class GlossaryTerm:
    """One word: Japanese, its reading in hiragana, English, and a note that may be empty."""

    id: int
    ja: str
    reading: str
    en: str
    note: str
    category: str
    source_kind: str


def read_glossary(path: Path) -> Mapping[str, GlossaryTerm]:
    """Return the terms of the file `path` by their Japanese, in the order of the file.

    Raises VocabularyError for a duplicate word or number and for a missing Japanese or English.
    """
    terms: dict[str, GlossaryTerm] = {}
    numbers: set[int] = set()
    for row in read_rows(path, COLUMNS):
        term = GlossaryTerm(
            id=row.number("id"),
            ja=row.text("ja"),
            reading=row.text("reading"),
            en=row.text("en"),
            note=row.optional("note"),
            category=row.text("category"),
            source_kind=row.one_of("source_kind", SOURCE_KINDS),
        )
        if term.ja in terms:
            raise row.mistake("ja", f"{term.ja} stands twice")
        if term.id in numbers:
            raise row.mistake("id", f"{term.id} stands twice")
        numbers.add(term.id)
        terms[term.ja] = term
    return MappingProxyType(terms)


_TERMS = read_glossary(FOLDER / "glossary.csv")


def terms() -> Mapping[str, GlossaryTerm]:
    """Return every term by its Japanese, in the order of the file."""
    return _TERMS


def term(ja: str) -> GlossaryTerm:
    """Return the term written `ja`; raises UnknownCode if the glossary does not have it."""
    if ja not in _TERMS:
        raise UnknownCode("glossary", ja)
    return _TERMS[ja]
