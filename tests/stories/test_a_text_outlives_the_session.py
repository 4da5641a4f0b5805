"""A nurse types, the session falls asleep, and her text waits for her and for nobody else.

Before it falls asleep the page says so; the browser's clock is turned, nobody waits.
"""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect
from sqlalchemy import Engine, text

from tests.city import PASSWORD, City
from tests.second_factor import next_code
from tests.stories.test_moving_on_the_first_of_april import KNOWN, TYPED, entries, shared
from tests.stories.watched import WatchedPerson

__all__ = ["shared"]
pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("passwords")]

ASLEEP = "UPDATE sessions SET seen_at = seen_at - interval '16 minutes'"
STEPS_BACK = 4
# The page warns so long before the end, and asks the server when the end has come (portal.js).
WARNED, SECOND = 120_000, 1_000
# The clock that is turned goes on by itself too, as long as the browser takes for a page.
A_WHILE = 60_000
LISTEN = """() => { window.heard = new Promise((done) =>
  new BroadcastChannel("awake").addEventListener("message", done, { once: true })) }"""


def test_what_was_typed_is_found_after_the_sign_in_by_its_author_alone(
    window: Callable[[int], WatchedPerson], town: City, system: Engine, shared: str
) -> None:
    computer, before = window(360), entries(system)
    computer.signs_in("nurse@example.jp", PASSWORD)
    computer.opens(f"{shared}/entries/new")
    computer.fills(
        slice=computer.choice("slice", "学校での様子"),
        subject=str(town.persons["child"]),
        text=TYPED,
    )
    with system.begin() as connection:
        connection.execute(text(ASLEEP))
    computer.sends(text=TYPED)
    assert computer.status == 401
    computer.sees("預かりました")
    computer.does_not_see(KNOWN)

    # A colleague sits down at the same computer.
    computer.signs_in("teacher@example.jp", PASSWORD)
    computer.opens("/typed")
    computer.does_not_see(TYPED)
    computer.signs_out()

    computer.opens("/sign-in")
    computer.sends(email="nurse@example.jp", password=PASSWORD)
    computer.sends(code=next_code("nurse@example.jp"))
    assert computer.path == "/typed"
    computer.sees(TYPED)
    assert entries(system) == before
    computer.presses("この内容で送る")
    assert entries(system) == before + 1
    computer.opens(shared)
    computer.sees(KNOWN, TYPED)

    # She leaves, and the Back button shows nothing.
    computer.signs_out()
    for _ in range(STEPS_BACK):
        computer.tab.go_back()
        computer.does_not_see(KNOWN, TYPED)


def test_the_page_warns_before_the_sign_in_ends_and_can_go_on(
    window: Callable[[int], WatchedPerson], system: Engine
) -> None:
    computer = window(360)
    computer.signs_in("nurse@example.jp", PASSWORD)
    tab, warning = computer.tab, computer.tab.get_by_role("alert")
    tab.clock.install()
    computer.opens("/own-records")
    rests_in = SECOND * int(str(tab.locator("[data-rest]").get_attribute("data-rest")))

    # Nothing is said until two minutes before; then 「つづける」 is all that it takes.
    tab.clock.run_for(rests_in - WARNED - A_WHILE)
    expect(warning).to_be_hidden()
    tab.clock.run_for(A_WHILE)
    expect(warning).to_contain_text("まもなくサインインが終わります")
    computer.eyes.look("story warning before the end of a sign-in")
    before = seen_at(system)
    with tab.expect_response("**/sign-ins/stay"):
        warning.get_by_role("button", name="つづける").click()
    expect(warning).to_be_hidden()
    assert seen_at(system) >= before

    # In another window of this browser somebody works: this one keeps still.
    tab.clock.run_for(rests_in - WARNED - A_WHILE)
    tab.evaluate(LISTEN)
    other = computer.context.new_page()
    other.goto(tab.url)
    tab.evaluate("() => window.heard.then(() => true)")
    tab.clock.run_for(A_WHILE)
    expect(warning).to_be_hidden()
    other.close()

    # What is being written stays on the page when the end has come, and the rest goes.
    computer.opens("/notifications/mail")
    tab.clock.run_for(rests_in - A_WHILE)
    expect(warning).to_be_visible()
    tab.locator("select").first.dispatch_event("input")
    with system.begin() as connection:
        connection.execute(text(ASLEEP))
    tab.clock.run_for(A_WHILE + SECOND)
    assert computer.path == "/notifications/mail"
    computer.signs_in("nurse@example.jp", PASSWORD)
    computer.opens("/own-records")
    with system.begin() as connection:
        connection.execute(text(ASLEEP))
    with tab.expect_navigation():
        tab.clock.run_for(rests_in + SECOND)
    assert computer.path == "/sign-in"


def seen_at(system: Engine) -> object:
    with system.connect() as connection:
        return connection.execute(text("SELECT max(seen_at) FROM sessions")).scalar_one()
