"""Taking a world in: whole or not at all, every text sealed, the load itself in the log."""

import datetime as dt
import uuid
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeVar

from sqlalchemy import ARRAY, ColumnElement, any_, func, literal, select
from sqlalchemy.orm import Session

from portal import models as m
from portal.audit import Event, record
from portal.database import SystemSession
from portal.text import normalise_email
from portal.vault import INTERNAL, Scope, create_key, email_index_for, seal, spelling_of
from portal.vocabulary import CONSENT, SLICES
from portal.world.checking import check
from portal.world.reading import Place, refused
from portal.world.shape import EVERYBODY, JST, as_id, as_instant

Record = Mapping[str, Any]
B = TypeVar("B", bound=m.Base)

# What the format does not say of a consent and of a retraction that happened elsewhere.
METHOD_IMPORTED = BUNDLE_IMPORTED = "imported"
REASON_IMPORTED = "取り込む前に取り消された記録です。"
# The giver of an imported consent who is not the child: the file does not say in which quality.
_OTHER_GIVER, _CHILD = "consulter", "child"
_OTHER_SUBJECT = "other"
_NAMES = ("family_name", "given_name", "kana", "called")

_IDS: tuple[tuple[Any, str], ...] = (
    (m.Agency, "agencies"),
    (m.Account, "accounts"),
    (m.Team, "teams"),
    (m.Person, "persons"),
    (m.Household, "households"),
    (m.Case, "cases"),
)
_IDS_OF_CASE: tuple[tuple[Any, str], ...] = ((m.Entry, "entries"), (m.Grant, "grants"))
_TICK = dt.timedelta(microseconds=1)


def load(session: SystemSession, world: Record, *, trust: bool, add: bool) -> None:
    """Load a world in the session's transaction, which the caller commits.

    Accounts get no password. What refers to each other keeps its ids and, in ``recorded_at``, its
    order in the file.

    Args:
        session: of the system role, equipped with the installation's keys.
        world: parsed JSON in the format ``portal-world/1``.
        trust: waive the rules of granting.
        add: allow a database that already holds cases.

    Raises:
        WorldRefused: nothing of it was loaded.

    """
    check(world, trust=trust)
    if not add and session.scalar(select(m.Case.id).limit(1)) is not None:
        raise refused(world, (), "the database already holds cases; add to them with --add")
    _refuse_known(session, world)
    loader = _Loader(session, world)
    loader.everything()
    loader.write()
    record(session, Event.WORLD_LOADED, cases=len(world["cases"]), trust=trust)
    session.flush()


def _refuse_known(session: Session, world: Record) -> None:
    """Refuse ids and addresses that the database has already, before the database does."""
    for model, name in _IDS:
        places: list[tuple[Place, str]] = [
            ((name, number, "id"), row["id"]) for number, row in enumerate(world.get(name, []))
        ]
        _refuse_ids(session, world, model, places)
    for model, name in _IDS_OF_CASE:
        places = [
            (("cases", number, name, inner, "id"), row["id"])
            for number, case in enumerate(world["cases"])
            for inner, row in enumerate(case.get(name, []))
        ]
        _refuse_ids(session, world, model, places)
    indexes = {
        email_index_for(session, normalise_email(account["email"])): number
        for number, account in enumerate(world["accounts"])
    }
    profile = m.AccountProfile.email_index
    for index in session.scalars(select(profile).where(_among(profile, indexes))):
        place = ("accounts", indexes[index], "email")
        raise refused(world, place, "the database has an account with this e-mail")


def _refuse_ids(
    session: Session, world: Record, model: Any, places: list[tuple[Place, str]]
) -> None:
    ids = {as_id(text): place for place, text in places}
    for key in session.scalars(select(model.id).where(_among(model.id, ids))):
        raise refused(world, ids[key], f"the database has the id {key} already")


def _among(column: Any, values: Iterable[Any]) -> ColumnElement[bool]:
    # One array is one parameter; a register has more ids than a statement takes parameters.
    wanted: ColumnElement[bool] = column == any_(literal(list(values), ARRAY(column.type)))
    return wanted


def _period(row: Record) -> dict[str, Any]:
    return {"valid_from": as_instant(row["from"]), "valid_until": _instant(row, "until")}


def _instant(row: Record, key: str) -> dt.datetime | None:
    return None if row.get(key) is None else as_instant(row[key])


def _id(row: Record, key: str) -> uuid.UUID | None:
    return None if row.get(key) is None else as_id(row[key])


class _Loader:
    """Makes the rows of one world and writes them in the order of their foreign keys."""

    def __init__(self, session: SystemSession, world: Record) -> None:
        self.session = session
        self.world = world
        self.rows: list[m.Base] = []
        self.people = {person["id"]: person for person in world.get("persons", [])}

    def everything(self) -> None:
        """Make all rows, in the order of the file."""
        for name, make in (
            ("agencies", self._agency),
            ("persons", self._person),
            ("accounts", self._account),
            ("teams", self._team),
            ("cases", self._case),
            ("households", self._household),
        ):
            for row in self.world.get(name, []):
                make(row)

    def write(self) -> None:
        """Send the rows, table after table."""
        now = self.session.scalars(select(func.portal_clock())).one()
        for age, row in enumerate(reversed(self.rows)):
            if hasattr(row, "recorded_at"):
                # One transaction has one clock; a microsecond apart, the order survives.
                row.recorded_at = now - age * _TICK
        by_table: dict[str, list[m.Base]] = {}
        for row in self.rows:
            by_table.setdefault(row.__tablename__, []).append(row)
        for table in m.Base.metadata.sorted_tables:
            self.session.add_all(by_table.get(table.name, []))
            self.session.flush()

    def _add(self, row: B) -> B:
        self.rows.append(row)
        return row

    def _sealed(self, row: m.Base, scope: Scope, **texts: str | None) -> None:
        create_key(self.session, scope)
        seal(self.session, row, **texts)

    def _agency(self, agency: Record) -> None:
        key = as_id(agency["id"])
        self._add(
            m.Agency(
                id=key,
                type=agency["type"],
                name=agency["name"],
                legal_form=agency.get("legal_form", "municipal"),
                ward=agency.get("ward"),
            )
        )
        for period in agency.get("council", []):
            self._add(m.CouncilMembership(agency_id=key, **_period(period)))
        for period in agency.get("departures", []):
            self._add(m.Departure(agency_id=key, **_period(period)))

    def _person(self, person: Record) -> None:
        row = self._add(m.Person(id=as_id(person["id"])))
        texts = {name: person.get(name) for name in (*_NAMES, "birth_date")}
        self._sealed(row, Scope("person", row.id), **texts)

    def _account(self, account: Record) -> None:
        key = as_id(account["id"])
        self._add(
            m.Account(
                id=key, person_id=_id(account, "person"), disabled=account.get("disabled", False)
            )
        )
        email = account["email"]
        index = email_index_for(self.session, normalise_email(email))
        profile = self._add(m.AccountProfile(account_id=key, email_index=index))
        self._sealed(profile, Scope("account", key), email=email, name=account["name"])
        for row in account["memberships"]:
            self._add(
                m.Membership(
                    account_id=key,
                    agency_id=as_id(row["agency"]),
                    role=row["role"],
                    manager=row.get("manager", False),
                    **_period(row),
                )
            )

    def _team(self, team: Record) -> None:
        key = as_id(team["id"])
        self._add(
            m.Team(
                id=key,
                agency_id=as_id(team["agency"]),
                name=team["name"],
                is_default=team.get("default", False),
            )
        )
        for row in team["members"]:
            account = as_id(row["account"])
            self._add(m.TeamMember(team_id=key, account_id=account, **_period(row)))

    def _household(self, household: Record) -> None:
        owners = {case["id"]: as_id(case["owner"]) for case in self.world["cases"]}
        key, cases = as_id(household["id"]), household["cases"]
        self._add(m.Household(id=key, owner_agency_id=owners[cases[0]]))
        for case in cases:
            self._add(
                m.HouseholdCase(household_id=key, case_id=as_id(case), owner_agency_id=owners[case])
            )

    def _case(self, case: Record) -> None:
        row = self._add(
            m.Case(
                id=as_id(case["id"]),
                reference=case["reference"],
                owner_agency_id=as_id(case["owner"]),
                status=case["status"],
                opened_at=as_instant(case["opened"]),
                closed_at=_instant(case, "closed"),
                concealed=case.get("concealed", False),
            )
        )
        if row.concealed:
            # The format has no history of it: it holds from the opening on.
            self._add(
                m.Concealment(
                    case_id=row.id, owner_agency_id=row.owner_agency_id, valid_from=row.opened_at
                )
            )
        for slice_ in (*SLICES, INTERNAL):
            create_key(self.session, Scope("slice", row.id, slice_))
        of_case = {"case_id": row.id, "owner_agency_id": row.owner_agency_id}
        dated = {**of_case, "case_opened_at": row.opened_at}
        for person in _people(case):
            child = person == case["child"]
            kind = _CHILD if child else _OTHER_SUBJECT
            link = self._add(
                m.CasePerson(person_id=as_id(person), subject_kind=kind, is_child=child, **dated)
            )
            names = {name: self.people[person].get(name) or "" for name in _NAMES}
            self._add(spelling_of(self.session, link, **names))
        self._lists(case, of_case)
        for entry in case.get("entries", []):
            self._entry(entry, dated, of_case)
        for grant in case.get("grants", []):
            consent_id = self._consent(grant, case, of_case)
            self._grant(grant, {**dated, "case_concealed": row.concealed}, consent_id)

    def _lists(self, case: Record, of_case: dict[str, Any]) -> None:
        for account in case.get("workers", []):
            self._add(m.CaseWorker(account_id=as_id(account), **of_case))
        for row in case.get("exclusions", []):
            account = as_id(row["account"])
            self._add(m.Exclusion(account_id=account, **_period(row), **of_case))
        for row in case.get("never_tell", []):
            self._add(
                m.NeverTell(
                    agency_id=_id(row, "agency"),
                    account_id=_id(row, "account"),
                    person_id=_id(row, "person"),
                    **_period(row),
                    **of_case,
                )
            )

    def _entry(self, entry: Record, dated: dict[str, Any], of_case: dict[str, Any]) -> None:
        retracted = _instant(entry, "retracted")
        row = self._add(
            m.Entry(
                id=as_id(entry["id"]),
                slice=entry["slice"],
                subject_id=as_id(entry["subject"]),
                author_agency_id=as_id(entry["author_agency"]),
                author_account_id=as_id(entry["author"]),
                written_at=as_instant(entry["at"]),
                retracted_at=retracted,
                **dated,
            )
        )
        seal(self.session, row, text=entry["text"], heard_from=entry.get("heard_from") or None)
        if retracted is not None:
            taken_back = self._add(
                m.Retraction(
                    entry_id=row.id,
                    slice=row.slice,
                    agency_id=row.author_agency_id,
                    account_id=row.author_account_id,
                    retracted_at=retracted,
                    **of_case,
                )
            )
            seal(self.session, taken_back, reason=REASON_IMPORTED)

    def _grant(self, grant: Record, dated: dict[str, Any], consent_id: uuid.UUID | None) -> None:
        accounts = grant.get("accounts")
        self._add(
            m.Grant(
                id=as_id(grant["id"]),
                agency_id=as_id(grant["agency"]),
                slices=grant["slices"],
                subject_id=None if grant["subject"] == EVERYBODY else as_id(grant["subject"]),
                purpose=grant["purpose"],
                basis=grant["basis"],
                necessity=grant["necessity"],
                ended_at=_instant(grant, "ended"),
                team_id=_id(grant, "team"),
                account_ids=None if accounts is None else [as_id(text) for text in accounts],
                consent_id=consent_id,
                **_period(grant),
                **dated,
            )
        )

    def _consent(self, grant: Record, case: Record, of_case: dict[str, Any]) -> uuid.UUID | None:
        """Make the consent that a grant on CONSENT rests on, so that it can be taken back."""
        if grant["basis"] != CONSENT:
            return None
        agency, given = as_id(grant["agency"]), as_instant(grant["from"])
        consent = self._add(
            m.Consent(
                kind="sharing",
                giver_kind=_CHILD if grant["subject"] == case["child"] else _OTHER_GIVER,
                giver_person_id=as_id(grant["subject"]),
                method=METHOD_IMPORTED,
                asked_at=given,
                **of_case,
            )
        )
        self._add(
            m.ConsentItem(
                consent_id=consent.id,
                agency_id=agency,
                bundle=BUNDLE_IMPORTED,
                slices=grant["slices"],
                answer="yes",
                last_day=_last_day(grant),
                **of_case,
            )
        )
        self._add(
            m.ConsentEvent(
                consent_id=consent.id,
                state="given",
                agency_id=agency,
                grant_id=as_id(grant["id"]),
                happened_at=given,
                **of_case,
            )
        )
        return consent.id


def _last_day(grant: Record) -> dt.date | None:
    """Return the last day in JST on which a grant holds: its end is exclusive."""
    until = _instant(grant, "until")
    return None if until is None else (until - _TICK).astimezone(JST).date()


def _people(case: Record) -> Iterator[str]:
    """Yield the child and every subject once; whom a never-tell alone names is no part of it."""
    subjects: Iterable[str] = (
        row["subject"] for key in ("entries", "grants") for row in case.get(key, [])
    )
    yield from (
        person for person in dict.fromkeys([case["child"], *subjects]) if person != EVERYBODY
    )
