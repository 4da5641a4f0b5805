"""Letters to people with an account: kept with their job, and sent by the worker.

A letter says that something waits, never what: no name of a child, no agency, no case. It is
written in the transaction of what causes it, so that neither exists without the other, and a job
names it by its id alone.
"""

import hashlib
import smtplib
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ARRAY, Uuid, func, literal, select, update
from sqlalchemy.orm import Session

from portal import models as m
from portal.database import NotVisibleError, SystemSession, before_viewer, standing
from portal.mail import Letter
from portal.policy.permissions import Action, NotPermittedError, keeps, require
from portal.policy.terms import clock
from portal.services.administration import RefusedError, note_account, without_password
from portal.services.notifications import WAITING, still_waits
from portal.vault import link_token_for, reveal

INVITATION, RECOVERY, RESET, NEW_DEVICE = "invitation", "recovery", "reset", "new_device"
# From this code of SMTP on a refusal is for good (RFC 5321 §4.2.1).
PERMANENT = 500
INVITATION_HOLDS, RESET_HOLDS = timedelta(days=7), timedelta(minutes=30)


def link_hash(token: str) -> bytes:
    """Return what is kept of the secret part of a link."""
    return hashlib.sha256(token.encode()).digest()


def write(session: Session, kind: str, account_id: uuid.UUID) -> None:
    """Write a letter without a link to an account."""
    before_viewer(session, func.defer_notice(uuid.uuid4(), kind, account_id, None, None, None))


@dataclass(frozen=True)
class Invitation:
    """The last link to an account that has no way in yet; the times are aware.

    ``sent_at`` is None while it waits for ``due_at`` or for the mail server.
    """

    account_id: uuid.UUID
    kind: str
    due_at: datetime
    expires_at: datetime
    sent_at: datetime | None
    used_at: datetime | None

    @property
    def withdrawn(self) -> bool:
        """Return whether it was taken back: an account whose link was used has a way in."""
        return self.used_at is not None

    def holds(self, at: datetime) -> bool:
        """Return whether the link works, or will, at an instant or later."""
        return not self.withdrawn and at < self.expires_at


def invite(session: Session, account_id: uuid.UUID) -> datetime | None:
    """Send an account that has no way in yet a link to one, which holds for seven days.

    The link before it ends. Whoever begins later gets it on that day; after a reset of lost factors
    it holds for 30 minutes, as any link that takes the place of a factor.

    Returns:
        When it is sent; None for now.

    Raises:
        NotVisibleError: nobody of an agency whose people the viewer keeps.
        RefusedError: ``has_password``; ``no_place`` where nothing is given and nothing proposed.

    """
    _require_kept(session, account_id)
    if account_id not in without_password(session, [account_id]):
        raise RefusedError("has_password")
    place = m.Membership
    begins = session.scalar(
        select(func.min(place.valid_from)).where(
            place.account_id == account_id,
            place.valid_until.is_(None) | (place.valid_until > func.portal_clock()),
        )
    )
    if begins is None:
        raise RefusedError("no_place")
    due = begins if clock(session) < begins else None
    known = invitations_of(session, [account_id]).get(account_id)
    _invite(session, account_id, due, INVITATION if known is None else known.kind)
    return due


def withdraw(session: Session, account_id: uuid.UUID) -> None:
    """Take back a link that nobody used yet, whether it was sent or waits for its day.

    Raises:
        NotVisibleError: nobody of an agency whose people the viewer keeps.
        RefusedError: ``nothing_to_withdraw``: it was used, or taken back before.

    """
    _require_kept(session, account_id)
    if not before_viewer(session, func.withdraw_invitation(account_id)).scalar_one():
        raise RefusedError("nothing_to_withdraw")
    note_account(session, account_id, "uninvited")


def invite_without_password(session: Session, account_id: uuid.UUID, since: datetime) -> None:
    """Send the link to somebody who was just given a place, on the first day of it.

    Not where there is a way in already, or a link that comes as early and holds as long.
    """
    if account_id not in without_password(session, [account_id]):
        return
    now = clock(session)
    known, begins = invitations_of(session, [account_id]).get(account_id), max(since, now)
    if known is None or not known.holds(begins) or begins < known.due_at:
        _invite(session, account_id, since if now < since else None, INVITATION)


def _require_kept(session: Session, account_id: uuid.UUID) -> None:
    acting = require(standing(session), Action.KEEP_STAFF)
    place, proposal = m.Membership, m.MembershipProposal
    places = {
        *session.scalars(select(place.agency_id).where(place.account_id == account_id)),
        *session.scalars(select(proposal.agency_id).where(proposal.account_id == account_id)),
    }
    if account_id == session.info["viewer"].account_id:
        raise NotPermittedError
    if not any(keeps(acting, agency_id) for agency_id in places):
        raise NotVisibleError


def _invite(session: Session, account_id: uuid.UUID, due: datetime | None, kind: str) -> None:
    notice_id = uuid.uuid4()
    hashed = link_hash(link_token_for(session, notice_id))
    holds = RESET_HOLDS if kind == RECOVERY else INVITATION_HOLDS
    deferring = func.defer_notice(notice_id, kind, account_id, hashed, holds, due)
    before_viewer(session, deferring)
    note_account(session, account_id, "invited")


def reset(session: Session, reset_id: uuid.UUID) -> None:
    """Take an account's factors, password and sessions away and send its owner the way back.

    The database does it for whoever decided on the reset just now, and for nobody else.
    """
    notice_id = uuid.uuid4()
    hashed = link_hash(link_token_for(session, notice_id))
    before_viewer(session, func.reset_factors(reset_id, notice_id, hashed, RESET_HOLDS))


def invitations_of(
    session: Session, account_ids: Iterable[uuid.UUID]
) -> dict[uuid.UUID, Invitation]:
    """Return the last link of each of some accounts that have no way in yet."""
    wanted = literal(sorted(account_ids), ARRAY(Uuid()))
    found = before_viewer(session, func.invitations_of(wanted)).mappings()
    return {row["account_id"]: Invitation(**row) for row in found}


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
    if notice is None or (notice.sent_at or notice.refused_at or notice.dropped_at) is not None:
        return
    if notice.email_index is not None:
        _find_owner(session, notice, notice.email_index)
    if notice.link_hash is not None and notice.account_id is not None:
        owner = before_viewer(session, func.link_owner(notice.link_hash)).one_or_none()
        if owner is None or owner.agency_id is None:
            # Taken back, over or of nobody's here any more: its link would open nothing.
            notice.used_at = notice.used_at or session.scalar(select(func.portal_clock()))
            return
    now = session.scalar(select(func.portal_clock()))
    if notice.kind == WAITING and not still_waits(session, notice.id):
        notice.dropped_at = now
    elif notice.account_id is None or _delivered(session, notice, deliver):
        notice.sent_at = now
    else:
        notice.refused_at = now


def _delivered(session: SystemSession, notice: m.Notice, deliver: Callable[[Letter], None]) -> bool:
    """Hand a letter over; return False where the mail server refuses its address for good.

    The address is then marked until a letter comes through or another address is given.
    """
    profile = session.scalars(
        select(m.AccountProfile).where(m.AccountProfile.account_id == notice.account_id)
    ).one()
    token = None if notice.link_hash is None else link_token_for(session, notice.id)
    to = reveal(session, profile, "email")
    try:
        deliver(Letter(notice.id, notice.kind, to, notice.recorded_at, token))
    except smtplib.SMTPRecipientsRefused as refused:
        if not all(code >= PERMANENT for code, _ in refused.recipients.values()):
            raise
        profile.mail_refused_at = session.scalar(select(func.portal_clock()))
        return False
    profile.mail_refused_at = None
    return True


def note_bounce(session: SystemSession, notice_id: uuid.UUID) -> bool:
    """Note that a letter came back after the mail server had taken it.

    Args:
        session: of the system role.
        notice_id: as the returned message names it.

    Returns:
        whether there is such a letter.

    """
    notice = session.get(m.Notice, notice_id)
    if notice is None or notice.account_id is None:
        return False
    profile = session.get_one(m.AccountProfile, notice.account_id)
    notice.refused_at = profile.mail_refused_at = session.scalar(select(func.portal_clock()))
    return True


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
