"""Reading the CSV files of the vocabulary, and refusing them with the place of the mistake.

The files are edited by people who know law and practice rather than Python, so every refusal says
which file, which line, which column and why.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path


class VocabularyError(ValueError):
    """A vocabulary file cannot be used; says the file, line, column and reason."""

    def __init__(self, path: Path, line: int, column: str, reason: str) -> None:
        super().__init__(f"{path.name}, line {line}, column {column}: {reason}")


class UnknownCode(KeyError):
    """A code, list or locale was asked for that the vocabulary does not have."""

    def __init__(self, list_name: str, code: object) -> None:
        super().__init__(list_name, code)

    def __str__(self) -> str:
        list_name, code = self.args
        return f"{code!r} is not in the list {list_name!r}"


@dataclass(frozen=True)
class Row:
    """One row of a file, whose cells are asked for by type; a wrong cell raises VocabularyError."""

    path: Path
    line: int
    cells: Mapping[str, str]

    def mistake(self, column: str, reason: str) -> VocabularyError:
        """Return the error to raise about `column` of this row."""
        return VocabularyError(self.path, self.line, column, reason)

    def optional(self, column: str) -> str:
        """Return the text of a cell that may be empty."""
        return self.cells[column].strip()

    def text(self, column: str) -> str:
        """Return the text of a cell that must not be empty."""
        text = self.optional(column)
        if not text:
            raise self.mistake(column, "is missing")
        return text

    def one_of(self, column: str, known: Collection[str]) -> str:
        """Return the text of a cell that must be one of the `known` words."""
        word = self.text(column)
        if word not in known:
            raise self.mistake(column, f"unknown word {word!r}")
        return word

    def yes(self, column: str) -> bool:
        """Return True for `yes` and False for `no`; nothing else is accepted."""
        return self.one_of(column, ("yes", "no")) == "yes"

    def items(self, column: str) -> tuple[str, ...]:
        """Return the parts of a cell that lists them between semicolons."""
        parts = tuple(part.strip() for part in self.optional(column).split(";"))
        return () if parts == ("",) else parts

    def codes(self, column: str, known: Collection[str]) -> tuple[str, ...]:
        """Return the codes of a cell that must list at least one, each of them `known`, once."""
        self.text(column)
        codes = self.items(column)
        for code in codes:
            if code not in known:
                raise self.mistake(column, f"unknown code {code!r}")
            if codes.count(code) > 1:
                raise self.mistake(column, f"{code!r} stands twice")
        return codes

    def number(self, column: str) -> int:
        """Return a whole number that is not negative."""
        text = self.text(column)
        if not (text.isascii() and text.isdigit()):
            raise self.mistake(column, f"{text!r} is not a whole number")
        return int(text)


def read_rows(path: Path, columns: Collection[str]) -> Iterator[Row]:
    """Yield the rows of the CSV file `path` (UTF-8), whose header must be exactly `columns`."""
    reader = csv.reader(io.StringIO(_decoded(path), newline=""), strict=True)
    header = next(reader, [])
    if header != list(columns):
        raise VocabularyError(path, 1, "-", f"the header must be {','.join(columns)}")
    line = reader.line_num + 1
    try:
        for values in reader:
            if len(values) != len(header):
                raise VocabularyError(
                    path, line, "-", f"has {len(values)} cells and needs {len(header)}"
                )
            yield Row(path, line, dict(zip(header, values, strict=True)))
            line = reader.line_num + 1
    except csv.Error as error:
        raise VocabularyError(path, line, "-", f"is not CSV: {error}") from error


def _decoded(path: Path) -> str:
    content = path.read_bytes()
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise VocabularyError(path, line, "-", "is not UTF-8") from error
