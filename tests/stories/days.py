"""What the stories of a day begin with: a case with a word in each slice, and who shares it."""

import uuid
from collections.abc import Callable

import pytest
from sqlalchemy import Engine

from portal.config import Config
from portal.database import SystemSession
from portal.vault import equip
from tests.blueprints.conftest import browse
from tests.blueprints.test_consents import record_necessity
from tests.city import City, add_entry, add_grant
from tests.stories.watched import WatchedPerson
from tests.web import Browser

__all__ = ["browse"]

AtWork = Callable[[str, int], WatchedPerson]
Browse = Callable[[str], Browser]
OpenTo = Callable[..., uuid.UUID]
TakeBack = Callable[[uuid.UUID], None]

# What the centre wrote, by slice; a story says which of it somebody may read.
KNOWN = {
    "basic": "小学3年。あおちゃんと呼ばれている。",
    "contact": "いまは祖母の家にいる。",
    "school": "休み時間は図書室にいる。",
    "home": "夜は一人で留守番をしている。",
    "health": "朝から頭が痛いと言う。",
    "welfare": "給食費のことを気にしている。",
    "safety": "家に帰るのがこわいと話した。",
    "plan": "担任と週に一度、話す。",
}
# The names and the number, which nobody sees who may not see the case.
OF_THE_CASE = ("K7F-3QXR", "あおい", "はるか")


@pytest.fixture
def written(town: City, system: Engine, config: Config) -> str:
    """Write a word into each slice of the case, and return its address."""
    with SystemSession(system) as session, session.begin():
        equip(session, config.keys)
        record_necessity(session, town)
        for slice_, words in KNOWN.items():
            add_entry(session, town, slice_=slice_, text=words)
    return f"/cases/{town.case_id}"


@pytest.fixture
def open_to(town: City, system: Engine, config: Config) -> OpenTo:
    """Return a function that opens slices to an agency's team by consent, and gives the grant."""

    def share(agency: str, *slices: str, **terms: object) -> uuid.UUID:
        with SystemSession(system) as session, session.begin():
            equip(session, config.keys)
            return add_grant(session, town, agency, list(slices), **terms)

    return share


@pytest.fixture
def take_back(browse: Browse, town: City) -> TakeBack:
    """Return a function that ends a share, as a counsellor does whom the child asks by phone."""

    def end(grant: uuid.UUID) -> None:
        asked_by = {"asked_by": str(town.persons["child"])}
        browse("counsellor").submit(f"/grants/{grant}/end", asked_by)

    return end


def hidden_from(*slices: str) -> list[str]:
    """Return the words of every slice but these."""
    return [words for slice_, words in KNOWN.items() if slice_ not in slices]


def shown_to(*slices: str) -> list[str]:
    """Return the words of these slices."""
    return [KNOWN[slice_] for slice_ in slices]
