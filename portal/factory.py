"""The application factory: the rooms in the order in which they are set up."""

from blueprints import register_blueprints
from portal.auth import init_auth
from portal.border import init_border
from portal.cli import init_cli
from portal.config import Config
from portal.errors import init_errors
from portal.extensions import csrf, db
from portal.headers import init_headers
from portal.logs import init_logs
from portal.machine_clients import init_machine_clients
from portal.navigation import init_navigation
from portal.templating import init_templating
from portal.unit import Portal, init_units

# A meeting paper is the longest form there is; files come with an issue of their own.
LONGEST_FORM_BYTES = 4 * 1024 * 1024


def create_app(config: Config) -> Portal:
    """Return the web application for a configuration; the environment is not read here."""
    app = Portal("portal", template_folder="../templates")
    app.config.from_mapping(
        PORTAL=config,
        DEMO=config.demo,
        SECRET_KEY=config.loaded_keys.signing if config.loaded_keys else None,
        SESSION_COOKIE_NAME="__Host-form",
        SESSION_COOKIE_SECURE=True,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SQLALCHEMY_DATABASE_URI=config.urls.app,
        # The token lives as long as the browser is open: an hour would refuse a slow reporter.
        WTF_CSRF_TIME_LIMIT=None,
        MAX_CONTENT_LENGTH=LONGEST_FORM_BYTES,
        MAX_FORM_MEMORY_SIZE=LONGEST_FORM_BYTES,
    )
    db.init_app(app)
    csrf.init_app(app)
    init_templating(app)
    init_auth(app)
    init_machine_clients(app)
    init_units(app)
    register_blueprints(app)
    init_navigation(app)
    init_errors(app)
    init_logs(app)
    init_headers(app)
    init_border(app, config)
    init_cli(app)
    return app
