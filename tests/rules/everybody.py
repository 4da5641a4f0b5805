"""One row for every answer that a rule can ask for, and everybody who could look at it.

The random worlds know cases, entries, grants and people. Every other table stands here: of each
column that a rule asks, rows with each value that matters, in all combinations; and of those who
look, somebody for each reason to see a row or not. What each may read stands in
``tests.rules.reads``, and what each may write in ``tests.rules.writes``.

No foreign key, trigger or check holds in this database. The walls are asked alone, also of rows
that nothing else would let into the tables.
"""

from __future__ import annotations

import datetime as dt
import itertools
import os
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

from sqlalchemy import (
    ARRAY,
    JSON,
    Boolean,
    Date,
    DateTime,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    Uuid,
    insert,
)
from sqlalchemy.sql.elements import KeyedColumnElement
from sqlalchemy.types import TypeEngine

from portal import models as m
from portal.policy.viewer import Viewer
from portal.world.looking import set_clock
from tests.conftest import Database
from tests.rules.city import AT

NOW = dt.datetime.fromisoformat(AT)
TICK = dt.timedelta(microseconds=1)
BEFORE, AFTER, LONG_AGO = NOW - TICK, NOW + TICK, NOW - dt.timedelta(days=100)

OWNER_ROLES = ("center_director", "center_counselor", "center_investigator")
BLIND_ROLES = ("center_clerk", "sysadmin", "audit_officer")
EXPERTS = ("expert_lawyer", "expert_welfare")
DESKS_OF_TEAMS = ("school", "nursery")

Row = SimpleNamespace


def key(name: str) -> uuid.UUID:
    """Return the id of whatever is called so."""
    return uuid.uuid5(uuid.NAMESPACE_OID, name)


AGENCIES = {
    "centre": "support_center",
    "school": "school",
    "welfare": "ward_welfare",
    "npo": "npo",
    "cafeteria": "cafeteria",
    "lawyers": "expert_lawyer",
    "city_hall": "mayor_department",
    # These left the scheme.
    "old_school": "school",
    "old_lawyers": "expert_lawyer",
    # These phone, and nobody of theirs signs in.
    "phoning school": "school",
    "phoning cafeteria": "cafeteria",
    "phoning welfare": "ward_welfare",
    "phoning police": "police",
}
CENTRE, SCHOOL, WELFARE, NPO, LAWYERS = map(key, ("centre", "school", "welfare", "npo", "lawyers"))
LEFT = frozenset({"old_school", "old_lawyers"})
# Who phones, whether the share knows of a concealed case, and on what it rests.
PHONING = {
    "phoning school": (False, "CONSENT"),
    "phoning cafeteria": (False, "CONSENT"),
    "phoning welfare": (True, "CONSENT"),
    "phoning police": (True, "CAPA6"),
}
# A case that some are kept from, and another of the same centre that nobody is kept from.
CASE, OTHER = key("case"), key("other case")
PERSON, GUARDIAN, STRANGER = key("child of case"), key("guardian"), key("somebody else")


@dataclass(frozen=True)
class Who:
    """Somebody who looks, and what the rules ask of whoever looks.

    Attributes:
        acts: the account is enabled, the membership holds, and it is confirmed for this year.
        team: of the default team of the agency.
        works: on the case.
        excluded: from the case and from the threads ``SHUT``.
        untold: named, or a person named, by a never-tell of the case.

    """

    name: str
    place: str = ""
    role: str = ""
    manager: bool = False
    team: bool = False
    acts: bool = True
    works: bool = False
    excluded: bool = False
    untold: bool = False
    viewer: Viewer = field(default_factory=Viewer)

    @property
    def account(self) -> uuid.UUID | None:
        return self.viewer.account_id

    @property
    def agency(self) -> uuid.UUID | None:
        return self.viewer.agency_id

    def _if(self, holds: bool) -> uuid.UUID | None:  # noqa: FBT001 - what a term asks
        return self.agency if self.acts and self.place and holds else None

    @property
    def _sees(self) -> bool:
        return self.role not in BLIND_ROLES

    @property
    def _in_scheme(self) -> bool:
        return self._sees and self.place not in LEFT

    @property
    def _type(self) -> str:
        return AGENCIES[self.place] if self.place else ""

    @property
    def acting(self) -> uuid.UUID | None:
        return self._if(True)  # noqa: FBT003 - as above

    @property
    def owning(self) -> uuid.UUID | None:
        return self._if(self.role in OWNER_ROLES)

    @property
    def directing(self) -> uuid.UUID | None:
        return self._if(self.role == "center_director")

    @property
    def naming(self) -> uuid.UUID | None:
        # There is one centre here.
        return self.directing

    @property
    def reading(self) -> uuid.UUID | None:
        watches = self._type != "cafeteria" or self.role == "watcher"
        return self._if(self._in_scheme and self._type not in EXPERTS and watches)

    @property
    def posting(self) -> uuid.UUID | None:
        return self._if(self._sees)

    @property
    def managing(self) -> uuid.UUID | None:
        return self._if(self._in_scheme and self.manager)

    @property
    def advising(self) -> uuid.UUID | None:
        return self._if(self._in_scheme and self._type in EXPERTS)

    @property
    def administering(self) -> uuid.UUID | None:
        return self._if(self.role == "sysadmin")

    @property
    def auditing(self) -> uuid.UUID | None:
        return self._if(self.role == "audit_officer")

    @property
    def clerking(self) -> uuid.UUID | None:
        return self._if(self.role == "center_clerk")

    @property
    def desk(self) -> uuid.UUID | None:
        of_team = self._type in DESKS_OF_TEAMS and self._sees and self.team
        return self._if(self.role in (*OWNER_ROLES, "npo_worker") or of_team)

    def shut(self, case_id: uuid.UUID | None) -> bool:
        return self.excluded and case_id == CASE

    def shut_thread(self, thread_id: uuid.UUID | None) -> bool:
        return self.excluded and thread_id in SHUT

    def not_told(self, case_id: uuid.UUID | None) -> bool:
        return self.untold and case_id == CASE

    def agency_not_told(self, case_id: uuid.UUID | None) -> bool:
        return self.place == "welfare" and case_id == CASE


def _staff(name: str, place: str, role: str, **of: Any) -> Who:
    # Whoever looks names the circles to look at; the tables check them again.
    circles = (key(place), key(f"circle of {place}"))
    return Who(name, place, role, viewer=Viewer(key(name), key(place), circles=circles), **of)


STAFF = (
    _staff("director", "centre", "center_director", manager=True),
    _staff("counsellor", "centre", "center_counselor", works=True),
    _staff("investigator", "centre", "center_investigator"),
    _staff("clerk", "centre", "center_clerk", team=True, manager=True),
    _staff("kept out", "centre", "center_counselor", works=True, excluded=True),
    # Memberships that end, begin, sleep and wake at this very instant, and a disabled account.
    _staff("former", "centre", "center_director", acts=False, works=True),
    _staff("coming", "centre", "center_director", acts=False),
    _staff("newcomer", "centre", "center_counselor"),
    _staff("asleep", "centre", "center_director", acts=False),
    _staff("awake", "centre", "center_counselor"),
    _staff("disabled", "centre", "center_director", acts=False, works=True),
    _staff("principal", "school", "school_principal", manager=True),
    _staff("nurse", "school", "school_nurse", team=True),
    _staff("teacher", "school", "school_staff"),
    _staff("off the team", "school", "school_staff"),
    _staff("teacher kept out", "school", "school_staff", team=True, excluded=True, manager=True),
    _staff("teacher not told", "school", "school_staff", team=True, untold=True, manager=True),
    _staff("relative", "school", "school_staff", team=True, untold=True),
    _staff("officer", "welfare", "ward_worker", team=True, manager=True),
    _staff("npo worker", "npo", "npo_worker", team=True),
    _staff("volunteer", "cafeteria", "cafeteria_volunteer", team=True),
    _staff("watcher", "cafeteria", "watcher", team=True, manager=True),
    _staff("lawyer", "lawyers", "expert"),
    _staff("uninvited lawyer", "lawyers", "expert", manager=True),
    _staff("lawyer kept out", "lawyers", "expert", excluded=True),
    _staff("lawyer not told", "lawyers", "expert", untold=True),
    _staff("old lawyer", "old_lawyers", "expert"),
    _staff("old principal", "old_school", "school_principal", manager=True, team=True),
    _staff("auditor", "city_hall", "audit_officer", manager=True),
    _staff("admin", "city_hall", "sysadmin", manager=True),
)
# From when and until when the membership holds, and by when it is to be confirmed.
_PERIODS = {
    "former": (LONG_AGO, NOW, None),
    "coming": (AFTER, None, None),
    "newcomer": (NOW, AFTER, None),
    "asleep": (LONG_AGO, None, NOW),
    "awake": (LONG_AGO, None, AFTER),
}
CHILD_THREAD, GUARDIAN_THREAD, CLOSED_THREAD = map(
    key, ("child's thread", "guardian's thread", "closed thread")
)
NEW_THREAD, GLIMPSED = key("new thread"), key("glimpsed thread")
VISITORS = (
    Who("nobody"),
    Who("child", viewer=Viewer(thread_id=CHILD_THREAD)),
    Who("guardian", viewer=Viewer(thread_id=GUARDIAN_THREAD)),
    Who("child of a closed thread", viewer=Viewer(thread_id=CLOSED_THREAD)),
    Who("somebody new", viewer=Viewer(intake_id=NEW_THREAD)),
    Who("child without the word", viewer=Viewer(glimpse_id=GLIMPSED)),
    # Before the second factor, and in an agency in which the account has no membership.
    Who("half signed in", viewer=Viewer(account_id=key("nurse"))),
    Who("stranger", viewer=Viewer(key("nurse"), CENTRE), acts=False),
    Who("nurse who tells", "school", "school_nurse", team=True),
)
VISITORS = (
    *VISITORS[:-1],
    Who(
        *("nurse who tells", "school", "school_nurse"),
        team=True,
        viewer=Viewer(key("nurse"), SCHOOL, intake_id=NEW_THREAD),
    ),
)
EVERYBODY = (*STAFF, *VISITORS)
BY_NAME = {who.name: who for who in EVERYBODY}
# Threads that an exclusion closes.
SHUT: set[uuid.UUID] = set()

_FILLED: tuple[tuple[type[TypeEngine[Any]], Any], ...] = (
    (Uuid, uuid.uuid4),
    (DateTime, lambda: LONG_AGO),
    (LargeBinary, lambda: os.urandom(8)),
    (Boolean, lambda: False),
    (SmallInteger, lambda: 0),
    (Integer, lambda: 0),
    (Date, NOW.date),
    (ARRAY, list),
    (JSON, dict),
    (Text, lambda: "x"),
)


def filled(model: type[m.Base], **values: Any) -> Row:
    """Return a row with these values; what else must be is made up, and the rest is NULL."""
    row = Row()
    for column in model.__table__.columns:
        if column.name not in values and column.nullable:
            setattr(row, column.name, None)
        elif column.name in values:
            setattr(row, column.name, values[column.name])
        elif column.name != "xid":
            setattr(row, column.name, _made_up(column))
    return row


def _made_up(column: KeyedColumnElement[Any]) -> Any:
    return next(make() for kind, make in _FILLED if isinstance(column.type, kind))


def every(**values: Any) -> Iterator[dict[str, Any]]:
    """Give every combination of the values of each column."""
    for each in itertools.product(*values.values()):
        yield dict(zip(values, each, strict=True))


class Everything:
    """The rows of every table, as they are in the database and as Python reads them."""

    def __init__(self) -> None:
        self.rows: dict[type[m.Base], list[Row]] = {}
        self._by: dict[tuple[type[m.Base], str], dict[Any, list[Row]]] = {}
        SHUT.clear()
        self._people()
        self._cases()
        self._consultations()
        self._work()
        self._meetings()
        self._staff()
        self._log()
        self._keys()

    def add(self, model: type[m.Base], **values: Any) -> Row:
        row = filled(model, **values)
        self.rows.setdefault(model, []).append(row)
        return row

    def all(self, model: type[m.Base], **values: Any) -> list[Row]:
        return [self.add(model, **each) for each in every(**values)]

    def of(self, model: type[m.Base], **wanted: Any) -> list[Row]:
        """Return the rows with these values; to be asked once all rows are there."""
        name, value = next(iter(wanted.items()))
        if (model, name) not in self._by:
            by: dict[Any, list[Row]] = {}
            for row in self.rows[model]:
                by.setdefault(getattr(row, name), []).append(row)
            self._by[model, name] = by
        found = self._by[model, name].get(value, [])
        return [row for row in found if all(getattr(row, n) == v for n, v in wanted.items())]

    # -- who and where ----------------------------------------------------------------------------

    def _people(self) -> None:
        for name, kind in AGENCIES.items():
            self.add(m.Agency, id=key(name), type=kind, name=name, legal_form="municipal")
            self.add(m.Team, id=key(f"team of {name}"), agency_id=key(name), is_default=True)
            self.add(m.Team, id=key(f"side team of {name}"), agency_id=key(name))
        for name in LEFT:
            self.add(m.Departure, agency_id=key(name), valid_from=NOW)
        self.add(m.Departure, agency_id=SCHOOL, valid_from=AFTER)
        self.add(m.Departure, agency_id=SCHOOL, valid_until=NOW)
        for who in STAFF:
            person = PERSON if who.name == "relative" else None
            disabled = who.name == "disabled"
            self.add(m.Account, id=who.account, person_id=person, disabled=disabled)
            begins, ends, confirm = _PERIODS.get(who.name, (LONG_AGO, None, None))
            self.add(
                m.Membership,
                account_id=who.account,
                agency_id=who.agency,
                role=who.role,
                manager=who.manager,
                valid_from=begins,
                valid_until=ends,
                confirm_by=confirm,
            )
            if who.team:
                team = key(f"team of {who.place}")
                self.add(m.TeamMember, team_id=team, account_id=who.account, valid_from=NOW)
        off = {"account_id": key("off the team")}
        self.add(m.TeamMember, team_id=key("team of school"), valid_until=NOW, **off)
        self.add(m.TeamMember, team_id=key("side team of school"), **off)

    def _cases(self) -> None:
        for id_, reference in (CASE, "AAA-AAAA"), (OTHER, "BBB-BBBB"):
            self.add(m.Case, id=id_, reference=reference, owner_agency_id=CENTRE)
        owners = (CENTRE, SCHOOL)
        for case_id, owner, person, is_child in (
            (CASE, CENTRE, PERSON, True),
            (CASE, CENTRE, GUARDIAN, False),
            (OTHER, CENTRE, key("child of other case"), True),
            (OTHER, SCHOOL, STRANGER, True),
        ):
            self.add(m.Person, id=person)
            of_case = {"case_id": case_id, "owner_agency_id": owner}
            dated = {**of_case, "case_opened_at": LONG_AGO}
            self.add(m.CasePerson, person_id=person, is_child=is_child, **dated)
        for who in STAFF:
            if who.works:
                self.add(m.CaseWorker, case_id=CASE, owner_agency_id=CENTRE, account_id=who.account)
            if who.excluded:
                self.add(m.Denial, case_id=CASE, kind="exclusion", account_id=who.account)
        self.all(
            m.CaseWorker,
            case_id=(CASE, OTHER),
            owner_agency_id=(SCHOOL,),
            account_id=(key("nurse"), key("principal")),
        )
        self._denied()
        for agency in ("school", "welfare", "cafeteria", "lawyers", "old_school"):
            self._share(agency_id=key(agency), slices=["basic"], basis="CONSENT")
        self.add(
            m.Grant,
            case_id=OTHER,
            owner_agency_id=CENTRE,
            agency_id=SCHOOL,
            slices=["basic"],
            subject_id=PERSON,
            basis="CONSENT",
            valid_until=NOW,
        )
        self._of_nobody()
        self._phoning()
        self._lists()
        self._shares()
        for model in OF_OWNER:
            self.all(model, case_id=(CASE, OTHER), owner_agency_id=owners)
        self.all(m.Household, owner_agency_id=owners)

    def _share(self, **values: Any) -> None:
        """Add a share of the case that goes on, of the child's data if nothing else is said."""
        of_case = {"case_id": CASE, "owner_agency_id": CENTRE, "case_opened_at": LONG_AGO}
        self.add(m.Grant, **({**of_case, "subject_id": PERSON, "valid_until": AFTER} | values))

    def _of_nobody(self) -> None:
        """Shares that name nobody: a consent opens nothing so, a duty what is of anybody."""
        for slice_, basis in ("health", "CONSENT"), ("plan", "CAPA6"):
            self._share(agency_id=SCHOOL, slices=[slice_], subject_id=None, basis=basis)

    def _phoning(self) -> None:
        slices = ["basic", "detail", "reporter", "school"]
        for agency, (concealed, basis) in PHONING.items():
            self._share(agency_id=key(agency), slices=slices, basis=basis, case_concealed=concealed)

    def _denied(self) -> None:
        """Whom never-tells name, and what is over or is still to come."""
        denied = {"case_id": CASE, "kind": "never_tell"}
        self.add(m.Denial, **denied, account_id=key("teacher not told"))
        self.add(m.Denial, **denied, account_id=key("lawyer not told"))
        self.add(m.Denial, **denied, person_id=PERSON)
        self.add(m.Denial, **denied, agency_id=WELFARE)
        # What is over, or is still to come, denies nothing.
        for kind in ("exclusion", "never_tell"):
            over = {"case_id": OTHER, "kind": kind, "valid_until": NOW}
            coming = {"case_id": CASE, "kind": kind, "valid_from": AFTER}
            for when in (over, coming):
                self.add(m.Denial, **when, account_id=key("nurse"))
                self.add(m.Denial, **when, account_id=key("counsellor"))
                self.add(m.Denial, **when, agency_id=SCHOOL)

    def _lists(self) -> None:
        """What the lists of cases are driven by, for owners and for readers of each agency."""
        for place in ("centre", "school", "welfare", "cafeteria", "old_school"):
            for circle in (place, f"circle of {place}"):
                of = {"circle_id": key(circle), "agency_id": key(place)}
                until = {"valid_until": AFTER, "last_visible_activity": NOW}
                self.add(m.CaseAccess, case_id=CASE, valid_from=LONG_AGO, **until, **of)
                for each in every(valid_from=(NOW, AFTER), valid_until=(NOW, AFTER, AFTER + TICK)):
                    self.add(m.CaseAccess, **each, **of)

    def _shares(self) -> None:
        """Shares of whose data, by which word, whose readers the centre named or did not."""
        for each in every(
            case_id=(CASE, OTHER),
            owner_agency_id=(CENTRE, NPO),
            agency_id=(SCHOOL, LAWYERS),
            subject_id=(STRANGER, GUARDIAN),
            basis=("CONSENT", "CAPA6"),
            readers_fixed=(False, True),
            guardian_consent_ids=(None, [key("guardian's consent")], [key("other consent")]),
        ):
            number = len(self.rows[m.Grant]) % 4
            self.add(
                m.Grant,
                case_opened_at=LONG_AGO,
                slices=["welfare"],
                valid_until=(AFTER, NOW, AFTER, AFTER)[number],
                ended_at=(None, None, NOW, AFTER)[number],
                **each,
            )

    # -- consultations ----------------------------------------------------------------------------

    def _consultations(self) -> None:
        visited = {"owner_agency_id": CENTRE, "case_id": CASE}
        child = {"kind": "child", "person_id": PERSON, **visited}
        self.add(m.Thread, id=CHILD_THREAD, **child)
        self.add(m.Thread, id=CLOSED_THREAD, closed_at=NOW, **child)
        guardian = {"kind": "guardian", "person_id": GUARDIAN, **visited}
        self.add(m.Thread, id=GUARDIAN_THREAD, **guardian)
        self.add(m.Thread, id=NEW_THREAD, kind="child")
        self.add(m.Thread, id=GLIMPSED, kind="child")
        for each in every(
            owner_agency_id=(None, CENTRE, NPO),
            sealed=(False, True),
            account_id=(None, key("volunteer"), key("teacher kept out")),
            shut=(False, True),
        ):
            shut = each.pop("shut")
            case_id = {CENTRE: CASE, NPO: OTHER}.get(each["owner_agency_id"])
            thread = self.add(m.Thread, kind="reporter", case_id=case_id, **each)
            if shut:
                self._shut(thread.id)
            self._items(thread.id, case_id)
            self._messages(thread.id)
        for id_ in (CHILD_THREAD, NEW_THREAD, GLIMPSED):
            self._messages(id_)
        for thread in self.rows[m.Thread]:
            self.add(m.Consultation, thread_id=thread.id, recorded_by=None)

    def _shut(self, thread_id: uuid.UUID) -> None:
        SHUT.add(thread_id)
        for who in STAFF:
            if who.excluded:
                shut = {"case_id": CASE, "thread_id": thread_id, "account_id": who.account}
                self.add(m.Denial, kind="exclusion", **shut)

    def _items(self, thread_id: uuid.UUID, case_id: uuid.UUID | None) -> None:
        # Which desks hold or held a thread is another for each, in turn.
        turn = len(self.rows.get(m.InboxItem, ()))
        held = ({CENTRE, SCHOOL}, {NPO}, {SCHOOL, NPO}, set())[turn % 4]
        # Where the desk has the thread once more, what it handed over hides nothing.
        lies, gone = ("unread", None), ("handed_over", NOW)
        steps = ((lies,), (gone,), (lies, gone))
        for agency in sorted(held):
            for status, handled in steps[(turn // 2) % 3]:
                self.add(
                    m.InboxItem,
                    thread_id=thread_id,
                    agency_id=agency,
                    case_id=(None, case_id, CASE)[turn % 3],
                    sealed=turn % 5 < 3,
                    status=status,
                    handled_at=handled,
                )
        if not held:
            self.add(m.InboxItem, thread_id=thread_id, agency_id=key("city_hall"))

    def _messages(self, thread_id: uuid.UUID) -> None:
        for agency, at in itertools.product((None, CENTRE, SCHOOL, NPO), (BEFORE, NOW, AFTER)):
            # Of two replies of the same instant nobody could say which is the newest.
            later = TICK * (1 + (CENTRE, SCHOOL, NPO).index(agency)) if agency else TICK * 0
            written = at + later if at == AFTER else at
            self.add(m.ThreadMessage, thread_id=thread_id, agency_id=agency, written_at=written)

    # -- actions, consents, notifications ----------------------------------------------------------

    def _work(self) -> None:
        agencies = (SCHOOL, WELFARE, LAWYERS, key("cafeteria"), key("old_school"))
        self.all(
            m.Action,
            case_id=(CASE, OTHER),
            owner_agency_id=(CENTRE, NPO),
            agency_id=agencies,
        )
        for action in self.rows[m.Action]:
            own = ((account, action.agency_id) for account in ("nurse", "teacher not told"))
            for account, agency in (*own, ("off the team", action.agency_id), ("clerk", CENTRE)):
                self.add(
                    m.ActionEvent,
                    action_id=action.id,
                    case_id=action.case_id,
                    owner_agency_id=action.owner_agency_id,
                    agency_id=agency,
                    account_id=key(account),
                )
        for name, giver in ("guardian's consent", GUARDIAN), ("other consent", PERSON):
            given = {"case_id": CASE, "owner_agency_id": CENTRE, "giver_person_id": giver}
            self.add(m.Consent, id=key(name), **given)
        for consent in self.all(
            m.Consent,
            case_id=(CASE, OTHER),
            owner_agency_id=(CENTRE, SCHOOL),
            giver_person_id=(PERSON, GUARDIAN, STRANGER),
        ):
            of = {
                "consent_id": consent.id,
                "case_id": consent.case_id,
                "owner_agency_id": consent.owner_agency_id,
            }
            self.add(m.ConsentItem, **of)
            self.add(m.ConsentEvent, **of)
        self.all(
            m.Emergency,
            case_id=(CASE, OTHER),
            owner_agency_id=(CENTRE, SCHOOL),
            kind=("provision", "view"),
            reviewed_at=(None, NOW),
            agency_id=(SCHOOL,),
        )
        self._entries()
        self._notifications()
        self.all(
            m.Alarm,
            agency_id=(CENTRE, SCHOOL),
            case_id=(None, CASE, OTHER),
            thread_id=(None, CHILD_THREAD, min(SHUT)),
        )

    def _entries(self) -> None:
        for agency, account in ("school", "nurse"), ("centre", "counsellor"):
            of = {"case_opened_at": LONG_AGO, "owner_agency_id": CENTRE, "subject_id": PERSON}
            for each in every(case_id=(CASE, OTHER), slice=("basic", "school", "reporter")):
                self.add(
                    m.Entry,
                    **of,
                    **each,
                    author_agency_id=key(agency),
                    author_account_id=key(account),
                )
        for entry in self.rows[m.Entry]:
            for account in ("nurse", "teacher not told", "teacher kept out", "counsellor"):
                who = BY_NAME[account]
                self.add(
                    m.Retraction,
                    entry_id=entry.id,
                    case_id=entry.case_id,
                    owner_agency_id=CENTRE,
                    slice=entry.slice,
                    agency_id=who.agency,
                    account_id=who.account,
                )
            # What the nurse took back where the nurse works too is not the school's to know.
            self.add(
                m.Retraction,
                entry_id=entry.id,
                case_id=entry.case_id,
                owner_agency_id=CENTRE,
                slice=entry.slice,
                agency_id=NPO,
                account_id=key("nurse"),
            )

    def _notifications(self) -> None:
        entry, action = self.rows[m.Entry][0], self.rows[m.Action][0]
        held = next(item for item in self.rows[m.InboxItem] if item.agency_id == SCHOOL)
        named = (
            {"case_id": CASE},
            {"case_id": OTHER},
            {"case_id": CASE, "entry_id": entry.id},
            {"entry_id": entry.id},
            {"action_id": action.id},
            {"case_id": OTHER, "action_id": action.id},
            {"thread_id": held.thread_id},
            {"thread_id": min(SHUT)},
            {"thread_id": CHILD_THREAD},
            {"case_id": CASE, "thread_id": held.thread_id},
        )
        for who in (*STAFF, BY_NAME["stranger"]):
            for names in named:
                self.add(
                    m.Notification, account_id=who.account, agency_id=who.agency, kind="x", **names
                )
            other = {"account_id": who.account, "agency_id": key("npo"), "kind": "y"}
            self.add(m.Notification, **other, thread_id=CHILD_THREAD)
        for who in STAFF:
            at = {"account_id": (who.account,), "case_id": (CASE, OTHER)}
            self.all(m.CaseLook, **at, agency_id=(who.agency, key("city_hall"))[: 1 + who.team])

    # -- meetings ----------------------------------------------------------------------------------

    def _meetings(self) -> None:
        meetings = self.all(m.Meeting, agency_id=(CENTRE, NPO))
        held = meetings[0]
        for name in ("lawyer", "lawyer kept out", "lawyer not told", "old lawyer", "officer"):
            who = BY_NAME[name]
            self.add(
                m.MeetingExpert,
                meeting_id=held.id,
                centre_id=CENTRE,
                account_id=who.account,
                agency_id=who.agency,
            )
        # Of another meeting, and invited for another agency than it acts for.
        self.add(
            m.MeetingExpert,
            meeting_id=meetings[1].id,
            centre_id=NPO,
            account_id=key("lawyer not told"),
            agency_id=LAWYERS,
        )
        self.add(
            m.MeetingExpert,
            meeting_id=held.id,
            centre_id=CENTRE,
            account_id=key("uninvited lawyer"),
            agency_id=NPO,
        )
        items = self.rows[m.InboxItem]
        for agency, case_id in itertools.product((CENTRE, NPO), (None, CASE, OTHER)):
            for item_id in (None, *(item.id for item in items[:14])):
                self.add(
                    m.MatterOutcome,
                    meeting_id=held.id,
                    agency_id=agency,
                    case_id=case_id,
                    item_id=item_id,
                    recorded_by=key("director"),
                )
        released = ((None, AFTER), (NOW, AFTER), (AFTER, AFTER), (LONG_AGO, NOW), (NOW, None))
        for each in every(
            case_id=(CASE, OTHER),
            owner_agency_id=(CENTRE, SCHOOL),
            meeting_id=tuple(meeting.id for meeting in meetings),
        ):
            for since, until in released:
                self._brief(since, until, **each)

    def _brief(self, since: dt.datetime | None, until: dt.datetime | None, **of_case: Any) -> None:
        brief = self.add(m.Brief, **of_case)
        self.add(m.BriefParty, brief_id=brief.id, released_at=since, valid_until=until, **of_case)
        of = {"brief_id": brief.id} | {
            name: of_case[name] for name in ("case_id", "owner_agency_id")
        }
        for number, name in enumerate(("lawyer", "lawyer not told", "lawyer kept out")):
            if (len(self.rows[m.Brief]) + number) % 3:
                conflict = len(self.rows[m.Brief]) % 4 == 0
                self.add(m.ConflictDeclaration, account_id=key(name), conflict=conflict, **of)
            for agency in (LAWYERS, NPO):
                self.add(m.Advice, account_id=key(name), agency_id=agency, **of)

    # -- accounts ----------------------------------------------------------------------------------

    def _staff(self) -> None:
        accounts = [who.account for who in STAFF]
        nobody = key("an account alone")
        for account_id in (*accounts, nobody, key("proposed"), key("refused")):
            self.add(m.AccountProfile, account_id=account_id)
            for of_account in OF_ACCOUNT:
                self.add(of_account, account_id=account_id)
        decided = {"account_id": key("refused"), "agency_id": SCHOOL, "decision": "declined"}
        self.add(m.MembershipProposal, **decided)
        proposed = {"account_id": key("proposed"), "decision": None}
        self.add(m.MembershipProposal, **proposed, agency_id=SCHOOL)
        for agency in (CENTRE, SCHOOL, key("city_hall"), key("old_school")):
            self.add(m.MembershipProposal, account_id=nobody, agency_id=agency, decision="x")
            self.add(m.FactorReset, account_id=nobody, agency_id=agency)
            self.add(m.Door, agency_id=agency)
            self.add(m.SignInRule, agency_id=agency)
            self.add(m.DutyPlace, agency_id=agency)
            self.add(m.Cover, agency_id=agency)
        self._asked()
        for account_id in (*accounts, nobody):
            self.add(m.IssuerLink, account_id=account_id)
        self.add(m.CouncilMembership)
        for model in ADMINISTERED:
            self.add(model)

    def _asked(self) -> None:
        """Roles and resets that were asked for, by whom, when, and what became of it."""
        week = dt.timedelta(days=7)
        names = ("nurse", "admin", "director", "principal")
        for each in every(
            account_id=tuple(map(key, names)),
            agency_id=(SCHOOL, CENTRE),
            decision=(None, "confirmed", "declined", "alone"),
            decided_by=tuple(map(key, names[1:])),
            by=(key("nurse"), key("admin"), key("principal")),
            at=(NOW - week, NOW - week + TICK),
        ):
            by, at = each.pop("by"), each.pop("at")
            self.add(m.FactorReset, asked_by=by, asked_at=at, **each)
            self.add(
                m.MembershipProposal,
                proposed_by=by,
                proposed_at=at,
                decided_at=NOW if at == NOW - week else BEFORE,
                valid_from=NOW,
                role="school_nurse",
                **each,
            )

    # -- the log, and keys -------------------------------------------------------------------------

    def _log(self) -> None:
        for each in every(
            case_id=(None, CASE, OTHER),
            agency_id=(None, CENTRE, SCHOOL, WELFARE),
            about_agency_id=(None, SCHOOL),
            account_id=(None, key("nurse")),
        ):
            self.add(m.AuditEvent, event="x", viewer="staff", **each)

    def _keys(self) -> None:
        scopes: dict[type[m.Base], list[uuid.UUID]] = {
            m.ThreadKey: [row.id for row in self.rows[m.Thread]],
            m.AccountKey: [row.account_id for row in self.rows[m.AccountProfile]],
            m.BriefKey: [row.id for row in self.rows[m.Brief]],
            m.PartiesKey: [row.id for row in self.rows[m.BriefParty]],
            m.AdviceKey: [row.id for row in self.rows[m.Advice]],
            m.ActionKey: [row.id for row in self.rows[m.Action]],
            m.IssuerKey: [row.id for row in self.rows[m.Issuer]],
            m.EmergencyKey: [row.id for row in self.rows[m.Emergency]],
        }
        for model, ids in scopes.items():
            for scope_id in (*ids, uuid.uuid4()):
                self.add(model, scope_id=scope_id)
        slices = ("basic", "school", "reporter", "health", "plan")
        for case_id, slice_ in itertools.product((CASE, OTHER), slices):
            self.add(m.SliceKey, scope_id=case_id, slice=slice_)


OF_OWNER: tuple[type[m.Base], ...] = (
    *(m.CaseTopic, m.ChildMeeting, m.Closure, m.Concealment, m.Exclusion, m.GrantReason),
    *(m.GuardianRecord, m.HouseholdCase, m.LawReport, m.NecessityRecord, m.NeverTell),
    *(m.PermissionNoting, m.ProgressCheck, m.ShareProposal, m.Task, m.UrgencyDecision),
    m.Violation,
)
OF_ACCOUNT: tuple[type[m.Base], ...] = (
    *(m.MailChoice, m.Passkey, m.Pledge, m.RecoveryCode, m.SavedText, m.TotpSecret),
)
ADMINISTERED: tuple[type[m.Base], ...] = (
    *(m.Issuer, m.IssuerPlace, m.MachineClient, m.MachineSecret),
)


def built(database: Database) -> Everything:
    """Write everything into a database in which nothing but the walls holds."""
    found = Everything()
    written(database, found.rows)
    return found


def written(database: Database, rows: Mapping[type[m.Base], list[Row]]) -> None:
    """Write rows into an empty database, whose clock stands at ``NOW`` from then on."""
    with database.owner.begin() as connection:
        connection.exec_driver_sql(_ALONE)
        set_clock(connection, NOW)
    with database.system.begin() as connection:
        for model, of_model in rows.items():
            table = cast("Table", model.__table__)
            connection.execute(insert(table), [vars(row) for row in of_model])


_ALONE = """DO $$ DECLARE each record; BEGIN
    FOR each IN SELECT oid::regclass AS name FROM pg_class
        WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
    LOOP EXECUTE 'ALTER TABLE ' || each.name || ' DISABLE TRIGGER USER'; END LOOP;
    FOR each IN SELECT conrelid::regclass AS name, conname FROM pg_constraint
        WHERE contype IN ('c', 'f', 'u', 'x') AND connamespace = 'public'::regnamespace
        ORDER BY contype = 'u'
    LOOP EXECUTE 'ALTER TABLE ' || each.name || ' DROP CONSTRAINT ' || each.conname; END LOOP;
    FOR each IN SELECT indexrelid::regclass AS name FROM pg_index
        JOIN pg_class ON pg_class.oid = indrelid
        WHERE indisunique AND NOT indisprimary AND relnamespace = 'public'::regnamespace
    LOOP EXECUTE 'DROP INDEX ' || each.name; END LOOP;
    END $$"""
