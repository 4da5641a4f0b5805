"""Imports go downward only (architecture.md §2): no room knows one that stands above it."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
AREAS = [f"blueprints.{page.parent.name}" for page in (ROOT / "blueprints").glob("*/__init__.py")]
FLOORS = (  # From the roof down; rooms of one floor do not know each other.
    "wsgi",
    "portal.factory portal.supervise",
    " ".join(["portal.cli", "blueprints", *AREAS]),
    "portal.demo portal.installation portal.preparation portal.worker",
    "portal.forms portal.navigation portal.plain_words portal.unit",
    "portal.auth portal.errors",
    "portal.templating",
    "portal.machine_clients portal.single_sign_on",
    "portal.border portal.compression portal.extensions portal.headers portal.logs",
    "portal.world",
    "portal.queries portal.services",
    "portal.audit portal.codes portal.escrow portal.mail portal.passwords portal.people",
    *("portal.vault", "portal.database", "portal.policy", "portal.models", "portal.readiness"),
    "portal.move_words",
    "portal.config portal.doors portal.spreadsheet portal.text portal.working_hours",
    "portal.embedded portal.vocabulary",
)
DEPTH = {room: depth for depth, floor in enumerate(FLOORS) for room in floor.split()}
WITHOUT_FLASK = {3, *range(FLOORS.index("portal.world"), len(FLOORS))}


def faults(room: str, source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        names = [part.name for part in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{part.name}" for part in node.names]
        for other in (".".join(name.split(".")[:2]) for name in names):
            if other != room and DEPTH.get(other, 99) <= DEPTH[room]:
                yield f"{room} imports {other}, which stands above it: move what it needs down"
            if other.startswith("flask") and DEPTH[room] in WITHOUT_FLASK:
                yield f"{room} imports {other}, but must work without a request"


@pytest.mark.parametrize("room", DEPTH)
def test_no_room_imports_one_above_it(room: str) -> None:
    path = ROOT / room.replace(".", "/")
    files = [path / "__init__.py"] if room == "blueprints" else [*path.rglob("*.py")]
    files += [path.with_suffix(".py")] if path.with_suffix(".py").exists() else []
    assert files, f"there is no {room}: take it out of FLOORS"
    assert [fault for file in files for fault in faults(room, file.read_text("utf-8"))] == []


def test_every_room_has_its_floor() -> None:
    parts = (ROOT / "portal").iterdir()
    rooms = {part.stem for part in parts if part.suffix == ".py" or (part / "__init__.py").exists()}
    assert {f"portal.{room}" for room in rooms - {"__init__"}} <= set(DEPTH), "give it a floor"


def test_an_import_upward_is_found() -> None:
    assert len([*faults("portal.models", "from portal.policy import rls\nimport flask")]) == 2
    assert [*faults("blueprints.home", "from blueprints.intake import views")]
    assert not [*faults("portal.policy", "from portal.models import Case")]
