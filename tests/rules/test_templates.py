"""Every template compiles, is used, has a title and says nothing that is not in a catalogue."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.pofile import read_po
from jinja2 import Environment, meta, nodes

from blueprints.administration.words import DEEDS, SIGHTS
from portal.errors import STATUSES_WITH_A_PAGE
from portal.machine_clients import NEEDS
from portal.policy.permissions import Action, Sight
from portal.templating import LANGUAGES
from tests.portal.pages import TEMPLATES, faced_app

ROOT = TEMPLATES.parent
NAMES = sorted(str(path.relative_to(TEMPLATES)) for path in TEMPLATES.rglob("*.html"))
CHILD = "layouts/child.html"
# Kana and kanji; brackets and commas alone are no words.
JAPANESE = re.compile(r"[々\u3041-\u30fa\u3400-\u9fff\uf900-\ufaff\U00020000-\U0002ffff]")
TRANSLATORS = frozenset(
    {
        "_",
        "_l",
        "gettext",
        "lazy_gettext",
        "ngettext",
        "lazy_ngettext",
        "pgettext",
        "lazy_pgettext",
        "N_",
    }
)
# Where texts for people are written in Python. Vocabularies and the demo city bring their own
# English, `portal.templating` and `portal.text` know the script itself, and a command speaks to
# who runs it.
SPOKEN = (
    "blueprints",
    "portal/auth",
    "portal/errors.py",
    "portal/forms.py",
    "portal/navigation.py",
    "portal/queries",
    "portal/services",
    "portal/unit.py",
)
# Each is no text of a page by itself: how an article of a law is cited in Japanese.
NO_TEXT_OF_A_PAGE = frozenset(
    {
        *"条の第項号",
        # Stored as they are, like anything a person wrote: a team's first name, and what the
        # centre's desk holds of a talk at which a code was handed over.
        "対応チーム",
        "センターで会い、もどってくるときの言葉を渡した。",
    }
)


@pytest.fixture(scope="module")
def environment() -> Environment:
    return faced_app().jinja_env


def _tree(environment: Environment, name: str) -> nodes.Template:
    return environment.parse((TEMPLATES / name).read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", NAMES)
def test_a_template_compiles(environment: Environment, name: str) -> None:
    environment.get_template(name)


# ------------------------------------------------------------------------------- used


def _python_files(*parts: str) -> Iterator[Path]:
    for part in parts:
        path = ROOT / part
        yield from sorted(path.rglob("*.py")) if path.is_dir() else [path]


def _named_in_python() -> set[str]:
    """Return every text of our code that could be the name of a template."""
    return {
        node.value
        for path in _python_files("portal", "blueprints")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and node.value.endswith(".html")
    }


def _named_in_templates(environment: Environment) -> set[str]:
    return {
        str(other)
        for name in NAMES
        for other in meta.find_referenced_templates(_tree(environment, name))
        if other is not None
    }


def test_each_template_is_used_by_a_view_or_by_another_template(environment: Environment) -> None:
    # portal/errors.py builds these names from a status.
    of_statuses = {f"errors/{status}.html" for status in STATUSES_WITH_A_PAGE}
    used = _named_in_python() | _named_in_templates(environment) | of_statuses
    unused = [name for name in NAMES if name not in used]
    assert unused == [], "remove what nobody shows, or show it"
    assert [name for name in used - set(NAMES) if "/" in name] == [], "these do not exist"


# ------------------------------------------------------------------------------- title


def _parent(tree: nodes.Template) -> str | None:
    extends = tree.find(nodes.Extends)
    if extends is None or not isinstance(extends.template, nodes.Const):
        return None
    return str(extends.template.value)


def _titleless(environment: Environment, name: str) -> bool:
    """Whether a page's title would be that of its layout; a child's page has a neutral one."""
    while not name.startswith("layouts/"):
        tree = _tree(environment, name)
        if any(block.name == "title" for block in tree.find_all(nodes.Block)):
            return False
        parent = _parent(tree)
        if parent is None:
            return False
        name = parent
    return name != CHILD


def test_each_page_has_a_title_of_its_own(environment: Environment) -> None:
    pages = [name for name in NAMES if not name.startswith("layouts/")]
    assert [name for name in pages if _titleless(environment, name)] == []


def test_no_page_of_a_child_tells_in_its_title_what_it_is(environment: Environment) -> None:
    telling = [
        name
        for name in NAMES
        if _parent(tree := _tree(environment, name)) == CHILD
        and any(block.name == "title" for block in tree.find_all(nodes.Block))
    ]
    assert telling == [], "the layout's neutral title stands on every page of a child (ui.md)"


# ------------------------------------------------------------------------------- words


def _untranslated(node: nodes.Node) -> Iterator[str]:
    """Yield each Japanese text of a template that does not come through a catalogue."""
    if isinstance(node, nodes.Call) and _is_translator(node.node):
        return
    text = getattr(node, "data", None) if isinstance(node, nodes.TemplateData) else None
    if isinstance(node, nodes.Const) and isinstance(node.value, str):
        text = node.value
    if text is not None and JAPANESE.search(text):
        yield text.strip()
    for child in node.iter_child_nodes():
        yield from _untranslated(child)


def _is_translator(called: nodes.Node) -> bool:
    return isinstance(called, nodes.Name) and called.name in TRANSLATORS


@pytest.mark.parametrize("name", NAMES)
def test_every_word_of_a_template_comes_from_a_catalogue(
    environment: Environment, name: str
) -> None:
    found = list(_untranslated(_tree(environment, name)))
    assert found == [], "write {{ _('…') }} or {% trans %}…{% endtrans %}"


def test_a_word_outside_a_catalogue_would_be_found(environment: Environment) -> None:
    source = """<p title="見出し">{{ _('一') }}{% trans n=1 %}二 {{ n }}{% endtrans %}</p>
    {# 三 #}<b>四</b>{{ card('五', _('六')) }}{{ x if y else '七' }}"""
    found = "".join(_untranslated(environment.parse(source)))
    assert [word for word in "見一二三四五六七" if word in found] == list("見四五七")


def _spoken(tree: ast.AST, *, translated: bool = False) -> Iterator[tuple[int, str]]:
    """Yield line and text of each Japanese literal outside a gettext call, docstrings left out."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            continue
        known = translated or (isinstance(node, ast.Call) and _names_translator(node.func))
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            if not known and JAPANESE.search(node.value):
                yield node.lineno, node.value
            continue
        yield from _spoken(node, translated=known)


def _names_translator(called: ast.expr) -> bool:
    name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
    return name in TRANSLATORS


def test_every_word_of_a_view_comes_from_a_catalogue() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}: {text}"
        for path in _python_files(*SPOKEN)
        for line, text in _spoken(ast.parse(path.read_text(encoding="utf-8")))
        if text not in NO_TEXT_OF_A_PAGE
    ]
    assert found == [], "write _('…'), or _l('…') where there is no request yet"


def test_a_word_in_a_view_would_be_found() -> None:
    source = '"""一"""\nflash("二")\nflash(_("三"))\nx = _l("四") + f"五{1}"\n# 六'
    assert [text for _, text in _spoken(ast.parse(source))] == ["二", "五"]


# ------------------------------------------------------------------------------- English


def _used_messages() -> set[tuple[str, str | None]]:
    """Return each text that a page may show, with what it is said of where that is named."""
    with (ROOT / "babel.cfg").open(encoding="utf-8") as file:
        methods, options = parse_mapping_cfg(file)
    of_something = DEFAULT_KEYWORDS["pgettext"]
    keywords = {**DEFAULT_KEYWORDS, "_l": None, "lazy_gettext": None, "lazy_pgettext": of_something}
    used: set[tuple[str, str | None]] = set()
    for part in ("portal", "blueprints", "templates"):
        here = [
            (pattern.removeprefix(f"{part}/"), method)
            for pattern, method in methods
            if pattern.startswith(f"{part}/")
        ]
        inside = {pattern.removeprefix(f"{part}/"): value for pattern, value in options.items()}
        for found in extract_from_dir(ROOT / part, here, inside, keywords):
            message, context = found[2], found[4]
            used.add((message if isinstance(message, str) else message[0], context))
    return used


def _english() -> Catalog:
    path = ROOT / "portal" / "translations" / "en" / "LC_MESSAGES" / "messages.po"
    with path.open("rb") as file:
        return read_po(file, locale="en")


def test_every_text_has_an_english_one() -> None:
    assert set(LANGUAGES) == {"ja", "en"}
    catalogue, used = _english(), _used_messages()
    assert len(used) > 100
    missing = sorted(text for text, of in used if not _translated(catalogue, text, of))
    assert missing == [], f"{len(missing)} texts lack English: make catalogues, then translate"


def _translated(catalogue: Catalog, text: str, context: str | None) -> bool:
    entry = catalogue.get(text, context)
    if entry is None or entry.fuzzy:
        return False
    strings = entry.string if isinstance(entry.string, tuple | list) else (entry.string,)
    return all(strings) and not any(JAPANESE.search(str(string)) for string in strings)


def test_an_english_text_keeps_the_names_in_it() -> None:
    """A name in ``%(…)s`` that the translation forgets or invents is an error on the page."""
    named = re.compile(r"%\((\w+)\)")
    odd = [
        str(entry.id)
        for entry in _english()
        if entry.id
        and not isinstance(entry.id, tuple)
        and entry.string
        and set(named.findall(str(entry.id))) != set(named.findall(str(entry.string)))
    ]
    assert odd == []


def test_every_deed_has_words_for_the_table_of_roles() -> None:
    """A new deed is said in plain words in ``blueprints/administration/words.py``."""
    # Only a code makes a visitor, and only a machine has a machine's scopes: no role has them.
    assert DEEDS.keys() == set(Action) - {Action.VISIT, *NEEDS}
    assert SIGHTS.keys() == set(Sight)
