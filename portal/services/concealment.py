"""秘匿 (支援措置): where a child lives and learns is told by a duty alone (domain.md §4)."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import audit
from portal import models as m
from portal.database import lock_grants, standing
from portal.policy.permissions import Action, require
from portal.policy.terms import clock
from portal.vault import seal


def conceal(session: Session, case: m.Case, *, concealed: bool, reason: str) -> None:
    """Set or lift the flag of a case; it holds at the next request, for every grant there is.

    Who did it, when and why is kept, and the view of the past goes by it.

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
    me = session.info["viewer"].account_id
    if concealed:
        row = m.Concealment(case_id=case.id, owner_agency_id=case.owner_agency_id, recorded_by=me)
        seal(session, row, reason=reason)
        session.add(row)
    else:
        for row in concealments_of(session, case):
            if row.valid_until is None:
                seal(session, row, lifted=reason)
                row.valid_until, row.lifted_by = clock(session), me
    audit.record(session, audit.Event.CASE_CONCEALED, case_id=case.id, concealed=concealed)
    session.flush()


def concealments_of(session: Session, case: m.Case) -> Sequence[m.Concealment]:
    """Return when a case was concealed, the newest first, for its owner."""
    row = m.Concealment
    found = select(row).where(row.case_id == case.id).order_by(row.valid_from.desc(), row.id)
    return session.scalars(found).all()


__all__ = ["conceal", "concealments_of"]
