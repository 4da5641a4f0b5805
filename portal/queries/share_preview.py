"""What an agency will see by a share, before it is given."""

import datetime as dt
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import audit
from portal import models as m
from portal.policy.explain import deciding_grant, deciding_rule
from portal.policy.preview import preview, union
from portal.policy.terms import Terms, clock, columns_of, holds
from portal.policy.viewer import Viewer
from portal.queries.directory import StaffRow, staff_of
from portal.queries.people import PersonRow
from portal.vault import Decision, fetch_keys, reveal
from portal.vocabulary import SLICES
from portal.working_hours import instant_to_inclusive

# A preview shows so many of the newest entries in full; beyond that nobody reads it.
SHOWN = 200


@dataclass(frozen=True)
class SeenEntry:
    """One entry of a preview; ``is_new`` where the agency does not see it yet."""

    slice: str
    subject: str
    written_at: dt.datetime
    text: str
    is_new: bool


@dataclass(frozen=True)
class Preview:
    """What an agency will see: who reads, who of the named does not, and what, until when.

    ``last_day`` is in JST; ``more`` counts the entries beyond those shown.
    """

    agency: str
    last_day: dt.date
    readers: tuple[StaffRow, ...]
    shut_out: tuple[StaffRow, ...]
    entries: tuple[SeenEntry, ...]
    people: tuple[PersonRow, ...]
    actions: int
    more: int = 0
    sees_case_already: bool = False
    slices: tuple[str, ...] = field(default=())


def preview_share(
    session: Session,
    case: m.Case,
    terms: Terms,
    people: Sequence[PersonRow],
    replaced: Sequence[m.Grant] = (),
    *,
    hidden: Sequence[uuid.UUID] = (),
) -> Preview:
    """Return exactly what an agency will see on these terms, and what of it is new.

    The wall itself decides, for each reader (``portal.policy.preview``). ``replaced`` are grants
    that end by it, ``hidden`` the accounts to which the case is closed before.
    """
    staff = _readers(session, case, terms, hidden)
    viewers = {Viewer(row.account_id, row.agency_id): row for row in staff}
    ending = [grant.id for grant in replaced]
    sights = preview(
        session, case.id, list(viewers), [columns_of(case, terms)], ending, hidden=hidden
    )
    seen = union(after for _before, after in sights.values())
    known = union(before for before, _after in sights.values())
    ids = select(m.CasePerson.person_id).where(m.CasePerson.id.in_(seen.people))
    shown = set(session.scalars(ids))
    audit.record(
        session,
        audit.Event.PREVIEWED,
        case_id=case.id,
        agency=terms.agency_id,
        slices=list(terms.slices),
    )
    return Preview(
        session.get_one(m.Agency, terms.agency_id).name,
        instant_to_inclusive(terms.until),
        tuple(viewers[viewer] for viewer, (_, after) in sights.items() if after.case),
        tuple(viewers[viewer] for viewer, (_, after) in sights.items() if not after.case),
        _entries(session, seen.entries, known.entries, people),
        tuple(person for person in people if person.id in shown),
        len(seen.actions),
        max(0, len(seen.entries) - SHOWN),
        known.case,
        tuple(code for code in SLICES if code in terms.slices),
    )


def _readers(
    session: Session, case: m.Case, terms: Terms, hidden: Iterable[uuid.UUID]
) -> list[StaffRow]:
    """Return whom to look as: who these terms name, and who reads by another grant already.

    Who is to be shut out is looked as, too: the wall itself says that nothing is left.
    """
    now = clock(session)
    named = {*terms.account_ids, *hidden}
    for grant in session.scalars(
        select(m.Grant).where(
            m.Grant.case_id == case.id,
            m.Grant.agency_id == terms.agency_id,
            m.Grant.ended_at.is_(None),
        )
    ):
        named |= set(grant.account_ids or ())
    team = select(m.TeamMember.account_id).where(
        m.TeamMember.team_id == terms.team_id, holds(m.TeamMember, now)
    )
    named |= set(session.scalars(team))
    by_default = not terms.account_ids and terms.team_id is None
    return [
        row
        for row in staff_of(session, [terms.agency_id])
        if row.account_id in named or (by_default and row.on_team)
    ]


def _entries(
    session: Session,
    seen: frozenset[uuid.UUID],
    known: frozenset[uuid.UUID],
    people: Iterable[PersonRow],
) -> tuple[SeenEntry, ...]:
    found = session.execute(
        select(m.Entry, deciding_rule(m.Entry), deciding_grant(m.Entry))
        .where(m.Entry.id.in_(seen))
        .order_by(m.Entry.written_at.desc(), m.Entry.id.desc())
        .limit(SHOWN)
    ).all()
    fetch_keys(session, [entry for entry, _rule, _grant in found])
    names = {person.id: person.called for person in people}
    rows = [
        SeenEntry(
            entry.slice,
            names.get(entry.subject_id, ""),
            entry.written_at,
            reveal(session, entry, "text", Decision(rule, grant)),
            entry.id not in known,
        )
        for entry, rule, grant in found
    ]
    return tuple(sorted(rows, key=lambda row: SLICES.index(row.slice)))


__all__ = [
    "Preview",
    "SeenEntry",
    "preview_share",
]
