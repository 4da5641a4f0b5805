"""What the running application was told at its start, and the session of a request."""

from flask import current_app
from sqlalchemy.orm import Session

from portal.config import Config
from portal.extensions import db
from portal.vault import equip


def config() -> Config:
    """Return the configuration of the running application."""
    known: Config = current_app.config["PORTAL"]
    return known


def session_factory() -> Session:
    """Return a new session of the request, equipped with the installation's keys."""
    session = db.fresh_session()
    equip(session, config().keys)
    return session
