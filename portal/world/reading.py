"""Reading a world's file, and saying where in it something is wrong."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

Place = tuple[str | int, ...]

# A key that stands twice would silently lose its first value. The parser puts this key beside it,
# which no shape knows, so that the check of shapes reports the object.
TWICE = "\0twice"
_BLANKS = re.compile(r"[ \t\n\r]*")


class World(dict[str, Any]):
    """A parsed world that still knows its text, so that a refusal can name the line."""

    def __init__(self, parsed: Mapping[str, Any], text: str) -> None:
        """Keep both."""
        super().__init__(parsed)
        self.text = text


class WorldRefused(ValueError):
    """A world cannot be loaded.

    Attributes:
        path: where, as JSON path, ``$.cases[0].grants[1].until``.
        line: the line of the file, from 1; None for a world that came from no file.
        reason: why.

    """

    def __init__(self, path: str, line: int | None, reason: str) -> None:
        """Put the three together in one sentence."""
        where = path if line is None else f"line {line}, {path}"
        super().__init__(f"{where}: {reason}")
        self.path, self.line, self.reason = path, line, reason


def refused(world: Mapping[str, Any], place: Place, reason: str) -> WorldRefused:
    """Return the refusal of what stands at a place of a world."""
    line = line_of(world.text, place) if isinstance(world, World) else None
    return WorldRefused(json_path(place), line, reason)


def json_path(place: Place) -> str:
    """Return a place as JSON path, ``$.cases[0].id``."""
    return "$" + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place)


def read_file(path: Path) -> World:
    """Return the world of a file, parsed but not yet checked.

    Raises:
        WorldRefused: the file is not UTF-8 or not a JSON object.

    """
    content = path.read_bytes()
    try:
        text = content.decode()
        parsed = json.loads(text, object_pairs_hook=_object, parse_constant=_not_json)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise WorldRefused("$", line, "the file is not UTF-8") from error
    except json.JSONDecodeError as error:
        raise WorldRefused("$", error.lineno, f"the file is not JSON: {error.msg}") from error
    except (RecursionError, _NotJson) as error:
        raise WorldRefused("$", 1, f"the file is not JSON: {error}") from error
    if not isinstance(parsed, dict):
        raise WorldRefused("$", 1, "the file is not a JSON object")
    return World(parsed, text)


class _NotJson(Exception):
    """A word that Python's parser takes and JSON does not have."""


def _not_json(word: str) -> Any:
    raise _NotJson(word)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        found[TWICE] = True
    return found


def line_of(text: str, place: Place) -> int:
    """Return the line, from 1, on which the value at a place of a JSON text begins.

    Only a refusal asks, so the text is walked anew instead of keeping a position for each value.
    """
    at = _skip(text, 0)
    for part in place:
        found = _child(text, at, part)
        if found is None:
            break
        at = found
    return text.count("\n", 0, at) + 1


def _skip(text: str, at: int) -> int:
    match = _BLANKS.match(text, at)
    return at if match is None else match.end()


def _child(text: str, at: int, part: str | int) -> int | None:
    """Return where a member of the object or array at a position begins, None without it."""
    decoder = json.JSONDecoder()
    in_object, number = text[at] == "{", 0
    at = _skip(text, at + 1)
    while text[at] not in "}]":
        name: str | int = number
        if in_object:
            name, at = decoder.raw_decode(text, at)
            at = _skip(text, _skip(text, at) + 1)
        if name == part:
            return at
        _, at = decoder.raw_decode(text, at)
        at = _skip(text, at)
        if text[at] == ",":
            at = _skip(text, at + 1)
        number += 1
    return None
