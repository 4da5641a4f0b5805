"""A screen that is turned round: somebody else holds it until who works here is proven anew.

While a child or guardian answers on the counsellor's screen, the session shows that screen and the
one that asks for it back, and nothing of any other case (security.md S5). There is no way back but
a factor, which opens a new session; the browser's Back finds the old pages gone.
"""

import uuid

from flask import g, request
from sqlalchemy import func
from sqlalchemy.orm import Session

from portal.auth.sessions import shown_token_hash
from portal.database import before_viewer

# What whoever holds the screen may open: the cards of the one consent, and the way to give it back.
_OF_CONSENT = frozenset({"consents.answers", "consents.hand_back"})
_WAYS_OUT = frozenset({"account.handed_back", "account.sign_out"})


def lend(session: Session, consent_id: uuid.UUID) -> None:
    """Let the session show nothing but the screen of one consent from the next request on."""
    if g.signed.lent_for != consent_id:
        before_viewer(session, func.lend_session(shown_token_hash(), consent_id))


def is_lent() -> bool:
    """Return whether somebody else holds the screen of this session."""
    row = g.get("signed")
    return row is not None and row.lent_for is not None


def is_kept_from() -> bool:
    """Return whether the view of this request is not for whoever holds the screen."""
    if not is_lent() or request.endpoint in _WAYS_OUT:
        return False
    of_consent = (request.view_args or {}).get("consent_id") == g.signed.lent_for
    return not (request.endpoint in _OF_CONSENT and of_consent)
