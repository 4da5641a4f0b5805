"""The configuration refuses what must not start, and says what to do."""

import base64
import dataclasses
import json
from pathlib import Path

import pytest
from sqlalchemy import make_url

from portal import config as module
from portal.config import Argon2Parameters, Config, ConfigError, create_key_file, load_keys


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "keys.json"
    create_key_file(path)
    return path


def env(instance: Path, **more: str) -> dict[str, str]:
    return {"PORTAL_INSTANCE": str(instance), **more}


def rewrite(path: Path, **changes: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_a_missing_key_file_refuses_the_start_and_names_the_command(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="flask --app wsgi installation key"):
        Config.from_env(env(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_a_command_starts_without_keys_and_is_refused_when_it_asks_for_one(tmp_path: Path) -> None:
    config = Config.from_env(env(tmp_path), command=True)
    with pytest.raises(ConfigError, match="installation key"):
        _ = config.keys
    with pytest.raises(ConfigError, match="installation key"):
        _ = config.secret_key


def test_a_command_does_not_overlook_a_damaged_key_file(key_file: Path) -> None:
    key_file.write_text("{")
    with pytest.raises(ConfigError, match="damaged"):
        Config.from_env(env(key_file.parent), command=True)


def test_a_key_file_has_an_independent_key_for_every_use(key_file: Path) -> None:
    keys = Config.from_env(env(key_file.parent)).keys
    every = [keys.blind_index, keys.code_pepper, keys.signing, keys.throttle]
    every += keys.content.values()
    assert len({*every}) == len(every) == 5
    assert {len(key) for key in every} == {32}
    assert keys.current in keys.content
    assert len({*keys.role_passwords.values()}) == 3


def test_only_its_owner_reads_a_new_key_file(key_file: Path) -> None:
    assert key_file.stat().st_mode & 0o777 == 0o600


def test_a_key_file_is_never_replaced(key_file: Path) -> None:
    before = key_file.read_bytes()
    with pytest.raises(ConfigError, match="already"):
        create_key_file(key_file)
    assert key_file.read_bytes() == before


def test_a_key_file_that_cannot_be_written_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="cannot be written"):
        create_key_file(tmp_path / "file" / "keys.json")


def test_a_key_file_that_others_can_read_is_refused(key_file: Path) -> None:
    load_keys(key_file)
    key_file.chmod(0o640)
    with pytest.raises(ConfigError, match="chmod 600"):
        load_keys(key_file)


SHORT = "AAAAAAAAAAAAAAAAAAAAAA=="


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"signing": SHORT}, "The key signing .* is not 32 bytes"),
        ({"signing": "?" * 44}, "The key signing .* is not 32 bytes"),
        ({"signing": None}, "The key signing .* is not 32 bytes"),
        ({"content": {"k1": SHORT}}, "The key k1 .* is not 32 bytes"),
        ({"current": "k2"}, "lacks the key that it names"),
        ({"content": []}, "lacks the key that it names"),
        ({"role_passwords": {"portal_app": "x"}}, "one password for each"),
        ({"version": 2}, "not a key file of this version"),
        ({"another": "x"}, "not a key file of this version"),
    ],
)
def test_a_key_file_that_is_not_whole_is_refused(
    key_file: Path, changes: dict[str, object], sentence: str
) -> None:
    rewrite(key_file, **changes)
    with pytest.raises(ConfigError, match=sentence):
        load_keys(key_file)


def test_one_key_for_two_uses_is_refused(key_file: Path) -> None:
    rewrite(key_file, throttle=json.loads(key_file.read_text())["signing"])
    with pytest.raises(ConfigError, match="one key twice"):
        load_keys(key_file)


def test_a_list_instead_of_keys_is_refused(key_file: Path) -> None:
    key_file.write_text("[]")
    with pytest.raises(ConfigError, match="not a key file"):
        load_keys(key_file)


def test_keys_never_show_in_a_representation(key_file: Path) -> None:
    config = Config.from_env(env(key_file.parent, DATABASE_URL="postgresql://me:geheim@db/portal"))
    shown = repr(config) + repr(config.keys) + repr(config.urls)
    assert "geheim" not in shown
    for secret in (config.keys.signing, *config.keys.content.values()):
        assert repr(secret) not in shown
    for password in config.keys.role_passwords.values():
        assert password not in shown


def test_the_demo_makes_its_key_once(tmp_path: Path) -> None:
    first = Config.from_env(env(tmp_path / "demo", PORTAL_DEMO="1"))
    second = Config.from_env(env(tmp_path / "demo", PORTAL_DEMO="1"))
    assert first.keys == second.keys
    assert first.demo


def test_demo_and_real_data_never_share_a_folder(key_file: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="not a demo city's"):
        Config.from_env(env(key_file.parent, PORTAL_DEMO="1"))
    demo = tmp_path / "demo"
    Config.from_env(env(demo, PORTAL_DEMO="1"))
    with pytest.raises(ConfigError, match="holds a demo city"):
        Config.from_env(env(demo))


def test_by_default_the_demo_has_its_own_folder() -> None:
    assert module._default_instance(demo=False) == module.ROOT / "instance"
    assert module._default_instance(demo=True) == module.ROOT / "instance" / "demo"


def test_the_demo_refuses_a_database_of_the_city(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="DATABASE_URL"):
        Config.from_env(env(tmp_path, PORTAL_DEMO="1", DATABASE_URL="postgresql://db/portal"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::", "portal.example"])  # noqa: S104
def test_the_demo_refuses_to_be_reached_from_elsewhere(tmp_path: Path, host: str) -> None:
    with pytest.raises(ConfigError, match="this machine only"):
        Config.from_env(env(tmp_path, PORTAL_DEMO="1", PORTAL_HOST=host))


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1", "localhost"])
def test_the_demo_is_served_on_this_machine(tmp_path: Path, host: str) -> None:
    config = Config.from_env(env(tmp_path, PORTAL_DEMO="1", PORTAL_HOST=host))
    assert config.host == host


@pytest.mark.parametrize("port", ["0", "65536", "-1", "http", "８０００", "1.5"])
def test_a_port_that_is_none_is_refused(key_file: Path, port: str) -> None:
    with pytest.raises(ConfigError, match="PORTAL_PORT"):
        Config.from_env(env(key_file.parent, PORTAL_PORT=port))


def test_a_switch_that_is_neither_on_nor_off_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="PORTAL_DEMO is 1 or 0"):
        Config.from_env(env(tmp_path, PORTAL_DEMO="yes"))


def test_empty_variables_mean_the_defaults(key_file: Path) -> None:
    names = ("PORTAL_DEMO", "PORTAL_HOST", "PORTAL_PORT", "DATABASE_URL", "PORTAL_KEY_FILE")
    config = Config.from_env(env(key_file.parent, **dict.fromkeys(names, "")))
    assert (config.demo, config.host, config.port) == (False, "127.0.0.1", 8000)
    assert config.database_url is None
    assert config.key_file == key_file


def test_the_key_file_may_lie_elsewhere(key_file: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    config = Config.from_env(env(elsewhere, PORTAL_KEY_FILE=str(key_file)))
    assert config.keys == load_keys(key_file)
    assert not elsewhere.exists()


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("sqlite:///x.db", "needs PostgreSQL"),
        ("postgresql+asyncpg://db/portal", "needs PostgreSQL"),
        ("postgresql://db", "names no database"),
        ("no url at all", "cannot be read"),
    ],
)
def test_a_database_that_is_not_postgresql_is_refused(
    key_file: Path, url: str, sentence: str
) -> None:
    with pytest.raises(ConfigError, match=sentence):
        Config.from_env(env(key_file.parent, DATABASE_URL=url))


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_each_role_connects_as_itself_to_the_citys_database(key_file: Path, scheme: str) -> None:
    given = f"{scheme}://dba:geheim@db.example:5433/mimamori?sslmode=verify-full&user=dba"
    config = Config.from_env(env(key_file.parent, DATABASE_URL=given))
    urls = config.urls
    for text, role in [
        (urls.app, "portal_app"),
        (urls.system, "portal_system"),
        (urls.owner, "portal_owner"),
    ]:
        url = make_url(text)
        assert url.drivername == "postgresql+psycopg"
        assert (url.host, url.port, url.database) == ("db.example", 5433, "mimamori")
        assert (url.username, url.password) == (role, config.keys.role_passwords[role])
        assert dict(url.query) == {"sslmode": "verify-full"}
    admin = make_url(urls.admin)
    assert (admin.username, admin.password) == ("dba", "geheim")


def test_without_a_database_of_the_city_the_embedded_one_is_used(tmp_path: Path) -> None:
    urls = Config.for_tests(None, tmp_path).urls
    for field in dataclasses.fields(urls):
        assert make_url(getattr(urls, field.name)).query["host"] == str(
            tmp_path / "postgres" / "socket"
        )
    assert make_url(urls.app).username == "portal_app"
    assert make_url(urls.admin).username == "postgres"


def test_a_configuration_for_tests_is_cheap_and_fresh(tmp_path: Path) -> None:
    one, two = Config.for_tests(None, tmp_path), Config.for_tests(None, tmp_path)
    assert one.keys != two.keys
    assert one.argon2.memory_kib < Argon2Parameters().memory_kib == 47_104
    assert list(tmp_path.iterdir()) == []


# --- what must not be served --------------------------------------------------------------------

BEHIND_A_PROXY = {"PORTAL_PROXIES": "1", "PORTAL_PUBLIC_URL": "https://portal.example.jp"}


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"FLASK_DEBUG": "1"}, "Unset FLASK_DEBUG"),
        ({"FLASK_DEBUG": "true"}, "Unset FLASK_DEBUG"),
        ({"PORTAL_HOST": "0.0.0.0"}, "plain http"),  # noqa: S104
        ({"PORTAL_HOST": "192.0.2.7"}, "PORTAL_PROXIES=1"),
        ({"PORTAL_PROXIES": "1"}, "PORTAL_PUBLIC_URL="),
        ({**BEHIND_A_PROXY, "PORTAL_PUBLIC_URL": "http://portal.example.jp"}, "PORTAL_PUBLIC_URL"),
        ({**BEHIND_A_PROXY, "PORTAL_PROXIES": "many"}, "from 0 to 5"),
        ({**BEHIND_A_PROXY, "PORTAL_PROXIES": "-1"}, "from 0 to 5"),
    ],
)
def test_the_web_refuses_what_others_could_read_along(
    key_file: Path, given: dict[str, str], told: str
) -> None:
    with pytest.raises(ConfigError, match=told):
        Config.from_env(env(key_file.parent, **given))


def test_behind_a_proxy_the_web_may_listen_anywhere(key_file: Path) -> None:
    given = {**BEHIND_A_PROXY, "PORTAL_HOST": "0.0.0.0", "FLASK_DEBUG": "0"}  # noqa: S104
    config = Config.from_env(env(key_file.parent, **given, PORTAL_HOSTS="kodomo.example.jp, "))
    assert config.proxies == 1
    assert config.hosts == ("portal.example.jp", "kodomo.example.jp")


def test_a_command_may_debug(key_file: Path) -> None:
    Config.from_env(env(key_file.parent, FLASK_DEBUG="1"), command=True)


@pytest.mark.parametrize("key", [bytes(32), b"0123456789" * 3 + b"01", b"\xff\x00" * 16])
def test_a_key_that_nobody_drew_is_refused(key_file: Path, key: bytes) -> None:
    rewrite(key_file, signing=base64.b64encode(key).decode())
    with pytest.raises(ConfigError, match=r"signing .* is not random"):
        Config.from_env(env(key_file.parent))
