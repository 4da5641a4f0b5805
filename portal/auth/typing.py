"""A typed text survives the time-out: kept where a form comes too late, offered once more."""

import re
import uuid

from flask import Response, g, request
from sqlalchemy import func
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict

from portal.auth.sessions import shown_token_hash
from portal.database import before_viewer, look_as
from portal.policy.viewer import Viewer
from portal.services import saved

# The field by which a form that is sent once more says which kept one it is.
SAVED_FIELD = "saved_text"
# The part of an address that says which kept form its page begins with.
TYPED = "typed"
_NEVER_KEPT = re.compile(r"csrf|password|secret|step_up", re.IGNORECASE)
_LONGEST = 200_000
_REFUSED = 400


def whose_typing(session: Session) -> uuid.UUID | None:
    """Return whose session rested too long or waits for its second factor, if it is anybody's.

    A session that was ended on purpose is nobody's.
    """
    row, known = g.get("signed"), shown_token_hash()
    if row is not None:
        return row.account_id  # type: ignore[no-any-return]
    if known is None:
        return None
    return before_viewer(session, func.sleeping_account(known)).scalar_one()  # type: ignore[no-any-return]


def keep_typing(session: Session, going_to: str = "") -> uuid.UUID | None:
    """Keep the form of the request for its author; return its id, None where nobody's is kept.

    Args:
        session: of the request.
        going_to: the page that the form belongs to, where it is not the one that was asked for.

    """
    fields = [
        pair
        for pair in request.form.items(multi=True)
        if pair[1].strip() and not _NEVER_KEPT.search(pair[0])
    ]
    typed = sum(len(value) for _name, value in fields)
    account_id = whose_typing(session)
    if account_id is None or not 0 < typed <= _LONGEST:
        return None
    if session.info.get("viewer") is None:
        look_as(session, Viewer(account_id))
    return saved.save(session, account_id, going_to or request.full_path.rstrip("?"), fields)


def typed_before(session: Session) -> MultiDict[str, str] | None:
    """Return what the page of the request begins with, if its author gave up a weighty step there.

    It stands in the form from then on, and is kept nowhere else.
    """
    known, row = request.args.get(TYPED, type=uuid.UUID), g.get("signed")
    if known is None or request.method != "GET" or row is None or row.account_id is None:
        return None
    if "typed_before" not in g:
        found = [each for each in saved.saved_texts(session) if each.id == known]
        g.typed_before = MultiDict(
            pair for each in found if each.path == request.path for pair in each.fields
        )
        if g.typed_before:
            saved.forget(session, known)
    return g.typed_before or None


def forget_sent(session: Session, response: Response) -> None:
    """Delete the kept form that this request sent once more, where it was taken."""
    known = request.form.get(SAVED_FIELD) if request.method == "POST" else None
    if known is None or response.status_code >= _REFUSED:
        return
    try:
        saved.forget(session, uuid.UUID(known))
    except ValueError:
        return
