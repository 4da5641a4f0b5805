"""Which events of the audit log were written by the tests of this run."""

from typing import Any

from sqlalchemy import event

from portal.models import AuditEvent

EMITTED: set[str] = set()


@event.listens_for(AuditEvent, "after_insert")
def _note(_mapper: Any, _connection: Any, row: AuditEvent) -> None:
    EMITTED.add(row.event)
