"""Whether the parts of the portal are alive."""

import datetime as dt

from sqlalchemy import func
from sqlalchemy.orm import Session

from portal.database import before_viewer

# A worker is heard of every ten seconds; one that is silent for so long is dead or hangs.
SILENT_FOR = dt.timedelta(seconds=60)


def worker_is_alive(session: Session) -> bool:
    """Return whether a background worker was heard of lately; anybody may ask."""
    seen = before_viewer(session, func.worker_seen_at()).scalar_one()
    return seen is not None and dt.datetime.now(dt.UTC) - seen < SILENT_FOR
