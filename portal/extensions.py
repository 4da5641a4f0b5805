"""Flask extensions, unbound.

They stand in a module of their own so that create_app, the sign-in and the blueprints can share one
instance of each without importing one another. Nothing here has behaviour: each is bound and set up
by the `init_*` function of the room that it belongs to.
"""

from __future__ import annotations

from typing import Any

from authlib.integrations.flask_client import OAuth
from flask import Flask
from flask_babel import Babel
from flask_login import LoginManager
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy
from flask_wtf.csrf import CSRFProtect
from sqlalchemy import Engine
from sqlalchemy.orm import scoped_session

from portal.database import CONNECT_ARGS, HIDE_PARAMETERS, PortalSession, ask_at_checkout
from portal.models import Base


class RequestSession(PortalSession):
    """The session of a request: both walls, on the engine that Flask-SQLAlchemy keeps."""

    def __init__(self, *, db: SQLAlchemy, **options: Any) -> None:
        """Take the extension, which knows the application's engine."""
        super().__init__(**options)
        self._db = db

    def get_bind(self, *_args: Any, **_kwargs: Any) -> Engine:
        """Return the one engine there is."""
        return self._db.engine


class Database(SQLAlchemy):
    """The extension; its ``session`` is the request's own session and not a proxy of it.

    A proxy lacks part of what a session does, and types as something else.
    """

    _scoped: scoped_session[RequestSession]

    @property  # type: ignore[override]
    def session(self) -> RequestSession:
        """Return the session of the request, made when it is first asked for."""
        return self._scoped()

    @session.setter  # type: ignore[override]
    def session(self, scoped: scoped_session[RequestSession]) -> None:
        self._scoped = scoped

    def _make_engine(self, bind_key: str | None, options: dict[str, Any], app: Flask) -> Engine:
        engine = super()._make_engine(bind_key, options, app)
        ask_at_checkout(engine)
        return engine

    def fresh_session(self) -> RequestSession:
        """Forget the request's session, whatever it held, and return a new one."""
        self.forget_session()
        return self._scoped()

    def forget_session(self) -> None:
        """Close the request's session and give its connection back."""
        self._scoped.remove()

    def _teardown_session(self, exc: BaseException | None) -> None:
        del exc
        self.forget_session()


db = Database(
    metadata=Base.metadata,
    session_options={"class_": RequestSession},
    engine_options={
        "connect_args": CONNECT_ARGS,
        "hide_parameters": HIDE_PARAMETERS,
    },
)
migrate = Migrate()
login_manager = LoginManager()
csrf = CSRFProtect()
oauth = OAuth()
babel = Babel()
