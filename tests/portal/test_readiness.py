"""Nothing is served where roles, walls, clock or keys are wrong; `prepare` makes them right."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from portal import preparation, readiness
from portal.config import Config, ConfigError
from portal.embedded import APP, DATABASE, OWNER, SUPERUSER, SYSTEM, Server
from portal.preparation import PreparationError, prepare
from portal.readiness import check

PREPARED = "portal_prepared"


@pytest.fixture(scope="module")
def model(postgres: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Config]:
    """An installation that is as it should be, from which each test takes a copy."""
    postgres.create_database(PREPARED)
    config = Config.for_tests(
        postgres.url(SUPERUSER, PREPARED), tmp_path_factory.mktemp("installation")
    )
    prepare(config)
    yield config
    postgres.drop_database(PREPARED)


@pytest.fixture
def config(postgres: Server, model: Config) -> Iterator[Config]:
    postgres.create_database("portal_copy", PREPARED)
    yield replace(model, database_url=postgres.url(SUPERUSER, "portal_copy"))
    postgres.drop_database("portal_copy")


def run(config: Config, statement: str) -> None:
    with readiness.connect(config.urls.admin) as connection:
        connection.execute("SET search_path = public")
        connection.execute(statement.encode())


@contextmanager
def for_a_while(config: Config, statement: str, back: str) -> Iterator[None]:
    """Change a role, which all databases of the server share, and change it back."""
    run(config, statement)
    try:
        yield
    finally:
        run(config, back)


def test_what_is_prepared_is_ready(config: Config) -> None:
    assert check(config) == []
    assert prepare(config) == []


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("ALTER TABLE entries DISABLE ROW LEVEL SECURITY", "table entries"),
        ("ALTER TABLE grants NO FORCE ROW LEVEL SECURITY", "table grants"),
        ("DROP POLICY visible ON cases", "policy cases.visible"),
        ("ALTER POLICY visible ON entries USING (true)", "policy entries.visible"),
        ("ALTER POLICY system ON entries TO portal_app", "policy entries.system"),
        ("CREATE POLICY mine ON entries USING (true)", "policy entries.mine"),
        ("GRANT DELETE ON entries TO portal_app", "table entries"),
        ("GRANT UPDATE (slice) ON entries TO portal_app", "table entries"),
        ("GRANT SELECT ON credentials TO portal_app", "table credentials"),
        ("REVOKE SELECT ON entries FROM portal_app", "table entries"),
        ("ALTER TABLE grants DISABLE TRIGGER written", "trigger grants.written"),
        ("DROP TRIGGER written ON entries", "trigger entries.written"),
        ("ALTER FUNCTION portal_clock() SECURITY DEFINER", "function public.portal_clock()"),
        (
            "CREATE OR REPLACE FUNCTION viewer_person() RETURNS uuid RETURN NULL::uuid",
            "function public.viewer_person()",
        ),
    ],
)
def test_a_wall_that_was_changed_is_named_and_put_up_again(
    config: Config, statement: str, named: str
) -> None:
    run(config, statement)
    assert check(config) == [
        f"In the database the {named} is not as it was prepared. {readiness.PREPARE}"
    ]
    assert prepare(config) == [f"Put up again what had been changed: {named}."]
    assert check(config) == []


@pytest.mark.parametrize(
    ("statement", "named", "back"),
    [
        (
            "CREATE FUNCTION spy() RETURNS text SECURITY DEFINER LANGUAGE sql AS 'SELECT 1'",
            "function public.spy()",
            "DROP FUNCTION spy()",
        ),
        (
            "CREATE VIEW everything AS SELECT * FROM entries",
            "table everything",
            "DROP VIEW everything",
        ),
        (
            "GRANT EXECUTE ON FUNCTION sweep_case_access() TO portal_app",
            "function public.sweep_case_access()",
            "REVOKE EXECUTE ON FUNCTION sweep_case_access() FROM portal_app",
        ),
        (
            "GRANT SELECT ON entries TO pg_monitor",
            "table entries",
            "REVOKE SELECT ON entries FROM pg_monitor",
        ),
    ],
)
def test_what_is_not_ours_is_never_taken_for_right(
    config: Config, statement: str, named: str, back: str
) -> None:
    """Only its author knows what it is for, so nobody but a human being removes it."""
    run(config, statement)
    for _ in range(2):
        assert [named in sentence for sentence in check(config)] == [True]
        with pytest.raises(PreparationError) as refusal:
            prepare(config)
        assert named in str(refusal.value)
    run(config, back)
    assert check(config) == []


def test_a_stopped_clock_is_found_and_set_going(config: Config) -> None:
    run(
        config,
        "CREATE OR REPLACE FUNCTION portal_clock() RETURNS timestamptz LANGUAGE sql STABLE"
        " AS $$ SELECT timestamptz '2026-05-01 00:00+09' $$",
    )
    assert any("clock" in sentence for sentence in check(config))
    prepare(config)
    assert check(config) == []


@pytest.mark.parametrize(
    ("role", "power"),
    [
        *((APP, power) for power in ("SUPERUSER", "BYPASSRLS", "CREATEROLE", "CREATEDB")),
        (SYSTEM, "BYPASSRLS"),
        (OWNER, "BYPASSRLS"),
    ],
)
def test_a_role_that_can_go_around_the_walls_is_weakened(
    config: Config, role: str, power: str
) -> None:
    with for_a_while(config, f"ALTER ROLE {role} {power}", f"ALTER ROLE {role} NO{power}"):
        assert [sentence.split(" has ")[0] for sentence in check(config)] == [f"The role {role}"]
        prepare(config)
        assert check(config) == []


@pytest.mark.parametrize("role", [SYSTEM, "pg_read_all_data"])
def test_the_web_is_a_member_of_nothing(config: Config, role: str) -> None:
    """It could put on the other role's rights, by SET ROLE or without."""
    with for_a_while(config, f"GRANT {role} TO {APP}", f"REVOKE {role} FROM {APP}"):
        assert any(f"The role {APP} is a member of {role}" in found for found in check(config))
        with pytest.raises(PreparationError, match=f"REVOKE .*{role}.* FROM {APP}"):
            prepare(config)


def test_the_web_owns_nothing(config: Config) -> None:
    run(config, "CREATE TABLE notebook (); ALTER TABLE notebook OWNER TO portal_app")
    assert any("owns public.notebook" in sentence for sentence in check(config))


def test_a_role_that_may_not_log_in_is_let_in_again(config: Config) -> None:
    with for_a_while(config, f"ALTER ROLE {APP} NOLOGIN", f"ALTER ROLE {APP} LOGIN"):
        assert ["does not let the portal in" in sentence for sentence in check(config)] == [True]
        prepare(config)
        assert check(config) == []


def test_another_version_of_the_schema_is_not_served(config: Config) -> None:
    run(config, "UPDATE installation.alembic_version SET version_num = '0001'")
    assert check(config) == [
        f"The database is not prepared for this version of the portal. {readiness.PREPARE}"
    ]


def test_an_empty_database_is_not_served(postgres: Server, config: Config) -> None:
    empty = replace(config, database_url=postgres.url(SUPERUSER, DATABASE))
    assert [readiness.PREPARE in sentence for sentence in check(empty)] == [True]


@pytest.mark.parametrize("name", ["blind_index", "code_pepper"])
def test_another_key_is_refused(config: Config, name: str) -> None:
    wrong = replace(config, loaded_keys=replace(config.keys, **{name: bytes(32)}))
    assert [name in sentence for sentence in check(wrong)] == [True]
    with pytest.raises(PreparationError, match=name):
        prepare(wrong)


def test_another_content_key_is_refused_and_one_more_is_taken(config: Config) -> None:
    kid, key = next(iter(config.keys.content.items()))
    wrong = replace(config, loaded_keys=replace(config.keys, content={kid: bytes(32)}))
    assert [kid in sentence for sentence in check(wrong)] == [True]
    more = replace(config, loaded_keys=replace(config.keys, content={kid: key, "k2": bytes(32)}))
    assert check(more) == []
    prepare(more)
    assert ["k2" in sentence for sentence in check(config)] == [True]


def test_the_key_marks_do_not_hold_the_keys(config: Config) -> None:
    marks = " ".join(readiness.key_marks(config.keys).values())
    assert config.keys.blind_index.hex() not in marks
    assert config.keys.content[config.keys.current].hex() not in marks


def test_demo_data_and_real_data_do_not_serve_as_each_other(config: Config) -> None:
    assert ["PORTAL_DEMO" in sentence for sentence in check(replace(config, demo=True))] == [True]
    run(config, "UPDATE installation.notes SET value = '1' WHERE name = 'demo'")
    assert ["PORTAL_DEMO" in sentence for sentence in check(config)] == [True]
    assert check(replace(config, demo=True)) == []


def test_a_database_that_was_prepared_never_gets_a_new_key(config: Config) -> None:
    """A new key would open nothing of what is there; its file would only hide that."""
    lost = replace(config, loaded_keys=None)
    with pytest.raises(ConfigError, match="no key file"):
        preparation.with_keys(lost)
    assert not config.key_file.exists()


def test_a_fresh_database_gets_a_key(postgres: Server, config: Config, tmp_path: Path) -> None:
    fresh = replace(
        config,
        database_url=postgres.url(SUPERUSER, DATABASE),
        key_file=tmp_path / "new" / "keys.json",
        loaded_keys=None,
    )
    assert preparation.with_keys(fresh).keys.content
    assert fresh.key_file.stat().st_mode & 0o777 == 0o600


def test_two_preparations_at_once_do_it_once(postgres: Server, config: Config) -> None:
    postgres.create_database("portal_raced")
    raced = replace(config, database_url=postgres.url(SUPERUSER, "portal_raced"))
    with ThreadPoolExecutor() as pool:
        both = [future.result() for future in [pool.submit(prepare, raced) for _ in range(2)]]
    assert sorted(len(done) for done in both) == [0, 1]
    postgres.drop_database("portal_raced")


@pytest.mark.parametrize(("version", "refused"), [(140_012, True), (150_000, False)])
def test_an_old_server_is_refused(version: int, refused: bool) -> None:  # noqa: FBT001
    connection = SimpleNamespace(info=SimpleNamespace(server_version=version))
    assert bool(readiness.server_problems(connection)) is refused  # type: ignore[arg-type]
