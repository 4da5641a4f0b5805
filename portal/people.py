"""Who a case speaks of, with the keys to the names: what pages and use cases both begin with."""

import uuid

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import models as m
from portal.vault import fetch_keys


def people_in(session: Session, case_id: uuid.UUID) -> list[tuple[m.CasePerson, m.Person]]:
    """Return the people of a case that the session sees, the child first, their keys at hand.

    What it costs is two queries however many they are; no name is revealed by it.
    """
    found = session.execute(
        select(m.CasePerson, m.Person)
        .join(m.Person, m.Person.id == m.CasePerson.person_id)
        .where(m.CasePerson.case_id == case_id)
        .order_by(m.CasePerson.is_child.desc(), m.CasePerson.recorded_at, m.CasePerson.id)
    ).all()
    fetch_keys(session, [person for _link, person in found])
    return [(link, person) for link, person in found]


__all__ = ["people_in"]
