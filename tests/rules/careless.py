"""The portal as gunicorn serves it, but careless with what works once: the control arm of it.

Each use looks first whether the thing was used, and marks it afterwards without looking again. One
after the other that is right; that it is found out shows that the uses really come at once. The
throttle counts nothing here, for its lock alone would line up the codes of an account.
"""

from __future__ import annotations

import os
import pickle
import uuid
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, select, text
from sqlalchemy.orm import Session

from portal import auth
from portal import models as m
from portal.auth import factors as door
from portal.auth.links import LinkOwner
from portal.database import make_engine
from portal.factory import create_app
from portal.policy.terms import clock
from portal.services import factors, notices
from portal.unit import Portal
from portal.vault import recovery_hash_for, reveal
from tests.rules.served import CONFIG


class Careless:
    """The three uses, each of which marks on a connection of the system role."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def mark(self, statement: str, **values: Any) -> None:
        with self.engine.begin() as connection:
            connection.execute(text(statement), values)

    def use_app(self, session: Session, account_id: uuid.UUID, code: str) -> bool:
        row = factors._secret_of(session, account_id)
        assert row is not None
        step = factors._step_of(reveal(session, row, "secret"), code, clock(session))
        if step is None or step <= row.used_step:
            return False
        self.mark("UPDATE totp_secrets SET used_step = :step WHERE id = :id", id=row.id, step=step)
        return True

    def use_recovery_code(self, session: Session, account_id: uuid.UUID, code: str) -> bool:
        hashed = recovery_hash_for(session, account_id, factors._as_drawn(code))
        unused = select(m.RecoveryCode.id).where(
            *factors._unused(account_id), m.RecoveryCode.code_hash == hashed
        )
        found = session.scalar(unused)
        if found is None:
            return False
        self.mark("UPDATE recovery_codes SET used_at = now() WHERE id = :id", id=found)
        return True

    def use_link(self, session: Session, owner: LinkOwner, key: str, _password: str) -> str:
        self.mark(
            "UPDATE notices SET used_at = now() WHERE link_hash = :hash",
            hash=notices.link_hash(key),
        )
        return auth.open_session(session, account_id=owner.account_id, agency_id=owner.agency_id)


def make_app() -> Portal:
    """Return the careless portal, configured by the file that the variable names."""
    # Written by the test a moment ago.
    config = pickle.loads(Path(os.environ[CONFIG]).read_bytes())  # noqa: S301
    careless = Careless(make_engine(config.urls.system))
    door.throttled = lambda *_buckets, **_from: False
    factors.use_app = careless.use_app
    factors.use_recovery_code = careless.use_recovery_code
    auth.use_link = careless.use_link  # type: ignore[assignment]
    return create_app(config)
