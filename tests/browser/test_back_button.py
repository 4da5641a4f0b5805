"""After signing out or leaving, the browser's Back button shows nothing of a case."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page as Tab

from tests.browser.conftest import Served
from tests.site import Person

pytestmark = pytest.mark.browser

STEPS = 5


def _words_of(served: Served, person: Person, url: str) -> list[str]:
    """Return what was said, as it stands on a page."""
    page = served.site.at(person).get(url)
    assert page.tree is not None
    said = page.tree.xpath("//*[@class='timeline__body']/p[1]")
    words = [text for element in said if len(text := element.text_content().strip()) > 6]
    assert words, f"nothing was said on {url}"
    return words


def _shown(tab: Tab, words: list[str]) -> list[str]:
    content = tab.content()
    return [text for text in words if text in content]


def _back(tab: Tab, words: list[str]) -> list[str]:
    """Press Back again and again, and return what of the words was shown."""
    shown = []
    for _ in range(STEPS):
        tab.go_back()
        shown += _shown(tab, words)
    return shown


def _case_of(served: Served, person: Person) -> str:
    visitor = served.site.at(person)
    urls = [url for url, page in visitor.walk(each=2) if served.site.endpoint(url) == "cases.show"]
    return urls[0]


def test_back_after_signing_out_shows_nothing(served: Served) -> None:
    nurse = served.someone("school_nurse of school")
    url = _case_of(served, nurse)
    words = _words_of(served, nurse, url)
    tab = served.open(nurse)
    tab.goto(f"{served.address}/cases")
    tab.goto(f"{served.address}{url}")
    assert _shown(tab, words) != []
    # The control: while signed in, Back does show the case.
    tab.goto(f"{served.address}/own-records")
    tab.go_back()
    assert _shown(tab, words) != []
    # The way out is in the folded part that says who one is.
    tab.locator("details.account summary").click()
    tab.locator("form[action='/sign-out'] button").click()
    tab.wait_for_url("**/sign-in**")
    assert _back(tab, words) == []
    tab.goto(f"{served.address}{url}")
    assert "/sign-in" in tab.url


@pytest.mark.parametrize("way", ["the link", "three presses of Shift"])
def test_back_after_a_child_has_left_shows_nothing(served: Served, way: str) -> None:
    child = served.someone("visitor (child)")
    words = _words_of(served, child, "/child/thread")
    tab = served.open(child)
    tab.goto(f"{served.address}/child/")
    tab.goto(f"{served.address}/child/thread")
    tab.goto(f"{served.address}/child/record")
    tab.goto(f"{served.address}/child/thread")
    assert _shown(tab, words) != []
    assert _kept(tab) == [0, 0, 0, 0, 0]
    assert tab.title() == "おてんきメモ"
    if way == "the link":
        tab.keyboard.press("Tab")
        tab.keyboard.press("Enter")
    else:
        for _ in range(3):
            tab.keyboard.press("Shift")
    tab.wait_for_url("**/otenki")
    assert _back(tab, words) == []
    # The session is over on the server too.
    tab.goto(f"{served.address}/child/thread")
    assert tab.url.endswith("/child/")


def _kept(tab: Tab) -> list[int]:
    """Return how much the browser keeps: stores, databases, caches, workers."""
    kept: list[int] = tab.evaluate(
        """async () => [localStorage.length, sessionStorage.length,
          (await indexedDB.databases()).length, (await caches.keys()).length,
          (await navigator.serviceWorker.getRegistrations()).length]"""
    )
    return kept


@pytest.fixture
def withdrawn(served: Served) -> Callable[[str], None]:
    """Return a function that ends every grant of a case, as a withdrawal does."""

    def end(case_id: str) -> None:
        with served.site.system.begin() as connection:
            connection.exec_driver_sql(
                "UPDATE grants SET ended_at = portal_clock() WHERE case_id = %s", (case_id,)
            )

    return end


def test_back_after_a_withdrawal_shows_nothing(
    served: Served, withdrawn: Callable[[str], None]
) -> None:
    nurse = served.someone("school_nurse of school")
    url = _case_of(served, nurse)
    words = _words_of(served, nurse, url)
    tab = served.open(nurse)
    tab.goto(f"{served.address}{url}")
    tab.goto(f"{served.address}/")
    withdrawn(url.rpartition("/")[2])
    tab.go_back()
    assert _shown(tab, words) == []
    assert tab.get_by_role("heading", level=1).count() == 1


def _typed(tab: Tab) -> str:
    """Return what stands in the fields of a page into which one types."""
    values: list[str] = tab.eval_on_selector_all(
        "main textarea, main input[type=text]", "fields => fields.map((field) => field.value)"
    )
    return "".join(values)


def test_back_after_a_clerk_has_sent_a_consultation_shows_nothing_of_it(served: Served) -> None:
    """Clerks write and never read (domain.md §1), also not what they wrote a minute ago."""
    words = "家に帰りたくないと電話で話した。"
    tab = served.open(served.someone("center_clerk"))
    tab.goto(f"{served.address}/consultations/new")
    tab.locator("main textarea").first.fill(words)
    # The control: until it is sent, it stands there.
    assert words in _typed(tab)
    for group in ("channel", "consulter", "topic"):
        choice = tab.locator(f"main [name={group}]")
        if choice.first.evaluate("field => field.tagName") == "SELECT":
            choice.select_option(index=1)
        else:
            choice.first.check()
    before = served.site.rows("SELECT count(*) FROM consultations")[0][0]
    tab.locator("main form button[type=submit]").last.click()
    tab.get_by_text("相談番号").first.wait_for()
    assert served.site.rows("SELECT count(*) FROM consultations")[0][0] == before + 1
    assert _shown(tab, [words]) == []
    tab.go_back()
    assert "/consultations/new" in tab.url
    assert words not in _typed(tab)
    assert _shown(tab, [words]) == []
