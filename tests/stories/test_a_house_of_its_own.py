"""Two houses with sign-ons of their own: linked once, signed in by, left, and one day down."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest
from sqlalchemy import Engine

from portal.unit import Portal
from tests.blueprints.conftest import browse  # noqa: F401
from tests.blueprints.test_single_sign_on import NURSE, Door
from tests.city import PASSWORD, City
from tests.provider import House, open_houses, staff
from tests.stories.watched import WatchedPerson
from tests.web import Browser

pytestmark = pytest.mark.browser

Window = Callable[[int], WatchedPerson]


@dataclass
class Houses:
    """The sign-ons of the board of education and of the police, until they go down."""

    board: House
    police: House
    go_down: Callable[[], None]


@pytest.fixture
def houses(
    app: Portal,
    system: Engine,
    town: City,
    browse: Callable[[str], Browser],  # noqa: F811
    address: str,
) -> Iterator[Houses]:
    """Both are entered by the administrator, each leads to its own agency; nobody is linked."""
    people = (
        {"1001": staff(NURSE, amr=["pwd", "otp"])},
        {"p-7": staff("liaison@police.mihon.example.jp", amr=["pwd", "otp"])},
    )
    board, police = (
        House(name, those, portal=address)
        for name, those in zip(("board", "police"), people, strict=True)
    )
    door = Door(app, system, town, browse, board, police)
    with ExitStack() as running:
        running.enter_context(open_houses(board, police))
        for house, agency in ((board, "school"), (police, "police")):
            door.enter(house)
            door.lead(house, agency)
        yield Houses(board, police, running.close)


def at_the_house(person: WatchedPerson, house: House, login: str) -> None:
    """Sign in over there, and come back."""
    assert person.tab.url.startswith(house.url)
    person.tab.locator("[name='login']").fill(login)
    person.tab.get_by_role("button").click()
    person.tab.wait_for_url(f"{house.portal}/**")


def links(person: WatchedPerson, email: str, house: House, login: str) -> None:
    """Link the own account to the house, deliberately, and leave."""
    person.signs_in(email, PASSWORD)
    person.opens("/switch")
    person.touches("機関のサインインとつなぐ")
    person.touches(f"みほん {house.name}とつなぐ")
    at_the_house(person, house, login)
    person.sees("これがあなた自身のアカウントのときだけ")
    person.presses("自分のアカウントなので、つなぐ")
    person.sees("つながっています")
    person.signs_out()


@pytest.mark.usefixtures("passwords")
def test_two_houses_let_in_their_own_and_one_goes_down(window: Window, houses: Houses) -> None:
    nurse, liaison = window(1280), window(360)
    links(nurse, "nurse@example.jp", houses.board, "1001")
    links(liaison, "liaison@example.jp", houses.police, "p-7")
    for person, house, agency in (
        (nurse, houses.board, "見本第一小学校"),
        (liaison, houses.police, "見本警察署"),
    ):
        person.opens("/sign-in")
        person.touches(f"みほん {house.name}でサインイン")
        assert person.path == "/"
        person.sees(agency)

    # On a shared machine the house's own session is left too, and then it asks again.
    nurse.signs_out()
    nurse.sees("まだサインインしています")
    nurse.touches("みほん boardからもサインアウトする")
    nurse.tab.locator("button[value='yes']").click()
    nurse.tab.wait_for_url("**/sign-in**")
    nurse.touches("みほん boardでサインイン")
    at_the_house(nurse, houses.board, "1001")
    assert nurse.path == "/"
    # Somebody of the other house has no door here.
    stranger = window(360)
    stranger.opens("/sign-in")
    stranger.touches("みほん boardでサインイン")
    stranger.tab.locator("[name='login']").fill("p-7")
    stranger.tab.get_by_role("button").click()
    stranger.tab.wait_for_url("**/back?**")
    stranger.sees("サインインを取りやめました")

    houses.go_down()
    nurse.signs_out()
    nurse.touches("サインインの画面にもどる")
    nurse.touches("みほん boardでサインイン")
    assert nurse.status == 503
    nurse.sees("いま、機関のサインインにつながりません", "このポータルのパスワードで")
    nurse.touches("サインインの画面にもどる")
    nurse.signs_in("nurse@example.jp", PASSWORD)
    nurse.sees("見本第一小学校")
