"""The people that a case speaks of."""

import uuid
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import models as m
from portal.people import people_in
from portal.vault import reveal


@dataclass(frozen=True)
class PersonRow:
    """Somebody the case speaks of."""

    id: uuid.UUID
    kind: str
    relationship: str | None
    is_child: bool
    called: str
    full: str


def people_of(session: Session, case_id: uuid.UUID) -> list[PersonRow]:
    """Return the people of a case, the child first."""
    return [_person(session, link, person) for link, person in people_in(session, case_id)]


def link_of(session: Session, case_id: uuid.UUID, person_id: uuid.UUID) -> m.CasePerson | None:
    """Return a person's place in a case, None where the person has none there."""
    place = select(m.CasePerson).where(
        m.CasePerson.case_id == case_id, m.CasePerson.person_id == person_id
    )
    return session.scalars(place).one_or_none()


def _person(session: Session, link: m.CasePerson, person: m.Person) -> PersonRow:
    names = (reveal(session, person, "family_name"), reveal(session, person, "given_name"))
    full = " ".join(name for name in names if name)
    return PersonRow(
        person.id,
        link.subject_kind,
        link.relationship_code,
        link.is_child,
        reveal(session, person, "called") or names[1] or full,
        full,
    )


def nameless(person_id: uuid.UUID) -> PersonRow:
    """Return a row for who is none of the people of the case: the giver of an imported consent."""
    return PersonRow(person_id, "other", None, is_child=False, called="", full="")


__all__ = [
    "PersonRow",
    "link_of",
    "nameless",
    "people_of",
]
