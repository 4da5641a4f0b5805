"""Loads the demo city into an empty database: the register, then a few weeks of its life.

What happened there was done by its people: each step runs through the same services and the same
walls as a click would, in the name of who does it.
"""

import datetime as dt
import uuid

from sqlalchemy import Engine, func, select, update
from sqlalchemy.orm import Session

from portal import models as m
from portal.config import FULL, Config
from portal.database import make_engine, system_session
from portal.demo import matters, more_matters, register
from portal.demo.course import write_courses
from portal.demo.crowd import Crowd, crowd
from portal.demo.life import live_through
from portal.demo.people import ORDINARY
from portal.demo.weeks import go_through_weeks
from portal.passwords import draw, hasher, prepared
from portal.vault import equip, seal, spelling_of
from portal.world import load

REPORT_SLUG = "mihon-shokudo"
SCHOOL_SLUG = "mihon-daiichi"
# At this hour in JST the people of the full city get their letter of the day.
LETTERS_AT = 8
# So long ago everybody last looked at the cases they work on: what came since is marked as new.
LOOKED_AGO = dt.timedelta(days=10)


def load_city(config: Config) -> None:
    """Load the demo city unless it is there already.

    Args:
        config: of a demo; its database is prepared. It says how large the city is.

    """
    system = make_engine(config.urls.system)
    app = make_engine(config.urls.app)
    try:
        if _load_register(system, config):
            live_through(app, system, config)
            if config.demo_size == FULL:
                go_through_weeks(app, system, config)
    finally:
        system.dispose()
        app.dispose()


def _load_register(system: Engine, config: Config) -> bool:
    """Load agencies, people and cases; return False where they are there."""
    full = config.demo_size == FULL
    with system_session(system, reason="demo city") as session:
        if session.scalar(select(m.Agency.id).limit(1)) is not None:
            return False
        equip(session, config.keys)
        now = session.scalars(select(func.portal_clock())).one()
        clock = matters.Clock(now)
        around = crowd(clock) if full else Crowd()
        load(session, _world(clock, around, full=full), trust=False, add=False)
        write_courses(session, clock, around.courses)
        _open_doors(session)
        _say_who_people_are(session)
        _pledge(session)
        _look_in(session, now - LOOKED_AGO)
        _let_one_sign_in(session, config)
        if full:
            _let_the_others_read_once_a_day(session)
    return True


def _let_the_others_read_once_a_day(session: Session) -> None:
    """Let everybody whom nobody can try have chosen one letter a day, in the morning."""
    named = [uuid.UUID(register.demo_id(key)) for key in register.known_accounts()]
    others = session.scalars(select(m.Account.id).where(m.Account.id.not_in(named)))
    session.add_all(m.MailChoice(account_id=other, daily_at=LETTERS_AT) for other in others)


def _world(clock: matters.Clock, around: Crowd, *, full: bool) -> register.Record:
    """Return the register of the city: the hand-written matters, and those around them."""
    return {
        "format": "portal-world/1",
        "agencies": register.agencies(full=full),
        "accounts": register.accounts(full=full),
        "teams": register.teams(full=full),
        "persons": [*register.persons(clock.today, full=full), *around.persons],
        "households": [*matters.households(), *around.households],
        "cases": [
            *matters.cases(clock),
            *(more_matters.cases(clock) if full else ()),
            *around.cases,
        ],
    }


def _pledge(session: Session) -> None:
    """Let everybody have given the pledge of this fiscal year, as on an ordinary day."""
    year = session.scalar(select(func.fiscal_year()))
    for account_id in session.scalars(select(m.Account.id)):
        session.add(m.Pledge(account_id=account_id, fiscal_year=year))


def _look_in(session: Session, at: dt.datetime) -> None:
    """Let workers and the teams that read have looked at their cases at an instant."""
    row, case, grant = m.CaseWorker, m.Case, m.Grant
    working = select(row.account_id, row.owner_agency_id, row.case_id)
    reading = (
        select(m.TeamMember.account_id, grant.agency_id, grant.case_id)
        .join(m.Team, m.Team.id == m.TeamMember.team_id)
        .join(grant, (grant.agency_id == m.Team.agency_id) & m.Team.is_default)
        .where(grant.valid_from < at, grant.account_ids.is_(None), grant.team_id.is_(None))
    )
    known = set(session.scalars(select(case.id).where(case.opened_at < at)))
    looks = {tuple(each) for some in (working, reading) for each in session.execute(some)}
    session.add_all(
        m.CaseLook(account_id=account_id, agency_id=agency_id, case_id=case_id, looked_at=at)
        for account_id, agency_id, case_id in sorted(looks)
        if case_id in known
    )


def _let_one_sign_in(session: Session, config: Config) -> None:
    """Give one person a password and an authenticator app, to try an ordinary sign-in with."""
    account_id = uuid.UUID(register.demo_id(ORDINARY.key))
    password_hash = hasher(config).hash(prepared(ORDINARY.password))
    session.add(m.Credential(account_id=account_id, password_hash=password_hash))
    # The others are at work as well, though in the demo by their buttons: nobody knows this one.
    nobodys = hasher(config).hash(draw())
    for other in session.scalars(select(m.Account.id).where(m.Account.id != account_id)):
        session.add(m.Credential(account_id=other, password_hash=nobodys))
    secret = m.TotpSecret(account_id=account_id, used_step=0)
    seal(session, secret, secret=ORDINARY.secret)
    session.add(secret)


def _open_doors(session: Session) -> None:
    execute = session.execute
    cafeteria = {
        "report_slug": REPORT_SLUG,
        "entrusted_npo_id": register.demo_id("npo"),
        "centre_id": register.demo_id("centre"),
    }
    execute(update(m.Agency).where(m.Agency.id == register.demo_id("cafeteria")).values(cafeteria))
    school = {"report_slug": SCHOOL_SLUG, "centre_id": register.demo_id("centre")}
    execute(update(m.Agency).where(m.Agency.id == register.demo_id("school")).values(school))


def _say_who_people_are(session: Session) -> None:
    """Say what the world format has no word for: who somebody is to the child."""
    # Whom a child does not want to be told is known by name, without being in any entry.
    for child, person in (("sora", "nami"), ("hina", "teacher"), ("minato", "minato_father")):
        case = session.get_one(m.Case, uuid.UUID(register.demo_id(f"case {child}")))
        link = m.CasePerson(
            case_id=case.id,
            owner_agency_id=case.owner_agency_id,
            case_opened_at=case.opened_at,
            person_id=register.demo_id(f"person {person}"),
        )
        session.add_all([link, spelling_of(session, link, **register.names_of(person))])
    session.flush()
    kinds = {
        "haruka": ("guardian", "mother"),
        "yui_mother": ("guardian", "mother"),
        "nami": ("guardian", "mother"),
        "minato_father": ("guardian", "father"),
        "teacher": ("staff", "homeroom"),
    }
    for person, (kind, relationship) in kinds.items():
        session.execute(
            update(m.CasePerson)
            .where(m.CasePerson.person_id == register.demo_id(f"person {person}"))
            .values(subject_kind=kind, relationship_code=relationship)
        )
