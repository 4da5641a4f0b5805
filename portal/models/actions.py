"""What agencies do for a child: actions with due dates and what came of them."""

import datetime as dt
import uuid
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar

from sqlalchemy import Date, ForeignKey, Index, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from portal.models.base import Base, Keyed, Now, OfCase, Sealed, account_key, agency_key


class Action(OfCase, Keyed, Base):
    """Something an agency was asked to do; visible to it while any grant on the case is live."""

    __tablename__ = "actions"
    __sealed__: ClassVar[tuple[str, ...]] = ("request",)
    __case_extra__: ClassVar[tuple[Any, ...]] = (
        Index("ix_actions_agency", "agency_id", "status", "due_on"),
    )

    ASKED: ClassVar[str] = "asked"
    ACCEPTED: ClassVar[str] = "accepted"
    DECLINED: ClassVar[str] = "declined"
    DONE: ClassVar[str] = "done"
    CANCELLED: ClassVar[str] = "cancelled"
    # What may follow upon what; a status that is no key here is an end.
    FOLLOWS: ClassVar[Mapping[str, tuple[str, ...]]] = MappingProxyType(
        {ASKED: (ACCEPTED, DECLINED, DONE, CANCELLED), ACCEPTED: (DECLINED, DONE, CANCELLED)}
    )
    OPEN: ClassVar[tuple[str, ...]] = (ASKED, ACCEPTED)

    agency_id: Mapped[uuid.UUID] = agency_key()
    kind: Mapped[str]
    status: Mapped[str] = mapped_column(default="asked", server_default="asked")
    due_on: Mapped[dt.date] = mapped_column(Date)
    asked_by: Mapped[uuid.UUID] = account_key()
    asked_at: Mapped[Now]
    advice_id: Mapped[uuid.UUID | None] = mapped_column(Uuid(), ForeignKey("advices.id"))
    request_sealed: Mapped[Sealed]


class ActionEvent(OfCase, Keyed, Base):
    """A step of an action by its agency; the result stays that agency's own record."""

    __tablename__ = "action_events"
    __sealed__: ClassVar[tuple[str, ...]] = ("words", "effect")
    __by_case__: ClassVar[bool] = False
    __case_extra__: ClassVar[tuple[Any, ...]] = (Index("ix_action_events_action", "action_id"),)

    action_id: Mapped[uuid.UUID] = mapped_column(Uuid(), ForeignKey("actions.id"))
    status: Mapped[str]
    agency_id: Mapped[uuid.UUID] = agency_key()
    account_id: Mapped[uuid.UUID] = account_key()
    happened_at: Mapped[Now]
    # What was done, or why not; and, once it is done, what it meant for the child.
    words_sealed: Mapped[Sealed | None]
    effect_sealed: Mapped[Sealed | None]
