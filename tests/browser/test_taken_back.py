"""What a nurse has open when a child takes the consent back: blank at the next question, or click.

Without script the page cannot ask by itself; its next click finds nothing.
"""

from __future__ import annotations

import pytest
from playwright.sync_api import Page as Tab
from playwright.sync_api import expect

from tests.browser.conftest import Served
from tests.site import Person

pytestmark = pytest.mark.browser

NURSE = "school_nurse of school"
GONE = "このページは、もう見られません。"
SCHOOL = "見本第一小学校"
# A little more than the half minute after which a page asks again.
ONE_QUESTION = 31_000
_GRANT = (
    "SELECT g.id, g.case_id, t.id AS thread FROM grants g JOIN agencies a ON a.id = g.agency_id"
    " JOIN threads t ON t.case_id = g.case_id AND t.kind = 'child'"
    " WHERE a.name = :school AND g.basis = 'CONSENT' AND g.ended_at IS NULL"
    " AND portal_clock() < g.valid_until"
)


def _shared(served: Served) -> tuple[str, Person, str]:
    """Return the address of a shared case, its child, and where the child stops it."""
    [row] = served.site.rows(_GRANT, school=SCHOOL)
    child = Person("visitor (child)", thread=row.thread)
    return f"/cases/{row.case_id}", child, f"/child/record/{row.id}/stop"


def _opened(served: Served, case: str, **options: object) -> tuple[Tab, list[str]]:
    """Return the nurse's window with the case in it, and the words of it."""
    tab = served.open(served.someone(NURSE), width=1280, **options)
    if options.get("java_script_enabled", True):
        tab.clock.install()
    tab.goto(f"{served.address}{case}")
    words = [text for text in tab.locator(".timeline__body p").all_text_contents() if text.strip()]
    assert words
    return tab, words


def test_an_open_page_blanks_at_the_next_question(served: Served) -> None:
    case, child, stop = _shared(served)
    tab, words = _opened(served, case)
    plain, _words = _opened(served, case, java_script_enabled=False)
    # The control: while the consent holds, asking leaves the page as it is.
    with tab.expect_response(lambda answer: answer.request.method == "HEAD") as asked:
        tab.clock.run_for(ONE_QUESTION)
    assert asked.value.status == 204
    assert words[0] in tab.content()

    taps = served.open(child)
    taps.goto(f"{served.address}{stop}")
    taps.locator("main form button").click()
    expect(taps.locator("h1")).to_contain_text("やめました")

    with tab.expect_response(lambda answer: answer.request.method == "HEAD") as asked:
        tab.clock.run_for(ONE_QUESTION)
    assert asked.value.status == 404
    expect(tab.get_by_role("alert")).to_contain_text(GONE)
    assert not [word for word in words if word in tab.content()]

    # Without script the words stand until the next click, which finds nothing.
    assert words[0] in plain.content()
    answer = plain.reload()
    assert answer is not None
    assert answer.status == 404
    assert not [word for word in words if word in plain.content()]
