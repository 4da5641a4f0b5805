"""A case as a picture: what the viewer may read, counted; nothing that is hidden moves it."""

from collections.abc import Callable

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from portal.config import Config
from portal.database import SystemSession
from portal.vault import equip
from tests import city as towns
from tests.web import Browser

Browse = Callable[[str], Browser]


def write(system: Engine, config: Config, deed: Callable[[Session], object]) -> None:
    with SystemSession(system) as session, session.begin():
        equip(session, config.keys)
        deed(session)


def picture(browser: Browser, town: towns.City) -> str:
    return browser.get(f"/cases/{town.case_id}/glance").words


def test_the_owner_sees_who_wrote_and_who_is_silent(
    browse: Browse, town: towns.City, system: Engine, config: Config
) -> None:
    counsellor = browse("counsellor")
    assert "まだ記録がありません" in picture(counsellor, town)
    write(system, config, lambda session: towns.add_grant(session, town, "school", ["school"]))
    write(system, config, lambda session: towns.add_grant(session, town, "welfare", ["school"]))
    write(
        system,
        config,
        lambda session: towns.add_entry(
            session, town, slice_="school", author="nurse", text="きょうは元気"
        ),
    )
    words = picture(counsellor, town)
    assert "4週間、記録のない機関 見本区福祉課" in " ".join(words.split())
    assert "見本第一小学校 1" in " ".join(words.split())
    assert "きょうは元気" not in words


def test_what_is_hidden_moves_nothing_of_the_picture(
    browse: Browse, town: towns.City, system: Engine, config: Config
) -> None:
    write(system, config, lambda session: towns.add_grant(session, town, "school", ["school"]))
    nurse = browse("nurse")
    before = picture(nurse, town)
    write(
        system,
        config,
        lambda session: towns.add_entry(
            session, town, slice_="health", author="counsellor", text="秘密"
        ),
    )
    assert picture(nurse, town) == before
    # The control: the owner's picture has it, and what is shared is in the nurse's.
    assert "みほん市こどもの権利サポートセンター 1" in " ".join(
        picture(browse("counsellor"), town).split()
    )
    write(
        system,
        config,
        lambda session: towns.add_entry(
            session, town, slice_="school", author="counsellor", text="共有"
        ),
    )
    assert picture(nurse, town) != before


def test_it_is_hidden_with_the_case(browse: Browse, town: towns.City) -> None:
    browse("nurse").get(f"/cases/{town.case_id}/glance", status=404)
