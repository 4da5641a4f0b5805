"""A real mail server on loopback for tests, and the worker's jobs done one by one."""

import socket
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

from aiosmtpd.controller import Controller
from sqlalchemy import Engine, text

from portal.config import Config
from portal.database import make_engine, system_session
from portal.mail import mail_by
from portal.services import notices
from portal.services.notifications import tell_by_mail
from portal.vault import equip


class Box:
    """A mail server's box; ``nobody`` are addresses that it says nobody has."""

    def __init__(self) -> None:
        self.messages: list[EmailMessage] = []
        self.nobody: dict[str, str] = {}

    async def handle_RCPT(  # noqa: N802
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any
    ) -> str:
        if address in self.nobody:
            return self.nobody[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        message = message_from_bytes(envelope.content, policy=default)
        assert isinstance(message, EmailMessage)
        self.messages.append(message)
        return "250 Message accepted for delivery"


@contextmanager
def served_mail(config: Config) -> Iterator[tuple[Box, Config]]:
    """Serve mail on loopback; give its box and a configuration that names it."""
    box = Box()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    controller = Controller(box, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield (
            box,
            replace(config, smtp_url=f"smtp://127.0.0.1:{port}", public_url="https://localhost"),
        )
    finally:
        controller.stop()


def jobs(system: Engine, task: str) -> list[Any]:
    """Return the arguments of the jobs of a kind, the oldest first."""
    query = text("SELECT args FROM jobs.procrastinate_jobs WHERE task_name = :task ORDER BY id")
    with system.connect() as connection:
        return list(connection.execute(query, {"task": task}).scalars())


@contextmanager
def _worker(config: Config) -> Iterator[Engine]:
    engine = make_engine(config.urls.system)
    try:
        yield engine
    finally:
        engine.dispose()


def gather(config: Config) -> None:
    """Do what the worker does with the jobs that tell by mail."""
    with _worker(config) as engine:
        for args in jobs(engine, "tell_by_mail"):
            with system_session(engine, reason="test") as session:
                for account in args["accounts"]:
                    tell_by_mail(session, uuid.UUID(account))


def send_all(config: Config) -> None:
    """Do what the worker does with the letters that lie in the queue."""
    with _worker(config) as engine:
        for args in jobs(engine, "send_notice"):
            with system_session(engine, reason="test") as session:
                equip(session, config.keys)
                notices.send(session, uuid.UUID(args["notice"]), mail_by(config))
