"""Letters to people with an account: kept with their job, and sent by the worker.

A letter says that something waits, never what: no name of a child, no agency, no case. It is
written in the transaction of what causes it, so that neither exists without the other, and a job
names it by its id alone.
"""

import hashlib
import uuid
from collections.abc import Callable, Iterable
from datetime import timedelta

from sqlalchemy import ARRAY, Uuid, func, literal, select, update
from sqlalchemy.orm import Session

from portal import models as m
from portal.audit import Event, record
from portal.database import NotVisibleError, SystemSession, before_viewer, standing
from portal.mail import Letter
from portal.policy.permissions import Action, keeps, require
from portal.services.administration import RefusedError
from portal.vault import link_token_for, reveal

INVITATION, RESET, NEW_DEVICE = "invitation", "reset", "new_device"
INVITATION_HOLDS, RESET_HOLDS = timedelta(days=7), timedelta(minutes=30)


def link_hash(token: str) -> bytes:
    """Return what is kept of the secret part of a link."""
    return hashlib.sha256(token.encode()).digest()


def write(session: Session, kind: str, account_id: uuid.UUID) -> None:
    """Write a letter without a link to an account."""
    before_viewer(session, func.defer_notice(uuid.uuid4(), kind, account_id, None, None))


def invite(session: Session, account_id: uuid.UUID) -> None:
    """Send an account that has no password yet a link to set one, which holds for seven days.

    The link before it ends.

    Raises:
        NotVisibleError: nobody of an agency whose people the viewer keeps.
        RefusedError: ``has_password``.

    """
    acting = require(standing(session), Action.KEEP_STAFF)
    place, proposal = m.Membership, m.MembershipProposal
    places = {
        *session.scalars(select(place.agency_id).where(place.account_id == account_id)),
        *session.scalars(select(proposal.agency_id).where(proposal.account_id == account_id)),
    }
    if not any(keeps(acting, agency_id) for agency_id in places):
        raise NotVisibleError
    if account_id not in without_password(session, [account_id]):
        raise RefusedError("has_password")
    _invite(session, account_id)


def invite_without_password(session: Session, account_id: uuid.UUID) -> None:
    """Send the link to somebody who was just given a place, unless there is a password already."""
    if account_id in without_password(session, [account_id]):
        _invite(session, account_id)


def _invite(session: Session, account_id: uuid.UUID) -> None:
    notice_id = uuid.uuid4()
    hashed = link_hash(link_token_for(session, notice_id))
    before_viewer(
        session, func.defer_notice(notice_id, INVITATION, account_id, hashed, INVITATION_HOLDS)
    )
    record(session, Event.ACCOUNT_CHANGED, account=account_id, change="invited")


def without_password(session: Session, account_ids: Iterable[uuid.UUID]) -> set[uuid.UUID]:
    """Return which of some accounts have not set a password yet."""
    wanted = literal(sorted(account_ids), ARRAY(Uuid()))
    return set(before_viewer(session, func.without_password(wanted)).scalars())


def ask_for_reset(session: Session, email_index: bytes) -> None:
    """Send whoever has an address a link to set a new password, which holds for 30 minutes.

    Nobody is looked for before the worker sends it: an address that nobody has costs the same time.
    """
    notice_id = uuid.uuid4()
    hashed = link_hash(link_token_for(session, notice_id))
    before_viewer(session, func.ask_for_reset(email_index, notice_id, hashed, RESET_HOLDS))


def send(session: SystemSession, notice_id: uuid.UUID, deliver: Callable[[Letter], None]) -> None:
    """Send a letter that was not sent yet, and note that it was.

    Args:
        session: of the system role, equipped with the installation's keys.
        notice_id: of the letter.
        deliver: hands it to the mail server. If the process dies afterwards and before the
            commit, the letter is sent once more under the same Message-ID.

    """
    wanted = select(m.Notice).where(m.Notice.id == notice_id).with_for_update()
    notice = session.scalars(wanted).one_or_none()
    if notice is None or notice.sent_at is not None:
        return
    if notice.email_index is not None:
        _find_owner(session, notice, notice.email_index)
    if notice.account_id is not None:
        profile = session.scalars(
            select(m.AccountProfile).where(m.AccountProfile.account_id == notice.account_id)
        ).one()
        token = None if notice.link_hash is None else link_token_for(session, notice.id)
        to = reveal(session, profile, "email")
        deliver(Letter(notice.id, notice.kind, to, notice.recorded_at, token))
    notice.sent_at = session.scalar(select(func.portal_clock()))


def _find_owner(session: SystemSession, notice: m.Notice, email_index: bytes) -> None:
    """Give a letter to whoever has the address and a password; it ends the links before it."""
    owner = (
        select(m.Account.id)
        .join(m.AccountProfile, m.AccountProfile.account_id == m.Account.id)
        .join(m.Credential, m.Credential.account_id == m.Account.id)
        .where(m.AccountProfile.email_index == email_index, ~m.Account.disabled)
    )
    notice.account_id, notice.email_index = session.scalars(owner).one_or_none(), None
    before = update(m.Notice).where(
        m.Notice.account_id == notice.account_id,
        m.Notice.link_hash.is_not(None),
        m.Notice.used_at.is_(None),
        m.Notice.recorded_at < notice.recorded_at,
    )
    session.execute(before.values(used_at=func.portal_clock()))
