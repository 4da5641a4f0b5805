"""What the wall itself lets somebody write into a case in another's name."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from portal import models as m
from portal.database import PortalSession, SystemSession
from portal.vault import seal
from tests import city as towns
from tests.conftest import Database

Acting = Callable[[str], PortalSession]


def share(own: Database, town: towns.City, agency: str, slices: list[str], **terms: Any) -> None:
    with SystemSession(own.system) as session, session.begin():
        towns.add_grant(session, town, agency, slices, **terms)


def heard(session: PortalSession, town: towns.City, writer: str, **columns: Any) -> None:
    """Write down what the school told by phone, past every service."""
    entry = m.Entry(
        case_id=town.case_id,
        owner_agency_id=town.agencies["centre"],
        case_opened_at=towns.LONG_AGO,
        author_account_id=town.accounts[writer],
        **{
            "author_agency_id": town.agencies["school"],
            "slice": "school",
            "subject_id": town.persons["child"],
            **columns,
        },
    )
    seal(session, entry, text="電話の話", heard_from="教頭")
    session.add(entry)
    session.flush()


def test_the_owner_writes_for_an_agency_where_a_grant_opens_slice_and_subject(
    own: Database, town: towns.City, acting: Acting
) -> None:
    share(own, town, "school", ["basic", "school"])
    heard(acting("counsellor"), town, "counsellor")


FORBIDDEN: dict[str, dict[str, Any]] = {
    "a slice that is not shared": {"slice": "health"},
    "never shared by any basis": {"slice": "reporter"},
}


@pytest.mark.parametrize("why", FORBIDDEN)
def test_elsewhere_the_wall_refuses_it(
    own: Database, town: towns.City, acting: Acting, why: str
) -> None:
    share(own, town, "school", ["basic", "school", "reporter"])
    with pytest.raises(ProgrammingError, match="row-level security"):
        heard(acting("counsellor"), town, "counsellor", **FORBIDDEN[why])


def test_about_somebody_whose_data_is_not_shared_it_refuses_it(
    own: Database, town: towns.City, acting: Acting
) -> None:
    share(own, town, "school", ["basic", "school"])
    with pytest.raises(ProgrammingError, match="row-level security"):
        heard(acting("counsellor"), town, "counsellor", subject_id=town.persons["mother"])


def test_after_the_share_it_refuses_it(own: Database, town: towns.City, acting: Acting) -> None:
    share(own, town, "school", ["basic", "school"])
    with SystemSession(own.system) as session, session.begin():
        session.execute(text("UPDATE grants SET ended_at = now()"))
    with pytest.raises(ProgrammingError, match="row-level security"):
        heard(acting("counsellor"), town, "counsellor")


@pytest.mark.parametrize("person", ["nurse", "officer"])
def test_nobody_but_the_owner_says_that_it_was_heard(
    own: Database, town: towns.City, acting: Acting, person: str
) -> None:
    """Not even the school of itself: its own posts are written by its own people."""
    share(own, town, "school", ["basic", "school"])
    share(own, town, "welfare", ["basic", "school"])
    with pytest.raises(ProgrammingError, match="row-level security"):
        heard(acting(person), town, person)


def test_nobody_writes_in_the_name_of_another_account(
    own: Database, town: towns.City, acting: Acting
) -> None:
    share(own, town, "school", ["basic", "school"])
    with pytest.raises(ProgrammingError, match="row-level security"):
        heard(acting("counsellor"), town, "nurse")
