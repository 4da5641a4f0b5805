"""Axe finds nothing on any page, on a phone and on a desk, refused forms and errors included.

At 360 pixels one page of each kind is looked at, and one of each layout at 1280; the heavy part
looks at every page of everybody at both. Pictures are kept in ``test-results`` for people to see.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.browser.conftest import Judge, Served
from tests.site import ABSENT, LEAVING, STRANGER, Person, Site
from tests.web import Page

pytestmark = pytest.mark.browser

Sit = Callable[[Person, int], Judge]
Look = tuple[Person, str]
WIDTHS = [360, pytest.param(1280, marks=pytest.mark.heavy)]


def _parts(page: Page) -> set[tuple[Any, ...]]:
    """Return what a page is made of: each element and its parent, with classes and attributes.

    Two pages of one view that are made of the same parts are alike to axe.
    """
    assert page.tree is not None
    return {(_part(element), _part(element.getparent())) for element in page.tree.iter("*")}


def _part(element: Any) -> tuple[Any, ...]:
    if element is None:
        return ()
    return element.tag, element.get("class"), element.get("type"), tuple(sorted(element.attrib))


def pages(site: Site, *, all_of_them: bool) -> Iterator[tuple[str, Person, str]]:
    """Yield endpoint, person and URL of the pages to look at, of those made alike the first."""
    met: dict[str, set[tuple[Any, ...]]] = {}
    for person in site.one_of_each():
        for url, page in site.at(person).walk(each=2):
            endpoint = site.endpoint(url)
            if page.status != 200 or page.tree is None:
                continue
            parts, known = _parts(page), met.setdefault(endpoint, set())
            # A page that differs by a few elements, such as one more tag, is of a known kind.
            if all_of_them or len(parts - known) > len(parts) // 10:
                yield endpoint, person, url
            known |= parts


def _by_person(looks: Iterator[tuple[str, Person, str]]) -> dict[Person, list[tuple[str, str]]]:
    found: dict[Person, list[tuple[str, str]]] = {}
    for endpoint, person, url in looks:
        found.setdefault(person, []).append((endpoint, url))
    return found


@pytest.mark.parametrize("all_of_them", [False, pytest.param(True, marks=pytest.mark.heavy)])
@pytest.mark.parametrize("width", WIDTHS)
def test_every_page_is_accessible(
    served: Served,
    judge: Sit,
    width: int,
    all_of_them: bool,  # noqa: FBT001
) -> None:
    found, looked = [], 0
    for person, some in _by_person(pages(served.site, all_of_them=all_of_them)).items():
        eyes = judge(person, width)
        for endpoint, url in some:
            answer = eyes.go(url)
            assert answer is not None
            assert answer.status == 200, f"{url} answers {answer.status} to {person.label}"
            eyes.look(f"{endpoint} {person.label}")
        found += eyes.found
        looked += eyes.looked
        served.close()
    assert found == [], "\n".join(found)
    assert looked > 40


# A page of each layout, by who sees it.
LAYOUTS = (
    ("center_counselor", "/"),
    ("center_counselor", "/cases"),
    ("school_nurse of school", "/own-records"),
    ("a stranger", "/sign-in"),
    ("a stranger", "/report/mihon-shokudo"),
    ("a stranger", "/child/start"),
    ("visitor (child)", "/child/thread"),
    ("a stranger", f"/nowhere/{ABSENT}"),
    ("a stranger", "/child/nowhere"),
)


def test_each_layout_is_accessible_on_a_desk(served: Served, judge: Sit) -> None:
    found = []
    for role, url in LAYOUTS:
        eyes = judge(served.someone(role), 1280)
        eyes.go(url)
        eyes.look(f"layout {url.replace(ABSENT, '')} {role}")
        found += eyes.found
    assert found == [], "\n".join(found)


# ------------------------------------------------------------------------------- refused forms

# Sends a form of the page with texts that no form takes, and nothing chosen.
_SPOIL = """(action) => {
  // A field may be called "action" or "method" and would stand for the attribute.
  const goal = (one) => new URL(one.getAttribute("action") || location.href, location.href).href;
  const form = [...document.forms].find(
    (one) => one.getAttribute("method") === "post" && goal(one) === action);
  if (!form) return false;
  for (const each of form.elements) {
    if (["checkbox", "radio"].includes(each.type)) each.checked = false;
    else if (each.tagName === "TEXTAREA" || ["text", "email"].includes(each.type))
      each.value = "あ\\u202eい";
  }
  form.noValidate = true;
  HTMLFormElement.prototype.submit.call(form);
  return true;
}"""


def _refusable(site: Site) -> Iterator[tuple[str, Person, str]]:
    """Yield endpoint, person and page of each form that can be filled in wrongly, once."""
    met = set()
    for person, form in site.forms(site.one_of_each()):
        endpoint = site.endpoint(form.action, "POST")
        typed = any(each.kind in {"text", "textarea", "radio", "email"} for each in form.fields)
        if typed and endpoint not in LEAVING and endpoint not in met:
            met.add(endpoint)
            yield form.action, person, form.page


@pytest.mark.parametrize("width", WIDTHS)
def test_every_refused_form_is_accessible(served: Served, judge: Sit, width: int) -> None:
    found, looked = [], 0
    for person, some in _by_person(_refusable(served.site)).items():
        eyes = judge(person, width)
        for action, url in some:
            eyes.go(url)
            with eyes.tab.expect_navigation() as navigation:
                assert eyes.tab.evaluate(_SPOIL, f"{served.address}{action}"), url
            if navigation.value is not None and navigation.value.status == 422:
                eyes.look(f"refused {served.site.endpoint(action, 'POST')}")
        found += eyes.found
        looked += eyes.looked
        served.close()
    assert found == [], "\n".join(found)
    assert looked > 20


# ------------------------------------------------------------------------------- the control arm

_BAD = """<!doctype html><html><head><title></title></head><body><main>
<img src="data:,"><input><p style="color:#ccc;background:#fff">薄い文字</p>
<div style="width:900px">広い</div></main></body></html>"""


def test_the_judge_finds_what_is_wrong(served: Served, judge: Sit) -> None:
    eyes = judge(STRANGER, 360)
    eyes.go("/accessibility")
    eyes.look("accessibility")
    assert eyes.found == []
    eyes.tab.set_content(_BAD)
    eyes.look("control")
    told = "\n".join(eyes.found)
    for rule in ("image-alt", "label", "color-contrast", "html-has-lang", "document-title"):
        assert f"control: {rule}" in told
    assert "wider than 360 px" in told
    eyes.tab.evaluate("() => { fetch('http://127.0.0.1:9/x').catch(() => 0) }")
    eyes.tab.wait_for_timeout(0)
    assert "asks http://127.0.0.1:9/x" in "\n".join(eyes.found)
