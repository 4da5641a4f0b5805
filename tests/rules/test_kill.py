"""Web and worker are killed while people write: nothing acknowledged is lost, nobody left untold.

`make test-kill` kills two hundred times; here a few.
"""

import os
import uuid
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from portal import models as m
from portal.database import make_engine, system_session
from portal.vault import Scope, create_key, equip, seal
from tests import city as towns
from tests.conftest import Database
from tests.letters import served_mail
from tests.rules.killing import (
    Left,
    Writer,
    judge,
    kill_while_writing,
    quiet,
    running,
    settle,
    what_is_left,
)
from tests.rules.racing import Browser
from tests.web import COOKIE, open_session

KILLS = int(os.environ.get("PORTAL_KILLS", "4"))
SEED = int(os.environ.get("PORTAL_SEED", "2026"))


def conversation(database: Database, town: towns.City) -> uuid.UUID:
    """Lay a volunteer's report on the NPO's desk, and return the desk's item."""
    with system_session(database.system, reason="a test") as session:
        equip(session, database.keys)
        given = session.scalars(select(m.Grant.valid_from)).first()
        assert given is not None
        # Long after this test: nothing becomes overdue meanwhile.
        later = given + timedelta(days=30)
        thread = m.Thread(
            kind="reporter", sealed=True, account_id=town.accounts["volunteer"], promised_at=later
        )
        session.add(thread)
        session.flush()
        create_key(session, Scope("thread", thread.id))
        consultation = m.Consultation(
            thread_id=thread.id,
            channel="CAFETERIA",
            consulter="OTHER",
            topic="PARENTING",
            reporting_agency_id=town.agencies["cafeteria"],
        )
        seal(session, consultation, words="気になることがあります。")
        session.add(consultation)
        session.flush()
        item = m.InboxItem(
            consultation_id=consultation.id,
            thread_id=thread.id,
            agency_id=town.agencies["npo"],
            sealed=True,
            due_at=later,
        )
        session.add(item)
        session.flush()
        return item.id


def test_whatever_is_killed_nothing_is_lost_and_nobody_left_untold(
    clone: Callable[[], Database], tmp_path: Path
) -> None:
    database = clone()
    with system_session(database.system, reason="a test") as session:
        town = towns.build(session, database.keys)
        towns.add_grant(session, town, "school", ["basic", "school"])
    item = conversation(database, town)
    case = f"/cases/{town.case_id}"
    system = make_engine(database.config.urls.system)
    with (
        served_mail(database.config) as (box, config),
        running(config, tmp_path, system) as both,
    ):

        def someone(person: str) -> Browser:
            token = open_session(system, town.accounts[person], town.acting[person])
            return Browser(both.door.getsockname()[1], {COOKIE: token})

        post = {"slice": "school", "subject": str(town.persons["child"]), "text": "元気だった"}
        new = f"{case}/entries/new"
        writers = [
            Writer(someone("nurse"), new, new, post),
            Writer(
                someone("npo_worker"),
                f"/inbox/{item}",
                f"/inbox/{item}/answer",
                {"text": "ありがとうございます"},
            ),
        ]
        of_worker = kill_while_writing(both, writers, kills=KILLS, seed=SEED)
        settle(both, lambda: quiet(system))
        both.stop()
        left = what_is_left(system, box, town)
    system.dispose()
    assert all(each.acknowledged for each in writers)
    assert judge(left, writers, of_worker) == []


ONE, TWO = uuid.uuid4(), uuid.uuid4()
LETTER = f"<{ONE}@localhost>"
GOOD = Left({ONE, TWO}, {ONE: 1, TWO: 1}, 0, {ONE}, {LETTER: 2})


@pytest.mark.parametrize(
    ("left", "says"),
    [
        (Left({ONE}, {ONE: 1}, 0, {ONE}, {LETTER: 1}), "acknowledged and is lost"),
        (Left({ONE, TWO}, {ONE: 1}, 0, {ONE}, {LETTER: 1}), "nobody was told"),
        (Left({ONE, TWO}, {ONE: 1, TWO: 2}, 0, {ONE}, {LETTER: 1}), "told 2 times"),
        (Left({ONE, TWO}, {ONE: 1, TWO: 1}, 1, {ONE}, {LETTER: 1}), "never mailed"),
        (Left({ONE, TWO}, {ONE: 1, TWO: 1}, 0, {ONE}, {}), "never arrived"),
        (
            Left({ONE, TWO}, {ONE: 1, TWO: 1}, 0, {ONE}, {LETTER: 1, "<other@localhost>": 1}),
            "is no letter",
        ),
        (Left({ONE, TWO}, {ONE: 1, TWO: 1}, 0, {ONE}, {LETTER: 3}), "came again"),
    ],
)
def test_what_would_be_wrong_is_noticed(left: Left, says: str) -> None:
    writer = Writer(Browser(0), "", "", {}, [ONE, TWO], [ONE, TWO])
    assert judge(GOOD, [writer], of_worker=1) == []
    found = judge(left, [writer], of_worker=1)
    assert len(found) == 1
    assert says in found[0]
