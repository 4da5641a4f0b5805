"""A weighty step asks once more who does it, and then goes on with what was typed (S5)."""

from collections.abc import Callable

import pytest
from sqlalchemy import Engine, text

from portal.config import Config
from portal.database import SystemSession
from portal.vault import equip
from tests.blueprints.test_factors import stale
from tests.blueprints.test_lawful import REASON, town  # noqa: F401
from tests.city import PASSWORD, City, add_grant
from tests.second_factor import next_code
from tests.stories.watched import WatchedPerson

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("passwords")]

Window = Callable[[int], WatchedPerson]


def count(system: Engine, table: str) -> int:
    with system.connect() as connection:
        return int(connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())  # noqa: S608


@pytest.fixture
def at_work(window: Window, system: Engine) -> Callable[[str, int], WatchedPerson]:
    """Return a function that gives somebody who signed in more than five minutes ago."""

    def sit_down(name: str, width: int) -> WatchedPerson:
        person = window(width)
        person.signs_in(f"{name}@example.jp", PASSWORD)
        stale(system)
        return person

    return sit_down


AtWork = Callable[[str, int], WatchedPerson]


def test_telling_by_law(at_work: AtWork, town: City, system: Engine) -> None:  # noqa: F811
    counsellor = at_work("counsellor", 360)
    counsellor.opens(f"/cases/{town.case_id}/duties/new")
    counsellor.fills(reason=REASON)
    counsellor.presses("いますぐ伝える")
    assert count(system, "law_reports") == 0
    counsellor.proves("counsellor@example.jp")
    counsellor.sees("通告しました")
    assert count(system, "law_reports") == 1


def test_opening_in_an_emergency(
    at_work: AtWork,
    town: City,  # noqa: F811
    system: Engine,
    config: Config,
) -> None:
    with SystemSession(system) as session, session.begin():
        equip(session, config.keys)
        add_grant(session, town, "cgc", ["basic", "safety"], subject=None, basis="CAPA6")
    officer = at_work("cgc_worker", 360)
    officer.opens("/emergency")
    officer.fills(reference="K7F-3QXR", reason=REASON, on_duty="y")
    officer.presses("緊急に開く（24時間）")
    assert count(system, "emergencies") == 0
    # A wrong code opens nothing either, and what was typed is still there.
    officer.sends(step_up_code="000000")
    assert count(system, "emergencies") == 0
    officer.proves("cgc_worker@example.jp")
    officer.sees("CANARY-contact")
    assert count(system, "emergencies") == 1


def test_giving_it_up(at_work: AtWork, system: Engine) -> None:
    principal = at_work("principal", 360)
    principal.opens("/staff/invite")
    principal.fills(name="見本 あらた", email="arata@example.jp", role="school_staff")
    principal.presses("招待する")
    assert principal.status == 403
    principal.presses("やめて、前のページにもどる")
    assert principal.path == "/staff/invite"
    assert count(system, "membership_proposals") == count(system, "saved_texts") == 0
    for name, typed in (("name", "見本 あらた"), ("email", "arata@example.jp")):
        assert principal.tab.locator(f"[name='{name}']").input_value() == typed
    assert principal.tab.locator("[name='role']").input_value() == "school_staff"


def test_inviting_somebody(at_work: AtWork, system: Engine) -> None:
    principal = at_work("principal", 1280)
    for number, (name, email) in enumerate((("あらた", "arata"), ("つぎ", "tsugi"))):
        principal.opens("/staff/invite")
        principal.fills(name=name, email=f"{email}@example.jp", role="school_staff")
        principal.presses("招待する")
        # For five minutes it is asked once.
        if number == 0:
            assert count(system, "membership_proposals") == 0
            principal.proves("principal@example.jp")
        assert count(system, "membership_proposals") == number + 1


def test_exporting_who_read_what(at_work: AtWork) -> None:
    auditor = at_work("auditor", 1280)
    auditor.opens("/log/month")
    auditor.presses("CSVで書き出す")
    assert auditor.status == 403
    # A file is kept, and the page that asked stays.
    with auditor.tab.expect_download() as coming:
        form = auditor.fills(step_up_code=next_code("auditor@example.jp"))
        form.get_by_role("button", name="確かめて、つづける", exact=True).click()
    assert coming.value.suggested_filename.startswith("reads-")
