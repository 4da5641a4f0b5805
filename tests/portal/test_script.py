"""The few things that the script of the pages does, in a real browser."""

import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from flask import Flask, Response, abort, make_response, redirect, render_template_string, request
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from werkzeug.serving import make_server

from portal.headers import clear_site_data
from tests.portal.pages import faced_app

pytestmark = pytest.mark.browser

CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
]
CANARY = "せんせいに たたかれた"

MEMO = """{% extends "layouts/child.html" %}{% block content %}
<h1>メモ</h1><p>{{ canary }}</p><p><a href="/child/second">つぎ</a></p><textarea></textarea>
{% endblock %}"""
CASE = """{% extends "layouts/staff.html" %}{% from "components/recheck.html" import recheck %}
{% block title %}ケース{% endblock %}
{% block content %}{{ recheck('/case') }}<h1>ケース</h1><p>{{ canary }}</p>{% endblock %}"""
WRITE = """{% extends "layouts/staff.html" %}{% from "components/section.html" import section %}
{% from "components/section_controls.html" import section_controls %}
{% block title %}書く{% endblock %}{% block content %}<h1>書く</h1>{{ section_controls() }}
{% call section('一') %}<p>一</p>{% endcall %}{% call section('二') %}<p>二</p>{% endcall %}
<form class="form" method="post" action="/write" data-once>
<input type="hidden" name="csrf_token" value="{{ csrf_token() }}">
<textarea id="body" data-limit="5" aria-describedby="body-count"></textarea>
<p id="body-count">5文字まで</p><button type="submit">送る</button></form>{% endblock %}"""


@dataclass
class Site:
    """A running application, what it was asked, and whether the case may still be seen."""

    address: str = ""
    asked: list[str] = field(default_factory=list)
    visible: bool = True


def _application(site: Site) -> Flask:
    app = faced_app()
    app.before_request(lambda: site.asked.append(f"{request.method} {request.path}"))
    _add_child_pages(app)

    @app.get("/case")
    def case() -> str:
        if not site.visible:
            abort(404)
        return render_template_string(CASE, canary=CANARY)

    @app.get("/write")
    def write() -> str:
        return render_template_string(WRITE)

    return app


def _add_child_pages(app: Flask) -> None:
    @app.get("/child/first")
    @app.get("/child/second")
    def memo() -> str:
        if "visit" not in request.cookies:
            abort(404)
        return render_template_string(MEMO, canary=CANARY)

    @app.get("/child/enter")
    def enter() -> Response:
        response = make_response(redirect("/child/first"))
        response.set_cookie("visit", "1", httponly=True)
        return response

    @app.get("/child/leave")
    def leave() -> Response:
        response = make_response(redirect("/weather"))
        response.delete_cookie("visit")
        return clear_site_data(response)

    @app.get("/weather")
    def weather() -> str:
        return "<title>天気</title>はれ"


@pytest.fixture
def site() -> Iterator[Site]:
    site = Site()
    server = make_server("127.0.0.1", 0, _application(site), threaded=True)
    site.address = f"http://localhost:{server.port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield site
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=CHROMIUM_FLAGS
        )
        yield browser
        browser.close()


@pytest.fixture
def context(chromium: Browser) -> Iterator[BrowserContext]:
    context = chromium.new_context(viewport={"width": 360, "height": 740}, locale="ja-JP")
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext, site: Site) -> Iterator[Page]:
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    requested: list[str] = []
    page.on("request", lambda sent: requested.append(sent.url))
    yield page
    # The refusals that some tests provoke are not the page's fault.
    assert [text for text in complaints if "404" not in text] == []
    assert [url for url in requested if not url.startswith(site.address)] == []


def visit(page: Page, site: Site) -> None:
    page.goto(f"{site.address}/weather")
    page.goto(f"{site.address}/child/enter")
    with page.expect_navigation():
        page.get_by_role("link", name="つぎ").click()
    assert CANARY in page.content()


def assert_gone(page: Page, site: Site) -> None:
    page.wait_for_url("**/weather")
    assert "GET /child/leave" in site.asked
    for _ in range(5):
        page.go_back()
        assert CANARY not in page.content()


def test_the_way_out_is_the_first_stop_and_leaves_nothing_behind(page: Page, site: Site) -> None:
    visit(page, site)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "このページをとじる"
    page.keyboard.press("Enter")
    assert_gone(page, site)


def test_three_presses_of_shift_leave(page: Page, site: Site) -> None:
    visit(page, site)
    for _ in range(3):
        page.keyboard.press("Shift")
    assert_gone(page, site)


def test_writing_capitals_does_not_leave(page: Page, site: Site) -> None:
    visit(page, site)
    page.locator("textarea").focus()
    for _ in range(4):
        page.keyboard.press("Shift+A")
    page.keyboard.press("Shift")
    page.keyboard.press("Shift")
    assert "GET /child/leave" not in site.asked
    assert page.locator("textarea").input_value() == "AAAA"


def test_the_page_is_blank_before_the_next_has_come(page: Page, site: Site) -> None:
    visit(page, site)
    page.route("**/child/leave", lambda _route: None)
    hidden, title, milliseconds = page.evaluate(
        """() => {
          const start = performance.now();
          for (let press = 0; press < 3; press += 1)
            for (const kind of ["keydown", "keyup"])
              document.dispatchEvent(new KeyboardEvent(kind, { key: "Shift" }));
          const seen = getComputedStyle(document.querySelector("h1")).visibility;
          return [seen, document.title, performance.now() - start];
        }"""
    )
    assert (hidden, title) == ("hidden", "")
    assert milliseconds < 100


def test_the_way_out_works_without_script(chromium: Browser, site: Site) -> None:
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{site.address}/child/enter")
    # What only the script can do is not promised here.
    assert not page.get_by_text("Shift").is_visible()
    with page.expect_navigation():
        page.get_by_role("link", name="このページをとじる").click()
    assert page.url.endswith("/weather")
    page.go_back()
    assert CANARY not in page.content()
    context.close()


def test_a_child_leaves_no_trace_in_the_browsers_stores(page: Page, site: Site) -> None:
    visit(page, site)
    kept = page.evaluate(
        """async () => [localStorage.length, sessionStorage.length,
          (await indexedDB.databases()).length, (await caches.keys()).length,
          (await navigator.serviceWorker.getRegistrations()).length]"""
    )
    assert kept == [0, 0, 0, 0, 0]


def test_an_open_page_goes_blank_when_it_may_no_longer_be_seen(page: Page, site: Site) -> None:
    page.clock.install()
    page.goto(f"{site.address}/case")
    with page.expect_response("**/case"):
        page.clock.fast_forward(31_000)
    assert CANARY in page.content()
    site.visible = False
    page.clock.fast_forward(31_000)
    page.get_by_text("もう見られません").wait_for()
    assert CANARY not in page.content()
    assert page.get_by_role("link").get_attribute("href") == "/"
    assert "HEAD /case" in site.asked


def test_characters_are_counted_and_never_cut(page: Page, site: Site) -> None:
    page.goto(f"{site.address}/write")
    page.locator("textarea").fill("𠮷田﨑")
    assert page.locator("#body-count").text_content() == "5文字まで (3 / 5)"
    page.locator("textarea").fill("あ\nいうえお")
    assert page.locator("#body-count[data-over]").text_content() == "5文字まで (7 / 5)"
    assert page.locator("textarea").input_value() == "あ\nいうえお"


def test_a_second_press_sends_nothing(page: Page, site: Site) -> None:
    page.goto(f"{site.address}/write")
    prevented = page.evaluate(
        """() => {
          const form = document.querySelector("form[data-once]");
          const answers = [];
          form.addEventListener("submit", (event) => {
            answers.push(event.defaultPrevented);
            event.preventDefault();
          });
          form.requestSubmit();
          form.requestSubmit();
          return answers;
        }"""
    )
    assert prevented == [False, True]


def test_all_sections_open_and_close_together(page: Page, site: Site) -> None:
    page.goto(f"{site.address}/write")
    assert page.locator("details.section[open]").count() == 0
    page.get_by_role("button", name="すべて開く").click()
    assert page.locator("details.section[open]").count() == 2
    page.get_by_role("button", name="すべて閉じる").click()
    assert page.locator("details.section[open]").count() == 0
