"""What every table shares: names of constraints, column types, keys made by the application."""

import datetime as dt
import uuid
from typing import Annotated, Any, ClassVar

from sqlalchemy import (
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    MetaData,
    Text,
    Uuid,
    event,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, declared_attr, mapped_column
from sqlalchemy.sql import func

CONVENTION = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

# Every instant is stored in UTC by PostgreSQL and is always aware; pages show JST.
Instant = Annotated[dt.datetime, mapped_column(DateTime(timezone=True))]
# The database writes "now" itself: an application's clock ahead of the database's would make a
# row invisible to the very person who wrote it.
Now = Annotated[
    dt.datetime, mapped_column(DateTime(timezone=True), server_default=func.portal_clock())
]
# Ciphertext of the vault; nothing but ``portal.vault`` reads or writes one.
Sealed = Annotated[bytes, mapped_column(LargeBinary)]


class Base(DeclarativeBase):
    """The declarative base. Ids come from the application, so no INSERT needs RETURNING."""

    metadata = MetaData(naming_convention=CONVENTION)
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        dt.datetime: DateTime(timezone=True),
        str: Text,
        uuid.UUID: Uuid(),
        bytes: LargeBinary,
    }
    # RETURNING would ask for the new row to be visible to its writer, which it need not be.
    __mapper_args__: Any = {"eager_defaults": False}  # noqa: RUF012  (SQLAlchemy reads it)


class Keyed:
    """A random primary key: it tells nothing about order or number."""

    id: Mapped[uuid.UUID] = mapped_column(Uuid(), primary_key=True, default=uuid.uuid4)


class Period:
    """Something that holds from an instant until an exclusive instant, and keeps its history."""

    valid_from: Mapped[Now]
    valid_until: Mapped[Instant | None]
    recorded_at: Mapped[Now]


class OfCase:
    """A row that belongs to a case.

    The owner's id is repeated so that a policy can decide without a join; the composite foreign
    key keeps it true, because a forged one would pass the policy's WITH CHECK otherwise.
    """

    __case_extra__: ClassVar[tuple[Any, ...]] = ()
    # Whether an index on the case alone finds the rows of one case among those of all. Else a key
    # or an index of ``__case_extra__`` does, by the case or by what they belong to within it.
    __by_case__: ClassVar[bool] = True
    # What is repeated of the case, by the case's own name for it.
    __case_key__: ClassVar[dict[str, str]] = {"case_id": "id", "owner_agency_id": "owner_agency_id"}

    __tablename__: Any

    case_id: Mapped[uuid.UUID] = mapped_column(Uuid())
    owner_agency_id: Mapped[uuid.UUID] = mapped_column(Uuid())

    @declared_attr.directive
    @classmethod
    def __table_args__(cls) -> tuple[Any, ...]:
        by_case = (Index(f"ix_{cls.__tablename__}_case", "case_id"),) if cls.__by_case__ else ()
        return (
            ForeignKeyConstraint(
                list(cls.__case_key__),
                [f"cases.{name}" for name in cls.__case_key__.values()],
                onupdate="CASCADE",
            ),
            *cls.__case_extra__,
            *by_case,
        )


class OfOpenedCase(OfCase):
    """A row of a case whose policy also decides, without a join, whether the case is opened yet."""

    __case_key__: ClassVar[dict[str, str]] = OfCase.__case_key__ | {"case_opened_at": "opened_at"}

    case_opened_at: Mapped[Instant]


def agency_key(*, nullable: bool = False) -> Any:
    """Return a column that names an agency."""
    return mapped_column(Uuid(), ForeignKey("agencies.id"), nullable=nullable)


def account_key(*, nullable: bool = False) -> Any:
    """Return a column that names an account."""
    return mapped_column(Uuid(), ForeignKey("accounts.id"), nullable=nullable)


@event.listens_for(Base, "init", propagate=True)
def _give_id(target: Any, _args: Any, kwargs: dict[str, Any]) -> None:
    # The id must be known before the INSERT: what is sealed is bound to it.
    if isinstance(target, Keyed) and "id" not in kwargs:
        kwargs["id"] = uuid.uuid4()
