"""The first centre and administrator of a real installation, by one command."""

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import Result
from sqlalchemy import func, select, update

from portal import models as m
from portal.config import ROOT, Config
from portal.database import SystemSession, make_engine, system_session
from portal.embedded import SUPERUSER, Server
from portal.extensions import db
from portal.factory import create_app
from portal.unit import Portal
from portal.vault import equip, reveal
from tests.web import Browser

WORLD = ROOT / "tests/data/world-example.json"
CENTRE, EMAIL, NAME = "みほん市こどもの権利サポートセンター", "kanri@example.jp", "見本 はじめ"


class Fresh:
    """A new installation on a database of its own."""

    def __init__(self, url: str, folder: Path) -> None:
        self.env = {"PORTAL_INSTANCE": str(folder), "DATABASE_URL": url}

    @property
    def config(self) -> Config:
        return Config.from_env(self.env, command=True)

    @property
    def app(self) -> Portal:
        return create_app(self.config)

    def command(self, *words: str) -> Result:
        return self.app.test_cli_runner().invoke(args=["installation", *words])

    def first(self, centre: str = CENTRE, email: str = EMAIL, name: str = NAME) -> Result:
        words = ["installation", "first", "--centre", centre, "--email", email, "--name", name]
        return self.app.test_cli_runner().invoke(args=words)


@pytest.fixture
def fresh(postgres: Server, tmp_path: Path) -> Iterator[Fresh]:
    postgres.create_database("portal_first")
    yield Fresh(postgres.conninfo(SUPERUSER, "portal_first"), tmp_path)
    postgres.drop_database("portal_first")


@pytest.fixture
def session(fresh: Fresh) -> Iterator[SystemSession]:
    """A look at what the command wrote; it begins when it is first used."""
    engine = make_engine(fresh.config.urls.system)
    with system_session(engine, reason="test") as looking:
        yield looking
    engine.dispose()


def test_one_command_makes_key_database_centre_and_administrator(
    fresh: Fresh, session: SystemSession
) -> None:
    done = fresh.first()
    assert done.exit_code == 0, done.output
    assert re.fullmatch(r"[a-z2-9]{5}(-[a-z2-9]{5}){3}\n", done.stdout)
    assert fresh.config.key_file.exists()
    centre = session.scalars(select(m.Agency)).one()
    assert (centre.type, centre.name) == ("support_center", CENTRE)
    membership = session.scalars(select(m.Membership)).one()
    assert (membership.agency_id, membership.role) == (centre.id, "sysadmin")
    equip(session, fresh.config.keys)
    profile = session.scalars(select(m.AccountProfile)).one()
    assert [reveal(session, profile, name) for name in ("email", "name")] == [EMAIL, NAME]
    events = session.scalars(select(m.AuditEvent.event)).all()
    assert sorted(events) == ["account.changed", "agency.changed"]


def test_the_password_is_shown_once_and_signs_in(fresh: Fresh) -> None:
    password = fresh.first().stdout.strip()
    app = fresh.app
    form = {"email": EMAIL, "password": password}
    Browser(app).submit("/sign-in", {**form, "password": f"{password}x"}, status=422)
    Browser(app).submit("/sign-in", form)
    with app.app_context():
        db.engine.dispose()


def test_there_is_no_second_one(fresh: Fresh, session: SystemSession) -> None:
    assert fresh.first().exit_code == 0
    second = fresh.first(email="other@example.jp")
    assert (second.exit_code, second.stdout) == (1, "")
    assert "already" in second.stderr
    assert len(session.scalars(select(m.Account.id)).all()) == 1


def test_after_an_import_the_loaded_centre_gets_its_administrator(
    fresh: Fresh, session: SystemSession
) -> None:
    """Accounts of a world have no password, so somebody must be able to give them one."""
    for words in (["database", "prepare"], ["world", "load", str(WORLD)]):
        assert fresh.app.test_cli_runner().invoke(args=words).exit_code == 0
    centres = select(m.Agency).where(m.Agency.type == "support_center")
    centre = session.scalars(centres).one()
    other = fresh.first(centre="べつのセンター")
    assert other.exit_code == 1
    assert centre.name in other.stderr
    assert fresh.first(centre=centre.name).exit_code == 0
    assert session.scalars(centres).one().id == centre.id
    made = select(m.Membership.agency_id).where(m.Membership.role == "sysadmin")
    assert session.scalars(made).all() == [centre.id]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("email", "no address"),
        ("email", ""),
        ("name", ""),
        ("name", "  "),
        ("centre", "\u202eセンター"),
        ("name", "あ" * 201),
    ],
)
def test_what_cannot_be_taken_is_refused_and_leaves_nothing(
    fresh: Fresh, session: SystemSession, field: str, value: str
) -> None:
    refused = fresh.first(**{field: value})
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "Traceback" not in refused.output
    assert session.scalars(select(m.Agency.id)).all() == []
    assert session.scalars(select(m.Account.id)).all() == []


# --- when the only administrator is away ---------------------------------------------------------

OTHER = ("--email", "other@example.jp", "--name", "見本 つぎ")


def test_another_administrator_is_made_by_whoever_runs_the_server(
    fresh: Fresh, session: SystemSession
) -> None:
    assert fresh.first().exit_code == 0
    done = fresh.command("administrator", *OTHER)
    assert done.exit_code == 0, done.output
    app = fresh.app
    Browser(app).submit("/sign-in", {"email": "other@example.jp", "password": done.stdout.strip()})
    with app.app_context():
        db.engine.dispose()
    places = session.execute(select(m.Membership.agency_id, m.Membership.role)).all()
    assert len(places) == 2
    assert len(set(places)) == 1
    again = fresh.command("administrator", *OTHER)
    assert (again.exit_code, again.stdout) == (1, "")
    assert "already" in again.stderr


def test_the_first_administrator_is_made_by_its_own_command(fresh: Fresh) -> None:
    assert fresh.app.test_cli_runner().invoke(args=["database", "prepare"]).exit_code == 0
    refused = fresh.command("administrator", *OTHER)
    assert (refused.exit_code, "installation first" in refused.stderr) == (1, True)


@pytest.mark.parametrize(
    "words", [("--email", "x", "--name", "見本"), ("--email", "a@example.jp", "--name", " ")]
)
def test_an_administrator_needs_a_name_and_an_address(fresh: Fresh, words: tuple[str, ...]) -> None:
    assert fresh.first().exit_code == 0
    refused = fresh.command("administrator", *words)
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "Traceback" not in refused.output


def test_whoever_sleeps_is_woken_and_nobody_else(fresh: Fresh) -> None:
    assert fresh.first().exit_code == 0
    refused = fresh.command("wake", "--email", EMAIL)
    assert (refused.exit_code, "Nothing of this account sleeps" in refused.stderr) == (1, True)
    engine = make_engine(fresh.config.urls.system)
    with engine.begin() as connection:
        now = connection.execute(select(func.portal_clock())).scalar_one()
        connection.execute(update(m.Membership).values(confirm_by=now - timedelta(days=1)))
    woken = fresh.command("wake", "--email", EMAIL)
    assert (woken.exit_code, CENTRE in woken.stdout) == (0, True)
    with engine.begin() as connection:
        until = connection.execute(select(m.Membership.confirm_by)).scalar_one()
        assert until > now + timedelta(days=60)
        changes = select(m.AuditEvent.details).where(m.AuditEvent.event == "membership.changed")
        assert [row.details["change"] for row in connection.execute(changes)] == ["reconfirmed"]
        connection.execute(update(m.Account).values(disabled=True))
    nobody = fresh.command("wake", "--email", "nobody@example.jp")
    assert (nobody.exit_code, "no account" in nobody.stderr) == (1, True)
    stopped = fresh.command("wake", "--email", EMAIL)
    assert (stopped.exit_code, "stopped" in stopped.stderr) == (1, True)
    engine.dispose()
