"""秘匿 (支援措置): where a child lives and learns is told by a duty alone (domain.md §4)."""

from sqlalchemy.orm import Session

from portal import audit
from portal import models as m
from portal.database import lock_grants, standing
from portal.policy.permissions import Action, require


def conceal(session: Session, case: m.Case, *, concealed: bool) -> None:
    """Set or lift the flag of a case; it holds at the next request, for every grant there is.

    Raises:
        NotPermittedError: not the owner's.

    """
    require(standing(session), Action.SHARE, case)
    lock_grants(session, case.id, exclusive=True)
    session.refresh(case)
    if case.concealed == concealed:
        return
    # The grants of the case repeat the flag; the foreign key carries it to them.
    case.concealed = concealed
    audit.record(session, audit.Event.CASE_CONCEALED, case_id=case.id, concealed=concealed)
    session.flush()
