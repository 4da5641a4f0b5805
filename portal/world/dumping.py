"""Giving the register back as a world: what ``loading`` takes in, this writes out.

Lists come in the order in which they were recorded; cases, entries and grants by their instants.
Texts are revealed like any other, so the log tells that every case was read.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from sqlalchemy import select

from portal import models as m
from portal.audit import settle
from portal.database import SystemSession
from portal.vault import Decision, fetch_keys, reveal
from portal.world.shape import EVERYBODY, FORMAT, JST

Record = dict[str, Any]
B = TypeVar("B", bound=m.Base)

# No rule of the walls opened these texts: the system role reads everything.
_AS_SYSTEM = Decision("system")
# Keys are asked for by their ids, and a statement takes 65,535 parameters at most.
_AT_ONCE = 10_000


def dump(session: SystemSession) -> Record:
    """Return the whole register in the format ``portal-world/1``.

    Consultations, meetings, actions and the log have no place in the format and are left out.

    Args:
        session: of the system role, equipped with the installation's keys.

    """
    dumper = _Dumper(session)
    world = {
        "format": FORMAT,
        "agencies": dumper.agencies(),
        "accounts": dumper.accounts(),
        "teams": dumper.teams(),
        "persons": dumper.persons(),
        "households": dumper.households(),
        "cases": dumper.cases(),
    }
    settle(session)
    return world


def _written(instant: dt.datetime | None) -> str | None:
    return None if instant is None else instant.astimezone(JST).isoformat()


def _period(row: Any) -> Record:
    return {"from": _written(row.valid_from), "until": _written(row.valid_until)}


def _or_none(value: object) -> str | None:
    return None if value is None else str(value)


def _if_any(key: str, value: Any) -> Record:
    """Return an optional key where there is something to say, so that few files have it."""
    return {key: value} if value else {}


class _Dumper:
    def __init__(self, session: SystemSession) -> None:
        self.session = session

    def _all(self, model: type[B], *order: Any) -> Sequence[B]:
        rows = self.session.scalars(select(model).order_by(*order)).all()
        if hasattr(model, "__sealed__"):
            for start in range(0, len(rows), _AT_ONCE):
                fetch_keys(self.session, rows[start : start + _AT_ONCE])
        return rows

    def _by(self, key: str, model: type[B], *order: Any) -> dict[Any, list[B]]:
        """Return the rows of a model by the value of a column, each list in order."""
        found: dict[Any, list[B]] = defaultdict(list)
        for row in self._all(model, *order):
            found[getattr(row, key)].append(row)
        return found

    def _recorded(self, key: str, model: Any) -> dict[Any, list[Any]]:
        return self._by(key, model, model.recorded_at, model.id)

    def agencies(self) -> list[Record]:
        """Return the agencies with their membership of the council."""
        council = self._recorded("agency_id", m.CouncilMembership)
        departures = self._recorded("agency_id", m.Departure)
        return [
            {
                "id": str(row.id),
                "type": row.type,
                "name": row.name,
                "legal_form": row.legal_form,
                "ward": row.ward,
                "council": [_period(period) for period in council[row.id]],
                **_if_any("departures", [_period(period) for period in departures[row.id]]),
            }
            for row in self._all(m.Agency, m.Agency.recorded_at, m.Agency.id)
        ]

    def accounts(self) -> list[Record]:
        """Return the accounts with their memberships; no password leaves."""
        profiles = self._by("account_id", m.AccountProfile)
        memberships = self._recorded("account_id", m.Membership)
        return [
            {
                "id": str(row.id),
                **self._texts(profiles[row.id][0], "email", "name"),
                "person": _or_none(row.person_id),
                "disabled": row.disabled,
                "memberships": [self._membership(each) for each in memberships[row.id]],
            }
            for row in self._all(m.Account, m.Account.recorded_at, m.Account.id)
        ]

    def _membership(self, row: m.Membership) -> Record:
        where = {"agency": str(row.agency_id), "role": row.role, "manager": row.manager}
        return {**where, **_period(row)}

    def teams(self) -> list[Record]:
        """Return the standing teams with their members."""
        members = self._recorded("team_id", m.TeamMember)
        return [
            {
                "id": str(row.id),
                "agency": str(row.agency_id),
                "name": row.name,
                "default": row.is_default,
                "members": [
                    {"account": str(each.account_id), **_period(each)} for each in members[row.id]
                ],
            }
            for row in self._all(m.Team, m.Team.recorded_at, m.Team.id)
        ]

    def persons(self) -> list[Record]:
        """Return the people."""
        names = ("family_name", "given_name", "kana", "called", "birth_date")
        return [
            {"id": str(row.id), **self._texts(row, *names)}
            for row in self._all(m.Person, m.Person.recorded_at, m.Person.id)
        ]

    def households(self) -> list[Record]:
        """Return the households with their cases."""
        cases = self._recorded("household_id", m.HouseholdCase)
        return [
            {"id": str(row.id), "cases": [str(each.case_id) for each in cases[row.id]]}
            for row in self._all(m.Household, m.Household.recorded_at, m.Household.id)
        ]

    def cases(self) -> list[Record]:
        """Return the cases with all that the format says of them."""
        children = {row.case_id: row for row in self._all(m.CasePerson) if row.is_child}
        workers = self._recorded("case_id", m.CaseWorker)
        entries = self._by("case_id", m.Entry, m.Entry.written_at, m.Entry.id)
        grants = self._by("case_id", m.Grant, m.Grant.valid_from, m.Grant.id)
        exclusions = self._recorded("case_id", m.Exclusion)
        never_tell = self._recorded("case_id", m.NeverTell)
        return [
            {
                "id": str(row.id),
                "reference": row.reference,
                "owner": str(row.owner_agency_id),
                "child": str(children[row.id].person_id),
                "status": row.status,
                "opened": _written(row.opened_at),
                "closed": _written(row.closed_at),
                **_if_any("concealed", row.concealed),
                "workers": [str(each.account_id) for each in workers[row.id]],
                "entries": [self._entry(each) for each in entries[row.id]],
                "grants": [self._grant(each) for each in grants[row.id]],
                "exclusions": [
                    {"account": str(each.account_id), **_period(each)}
                    for each in exclusions[row.id]
                ],
                "never_tell": list(self._never_tell(never_tell[row.id])),
            }
            for row in self._all(m.Case, m.Case.opened_at, m.Case.id)
        ]

    def _entry(self, row: m.Entry) -> Record:
        return {
            "id": str(row.id),
            "slice": row.slice,
            "subject": str(row.subject_id),
            "author_agency": str(row.author_agency_id),
            "author": str(row.author_account_id),
            "at": _written(row.written_at),
            "text": reveal(self.session, row, "text", _AS_SYSTEM),
            **_if_any("heard_from", reveal(self.session, row, "heard_from", _AS_SYSTEM)),
            "retracted": _written(row.retracted_at),
        }

    def _grant(self, row: m.Grant) -> Record:
        grant = {
            "id": str(row.id),
            "agency": str(row.agency_id),
            "slices": list(row.slices),
            "subject": EVERYBODY if row.subject_id is None else str(row.subject_id),
            "purpose": row.purpose,
            "basis": row.basis,
            "necessity": row.necessity,
            **_period(row),
            "ended": _written(row.ended_at),
        }
        if row.team_id is not None:
            grant["team"] = str(row.team_id)
        if row.account_ids is not None:
            grant["accounts"] = [str(key) for key in row.account_ids]
        return grant

    def _never_tell(self, rows: Iterable[m.NeverTell]) -> Iterable[Record]:
        """Yield the rows that name somebody; words not yet linked to anybody have no place."""
        for row in rows:
            keys = {"agency": row.agency_id, "account": row.account_id, "person": row.person_id}
            named = {name: str(key) for name, key in keys.items() if key is not None}
            if named:
                yield {**named, **_period(row)}

    def _texts(self, row: m.Base, *names: str) -> Record:
        """Return the sealed texts of a row that has them; one that is empty stays out."""
        return {
            name: reveal(self.session, row, name)
            for name in names
            if getattr(row, f"{name}_sealed") is not None
        }
