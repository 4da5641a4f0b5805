"""A city of any size for measuring: agencies of every reach, ten entries a case, grants that ended.

The rows that every case has are copied in, past triggers and foreign keys; the projection is made
from the same rows, and a sample of it is held against what the portal itself would have written.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import md5

import psycopg
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal import models as m
from portal.config import Keys
from portal.database import SystemSession, make_engine
from portal.embedded import SYSTEM, Server
from portal.vault import INTERNAL, Scope, create_key, equip, seal, spelling_of
from tests import city as towns

WARDS, SCHOOLS = 5, 146
SLICES = (
    *("basic", "summary", "child_view", "school", "home"),
    *("health", "welfare", "safety", "plan", "progress"),
)
SPARSE = 20
# One case in so many has texts that can be read, and those of one school; the others share one
# ciphertext.
REAL = 50
# So many of the newest cases have a child whose name can be read: all that any list, or a search by
# name, ever opens. The others share one, which would open nowhere.
NAMED = 100_000
# The agency of the ended grants got one case in 20, and kept one in 50 of these.
ENDED_OF, KEPT_OF = 20, 50
# Whose first page is measured beside those of the viewers: each role that has one, and its agency.
HOMES = {
    "director": ("centre", "center_director"),
    "clerk": ("centre", "center_clerk"),
    "school manager": ("schools", "school_principal"),
    "board of education": ("board_of_education", "boe_staff"),
    "child guidance": ("cgc", "cgc_worker"),
    "police": ("police", "police_liaison"),
    "volunteer": ("cafeteria", "cafeteria_volunteer"),
    "lawyer": ("expert_lawyer", "expert"),
    "audit officer": ("mayor_department", "audit_officer"),
    "administrator": ("mayor_department", "sysadmin"),
}
# So many agencies share the cases beside wards and schools, some of them those of ``HOMES``.
OTHERS = 146
MANAGERS = ("school_principal",)
TEXT = "保健室で話した。笑顔があった。放課後に一人で残ることが多い。" * 3
BATCH = 2_000


def id_of(kind: str, *numbers: int) -> uuid.UUID:
    """Return the id of a row of the city; the database makes the same one."""
    return uuid.UUID(md5(" ".join([kind, *map(str, numbers)]).encode()).hexdigest())  # noqa: S324


def has_words(number: int) -> bool:
    """Return whether the texts of a case are sealed for real."""
    return number % REAL == 0 or number % SCHOOLS == 0


@dataclass
class City:
    """Who looks: account and agency by name; how many cases there are."""

    cases: int
    viewers: dict[str, tuple[uuid.UUID, uuid.UUID]] = field(default_factory=dict)
    teams: dict[str, uuid.UUID] = field(default_factory=dict)
    agencies: dict[str, list[uuid.UUID]] = field(default_factory=dict)

    def real_cases(self, viewer: str) -> list[int]:
        """Return numbers of cases that a viewer sees and whose texts can be read."""
        numbers = filter(has_words, range(1, self.cases + 1))
        return [number for number in numbers if self.sees(viewer, number)][-40:]

    def has_name(self, number: int) -> bool:
        """Return whether the name of the child of a case is sealed for real."""
        return number > self.cases - NAMED or number <= SPARSE or has_words(number)

    def sees(self, viewer: str, number: int) -> bool:
        return {
            "centre": True,
            "ward": number % WARDS == 0,
            "school": number % SCHOOLS == 0,
            "few old cases": number <= SPARSE,
            "98 % ended": number % (ENDED_OF * KEPT_OF) == 0,
        }[viewer]


def load(server: Server, database: str, keys: Keys, cases: int) -> City:
    """Fill a database that has the schema and no row."""
    city = City(cases)
    engine = make_engine(server.url(SYSTEM, database))
    with SystemSession(engine) as session, session.begin():
        equip(session, keys)
        _people(session, keys, city)
    with psycopg.connect(
        server.superuser_url.replace("postgresql+psycopg:", "postgresql:"), dbname=database
    ) as connection:
        connection.execute("SET session_replication_role = replica")
        _words(connection, keys, city)
        _rows(connection, city)
    with psycopg.connect(
        server.superuser_url.replace("postgresql+psycopg:", "postgresql:"),
        dbname=database,
        autocommit=True,
    ) as connection:
        connection.execute("VACUUM ANALYZE")
        _compare_projection(connection, city)
    engine.dispose()
    return city


def _agency(session: Session, kind: str, name: str) -> uuid.UUID:
    agency = m.Agency(type=kind, name=name, legal_form="municipal")
    session.add(agency)
    session.flush()
    return agency.id


def _worker(
    session: Session, keys: Keys, city: City, name: str, place: tuple[uuid.UUID, str]
) -> None:
    agency, role = place
    account = m.Account()
    session.add(account)
    session.flush()
    # Nobody reads anything before this year's pledge.
    year = session.scalar(select(func.fiscal_year()))
    session.add(m.Pledge(account_id=account.id, fiscal_year=year))
    towns.add_profile(session, keys, account.id, f"{account.id}@example.jp", f"見本 {role}")
    session.add(
        m.Membership(
            account_id=account.id,
            agency_id=agency,
            role=role,
            manager=role in MANAGERS,
            valid_from=towns.LONG_AGO,
        )
    )
    team_id = _team(session, agency)
    session.add(m.TeamMember(team_id=team_id, account_id=account.id, valid_from=towns.LONG_AGO))
    session.flush()
    city.viewers[name], city.teams[name] = (account.id, agency), team_id


def _team(session: Session, agency: uuid.UUID) -> uuid.UUID:
    """Return the default team of an agency, made with its first worker."""
    team_id = session.scalar(select(m.Team.id).where(m.Team.agency_id == agency))
    if team_id is not None:
        return team_id
    team = m.Team(agency_id=agency, name="対応チーム", is_default=True)
    session.add(team)
    session.flush()
    return team.id


def _people(session: Session, keys: Keys, city: City) -> None:
    of = city.agencies
    of["centre"] = [_agency(session, "support_center", "みほん市こどもの権利サポートセンター")]
    of["wards"] = [_agency(session, "ward_welfare", f"見本{n}区福祉課") for n in range(WARDS)]
    of["schools"] = [_agency(session, "school", f"見本第{n}小学校") for n in range(SCHOOLS)]
    of["few"] = [_agency(session, "npo", "NPO法人みほん")]
    of["ended"] = [_agency(session, "ward_protection", "見本区保護課")]
    for kind in {kind for kind, _role in HOMES.values()} - of.keys():
        of[kind] = [_agency(session, kind, f"見本 {kind}")]
    beside = [of[kind][0] for kind in ("board_of_education", "cgc", "police")]
    clubs = range(OTHERS - len(beside))
    of["others"] = beside + [_agency(session, "cram_club", f"見本クラブ{n}") for n in clubs]
    for name, *place in (
        ("centre", of["centre"][0], "center_counselor"),
        ("ward", of["wards"][0], "ward_worker"),
        ("school", of["schools"][0], "school_nurse"),
        ("few old cases", of["few"][0], "npo_worker"),
        ("98 % ended", of["ended"][0], "ward_worker"),
        *((name, of[kind][0], role) for name, (kind, role) in HOMES.items()),
    ):
        _worker(session, keys, city, name, (place[0], place[1]))
    # A share that nobody reads is an alarm: in a city that is in order, somebody works everywhere.
    staffed = {agency for _account, agency in city.viewers.values()}
    for agency in {agency for some in of.values() for agency in some} - staffed:
        _worker(session, keys, city, f"somebody of {agency}", (agency, "npo_worker"))


# -- what is sealed -------------------------------------------------------------------------------


def _words(connection: psycopg.Connection, keys: Keys, city: City) -> None:
    """Seal the names that are ever opened, and the texts of the cases that can be read."""
    (centre,) = city.agencies["centre"]
    for start in range(1, city.cases + 1, BATCH):
        rows: list[m.Base] = []
        with Session() as session:
            equip(session, keys)
            for number in filter(city.has_name, range(start, min(start + BATCH, city.cases + 1))):
                rows += _person(session, centre, number)
                if has_words(number):
                    rows += _entries(session, number)
            rows += list(session.new)
            _copy(connection, rows)
            session.expunge_all()


def _person(session: Session, centre: uuid.UUID, number: int) -> Iterator[m.Base]:
    person = m.Person(id=id_of("child", number))
    create_key(session, Scope("person", person.id))
    names = {
        "family_name": "見本",
        "given_name": "あおい",
        "kana": "みほん",
        "called": "あおちゃん",
    }
    seal(session, person, **names)
    yield person
    # When its case was opened is said once the cases are there.
    link = m.CasePerson(
        case_id=id_of("case", number),
        owner_agency_id=centre,
        case_opened_at=datetime.now(UTC),
        person_id=person.id,
    )
    yield spelling_of(session, link, **names)


def _entries(session: Session, number: int) -> Iterator[m.Base]:
    case_id = id_of("case", number)
    create_key(session, Scope("slice", case_id, INTERNAL))
    for place, slice_ in enumerate(SLICES, start=1):
        create_key(session, Scope("slice", case_id, slice_))
        entry = m.Entry(id=id_of("entry", number, place), case_id=case_id, slice=slice_)
        seal(session, entry, text=TEXT)
        yield entry


_COLUMNS = {
    "persons": ("id", "family_name_sealed", "given_name_sealed", "kana_sealed", "called_sealed"),
    "slice_keys": ("id", "scope_id", "slice", "kek_id", "wrapped"),
    "person_keys": ("id", "scope_id", "kek_id", "wrapped"),
    "spellings": (
        *("id", "case_id", "owner_agency_id", "case_opened_at", "person_id", "kek_id", "sealed"),
    ),
    "real_texts": ("id", "text_sealed"),
}


def _copy(connection: psycopg.Connection, rows: list[m.Base]) -> None:
    connection.execute(
        "CREATE TEMPORARY TABLE IF NOT EXISTS real_texts (id uuid PRIMARY KEY, text_sealed bytea)"
    )
    by_table: dict[str, list[m.Base]] = {}
    for row in rows:
        table = "real_texts" if isinstance(row, m.Entry) else row.__tablename__
        by_table.setdefault(table, []).append(row)
    for table, some in by_table.items():
        columns = _COLUMNS[table]
        statement = f"COPY {table} ({', '.join(columns)}) FROM STDIN"
        with connection.cursor() as cursor, cursor.copy(statement) as copy:
            for row in some:
                copy.write_row([getattr(row, column) for column in columns])


# -- what is not ----------------------------------------------------------------------------------


def _rows(connection: psycopg.Connection, city: City) -> None:
    of = city.agencies
    counsellor, centre = city.viewers["centre"]
    values = {
        "n": city.cases,
        "centre": centre,
        "counsellor": counsellor,
        "slices": list(SLICES),
        "blob": b"\x01" + bytes(400),
        "wards": of["wards"],
        "schools": of["schools"],
        "others": of["others"],
        "few": of["few"][0],
        "ended": of["ended"][0],
        "sparse": SPARSE,
        "ended_of": ENDED_OF,
        "kept_of": ENDED_OF * KEPT_OF,
        "named": [number for number in range(1, city.cases + 1) if city.has_name(number)],
    }
    for statement in _STATEMENTS:
        connection.execute(statement, values)


_STATEMENTS = (
    """CREATE TEMPORARY TABLE numbers ON COMMIT DROP AS
    SELECT i, md5('case ' || i)::uuid AS case_id, md5('child ' || i)::uuid AS child_id,
        date_trunc('second', now()) - interval '40 days'
            - (%(n)s - i) * interval '20 seconds' AS opened_at
    FROM generate_series(1, %(n)s) AS i""",
    """INSERT INTO persons
        (id, family_name_sealed, given_name_sealed, kana_sealed, called_sealed)
    SELECT n.child_id, p.family_name_sealed, p.given_name_sealed, p.kana_sealed, p.called_sealed
    FROM numbers n CROSS JOIN (SELECT * FROM persons LIMIT 1) AS p
    WHERE NOT EXISTS (SELECT 1 FROM persons k WHERE k.id = n.child_id)""",
    """INSERT INTO person_keys (id, scope_id, kek_id, wrapped)
    SELECT gen_random_uuid(), n.child_id, p.kek_id, p.wrapped
    FROM numbers n CROSS JOIN (SELECT * FROM person_keys LIMIT 1) AS p
    WHERE NOT EXISTS (SELECT 1 FROM person_keys k WHERE k.scope_id = n.child_id)""",
    """UPDATE spellings SET case_opened_at = n.opened_at
    FROM numbers n WHERE n.case_id = spellings.case_id""",
    """INSERT INTO spellings
        (id, case_id, owner_agency_id, case_opened_at, person_id, kek_id, sealed)
    SELECT gen_random_uuid(), n.case_id, %(centre)s, n.opened_at, n.child_id, p.kek_id, p.sealed
    FROM numbers n CROSS JOIN (SELECT * FROM spellings LIMIT 1) AS p
    WHERE NOT EXISTS (SELECT 1 FROM spellings k WHERE k.case_id = n.case_id)""",
    """INSERT INTO cases (id, reference, owner_agency_id, status, opened_at)
    SELECT case_id, 'R' || lpad(i::text, 9, '0'), %(centre)s, 'supporting', opened_at
    FROM numbers""",
    """INSERT INTO case_people
        (id, case_id, owner_agency_id, case_opened_at, person_id, subject_kind, is_child)
    SELECT gen_random_uuid(), case_id, %(centre)s, opened_at, child_id, 'child', true
    FROM numbers""",
    """INSERT INTO entries (id, case_id, owner_agency_id, case_opened_at, slice, subject_id,
        author_agency_id, author_account_id, written_at, text_sealed)
    SELECT e.id, n.case_id, %(centre)s, n.opened_at, (%(slices)s::text[])[k], n.child_id,
        %(centre)s, %(counsellor)s, n.opened_at + k * interval '1 minute',
        coalesce(r.text_sealed, %(blob)s)
    FROM numbers n
    CROSS JOIN generate_series(1, 10) AS k
    CROSS JOIN LATERAL (SELECT md5('entry ' || n.i || ' ' || k)::uuid) AS e (id)
    LEFT JOIN real_texts r ON r.id = e.id""",
    """CREATE TEMPORARY TABLE wanted ON COMMIT DROP AS
    SELECT i, (%(wards)s::uuid[])[i %% 5 + 1] AS agency_id, NULL::timestamptz AS ended_at
        FROM numbers
    UNION ALL SELECT i, (%(schools)s::uuid[])[i %% 146 + 1], NULL FROM numbers
    UNION ALL SELECT i, (%(others)s::uuid[])[i %% 146 + 1], NULL FROM numbers
    UNION ALL SELECT i, %(few)s, NULL FROM numbers WHERE i <= %(sparse)s
    UNION ALL SELECT i, %(ended)s,
        CASE WHEN i %% %(kept_of)s = 0 THEN NULL ELSE opened_at + interval '1 hour' END
        FROM numbers WHERE i %% %(ended_of)s = 0""",
    """INSERT INTO grants (id, case_id, owner_agency_id, case_opened_at, agency_id, slices,
        subject_id, purpose, basis, necessity, valid_from, valid_until, ended_at)
    SELECT gen_random_uuid(), n.case_id, %(centre)s, n.opened_at, w.agency_id, %(slices)s,
        n.child_id, 'support', 'CONSENT', 'agencies_needed', n.opened_at,
        now() + interval '100 days', w.ended_at
    FROM wanted w JOIN numbers n ON n.i = w.i""",
    # What waits to be looked at is listed with names, so it is among the cases that have one.
    """INSERT INTO progress_checks
        (id, case_id, owner_agency_id, checked_by, next_on, finding_sealed)
    SELECT gen_random_uuid(), case_id, %(centre)s, %(counsellor)s, current_date + 200, %(blob)s
    FROM numbers WHERE i NOT IN (SELECT unnest(%(named)s::int[]))""",
    """INSERT INTO case_access
        (case_id, circle_id, agency_id, valid_from, valid_until, last_visible_activity, check_on)
    SELECT n.case_id, %(centre)s, %(centre)s, n.opened_at, 'infinity',
        n.opened_at + interval '10 minutes', coalesce(p.next_on, '0001-01-01')
    FROM numbers n LEFT JOIN progress_checks p ON p.case_id = n.case_id""",
    # The stretches that are over stand there still: nobody has swept.
    """INSERT INTO case_access
        (case_id, circle_id, agency_id, valid_from, valid_until, last_visible_activity)
    SELECT g.case_id, t.id, g.agency_id, g.valid_from, least(g.valid_until, g.ended_at),
        g.case_opened_at + interval '10 minutes'
    FROM grants g JOIN teams t ON t.agency_id = g.agency_id AND t.is_default""",
)


def _compare_projection(connection: psycopg.Connection, city: City) -> None:
    """Hold some of the projection's rows against those that the portal writes."""
    living = (
        "SELECT circle_id, agency_id, valid_from, valid_until::text, last_visible_activity,"
        " check_on FROM case_access WHERE case_id = %s AND valid_until > now() ORDER BY circle_id"
    )
    for number in range(1, city.cases, max(1, city.cases // 40)):
        key = (id_of("case", number),)
        before = connection.execute(living, key).fetchall()
        with connection.transaction(force_rollback=True):
            connection.execute("SELECT refresh_case_access(%s)", key)
            after = connection.execute(living, key).fetchall()
        if before != after:
            raise RuntimeError(f"the projection of case {number} is {before}, not {after}")
