"""A nurse types, the session falls asleep, and her text waits for her and for nobody else."""

from collections.abc import Callable

import pytest
from sqlalchemy import Engine, text

from tests.city import PASSWORD, City
from tests.second_factor import next_code
from tests.stories.test_moving_on_the_first_of_april import KNOWN, TYPED, entries, shared
from tests.stories.watched import WatchedPerson

__all__ = ["shared"]
pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("passwords")]

ASLEEP = "UPDATE sessions SET seen_at = seen_at - interval '16 minutes'"
STEPS_BACK = 4


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
