"""What a change of the policy comes to: in SQL, and in the modules that are already imported.

The rules render to named pieces of SQL, one for each policy, criterion, term and function of the
database. A changed module is imported beside the real one, with those that are made from it, and
only the pieces are rendered that its changed function can reach; what reaches which is learnt by
watching the real rules render once. All this happens in a forked child, which is thrown away.
"""

from __future__ import annotations

import ast
import functools
import importlib
import importlib.abc
import importlib.util
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import FrameType, FunctionType, ModuleType
from typing import Any

from sqlalchemy import ClauseElement
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import with_loader_criteria
from sqlalchemy.sql import lambdas

POLICY = Path(__file__).parents[2] / "portal/policy"
_PACKAGE = "portal.policy."
# The modules that SQL is made of, and those that nothing in the database is made of.
MADE_OF = ("permissions", "viewer", "visibility", "unread", "explain", "past", "writing", "rls")
_APART = frozenset({"hot", "bundles", "capacity", "preview", "terms", "schema"})
# Where a term is named by hand and not by the rule that made it.
_BY_HAND = (
    *("viewer_administering", "viewer_managing"),
    *("viewer_sees_thread", "viewer_sees_parties", "viewer_opens_by_code"),
)


class Changed(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Gives the changed source where the module of that name is imported."""

    def __init__(self, module: str, source: str) -> None:
        self.name, self.source, self.file = _PACKAGE + module, source, POLICY / f"{module}.py"

    def find_spec(
        self, fullname: str, _path: Sequence[str] | None, _target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != self.name:
            return None
        return importlib.util.spec_from_file_location(fullname, self.file, loader=self)

    def create_module(self, _spec: ModuleSpec) -> None:
        """Let Python make the module."""

    def exec_module(self, module: ModuleType) -> None:
        exec(compile(self.source, str(self.file), "exec"), module.__dict__)  # noqa: S102 - ours


# -- pieces ---------------------------------------------------------------------------------------

Pieces = dict[str, str]
# What the real modules' values say, by ``module.name``.
_SAID: dict[str, Any] = {}


def _pieces(rules: Mapping[str, ModuleType]) -> dict[str, Callable[[], str]]:
    """Return how each piece of SQL is rendered, by its name: what it is, and of which table."""
    rls, past, viewer = rules["rls"], rules["past"], rules["viewer"]
    visible, writable = rules["visibility"].VISIBLE, rules["writing"].WRITABLE
    found: dict[str, Callable[[], str]] = {}
    for model in rls.models():
        table = model.__tablename__
        if model in visible:
            rule = visible[model]
            found[f"visible {table}"] = lambda m=model, r=rule: rls.policy(m, r)
            found[f"criterion {table}"] = lambda m=model, r=rule: rls.render(m, r)
        for wall in ("insert", "update"):
            check = getattr(writable.get(model), wall, None)
            if check is not None:
                found[f"{wall} {table}"] = lambda m=model, r=check: rls.policy(m, r)
        found[f"rights {table}"] = lambda m=model: ";\n".join(rls._privileges(m)).lower()
    for term in viewer.TERMS:
        found[f"viewer {term.name}"] = lambda t=term: rls._term(t)
    for term in past.past_terms():
        found[f"past {term.name}"] = lambda t=term: past.term_ddl(t)
    found["functions"] = rls.functions
    return found


@dataclass
class Rendered:
    """The real rules as pieces of SQL, and which functions each piece is made by."""

    pieces: Pieces = field(default_factory=dict)
    made_by: dict[str, frozenset[str]] = field(default_factory=dict)

    @classmethod
    def watched(cls) -> Rendered:
        """Render the rules as they are, and watch who is called."""
        found = cls()
        for name, module in _imported().items():
            # Said once, before anybody is forked who would have to say it again.
            _SAID.update((f"{name}.{each}", printed(of)) for each, of in vars(module).items())
        for name, render in _pieces(_imported()).items():
            called: set[str] = set()

            def note(frame: FrameType, event: str, _: Any, called: set[str] = called) -> None:
                code = frame.f_code
                if event == "call" and code.co_filename.startswith(str(POLICY)):
                    module = Path(code.co_filename).stem
                    called.add(f"{module}.{code.co_qualname.partition('.')[0]}")

            sys.setprofile(note)
            try:
                found.pieces[name] = render()
            finally:
                sys.setprofile(None)
            found.made_by[name] = frozenset(called)
        return found


def _imported() -> dict[str, ModuleType]:
    return {name: importlib.import_module(_PACKAGE + name) for name in MADE_OF}


@dataclass
class Beside:
    """A changed policy, imported beside the real one."""

    module: str
    real: dict[str, ModuleType]
    changed: dict[str, ModuleType]
    _values: list[tuple[str, Any, Any]] | None = None

    @classmethod
    def of(cls, module: str, source: str) -> Beside:
        """Import it; whatever the changed source raises is the caller's."""
        importlib.import_module(_PACKAGE + module)
        names = [name for name in sys.modules if name.startswith(_PACKAGE)]
        real = {name.removeprefix(_PACKAGE): sys.modules.pop(name) for name in names}
        finder = Changed(module, source)
        sys.meta_path.insert(0, finder)
        try:
            # These register what is made of them, or nothing here is made of them.
            sys.modules |= {_PACKAGE + name: real[name] for name in _APART & real.keys() - {module}}
            changed = _imported() if module in MADE_OF else {}
            changed[module] = importlib.import_module(_PACKAGE + module)
        finally:
            sys.meta_path.remove(finder)
            for name in [name for name in sys.modules if name.startswith(_PACKAGE)]:
                del sys.modules[name]
            sys.modules |= {_PACKAGE + name: each for name, each in real.items()}
        return cls(module, real, changed)

    def values(self) -> list[tuple[str, Any, Any]]:
        """Return the values of the changed module that are others now: name, real, changed."""
        if self._values is None:
            self._values = list(self._changed_values())
        return self._values

    def _changed_values(self) -> Iterator[tuple[str, Any, Any]]:
        real, changed = vars(self.real[self.module]), vars(self.changed[self.module])
        for name in (real.keys() | changed.keys()) - _of_others(self.module):
            if name.startswith("__") or isinstance(real.get(name), FunctionType | ModuleType):
                continue
            was, now = real.get(name), changed.get(name)
            if isinstance(was, type) and was.__module__ != self.real[self.module].__name__:
                continue
            if self._said(name, was) != printed(now):
                yield name, was, now

    def _said(self, name: str, was: Any) -> Any:
        said = f"{self.module}.{name}"
        return _SAID[said] if said in _SAID else printed(was)

    def functions(self) -> Iterator[tuple[str, FunctionType, Any]]:
        """Give the functions of the module that are others now."""
        real, changed = self.real[self.module], vars(self.changed[self.module])
        for name, was in vars(real).items():
            if isinstance(was, FunctionType) and was.__module__ == real.__name__:
                now = changed.get(name)
                if self._said(name, was) != printed(now):
                    yield name, was, now

    def differing(self, rendered: Rendered, function: str) -> Pieces:
        """Return the pieces that render to something else; an empty text where one is missing."""
        if self.module not in MADE_OF:
            return {}
        mine = _pieces(self.changed)
        wanted = self._reached(rendered, mine, function)
        names = {f"viewer {now}": f"viewer {was}" for was, now in self._renamed()}
        found = {names.get(name, name): mine[name]() for name in sorted(wanted) if name in mine}
        missing = rendered.pieces.keys() - {names.get(name, name) for name in mine}
        found |= dict.fromkeys(missing, "")
        found = {name: self._same_names(text) for name, text in found.items()}
        return {
            name: text
            for name, text in found.items()
            if _plain(text) != _plain(rendered.pieces.get(name, ""))
        }

    def _same_names(self, sql: str) -> str:
        """Return SQL with a renamed term under its old name: it is made and called by one text."""
        for was, now in self._renamed():
            sql = re.sub(rf"\b(viewer|past)_{re.escape(now)}\b", rf"\1_{was}", sql)
        return sql

    def _renamed(self) -> list[tuple[str, str]]:
        """Return the names of terms that are others now, and that nobody writes by hand."""
        real, changed = self.real["viewer"].TERMS, self.changed["viewer"].TERMS
        pairs = ((was.name, str(now.name)) for was, now in zip(real, changed, strict=False))
        # PostgreSQL reads over capitals in a name, whoever writes it.
        return [
            (was, now)
            for was, now in pairs
            if was != now and (was == now.lower() or f"viewer_{was}" not in _BY_HAND)
        ]

    def _reached(self, rendered: Rendered, mine: Mapping[str, Any], function: str) -> set[str]:
        if not function:
            values = {name for name, *_ in self.values()}
            if self.module == "permissions" and not values & _IN_SQL:
                return set()
            if self.module == "viewer" and values == {"TERMS"}:
                return {name for name in mine if name.startswith(("viewer ", "past "))}
            if self.module in _PARTS:
                return {name for name in mine if name.startswith(_PARTS[self.module])}
            return set(mine)
        made = {name for name, by in rendered.made_by.items() if f"{self.module}.{function}" in by}
        # A term is made at import, before anybody watches.
        if self.module == "viewer":
            return set(mine) if self._exports() else made | _named(mine, "viewer ", "past ")
        if self.module == "visibility":
            made |= _named(mine, "viewer shows_", "viewer opens_by_code")
        return made

    def _exports(self) -> bool:
        return any(name != "TERMS" for name, *_ in self.values())


@functools.cache
def _plain(sql: str) -> str:
    """Return SQL without what PostgreSQL reads over.

    Capitals outside of texts and in the names of settings, quotes around a name that needs none,
    and what stands between EXISTS and FROM.
    """
    sql = re.sub(r"--[^\n]*", "", sql)
    sql = re.sub(r"EXISTS \(SELECT [^\n]*\nFROM ", "EXISTS (SELECT 1\nFROM ", sql)
    sql = re.sub(r'"([a-z_][a-z0-9_]*)"', r"\1", sql)
    settings = re.sub(r"(?i)(_setting|set_config)\('[^']*'", lambda it: it[0].lower(), sql)
    return re.sub(r"'[^']*'|[^']+", lambda it: _folded(it[0]), settings)


def _folded(part: str) -> str:
    return part if part.startswith("'") else part.lower()


@functools.cache
def of_imports(module: str) -> frozenset[str]:
    """Return a module's own functions that are called while it is imported and never after."""
    tree = ast.parse((POLICY / f"{module}.py").read_text(encoding="utf-8"))
    private, asked = set(), dict[str, set[str]]()
    for node in tree.body:
        is_function = isinstance(node, ast.FunctionDef)
        if is_function and node.name.startswith("_"):
            private.add(node.name)
        if is_function or isinstance(node, ast.ClassDef):
            names = {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}
            asked[node.name] = names
    # Whom a function asks that is called later, or a class, is called later too.
    while late := {each for asking in asked.keys() - private for each in asked[asking] & private}:
        private -= late
    return frozenset(private)


@functools.cache
def _of_others(module: str) -> frozenset[str]:
    """Return the names that a module imports: they say what they say elsewhere."""
    tree = ast.parse((POLICY / f"{module}.py").read_text(encoding="utf-8"))
    imports = (node for node in tree.body if isinstance(node, ast.ImportFrom | ast.Import))
    return frozenset(each.asname or each.name for node in imports for each in node.names)


def _named(names: Mapping[str, Any], *starts: str) -> set[str]:
    return {name for name in names if name.startswith(starts)}


# What of the permissions is written into SQL, and which pieces are made of these modules' values.
_IN_SQL = {"EMERGENCY_VIEWERS", "GIVEN_BY_ONE", "PROPOSAL_HOLDS"}
_PARTS: dict[str, tuple[str, ...]] = {
    "writing": ("insert ", "update ", "rights "),
    "explain": ("functions",),
    "past": ("functions", "past "),
    "unread": ("functions",),
}


def printed(value: Any) -> Any:  # noqa: C901, PLR0911 - one for each kind of value
    """Return what a value says, in a form in which two can be compared."""
    if isinstance(value, FunctionType):
        return (
            "function",
            _code(value.__code__),
            printed(value.__defaults__),
            value.__qualname__,
            printed(value.__kwdefaults__),
        )
    if isinstance(value, Enum):
        return (type(value).__qualname__, value.name, repr(value.value))
    if isinstance(value, type):
        return _class(value)
    if isinstance(value, Mapping):
        return [(printed(key), printed(each)) for key, each in value.items()]
    if isinstance(value, list | tuple):
        return [type(value).__name__, *map(printed, value)]
    if isinstance(value, set | frozenset):
        return sorted(map(repr, map(printed, value)))
    if isinstance(value, ClauseElement):
        return _sql(value)
    if type(value).__name__ in {"Term", "Writing"}:
        return [(name, printed(each)) for name, each in vars(value).items()]
    text = repr(value)
    return re.sub(r" at 0x[0-9a-f]+", "", text)


def _sql(clause: ClauseElement) -> str:
    try:
        return str(
            clause.compile(
                dialect=postgresql.dialect(),  # type: ignore[no-untyped-call]
                compile_kwargs={"literal_binds": True},
            )
        )
    except Exception as error:  # noqa: BLE001 - it says nothing then, which is something else
        return f"no SQL: {error}"


def _code(code: Any) -> Any:
    consts = [_code(each) if hasattr(each, "co_code") else repr(each) for each in code.co_consts]
    return (code.co_code, consts, code.co_names, code.co_varnames, code.co_freevars)


def _class(value: type) -> Any:
    members = {
        name: each
        for name, each in vars(value).items()
        if not name.startswith("__") or name == "__init__"
    }
    bases = [base.__qualname__ for base in value.__mro__]
    return [value.__qualname__, bases, *((name, _member(each)) for name, each in members.items())]


def _member(each: Any) -> Any:
    if isinstance(each, property):
        return ("property", printed(each.fget))
    if isinstance(each, Enum) or not isinstance(each, type):
        return printed(each)
    return each.__qualname__


# -- grafting -------------------------------------------------------------------------------------


def graft(beside: Beside) -> bool:
    """Let the real module, as others have imported it, do what the changed one does.

    Returns whether that is possible; a changed enumeration has to be imported anew by everybody.
    """
    values = beside.values()
    if any(isinstance(was, type) and issubclass(was, Enum) for _, was, _ in values):
        return False
    functions = [(was, now) for _, was, now in beside.functions()]
    if not all(_fits(was, now) for was, now in functions):
        return False
    for was, now in functions:
        was.__code__, was.__defaults__ = now.__code__, now.__defaults__
        was.__kwdefaults__ = now.__kwdefaults__
    for name, was, now in values:
        if isinstance(was, type) and isinstance(now, type):
            _graft_class(was, now)
        elif name != "TERMS":
            _everywhere(name, was, now)
    if beside.module in MADE_OF:
        _graft_criteria(beside)
    return True


def _fits(was: FunctionType, now: Any) -> bool:
    return isinstance(now, FunctionType) and now.__code__.co_freevars == was.__code__.co_freevars


def _graft_class(was: type, now: type) -> None:
    for name, member in vars(now).items():
        if name in {"__dict__", "__weakref__", "__module__", "__doc__", "__annotations__"}:
            continue
        if printed(vars(was).get(name)) != printed(member) or isinstance(member, property):
            setattr(was, name, member)
    for name in vars(was).keys() - vars(now).keys():
        delattr(was, name)


def _everywhere(name: str, was: Any, now: Any) -> None:
    """Put a value in the place of another wherever it was imported under its name."""
    for module in list(sys.modules.values()):
        held = getattr(module, "__dict__", {})
        if held.get(name, _everywhere) is was and getattr(module, "__name__", "").startswith(
            ("portal", "blueprints", "tests")
        ):
            held[name] = now


def _graft_criteria(beside: Beside) -> None:
    """Let sessions apply the criteria of the changed rules."""
    from portal import database  # noqa: PLC0415 - not before the rules themselves

    _forget_criteria()
    database._SCOPES = scopes(beside)


def scopes(beside: Beside) -> tuple[Any, ...]:
    """Return the criteria of the changed rules as a session applies them."""
    _forget_criteria()
    visible = beside.changed["visibility"].VISIBLE
    return tuple(
        with_loader_criteria(model, rule, include_aliases=True) for model, rule in visible.items()
    )


def _forget_criteria() -> None:
    # SQLAlchemy remembers a criterion by its code, and what it calls may be changed.
    lambdas.AnalyzedCode._fns.clear()
    lambdas._closure_per_cache_key = type(lambdas._closure_per_cache_key)(1000)
