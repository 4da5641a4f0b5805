"""Inviting somebody to work for an agency: an account, a place and a link in a mail."""

import datetime as dt
import uuid

from sqlalchemy import func
from sqlalchemy.orm import Session

from portal.database import before_viewer
from portal.services.administration import enter_account
from portal.services.memberships import Place, give_place
from portal.vault import email_index_for


def invite_person(
    session: Session,
    row_id: uuid.UUID,
    agency_id: uuid.UUID,
    *,
    name: str,
    email: str,
    role: str,
    since: dt.datetime,
    until: dt.datetime | None,
) -> None:
    """Let somebody work for an agency, or propose it where that takes a second person.

    The link comes on the first day of the place, as soon as that is given. Who has an account
    already gets the place alone; nothing tells the inviter which it was.

    Args:
        session: of an administrator or of the agency's manager.
        row_id: of the membership or its proposal, which the form brought.
        agency_id: where the person is to work.
        name, email: of the person, as ``portal.text`` gives them.
        role, since, until: as ``memberships.give_place`` takes them.

    Raises:
        NotPermittedError, RefusedError: as ``memberships.give_place`` does.

    """
    index = email_index_for(session, email)
    known = before_viewer(session, func.account_of_address(index)).scalar_one()
    account_id = known or enter_account(
        session, uuid.uuid5(row_id, "account"), agency_id, name=name, email=email
    )
    place = Place(account_id, agency_id, role, manager=False, since=since, until=until)
    give_place(session, row_id, place)
