"""The entry of web servers and of the ``flask`` command."""

import os
import sys

import click

from portal import embedded, readiness
from portal.config import Config, ConfigError
from portal.factory import create_app
from portal.unit import Portal

# gunicorn gives up at this status; at any other it would start a worker that refuses for ever.
_REFUSED_BY_WEB, _REFUSED_BY_COMMAND = 3, 1


def _application(*, web: bool) -> Portal:
    """Return the application; a web server gets it only where everything is right.

    A command may run before there is a key or a database, and starts what it needs itself.
    """
    config = Config.from_env(os.environ, command=not web)
    if web:
        if config.database_url is None:
            # The portal's own PostgreSQL runs for as long as a process that uses it.
            embedded.running(config.instance)
        problems = readiness.check(config) + readiness.mail_problems(config)
        if problems:
            raise ConfigError("\n".join(problems))
    return create_app(config)


_command = click.get_current_context(silent=True)
_web = _command is None or _command.info_name == "run"
try:
    app = _application(web=_web)
except (ConfigError, embedded.EmbeddedPostgresError) as error:
    click.echo(error, err=True)
    sys.exit(_REFUSED_BY_WEB if _web else _REFUSED_BY_COMMAND)
