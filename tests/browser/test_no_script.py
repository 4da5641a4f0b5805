"""What people come for works without a line of JavaScript."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page as Tab

from portal.demo.people import DEMO_PEOPLE
from tests.browser.conftest import Served, follow
from tests.site import STRANGER, Person

pytestmark = pytest.mark.browser

_REPORTS = "SELECT count(*) FROM consultations WHERE channel = 'CAFETERIA'"
WORDS = "スクリプトなしで書いた記録です。"


def _plain(served: Served, person: Person) -> Tab:
    tab = served.open(person, java_script_enabled=False)
    tab.goto(f"{served.address}/accessibility")
    return tab


def test_somebody_of_the_demo_signs_in_by_a_button(served: Served) -> None:
    tab = _plain(served, STRANGER)
    tab.goto(f"{served.address}/sign-in")
    name = next(one.name_ja for one in DEMO_PEOPLE if one.email == "nurse@example.jp")
    follow(tab, tab.get_by_role("button", name=name).first)
    assert tab.url == f"{served.address}/"
    assert tab.locator("form[action='/sign-out']").count() > 0


def test_a_volunteer_reports(served: Served) -> None:
    tab, before = _plain(served, STRANGER), served.site.rows(_REPORTS)[0][0]
    tab.goto(f"{served.address}/report/mihon-shokudo")
    tab.locator("textarea[name='words']").fill(WORDS)
    follow(tab, tab.locator("main form button").last)
    assert "受け取りました" in tab.content()
    assert served.site.rows(_REPORTS)[0][0] == before + 1


def test_a_nurse_opens_a_case_and_posts(served: Served) -> None:
    tab = _plain(served, served.someone("school_nurse of school"))
    tab.goto(f"{served.address}/cases")
    follow(tab, tab.locator("main .case-row a[href^='/cases/']").first)
    case_url = tab.url
    tab.goto(f"{case_url}/entries/new")
    for select in tab.locator("main form select").all():
        select.select_option(index=1 if select.locator("option").count() > 1 else 0)
    tab.locator("main form textarea[name='text']").fill(WORDS)
    follow(tab, tab.locator("main form button").last)
    tab.goto(case_url)
    assert WORDS in tab.content()


def test_a_child_tells_comes_back_and_leaves(served: Served) -> None:
    tab = _plain(served, STRANGER)
    tab.goto(f"{served.address}/child/start")
    tab.locator("textarea[name='words']").fill("きょう、いやなことがあった。")
    tab.locator("input[name='secret']").fill("ひまわりばたけ")
    for group in {one.get_attribute("name") for one in tab.locator("input[type=radio]").all()}:
        tab.locator(f"input[name='{group}']").first.check()
    follow(tab, tab.locator("main form button").last)
    words = [one.inner_text().strip() for one in tab.locator(".receipt__words li").all()]
    assert len(words) == 6
    tab.goto(f"{served.address}/child/")
    tab.locator("input[name='code']").fill(" ".join(words))
    tab.locator("input[name='secret']").fill("ひまわりばたけ")
    follow(tab, tab.locator("main form button").last)
    assert "いやなことがあった" in tab.content()
    follow(tab, tab.get_by_role("link", name="このページをとじる"))
    assert tab.url.endswith("/otenki")
    tab.go_back()
    assert tab.locator("h1").count() == 1
    assert "いやなことがあった" not in tab.content()
