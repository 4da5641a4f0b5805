"""The commands of the portal: thin shells around functions of other rooms.

Results go to standard output, everything else to standard error; a refusal ends with status 1.
"""

import datetime as dt
import functools
import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import BinaryIO, ParamSpec, TextIO

import click
from flask import Flask, current_app
from flask.cli import AppGroup
from markupsafe import Markup
from sqlalchemy import Engine

from portal import embedded, escrow, preparation, readiness, worker, world
from portal import installation as installing
from portal.config import (
    DEMO_LOADING,
    ROOT,
    Config,
    ConfigError,
    create_key_file,
    write_key_file,
    write_private,
)
from portal.database import SystemSession, make_engine, system_session
from portal.mail import letter_that_came_back
from portal.policy import rls, schema
from portal.services.notices import note_bounce
from portal.vault import equip

P = ParamSpec("P")

_REFUSALS = (
    ConfigError,
    embedded.EmbeddedPostgresError,
    installing.InstallationError,
    preparation.PreparationError,
    world.WorldRefused,
    world.WallsDisagree,
)

database = AppGroup("database", help="Prepare and check the database.")
installation = AppGroup("installation", help="Set up a real installation.")
world_ = AppGroup("world", help="Take in a whole register, or give it back.")
policy = AppGroup("policy", help="Look at who sees what.")
demo = AppGroup("demo", help="Fill the demo city.")
mail_ = AppGroup("mail", help="Letters that the portal sent.")
worker_ = AppGroup("worker", help="Work in the background.")


def init_cli(app: Flask) -> None:
    """Register the commands."""
    for group in (database, installation, world_, policy, demo, mail_, worker_):
        app.cli.add_command(group)


def _config() -> Config:
    config: Config = current_app.config["PORTAL"]
    return config


def _refusing(command: Callable[P, None]) -> Callable[P, None]:
    """Let a command end with the sentence of a refusal instead of a traceback."""

    @functools.wraps(command)
    def run(*args: P.args, **options: P.kwargs) -> None:
        try:
            command(*args, **options)
        except _REFUSALS as refusal:
            raise click.ClickException(str(refusal)) from refusal

    return run


@contextmanager
def _server(config: Config) -> Iterator[None]:
    """Hold the embedded server, where there is no other, for as long as a command runs."""
    own = config.database_url is None
    with embedded.running(config.instance) if own else nullcontext():
        yield


def _prepared(config: Config) -> Config:
    """Prepare the database, tell what was done, and return the configuration with its keys."""
    with _server(config):
        keyed = preparation.with_keys(config)
        if config.loaded_keys is None:
            _tell_of_key(config)
        for sentence in preparation.prepare(keyed):
            click.echo(sentence, err=True)
    return keyed


def _tell_of_key(config: Config) -> None:
    click.echo(
        f"Made the key file {config.key_file}. Keep a copy of it in a safe place: without it "
        "nobody can ever read again what is written here.",
        err=True,
    )


@contextmanager
def _ready(config: Config) -> Iterator[None]:
    """Hold a server whose database is as it should be."""
    with _server(config):
        problems = readiness.check(config)
        if problems:
            raise ConfigError("\n".join(problems))
        yield


@contextmanager
def _engine(url: str) -> Iterator[Engine]:
    engine = make_engine(url)
    try:
        yield engine
    finally:
        engine.dispose()


@contextmanager
def _system(config: Config, reason: str) -> Iterator[SystemSession]:
    """Open a session of the system role that can seal and reveal."""
    with (
        _ready(config),
        _engine(config.urls.system) as engine,
        system_session(engine, reason=reason) as session,
    ):
        equip(session, config.keys)
        yield session


@database.command("prepare")
@_refusing
def prepare_database() -> None:
    """Create roles, schema and walls, or make right what is not; safe to run again."""
    _prepared(_config())
    click.echo("The database is ready.", err=True)


@database.command("check")
@_refusing
def check_database() -> None:
    """Say what is wrong with the database, if anything, and whether letters reach anybody."""
    with _ready(_config()):
        click.echo("The database is ready.", err=True)
    for sentence in readiness.mail_problems(_config()):
        click.echo(sentence, err=True)


@installation.command("key")
@_refusing
def make_key() -> None:
    """Make the key file of a new installation."""
    create_key_file(_config().key_file)
    _tell_of_key(_config())


@installation.command("escrow")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@_refusing
def print_keys(file: Path) -> None:
    """Write the keys as a sheet of A4 to FILE, to be printed, sealed, and the file deleted."""
    keys = _config().keys
    page = current_app.jinja_env.get_template("installation/escrow.html").render(
        code=Markup(escrow.qr_code(escrow.as_text(keys))),  # noqa: S704  (drawn here, of our own)
        current=keys.current,
        keys=escrow.summary(keys),
        made_at=dt.datetime.now(dt.UTC),
    )
    write_private(file, page)
    click.echo(f"Print {file} on A4, seal it with a second person, and delete the file.", err=True)


@installation.command("recover")
@click.argument("file", type=click.File("r", encoding="utf-8"))
@_refusing
def recover_keys(file: TextIO) -> None:
    """Make the key file from what was scanned or typed from the sheet into FILE (- to type it)."""
    config = _config()
    write_key_file(config.key_file, escrow.recovered(file.read()))
    click.echo(
        f"Made the key file {config.key_file}. Now run, with a login in DATABASE_URL that may "
        "create roles: flask --app wsgi database prepare",
        err=True,
    )


@installation.command("first")
@click.option("--centre", required=True, help="The name of the centre.")
@click.option("--email", required=True, help="The administrator's e-mail.")
@click.option("--name", required=True, help="The administrator's name.")
@_refusing
def make_first(centre: str, email: str, name: str) -> None:
    """Make the centre, its administrator and, where there is none yet, the key file."""
    config = _prepared(_config())
    with _system(config, "installation first") as session:
        password = installing.first(session, config, centre=centre, email=email, name=name)
    click.echo("The administrator's password, shown only now:", err=True)
    click.echo(password)


@installation.command("administrator")
@click.option("--email", required=True, help="The new administrator's e-mail.")
@click.option("--name", required=True, help="The new administrator's name.")
@_refusing
def make_administrator(email: str, name: str) -> None:
    """Make another administrator, for when the only one is away."""
    config = _config()
    with _system(config, "installation administrator") as session:
        password = installing.add_administrator(session, config, email=email, name=name)
    click.echo("The administrator's password, shown only now:", err=True)
    click.echo(password)


@installation.command("wake")
@click.option("--email", required=True, help="Whose account sleeps.")
@_refusing
def wake_account(email: str) -> None:
    """Let somebody act again whom nobody confirmed by the end of May."""
    with _system(_config(), "installation wake") as session:
        agencies = installing.wake(session, email=email)
    click.echo(f"Confirmed until the end of the next May: {', '.join(agencies)}.")


@installation.command("open-door")
@click.argument("agency")
@_refusing
def open_agency_door(agency: str) -> None:
    """Let the people of AGENCY in from anywhere again, whatever its list of networks says."""
    config = _config()
    with _system(config, "open door") as session:
        installing.open_door(session, agency)
    click.echo(f"The people of {agency} are let in from anywhere.")


@world_.command("load")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--trust", is_flag=True, help="Load also what breaks the rules of granting.")
@click.option("--add", is_flag=True, help="Load into a database that holds cases already.")
@_refusing
def load_world(file: Path, *, trust: bool, add: bool) -> None:
    """Load a register in the format portal-world/1, whole or not at all."""
    register = world.read_file(file)
    with _system(_config(), "world load") as session:
        world.load(session, register, trust=trust, add=add)
    click.echo(f"Loaded {len(register['cases'])} cases.", err=True)


@world_.command("dump")
@_refusing
def dump_world() -> None:
    """Print the whole register in the format portal-world/1."""
    with _system(_config(), "world dump") as session:
        register = world.dump(session)
    click.echo(json.dumps(register, ensure_ascii=False, indent=1))


@policy.command("sql")
def print_policies() -> None:
    """Print the row-level security policies as the code renders them."""
    click.echo(rls.script())


@policy.command("freeze")
@click.argument("name")
def freeze_policies(name: str) -> None:
    """Write today's schema as the scripts of the migration NAME, such as 0001_ground."""
    for direction, script in (("up", schema.up()), ("down", schema.down())):
        path = ROOT / "migrations" / "versions" / f"{name}.{direction}.sql"
        path.write_text(f"{script.rstrip()}\n", encoding="utf-8")


def _instant(_context: click.Context, _option: click.Parameter, text: str | None) -> str | None:
    """Return the text of an instant as it was given, so that the answer can echo it."""
    try:
        if text is not None and dt.datetime.fromisoformat(text).tzinfo is None:
            raise click.BadParameter("the instant has no offset from UTC, such as +09:00")
    except ValueError as error:
        raise click.BadParameter("this is not an instant in ISO 8601") from error
    return text


@policy.command("visible")
@click.option("--account", type=click.UUID, help="Who looks.")
@click.option("--agency", type=click.UUID, help="For which agency this account acts.")
@click.option("--all", "everybody", is_flag=True, help="Look as every live membership in turn.")
@click.option("--at", callback=_instant, help="An ISO 8601 instant with an offset; now without it.")
@_refusing
def print_visible(
    account: uuid.UUID | None, agency: uuid.UUID | None, *, everybody: bool, at: str | None
) -> None:
    """Print what a viewer sees through both walls, as one line of JSON for each viewer."""
    if everybody is not (account is None) or everybody is not (agency is None):
        raise click.UsageError("Give --account and --agency, or --all.")
    config = _config()
    with _ready(config), _engine(config.urls.owner) as engine:
        for line in _visible(engine, account, agency, at):
            click.echo(line)


def _visible(
    engine: Engine, account: uuid.UUID | None, agency: uuid.UUID | None, at: str | None
) -> list[str]:
    if account is None or agency is None:
        return world.all_lines(engine, at)
    return [world.line(world.visible_to(engine, account, agency, at))]


@policy.command("explain")
@click.option("--account", type=click.UUID, required=True, help="Who looks.")
@click.option("--agency", type=click.UUID, required=True, help="For which agency it acts.")
@click.option("--case", type=click.UUID, required=True, help="At which case.")
@click.option("--at", callback=_instant, help="An ISO 8601 instant with an offset; now without it.")
@_refusing
def print_explained(account: uuid.UUID, agency: uuid.UUID, case: uuid.UUID, at: str | None) -> None:
    """Print the rule and the grant that open each slice, or the denial that wins, as JSON."""
    config = _config()
    with _ready(config), _engine(config.urls.owner) as engine:
        click.echo(world.explained_line(world.explain(engine, account, agency, case, at)))


@demo.command("load")
@_refusing
def load_demo() -> None:
    """Load the demo city unless it is there already."""
    config = _config()
    if not config.demo:
        raise ConfigError("This fills a demo only. Run: make demo")
    # Only here: the web never needs the demo's story.
    from portal.demo.city import load_city  # noqa: PLC0415

    mark = config.instance / DEMO_LOADING
    if mark.exists():
        raise ConfigError("The loading of this demo city was broken off. Run: make demo-reset")
    with _ready(config):
        mark.touch()
        load_city(config)
        mark.unlink()


@mail_.command("bounced")
@click.argument("report", type=click.File("rb"), default="-")
@_refusing
def mail_bounced(report: BinaryIO) -> None:
    """Take a mail server's REPORT that a letter came back; its manager is then told."""
    notice_id = letter_that_came_back(report.read())
    if notice_id is None:
        raise click.ClickException("This is no report of a letter that cannot be delivered.")
    with _system(_config(), reason="mail bounced") as session:
        found = note_bounce(session, notice_id)
    if not found:
        raise click.ClickException("The portal has sent no such letter.")


@worker_.command("run")
@_refusing
def run_worker() -> None:
    """Do background work until a signal asks for the end."""
    config = _config()
    problems = readiness.mail_problems(config)
    if problems:
        raise ConfigError("\n".join(problems))
    with _ready(config):
        worker.run(config)
