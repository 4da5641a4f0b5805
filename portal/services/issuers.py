"""Sign-ons of organisations: entered by the administrator, linked by each person themselves.

No place of an issuer gives a membership; without one that was granted here it leads nowhere.
"""

import uuid
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from portal import models as m
from portal.audit import Event, record
from portal.database import ConflictError, NotVisibleError, standing
from portal.policy.permissions import Action, require, roles_of
from portal.policy.terms import clock
from portal.services.administration import RefusedError, agencies_of
from portal.services.once import already, write_once
from portal.vault import Scope, create_key, seal


@dataclass(frozen=True)
class IssuerDetails:
    """What is entered of an issuer; ``client_secret`` None leaves the one that is there."""

    name: str
    url: str
    client_id: str
    client_secret: str | None
    domains: tuple[str, ...] = ()
    claim: str | None = None
    second_factors: tuple[str, ...] = ()
    suspended: bool = False


def add_issuer(session: Session, issuer_id: uuid.UUID, details: IssuerDetails) -> None:
    """Enter an issuer under the id that its form brought; sent twice, it is entered once.

    Raises:
        NotPermittedError: not an administrator.
        RefusedError: ``secret_missing``, ``issuer_taken``.

    """
    require(standing(session), Action.ADMINISTER)
    if already(session, m.Issuer, issuer_id) is not None:
        return
    if not details.client_secret:
        raise RefusedError("secret_missing")
    create_key(session, Scope("issuer", issuer_id))
    issuer = m.Issuer(id=issuer_id)
    _fill(session, issuer, details)
    try:
        written = write_once(session, issuer)
    except ConflictError as error:
        raise RefusedError("issuer_taken") from error
    if written:
        record(session, Event.ISSUER_CHANGED, issuer=issuer_id, change="created")


def change_issuer(
    session: Session, issuer_id: uuid.UUID, version: int, details: IssuerDetails
) -> None:
    """Change an issuer that still is at the version its form was drawn from.

    Another address is another house: whoever was linked there is linked no more, because a link
    is found by address and subject (``portal.single_sign_on.subject_index``).

    Raises:
        ConflictError: somebody changed it meanwhile.
        NotPermittedError, NotVisibleError: as for every deed of the administrator.
        RefusedError: ``issuer_taken``.

    """
    require(standing(session), Action.ADMINISTER)
    found = select(m.Issuer).where(m.Issuer.id == issuer_id).with_for_update()
    issuer = session.scalars(found, execution_options={"populate_existing": True}).one_or_none()
    if issuer is None:
        raise NotVisibleError
    if issuer.version != version:
        raise ConflictError
    issuer.version += 1
    _fill(session, issuer, details)
    try:
        session.flush()
    except IntegrityError as error:
        raise RefusedError("issuer_taken") from error
    record(session, Event.ISSUER_CHANGED, issuer=issuer_id, change="details")


def _fill(session: Session, issuer: m.Issuer, details: IssuerDetails) -> None:
    issuer.name, issuer.url, issuer.client_id = details.name, details.url, details.client_id
    issuer.domains, issuer.claim = list(details.domains), details.claim
    issuer.second_factors, issuer.suspended = list(details.second_factors), details.suspended
    if details.client_secret:
        seal(session, issuer, client_secret=details.client_secret)


def add_place(
    session: Session,
    place_id: uuid.UUID,
    issuer_id: uuid.UUID,
    agency_id: uuid.UUID,
    *,
    role: str | None,
    value: str | None,
) -> None:
    """Let an issuer sign people in for an agency, in one role or in any, by a value of its claim.

    Raises:
        NotVisibleError: no such issuer.
        RefusedError: ``unknown_agency``, ``role_of_other_agency``, ``claim_missing`` for a value
            where the issuer has no claim.

    """
    require(standing(session), Action.ADMINISTER)
    issuer = session.scalars(select(m.Issuer).where(m.Issuer.id == issuer_id)).one_or_none()
    if issuer is None:
        raise NotVisibleError
    kind = session.scalar(select(m.Agency.type).where(m.Agency.id == agency_id))
    if kind is None:
        raise RefusedError("unknown_agency")
    if role is not None and role not in roles_of(kind):
        raise RefusedError("role_of_other_agency")
    if value is not None and issuer.claim is None:
        raise RefusedError("claim_missing")
    place = m.IssuerPlace(
        id=place_id, issuer_id=issuer_id, agency_id=agency_id, role=role, value=value
    )
    if already(session, m.IssuerPlace, place_id) is None and write_once(session, place):
        record(session, Event.ISSUER_CHANGED, issuer=issuer_id, change="place_added")


def end_place(session: Session, place_id: uuid.UUID) -> uuid.UUID:
    """Let an issuer lead to an agency no more, from the next sign-in on; return the issuer's id.

    Raises:
        NotVisibleError: no such place.

    """
    require(standing(session), Action.ADMINISTER)
    found = select(m.IssuerPlace).where(m.IssuerPlace.id == place_id)
    place = session.scalars(found).one_or_none()
    if place is None:
        raise NotVisibleError
    if place.valid_until is None:
        place.valid_until = clock(session)
        record(session, Event.ISSUER_CHANGED, issuer=place.issuer_id, change="place_ended")
    return place.issuer_id


def link(session: Session, issuer_id: uuid.UUID, subject_index: bytes) -> None:
    """Link the viewer's account to somebody whom an issuer proved.

    An account has one link to an issuer and a subject one account: who is linked already must
    end that first.

    Raises:
        RefusedError: ``already_linked``.

    """
    require(standing(session), Action.KEEP_ACCOUNT)
    account_id = session.info["viewer"].account_id
    row = m.IssuerLink(issuer_id=issuer_id, account_id=account_id, subject_index=subject_index)
    try:
        written = write_once(session, row)
    except ConflictError as error:
        raise RefusedError("already_linked") from error
    if written:
        record(session, Event.ACCOUNT_LINKED, account=account_id, issuer=issuer_id, change="linked")


def end_link(session: Session, link_id: uuid.UUID) -> None:
    """End a link of the viewer's own account, or of somebody whose agency the viewer keeps.

    Every session that it opened ends with it.

    Raises:
        NotVisibleError: neither.

    """
    row = session.scalars(select(m.IssuerLink).where(m.IssuerLink.id == link_id)).one_or_none()
    if row is None:
        raise NotVisibleError
    if row.valid_until is None:
        row.valid_until = clock(session)
        for agency_id in agencies_of(session, row.account_id) or [None]:
            record(
                session,
                Event.ACCOUNT_LINKED,
                about=agency_id,
                account=row.account_id,
                issuer=row.issuer_id,
                change="unlinked",
            )
