"""Whether the parts of the portal are alive."""

import datetime as dt

from sqlalchemy import func
from sqlalchemy.orm import Session

from portal.config import Config
from portal.database import before_viewer

# A worker is heard of every ten seconds; one that is silent for so long is dead or hangs.
SILENT_FOR = dt.timedelta(seconds=60)
# A letter is tried again for three hours; after one somebody should look.
UNSENT_FOR = dt.timedelta(hours=1)


def worker_is_alive(session: Session) -> bool:
    """Return whether a background worker was heard of lately; anybody may ask."""
    seen = before_viewer(session, func.worker_seen_at()).scalar_one()
    return seen is not None and dt.datetime.now(dt.UTC) - seen < SILENT_FOR


def mail_state(session: Session, config: Config) -> str:
    """Return where letters go: ``ok``, ``waiting`` where one could not be sent for an hour.

    ``folder`` where nothing is sent on purpose, ``no server`` where nobody said so.
    """
    if config.mail_is_lost:
        return "no server"
    if config.smtp_url is None:
        return "folder"
    oldest = before_viewer(session, func.mail_waits_since()).scalar_one()
    late = oldest is not None and dt.datetime.now(dt.UTC) - oldest > UNSENT_FOR
    return "waiting" if late else "ok"
