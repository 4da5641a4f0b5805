"""What one installation is told from outside: where its data and keys are, who may reach it.

`Config.from_env` is the only reader of the environment. It takes a mapping, so that a test says
what the environment is, and gives a frozen value, so that nothing changes after the start.

| variable | meaning | default |
|---|---|---|
| PORTAL_DEMO | 1 for the demo city | 0 |
| PORTAL_DEMO_SIZE | small: only the named people and their six cases | full |
| PORTAL_INSTANCE | folder of what this installation keeps | instance, or instance/demo |
| PORTAL_KEY_FILE | the keys, best on another disk than the data | keys.json in that folder |
| PORTAL_HOST, PORTAL_PORT | where the web server listens | 127.0.0.1, 8000 |
| PORTAL_CONSENT_AGES | from when a child consents with a guardian, and alone | 12,16 |
| PORTAL_PUBLIC_URL | what people type to get here, for links in mail and for passkeys | – |
| PORTAL_HOSTS | other names that this portal answers to, with commas | that of PORTAL_PUBLIC_URL |
| PORTAL_PROXIES | how many proxies stand in front, the one that ends TLS included | 0 |
| PORTAL_SMTP_URL | the mail server: smtps://user:password@host, or smtp:// by STARTTLS | – |
| | `folder`: nothing is sent, letters lie in the folder mail of the instance | so in a demo |
| PORTAL_MAIL_FROM | the sender of mail | portal@ that host |
| DATABASE_URL | the city's own PostgreSQL, 15 or newer | the embedded PostgreSQL |

DATABASE_URL names the server, the database and a login that may create roles there; only
`database prepare` ever uses that login, and it may be left out of the URL afterwards. The portal
itself connects to the same database as portal_app (the web), portal_system (worker and seeds)
and portal_owner (migrations), with the passwords that stand in the key file.
"""

import base64
import binascii
import ipaddress
import json
import os
import secrets
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from portal import embedded

ROOT = Path(__file__).resolve().parent.parent
KEY_BYTES = 32
CREATE_KEY_COMMAND = "flask --app wsgi installation key"

# How large the demo city is: sixty agencies and their matters, or those that can be tried by name.
FULL, SMALL = "full", "small"
# This file in an instance folder says that everything there belongs to the demo city.
DEMO_MARK = "demo-data"
# This one stands there while the demo city is being loaded, and stays behind if that is broken off.
DEMO_LOADING = "demo-loading"

# Said in place of a mail server by whoever wants to send nothing.
_TO_FOLDER = "folder"

# No guardian consents for an adult, whatever a city sets (Civil Code art. 4).
_ADULT = 18

# Every use has a key of its own: one that leaks opens one door, and none is made from another.
_SINGLE_KEYS = ("blind_index", "code_pepper", "signing", "throttle")
_FIRST_KID = "k1"
# Among 32 random bytes fewer than 16 different ones come up once in 10^13 keys.
_FEWEST_BYTES = 16


class ConfigError(RuntimeError):
    """The portal must not start like this; the message says what is wrong and what to do."""


@dataclass(frozen=True)
class Keys:
    """The secrets of one installation, each 32 random bytes and independent of the others.

    `content` maps a key id to a key that wraps the vault's data keys, `current` is the id that
    new data keys are wrapped with. `blind_index` finds duplicates, `code_pepper` hardens the
    codes and passwords, `signing` signs cookies and form tokens, `throttle` hides whom the
    attempt counters count. `role_passwords` has the database password of each portal role.
    None of them appears in the representation.
    """

    current: str
    content: Mapping[str, bytes] = field(repr=False)
    blind_index: bytes = field(repr=False)
    code_pepper: bytes = field(repr=False)
    signing: bytes = field(repr=False)
    throttle: bytes = field(repr=False)
    role_passwords: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True)
class Argon2Parameters:
    """The cost of one password hash; the default is what OWASP's ASVS 5.0 asks (security.md A1)."""

    memory_kib: int = 47_104
    time_cost: int = 1
    parallelism: int = 1


@dataclass(frozen=True)
class ConsentAges:
    """From which ages, in whole years, a child's own word counts for its data.

    Below `with_guardian` a child assents and a guardian consents; from then on both consent; from
    `alone` on the child decides. No statute fixes the ages (law-and-practice.md §2.1), and a
    revision is before the legislator (§1.5), so each city sets its own.
    """

    with_guardian: int = 12
    alone: int = 16

    def __post_init__(self) -> None:
        if not 0 < self.with_guardian <= self.alone <= _ADULT:
            raise ConfigError(
                "PORTAL_CONSENT_AGES is two ages from 1 to 18, the lower one first, such as 12,16."
            )


@dataclass(frozen=True)
class DatabaseUrls:
    """SQLAlchemy URLs of the one database, by who connects.

    `app` is the web, `system` the worker and the seeds, `owner` the migrations; `admin` is used
    by `database prepare` alone and may lack the right to do anything.
    """

    app: str = field(repr=False)
    system: str = field(repr=False)
    owner: str = field(repr=False)
    admin: str = field(repr=False)


@dataclass(frozen=True)
class Config:
    """Everything the portal is told at its start.

    `instance` is the folder of the embedded database and, by default, of the keys.
    `demo_size` is FULL or SMALL.
    `smtp_url` is the mail server; without one mail lies in a folder of the instance, which reaches
    nobody: outside a demo `mail_to_folder` says that this is meant.
    `public_url` has scheme and host (and port) and no path; without it, as the request says.
    `hosts` are the names that requests may ask for, all of them where there is none; `proxies` is
    how many stand in front, whose word for address and scheme is taken.
    `idle_seconds` and `absolute_seconds` end a session without and in spite of activity.
    """

    instance: Path
    key_file: Path
    database_url: str | None = field(default=None, repr=False)
    demo: bool = False
    demo_size: str = FULL
    host: str = "127.0.0.1"
    port: int = 8000
    public_url: str | None = None
    hosts: tuple[str, ...] = ()
    proxies: int = 0
    smtp_url: str | None = field(default=None, repr=False)
    mail_to_folder: bool = False
    mail_from: str = "portal@localhost"
    argon2: Argon2Parameters = field(default_factory=Argon2Parameters)
    default_locale: str = "ja"
    idle_seconds: int = 15 * 60
    absolute_seconds: int = 12 * 60 * 60
    consent_ages: ConsentAges = field(default_factory=ConsentAges)
    loaded_keys: Keys | None = field(default=None, repr=False)

    @classmethod
    def from_env(cls, env: Mapping[str, str], *, command: bool = False) -> Self:
        """Read the environment and the key file.

        A missing key file refuses the start, except in demo mode, where one is made, and for a
        `command`, which meets the refusal only when it asks for a key: otherwise the command
        that makes the key could not run. Raises ConfigError.
        """
        demo = _switch(env, "PORTAL_DEMO")
        instance = Path(env.get("PORTAL_INSTANCE") or _default_instance(demo=demo)).resolve()
        key_file = Path(env.get("PORTAL_KEY_FILE") or instance / "keys.json").resolve()
        host = env.get("PORTAL_HOST") or "127.0.0.1"
        database_url = env.get("DATABASE_URL") or None
        if demo:
            _refuse_in_demo(host, database_url)
        public_url, proxies = _public_url(env), _proxies(env)
        if not demo and not command:
            _refuse_unsafe(env, host, public_url, proxies)
        _check_mark(instance, demo=demo)
        if demo and not key_file.exists():
            create_key_file(key_file)
        return cls(
            instance=instance,
            key_file=key_file,
            database_url=None if database_url is None else _checked_url(database_url),
            demo=demo,
            demo_size=_demo_size(env),
            host=host,
            port=_port(env),
            consent_ages=_consent_ages(env),
            public_url=public_url,
            hosts=_hosts(env, public_url),
            proxies=proxies,
            smtp_url=_smtp_url(env),
            mail_to_folder=env.get("PORTAL_SMTP_URL") == _TO_FOLDER,
            mail_from=_mail_from(env),
            loaded_keys=load_keys(key_file) if key_file.exists() or not command else None,
        )

    @classmethod
    def for_tests(cls, database_url: str | None, instance: Path) -> Self:
        """Return a configuration with fresh keys in memory and password hashes that cost little.

        `database_url` may be a URL of a database on the test's embedded server, of any role.
        """
        return cls(
            instance=instance,
            key_file=instance / "keys.json",
            database_url=None if database_url is None else _checked_url(database_url),
            demo_size=SMALL,
            argon2=Argon2Parameters(memory_kib=8),
            loaded_keys=_parse_keys(_new_secrets(), "fresh keys"),
        )

    @property
    def keys(self) -> Keys:
        """The keys; raises ConfigError where a command runs before they were made."""
        if self.loaded_keys is None:
            raise _missing(self.key_file)
        return self.loaded_keys

    @property
    def mail_is_lost(self) -> bool:
        """Whether letters lie in a folder though nobody said so: invitations reach nobody."""
        return self.smtp_url is None and not self.mail_to_folder and not self.demo

    @property
    def smtp_on_loopback(self) -> bool:
        """Whether the mail server is on this machine, where nothing has to be encrypted."""
        return self.smtp_url is not None and _is_loopback(urlsplit(self.smtp_url).hostname or "")

    @property
    def secret_key(self) -> bytes:
        """What Flask signs its cookies and form tokens with."""
        return self.keys.signing

    @property
    def urls(self) -> DatabaseUrls:
        """Where each of the portal's roles connects to; no server is started by asking."""
        if self.database_url is None:
            names = (embedded.APP, embedded.SYSTEM, embedded.OWNER, embedded.SUPERUSER)
            return DatabaseUrls(*(embedded.url(self.instance, name) for name in names))
        given = make_url(self.database_url)
        passwords = {} if self.loaded_keys is None else self.loaded_keys.role_passwords
        app, system, owner = (
            _as_role(given, role, passwords.get(role))
            for role in (embedded.APP, embedded.SYSTEM, embedded.OWNER)
        )
        return DatabaseUrls(app, system, owner, admin=self.database_url)


def create_key_file(path: Path) -> None:
    """Write a new key file that only its owner can read. Raises ConfigError if one is there.

    Whatever was encrypted under lost keys is lost, so an existing file is never replaced.
    """
    write_key_file(path, _new_secrets())


def write_key_file(path: Path, content: Mapping[str, Any]) -> None:
    """Write the content of a key file where there is none. Raises ConfigError as above."""
    if path.exists():
        raise ConfigError(
            f"There is a key file at {path} already, and what it protects would be lost with it."
        )
    write_private(path, f"{json.dumps(content, indent=2)}\n")


def write_private(path: Path, text: str) -> None:
    """Write a new file that only its owner can read. Raises ConfigError if that cannot be done."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Exclusively, should another process make one at this moment.
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise ConfigError(f"The file {path} cannot be written: {error}.") from error
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)


def load_keys(path: Path) -> Keys:
    """Read a key file. Raises ConfigError if it is missing, readable by others, or not whole."""
    try:
        found = path.stat()
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise _missing(path) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"The key file {path} cannot be read: {error}.") from error
    if stat.S_IMODE(found.st_mode) & 0o077:
        raise ConfigError(f"Others can read the key file {path}. Run: chmod 600 {path}")
    try:
        return _parse_keys(json.loads(text), str(path))
    except json.JSONDecodeError as error:
        raise ConfigError(f"The key file {path} is damaged ({error}). Restore its copy.") from error


def _missing(path: Path) -> ConfigError:
    return ConfigError(
        f"There is no key file at {path}. For a new installation run: {CREATE_KEY_COMMAND}; "
        "for an old one bring its key file back, or name it in PORTAL_KEY_FILE."
    )


def _new_secrets() -> dict[str, Any]:
    return {
        "version": 1,
        "current": _FIRST_KID,
        "content": {_FIRST_KID: _random()},
        **{name: _random() for name in _SINGLE_KEYS},
        "role_passwords": {role: secrets.token_urlsafe(KEY_BYTES) for role in embedded.ROLES},
    }


def key_file_of(
    current: str, content: Mapping[str, bytes], single: Mapping[str, bytes]
) -> dict[str, Any]:
    """Return the content of a key file with these keys and new passwords of the database's roles.

    Raises ConfigError if a key is missing or not one of ours.
    """
    written = {name: base64.b64encode(key).decode("ascii") for name, key in single.items()}
    wrapping = {kid: base64.b64encode(key).decode("ascii") for kid, key in content.items()}
    made = _new_secrets() | {"current": current, "content": wrapping, **written}
    missing = {*_SINGLE_KEYS} - single.keys()
    if missing:
        raise ConfigError(f"These keys are missing: {', '.join(sorted(missing))}.")
    _parse_keys(made, "what was read")
    return made


def _random() -> str:
    return base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode("ascii")


def _parse_keys(data: Any, source: str) -> Keys:
    """Check every key of a parsed key file; `source` names it in the refusal."""
    expected = {"version", "current", "content", "role_passwords", *_SINGLE_KEYS}
    if not isinstance(data, dict) or set(data) != expected or data["version"] != 1:
        raise ConfigError(f"{source} is not a key file of this version of the portal.")
    content, passwords = data["content"], data["role_passwords"]
    if not isinstance(content, dict) or data["current"] not in content:
        raise ConfigError(f"{source} lacks the key that it names as its current one.")
    if not isinstance(passwords, dict) or set(passwords) != set(embedded.ROLES):
        raise ConfigError(f"{source} must have one password for each of {embedded.ROLES}.")
    keys = {name: _decoded(data[name], name, source) for name in _SINGLE_KEYS}
    wrapping = {kid: _decoded(text, kid, source) for kid, text in content.items()}
    for name, key in {**keys, **wrapping}.items():
        if len(set(key)) < _FEWEST_BYTES:
            raise ConfigError(
                f"The key {name} of {source} is not random: it looks like one of an example. "
                f"Make the file by: {CREATE_KEY_COMMAND}"
            )
    if len({*keys.values(), *wrapping.values()}) < len(keys) + len(wrapping):
        raise ConfigError(f"{source} uses one key twice. Every use needs a key of its own.")
    return Keys(current=data["current"], content=wrapping, role_passwords=dict(passwords), **keys)


def _decoded(text: object, name: str, source: str) -> bytes:
    try:
        key = base64.b64decode(str(text), validate=True)
    except binascii.Error:
        key = b""
    if len(key) != KEY_BYTES:
        raise ConfigError(f"The key {name} of {source} is not {KEY_BYTES} bytes in Base64.")
    return key


def _demo_size(env: Mapping[str, str]) -> str:
    size = env.get("PORTAL_DEMO_SIZE") or FULL
    if size not in (FULL, SMALL):
        raise ConfigError(f"PORTAL_DEMO_SIZE is {FULL} or {SMALL}, not {size!r}.")
    return size


def _default_instance(*, demo: bool) -> Path:
    """The demo has a folder of its own, so that resetting it cannot touch anything real."""
    return ROOT / "instance" / "demo" if demo else ROOT / "instance"


def _refuse_in_demo(host: str, database_url: str | None) -> None:
    """Everybody can sign in to a demo as anybody: it stays on this machine and off real data."""
    if database_url is not None:
        raise ConfigError("The demo brings its own database. Unset DATABASE_URL or PORTAL_DEMO.")
    if not _is_loopback(host):
        raise ConfigError(f"The demo is for this machine only; PORTAL_HOST={host} is not.")


def _refuse_unsafe(env: Mapping[str, str], host: str, public_url: str | None, proxies: int) -> None:
    """Refuse to serve real data where somebody on the way, or a visitor, could read along."""
    if env.get("FLASK_DEBUG", "").lower() not in {"", "0", "false", "no"}:
        raise ConfigError(
            "Debugging shows its own pages, with texts and keys in them, to whoever meets an "
            "error. Unset FLASK_DEBUG, and start without --debug."
        )
    if not _is_loopback(host) and not proxies:
        raise ConfigError(
            f"PORTAL_HOST={host} would serve plain http to the network. Let a proxy end TLS in "
            "front, and say so: PORTAL_PROXIES=1; or listen on 127.0.0.1."
        )
    if proxies and public_url is None:
        raise ConfigError(
            "Behind a proxy the portal must know its own name, or links in mail and passkeys "
            "would be made for whatever name a request brings. Set "
            "PORTAL_PUBLIC_URL=https://portal.example.jp."
        )


def _check_mark(instance: Path, *, demo: bool) -> None:
    """Keep demo data and real data in folders of their own, each refused by the other mode."""
    mark = instance / DEMO_MARK
    if not demo and mark.exists():
        raise ConfigError(
            f"{instance} holds a demo city. Set PORTAL_DEMO=1, or name another folder in "
            "PORTAL_INSTANCE."
        )
    if demo and not mark.exists():
        if instance.exists() and any(instance.iterdir()):
            raise ConfigError(
                f"{instance} holds data that is not a demo city's. Name another folder in "
                "PORTAL_INSTANCE, or unset PORTAL_DEMO."
            )
        instance.mkdir(parents=True, exist_ok=True)
        mark.touch()


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _switch(env: Mapping[str, str], name: str) -> bool:
    value = env.get(name, "")
    if value not in {"", "0", "1"}:
        raise ConfigError(f"{name} is 1 or 0, not {value!r}.")
    return value == "1"


def _port(env: Mapping[str, str]) -> int:
    text = env.get("PORTAL_PORT") or "8000"
    # 65535 is the highest port there is.
    if not (text.isascii() and text.isdecimal() and 0 < int(text) < 2**16):
        raise ConfigError(f"PORTAL_PORT is a number from 1 to 65535, not {text!r}.")
    return int(text)


def _consent_ages(env: Mapping[str, str]) -> ConsentAges:
    text = env.get("PORTAL_CONSENT_AGES") or "12,16"
    parts = [part.strip() for part in text.split(",")]
    whole = [int(part) for part in parts if part.isascii() and part.isdecimal()]
    # Anything but two numbers is refused like two numbers that make no sense.
    return ConsentAges(*whole) if len(parts) == len(whole) == 2 else ConsentAges(0, 0)  # noqa: PLR2004


def _public_url(env: Mapping[str, str]) -> str | None:
    text = (env.get("PORTAL_PUBLIC_URL") or "").rstrip("/")
    if not text:
        return None
    parts = urlsplit(text)
    secure = parts.scheme == "https" or (
        parts.scheme == "http" and _is_loopback(parts.hostname or "")
    )
    if not secure or not parts.hostname or parts.path or parts.query or parts.username:
        raise ConfigError(
            f"PORTAL_PUBLIC_URL is an address such as https://portal.example.jp, not {text!r}."
        )
    return text


def _proxies(env: Mapping[str, str]) -> int:
    text = env.get("PORTAL_PROXIES") or "0"
    if text not in {"0", "1", "2", "3", "4", "5"}:
        raise ConfigError(f"PORTAL_PROXIES is a number from 0 to 5, not {text!r}.")
    return int(text)


def _hosts(env: Mapping[str, str], public_url: str | None) -> tuple[str, ...]:
    """Return the names that requests may ask for; none where nothing was said."""
    named = [name.strip().lower() for name in (env.get("PORTAL_HOSTS") or "").split(",")]
    own = urlsplit(public_url or "").netloc
    return tuple(dict.fromkeys(name for name in (own, *named) if name))


def _smtp_url(env: Mapping[str, str]) -> str | None:
    text = env.get("PORTAL_SMTP_URL") or None
    if text == _TO_FOLDER:
        return None
    if text is not None:
        parts = urlsplit(text)
        if parts.scheme not in {"smtp", "smtps"} or not parts.hostname:
            raise ConfigError("PORTAL_SMTP_URL is an address such as smtps://mail.example.jp.")
    return text


def _mail_from(env: Mapping[str, str]) -> str:
    host = urlsplit(_public_url(env) or "").hostname or "localhost"
    address = env.get("PORTAL_MAIL_FROM") or f"portal@{host}"
    if address.count("@") != 1 or any(letter.isspace() for letter in address):
        raise ConfigError(f"PORTAL_MAIL_FROM is one e-mail address, not {address!r}.")
    return address


def _checked_url(text: str) -> str:
    """Return the URL in the form that SQLAlchemy takes for psycopg 3."""
    try:
        given = make_url(text)
    except ArgumentError:
        raise ConfigError("DATABASE_URL cannot be read; write postgresql://host/name.") from None
    if given.drivername not in {"postgres", "postgresql", "postgresql+psycopg"}:
        raise ConfigError(f"The portal needs PostgreSQL, and DATABASE_URL is {given.drivername}.")
    if not given.database:
        raise ConfigError("DATABASE_URL names no database; write postgresql://host/name.")
    return _written(given.set(drivername="postgresql+psycopg"))


def _as_role(given: URL, role: str, password: str | None) -> str:
    swapped = given.set(username=role, password=password)
    swapped = swapped.difference_update_query(["user", "password"])
    return _written(swapped)


def _written(url: URL) -> str:
    """Return a URL as PostgreSQL's library reads it too, which takes no blank in a password."""
    return url.render_as_string(hide_password=False).replace(" ", "%20")
