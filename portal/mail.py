"""Mail: from a letter to a message, and from a message to the city's mail server.

A message holds no name, no agency and nothing of a case; it says in Japanese and in English that
something waits in the portal. Where no mail server is set, messages are put into a folder of the
installation, which is what the demo does.
"""

import smtplib
import ssl
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes, message_from_string
from email.message import EmailMessage
from email.policy import default
from email.utils import format_datetime
from urllib.parse import unquote, urlencode, urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from portal.config import ROOT, Config

FOLDER = "mail"
PATIENCE_SECONDS = 20

# Plain text: nothing is escaped, and what is filled in is addresses of our own.
_TEXTS = Environment(
    loader=FileSystemLoader(ROOT / "templates" / "email"),
    undefined=StrictUndefined,
    autoescape=False,  # noqa: S701
    keep_trailing_newline=True,
)


@dataclass(frozen=True)
class Letter:
    """What a message is made of: its kind names its text, ``token`` is the secret of its link.

    ``written_at`` is aware; ``token`` is None where the text has no link.
    """

    id: uuid.UUID
    kind: str
    to: str
    written_at: datetime
    token: str | None


def mail_by(config: Config) -> Callable[[Letter], None]:
    """Return what sends a letter as the installation sends its mail."""
    return lambda letter: deliver(config, compose(config, letter))


def compose(config: Config, letter: Letter) -> EmailMessage:
    """Return the message of a letter.

    The Message-ID is made of the letter's id: one that is sent again after a crash is the same
    message, which mail programs show once.
    """
    home = config.public_url or f"http://localhost:{config.port}"
    query = "" if letter.token is None else "?" + urlencode({"key": letter.token})
    text = _TEXTS.get_template(f"{letter.kind}.txt").render(home=home, query=query)
    subject, body = text.split("\n", 1)
    message = EmailMessage()
    message["From"] = config.mail_from
    message["To"] = letter.to
    message["Subject"] = subject.removeprefix("Subject: ")
    message["Date"] = format_datetime(letter.written_at)
    message["Message-ID"] = f"<{letter.id}@{urlsplit(home).hostname}>"
    # Answers of machines to this message go nowhere (RFC 3834).
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(body.lstrip("\n"), charset="utf-8")
    return message


def deliver(config: Config, message: EmailMessage) -> None:
    """Hand a message to the mail server, or put it into the installation's folder.

    Raises:
        OSError, smtplib.SMTPException: the server is out of reach or refuses the message.

    """
    if config.smtp_url is None:
        _put_into_folder(config, message)
        return
    parts = urlsplit(config.smtp_url)
    host, port = parts.hostname or "", parts.port
    safely = ssl.create_default_context()
    if parts.scheme == "smtps":
        server: smtplib.SMTP = smtplib.SMTP_SSL(
            host, port or smtplib.SMTP_SSL_PORT, timeout=PATIENCE_SECONDS, context=safely
        )
    else:
        server = smtplib.SMTP(host, port or 587, timeout=PATIENCE_SECONDS)
    with server:
        if parts.scheme == "smtp" and not config.smtp_on_loopback:
            server.starttls(context=safely)
        if parts.username:
            server.login(unquote(parts.username), unquote(parts.password or ""))
        server.send_message(message)


def letter_that_came_back(data: bytes) -> uuid.UUID | None:
    """Return the id of the letter that a mail server reports it cannot deliver, for good.

    Args:
        data: the report as it arrived (RFC 3464), with the letter or its head inside.

    Returns:
        None for anything else, such as a mere delay or a person's answer.

    """
    report = message_from_bytes(data, policy=default)
    failed, letter = False, None
    for part in report.walk():
        failed = failed or str(part["Action"] or "").strip().lower() == "failed"
        text = part.get_content() if part.get_content_type() == "text/rfc822-headers" else ""
        head = message_from_string(text, policy=default) if text else part
        named = str(head["Message-ID"] or "").strip().strip("<>").partition("@")[0]
        if part is not report and named:
            letter = named
    try:
        return uuid.UUID(letter) if failed and letter else None
    except ValueError:
        return None


@dataclass(frozen=True)
class PutBy:
    """A message that lies in the folder: to whom, what it says, and the path of its link."""

    to: str
    subject: str
    text: str
    link: str | None


def put_by(config: Config) -> list[PutBy]:
    """Return the messages in the installation's folder, the last first."""
    files = (config.instance / FOLDER).glob("*.eml")
    latest = sorted(files, key=lambda path: path.stat().st_mtime_ns, reverse=True)
    return [_read(path.read_bytes()) for path in latest]


def _read(data: bytes) -> PutBy:
    message = message_from_bytes(data, policy=default)
    body = message.get_body(("plain",))
    text = "" if body is None else str(body.get_content())
    links = [line for line in text.splitlines() if line.startswith(("http://", "https://"))]
    path = None
    if links:
        parts = urlsplit(links[0])
        path = f"{parts.path}?{parts.query}" if parts.query else parts.path
    return PutBy(str(message["To"]), str(message["Subject"]), text, path)


def _put_into_folder(config: Config, message: EmailMessage) -> None:
    folder = config.instance / FOLDER
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    name = str(message["Message-ID"]).strip("<>").partition("@")[0]
    (folder / f"{name}.eml").write_bytes(message.as_bytes())
