"""Tables for a spreadsheet program: written so that no cell is a formula, read as people save them.

A cell that begins like a formula is run by the program that opens it, so whoever can enter a name
could run something on the computer of whoever exports it (security.md I7, CSV injection). Such a
cell gets an apostrophe before it, which spreadsheet programs take for "this is text".
"""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

# Also in full width, which some programs fold, and the white space that others skip.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\0", "＝", "＋", "－", "＠")
_TEXT_MARK = "'"

# What Japanese offices save as: UTF-8 with or without a byte order mark, else Windows' Shift_JIS.
_ENCODINGS = ("utf-8-sig", "cp932")


class UnreadableError(ValueError):
    """The file is no table; ``line`` counts from 1, 0 for the whole file."""

    def __init__(self, line: int = 0) -> None:
        """Keep the line."""
        super().__init__(f"line {line}")
        self.line = line


@dataclass(frozen=True)
class Line:
    """One row of a table that was read: the line it ends on, counting from 1, and its cells."""

    number: int
    cells: tuple[str, ...]


def safe(cell: object) -> str:
    """Return a cell as text that no spreadsheet program runs."""
    text = str(cell)
    return _TEXT_MARK + text if text.lstrip(" \u3000").startswith(_FORMULA_STARTS) else text


def written(rows: Iterable[Sequence[object]]) -> bytes:
    """Return rows as CSV in UTF-8 with a byte order mark, which Excel asks for; every cell safe."""
    out = io.StringIO(newline="")
    csv.writer(out).writerows([safe(cell) for cell in row] for row in rows)
    return out.getvalue().encode("utf-8-sig")


def read(data: bytes) -> list[Line]:
    """Return the rows of a CSV file that hold anything, without the mark that ``safe`` sets.

    Raises:
        UnreadableError: in no known encoding, or not a table.

    """
    return list(_lines(_decoded(data)))


def _decoded(data: bytes) -> str:
    for encoding in _ENCODINGS:
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise UnreadableError


def _lines(text: str) -> Iterator[Line]:
    if "\0" in text:
        raise UnreadableError
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        for cells in reader:
            kept = tuple(_unmarked(cell.strip()) for cell in cells)
            if any(kept):
                yield Line(reader.line_num, kept)
    except csv.Error as error:
        raise UnreadableError(reader.line_num) from error


def _unmarked(cell: str) -> str:
    plain = cell.removeprefix(_TEXT_MARK)
    return plain if cell != plain and safe(plain) == cell else cell
