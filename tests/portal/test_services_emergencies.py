"""In an emergency: who may open what, for how long, with whose eyes on it, and no way around."""

import datetime as dt
import threading
import uuid
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from portal import models as m
from portal.database import ConflictError, NotVisibleError, PortalSession, SystemSession
from portal.policy.permissions import NotPermittedError
from portal.policy.terms import clock
from portal.services.cases import finish_task
from portal.services.denials import add_never_tell, exclude
from portal.services.emergencies import (
    A_DAY,
    Provision,
    Telling,
    case_to_open,
    confirm,
    end_early,
    ends_at,
    grants_of_emergency,
    open_view,
    prolong,
    provide,
    review,
)
from portal.services.sharing import RefusedShareError
from portal.vault import equip, reveal
from portal.vocabulary import EMERGENCY_SLICES
from portal.working_hours import add_working_days, jst
from portal.world.looking import set_clock
from tests import city as towns
from tests.conftest import Database
from tests.portal.conftest import Acting

REASON = "家の外に締め出されていると電話があり、いま安全を確かめる。"
REVIEW = "電話のあと警察が家を訪ね、本人の安全を確かめた。必要だった。"
TOLD = "翌日に会って、警察に伝えたことを話した。"
SECOND = dt.timedelta(seconds=1)


def case_of(session: Session, town: towns.City) -> m.Case:
    return session.scalars(select(m.Case).where(m.Case.id == town.case_id)).one()


def provision(session: Session, town: towns.City, **changes: Any) -> Provision:
    wanted = Provision(
        agency_id=town.agencies["police"],
        slices=("basic", "contact", "safety"),
        statute="APPI69_2_3",
        necessity="agencies_needed",
        reason=REASON,
        phoned_at=clock(session),
        phoned_to="見本警察署 当直",
        second_id=town.accounts["investigator"],
    )
    return replace(wanted, **changes)


def provided(session: Session, town: towns.City, **changes: Any) -> m.Emergency:
    wanted = provision(session, town, **changes)
    emergency = provide(session, case_of(session, town), wanted, emergency_id=uuid.uuid4())
    session.commit()
    return emergency


def theirs(session: Session, row: Any) -> Any:
    """Return a row as another session sees it now."""
    session.rollback()
    return session.scalars(select(type(row)).where(type(row).id == row.id)).one()


def refusal_of(deed: Callable[[], object]) -> str:
    with pytest.raises(RefusedShareError) as error:
        deed()
    return error.value.code


def moved(own: Database, by: dt.timedelta) -> None:
    """Let time pass: every date of the emergency's grants is moved back by so much."""
    with SystemSession(own.system) as system, system.begin():
        system.execute(
            update(m.Grant)
            .where(m.Grant.basis == "EMERGENCY")
            .values(valid_from=m.Grant.valid_from - by, valid_until=m.Grant.valid_until - by)
        )


def written(session: PortalSession, row: m.Base) -> None:
    """Write a row past every service."""
    with session.begin_nested():
        session.add(row)
        session.flush()


def sees(session: PortalSession) -> bool:
    session.rollback()
    return session.scalars(select(m.Case.id)).first() is not None


def shared(own: Database, town: towns.City, agency: str = "cgc", **options: Any) -> uuid.UUID:
    """Give an agency a grant by duty, and write what an emergency would open and would not."""
    with SystemSession(own.system) as system, system.begin():
        equip(system, own.keys)
        for slice_ in ("contact", "health", "home", "detail"):
            towns.add_entry(system, town, slice_=slice_, text=f"CANARY-{slice_}")
        return towns.add_grant(
            system, town, agency, ["basic", "safety"], subject=None, basis="CAPA6", **options
        )


def on_duty(own: Database, town: towns.City) -> None:
    """Let somebody of the child guidance centre be on duty who is on no team."""
    account = m.Account()
    with SystemSession(own.system) as system, system.begin():
        equip(system, own.keys)
        system.add(account)
        system.flush()
        towns.add_profile(system, own.keys, account.id, "night@example.jp", "見本 night")
        system.add(
            m.Membership(
                account_id=account.id,
                agency_id=town.agencies["cgc"],
                role="cgc_worker",
                valid_from=towns.LONG_AGO,
            )
        )
        town.accounts["night"], town.acting["night"] = account.id, town.agencies["cgc"]


@pytest.fixture
def night(own: Database, town: towns.City, monkeypatch: pytest.MonkeyPatch) -> str:
    """The officer on duty at night, who reads no case of the agency's team."""
    monkeypatch.setitem(towns.PEOPLE, "night", ("cgc", "cgc_worker", False, False))
    on_duty(own, town)
    return "night"


# ------------------------------------------------------------------------------------- the view


def test_who_is_on_duty_opens_four_slices_for_a_day_and_nobody_else_does(
    acting: Acting, town: towns.City, own: Database, night: str
) -> None:
    shared(own, town)
    officer, colleague = acting(night), acting("cgc_worker")
    assert not sees(officer)
    case_id = case_to_open(officer, reference="K7F-3QXR")
    grant_id = open_view(officer, case_id, reason=REASON, on_duty=True)
    officer.commit()
    slices = set(officer.scalars(select(m.Entry.slice)))
    assert slices == {"contact", "health"}
    assert set(colleague.scalars(select(m.Entry.slice))) == set()
    # Sent twice it is one.
    assert open_view(officer, case_id, reason=REASON, on_duty=True) == grant_id
    officer.commit()

    owner = acting("director")
    grant = owner.scalars(select(m.Grant).where(m.Grant.id == grant_id)).one()
    assert set(grant.slices) == set(EMERGENCY_SLICES)
    assert grant.account_ids == [town.accounts["night"]]
    assert grant.valid_until is not None
    assert grant.valid_until - grant.valid_from == A_DAY
    [emergency] = owner.scalars(select(m.Emergency)).all()
    assert reveal(owner, emergency, "reason") == REASON
    [task] = owner.scalars(select(m.Task)).all()
    assert (task.kind, task.grant_id) == ("emergency", grant_id)
    events = owner.scalars(select(m.AuditEvent.event)).all()
    assert events.count("emergency.started") == 1
    # Whoever opened it sees the case, and not the owner's row about it.
    assert officer.scalars(select(m.Emergency)).all() == []


def test_a_case_whose_places_are_concealed_is_opened_too(
    acting: Acting, town: towns.City, own: Database, night: str
) -> None:
    """Where a life is in danger, whoever goes there must know where (domain.md §3.4)."""
    shared(own, town)
    with SystemSession(own.system) as system, system.begin():
        system.execute(update(m.Case).values(concealed=True))
    officer = acting(night)
    open_view(officer, town.case_id, reason=REASON, on_duty=True)
    officer.commit()
    assert set(officer.scalars(select(m.Entry.slice))) == {"contact", "health"}


def test_a_view_ends_by_itself_at_the_second(
    acting: Acting, town: towns.City, own: Database, night: str
) -> None:
    shared(own, town)
    officer = acting(night)
    open_view(officer, town.case_id, reason=REASON, on_duty=True)
    officer.commit()
    with SystemSession(own.system) as system:
        until = system.scalars(
            select(m.Grant.valid_until).where(m.Grant.basis == "EMERGENCY")
        ).one()
        assert until is not None
        left = until - clock(system)
    # Two seconds of grace for the machine: the rule itself is exact, and tried below.
    moved(own, left - 20 * SECOND)
    assert sees(officer)
    moved(own, 21 * SECOND)
    assert not sees(officer)
    owner = acting("director")
    emergency = owner.scalars(select(m.Emergency)).one()
    grants = grants_of_emergency(owner, emergency)
    assert [row.ended_at for row in grants] == [None]


def test_the_end_is_exact_to_the_second(
    acting: Acting, town: towns.City, own: Database, night: str
) -> None:
    """Asked of the rule with the clock one second before, at, and one second after the end."""
    shared(own, town)
    officer = acting(night)
    open_view(officer, town.case_id, reason=REASON, on_duty=True)
    officer.commit()
    seen = []
    for off in (-SECOND, dt.timedelta(), SECOND):
        officer.rollback()
        with SystemSession(own.system) as system, system.begin():
            now = clock(system)
            # The rows are moved so that the next transaction's clock lies about there; what is
            # compared is the end of the grant with that transaction's own clock.
            system.execute(
                update(m.Grant)
                .where(m.Grant.basis == "EMERGENCY")
                .values(valid_from=now - A_DAY, valid_until=now + off)
            )
        at = clock(officer)
        until = now + off
        seen.append((at < until, officer.scalars(select(m.Case.id)).first() is not None))
    assert all(live == visible for live, visible in seen)
    assert seen[0] == (False, False)


@pytest.mark.parametrize("kind", ["view", "provision"])
def test_it_is_open_one_second_before_its_end_and_not_at_its_end(
    acting: Acting, town: towns.City, own: Database, night: str, kind: str
) -> None:
    """The clock of the database is put there, and both walls look."""
    shared(own, town)
    if kind == "view":
        reader = acting(night)
        open_view(reader, town.case_id, reason=REASON, on_duty=True)
        reader.commit()
    else:
        provided(acting("director"), town)
        reader = acting("liaison")
    with SystemSession(own.system) as system:
        [until] = system.scalars(select(m.Grant.valid_until).where(m.Grant.basis == "EMERGENCY"))
        assert until is not None
    seen = []
    for instant in (until - SECOND, until):
        reader.rollback()
        with own.owner.begin() as connection:
            set_clock(connection, instant)
        cases = m.Case.__table__
        both = reader.scalars(select(m.Entry.slice)).all()
        policies = reader.connection().scalars(select(cases.c.id)).all()
        seen.append((set(both), len(policies)))
    assert seen[0] == (({"contact", "health"} if kind == "view" else {"contact"}), 1)
    assert seen[1] == (set(), 0)


@pytest.mark.parametrize(
    "person", ["nurse", "officer", "liaison", "npo_worker", "watcher", "clerk", "lawyer"]
)
def test_nobody_else_can_start_a_view(
    acting: Acting, town: towns.City, own: Database, person: str
) -> None:
    for agency in ("school", "welfare", "police", "npo", "cafeteria"):
        shared(own, town, agency)
    session = acting(person)
    with pytest.raises(NotPermittedError):
        case_to_open(session, case_id=town.case_id)
    with pytest.raises(NotPermittedError):
        open_view(session, town.case_id, reason=REASON, on_duty=True)
    # Nor past the first gate: the function of the database asks for itself.
    found = session.execute(select(func.emergency_case(town.case_id, None))).scalar_one()
    assert found is None
    begun = select(
        func.begin_emergency_view(uuid.uuid4(), uuid.uuid4(), town.case_id, b"no reason")
    )
    assert session.execute(begun).scalar_one() is None
    session.rollback()
    with SystemSession(own.system) as system:
        assert system.scalars(select(m.Emergency)).all() == []


def test_a_case_that_the_agency_does_not_see_is_not_opened(
    acting: Acting, town: towns.City, own: Database, night: str
) -> None:
    officer = acting(night)
    with pytest.raises(NotVisibleError):
        case_to_open(officer, case_id=town.case_id)
    with pytest.raises(NotVisibleError):
        open_view(officer, town.case_id, reason=REASON, on_duty=True)
    officer.rollback()
    over = shared(own, town)
    with SystemSession(own.system) as system, system.begin():
        now = clock(system)
        system.execute(update(m.Grant).where(m.Grant.id == over).values(ended_at=now))
    with pytest.raises(NotVisibleError):
        case_to_open(officer, reference="K7F-3QXR")
    officer.rollback()
    # The control: a live grant to the agency, of which this person is no reader.
    shared(own, town)
    assert case_to_open(officer, reference="K7F-3QXR") == town.case_id
    assert case_to_open(officer, case_id=town.case_id) == town.case_id
    with pytest.raises(NotVisibleError):
        case_to_open(officer, reference="AAA-AAAA")


@pytest.mark.parametrize("why", ["left the scheme", "not confirmed for this year"])
def test_who_reads_nothing_any_more_opens_nothing(
    acting: Acting, town: towns.City, own: Database, night: str, why: str
) -> None:
    shared(own, town)
    officer = acting(night)
    # The control: the same grant, while the agency and the officer still read.
    assert case_to_open(officer, case_id=town.case_id) == town.case_id
    officer.rollback()
    with SystemSession(own.system) as system, system.begin():
        now = clock(system)
        if why == "left the scheme":
            centre = town.accounts["director"]
            left = {"agency_id": town.agencies["cgc"], "recorded_by": centre}
            system.add(m.Departure(id=uuid.uuid4(), valid_from=now, **left))
        else:
            mine = m.Membership.account_id == town.accounts[night]
            system.execute(update(m.Membership).where(mine).values(confirm_by=now))
    with pytest.raises(NotVisibleError):
        case_to_open(officer, case_id=town.case_id)
    begun = select(func.begin_emergency_view(uuid.uuid4(), uuid.uuid4(), town.case_id, b"reason"))
    assert officer.execute(begun).scalar_one() is None


def test_one_emergency_never_opens_another(
    acting: Acting, town: towns.City, own: Database, night: str
) -> None:
    duty = shared(own, town)
    officer = acting(night)
    open_view(officer, town.case_id, reason=REASON, on_duty=True)
    officer.commit()
    with SystemSession(own.system) as system, system.begin():
        system.execute(update(m.Grant).where(m.Grant.id == duty).values(ended_at=clock(system)))
    assert sees(officer)
    with pytest.raises(NotVisibleError):
        case_to_open(officer, case_id=town.case_id)


def test_what_denies_binds_in_an_emergency_too(
    acting: Acting, town: towns.City, own: Database, night: str
) -> None:
    shared(own, town)
    officer, counsellor = acting(night), acting("counsellor")
    case = case_of(counsellor, town)
    wish = add_never_tell(
        counsellor, case, never_tell_id=uuid.uuid4(), account_id=town.accounts["night"]
    )
    counsellor.commit()
    with pytest.raises(NotVisibleError):
        open_view(officer, town.case_id, reason=REASON, on_duty=True)
    officer.rollback()
    with SystemSession(own.system) as system, system.begin():
        row = system.get_one(m.NeverTell, wish.id)
        row.valid_until = clock(system)
    open_view(officer, town.case_id, reason=REASON, on_duty=True)
    officer.commit()
    assert sees(officer)
    # Excluded meanwhile, nothing is open any more, and nothing can be opened again.
    counsellor.rollback()
    exclude(
        counsellor,
        case_of(counsellor, town),
        account_id=town.accounts["night"],
        reason="親族",
        exclusion_id=uuid.uuid4(),
    )
    counsellor.commit()
    assert not sees(officer)
    officer.rollback()
    with pytest.raises(NotVisibleError):
        open_view(officer, town.case_id, reason=REASON, on_duty=True)


def test_a_view_needs_a_reason_and_somebody_on_duty(
    acting: Acting, town: towns.City, own: Database, night: str
) -> None:
    shared(own, town)
    officer = acting(night)
    for code, changes in (
        ("reason_too_short", {"reason": "急ぎ"}),
        ("not_on_duty", {"on_duty": 0}),
    ):
        terms: dict[str, Any] = {"reason": REASON, "on_duty": True, **changes}
        assert refusal_of(lambda terms=terms: open_view(officer, town.case_id, **terms)) == code  # type: ignore[misc]
    assert not sees(officer)


# -------------------------------------------------------------------------------- the provision


def test_a_provision_opens_at_once_and_alerts_the_second_person(
    acting: Acting, town: towns.City
) -> None:
    session, liaison = acting("counsellor"), acting("liaison")
    emergency_id = uuid.uuid4()
    wanted, case = provision(session, town), case_of(session, town)
    emergency = provide(session, case, wanted, emergency_id=emergency_id)
    assert provide(session, case, wanted, emergency_id=emergency_id).id == emergency.id
    session.commit()
    assert sees(liaison)
    [grant] = session.scalars(select(m.Grant)).all()
    assert (grant.other_statute, grant.emergency_id) == ("APPI69_2_3", emergency.id)
    assert grant.valid_until is not None
    assert grant.valid_until - grant.valid_from == A_DAY
    assert emergency.second_id == town.accounts["investigator"]
    [task] = session.scalars(select(m.Task)).all()
    assert (task.kind, task.due_at) == ("emergency", grant.valid_until)
    # The alert does not go away by a tick: its review ends it.
    with pytest.raises(NotPermittedError):
        finish_task(session, case, task)


def test_what_a_provision_needs(acting: Acting, town: towns.City) -> None:
    session = acting("counsellor")
    now = clock(session)
    for code, changes in {
        "phone_missing": {"phoned_to": ""},
        "phone_time": {"phoned_at": now + dt.timedelta(hours=1)},
        "second_person": {"second_id": None},
        "emergency_slice": {"slices": ("home",)},
        "slice": {"slices": ()},
        "reason_too_short": {"reason": "急ぎ"},
        "statute_missing": {"statute": ""},
        "statute_unfit": {"statute": "CAPA10"},
        "recipient_not_allowed": {"agency_id": town.agencies["npo"]},
        "never_reads": {"agency_id": town.agencies["centre"]},
    }.items():
        assert refusal_of(lambda changes=changes: provided(session, town, **changes)) == code  # type: ignore[misc]
        session.rollback()
    for second in ("counsellor", "clerk", "nurse"):
        second_id = town.accounts[second]
        refused = refusal_of(
            lambda second_id=second_id: provided(session, town, second_id=second_id)
        )  # type: ignore[misc]
        assert refused == "second_person"
        session.rollback()
    for name in ("Grant", "Emergency", "Task"):
        assert session.scalars(select(getattr(m, name))).all() == []
    # The control.
    assert provided(session, town).kind == "provision"


def test_only_the_owners_people_provide(acting: Acting, town: towns.City, own: Database) -> None:
    shared(own, town)
    counsellor = acting("counsellor")
    for person in ("cgc_worker", "clerk", "nurse", "liaison"):
        session = acting(person)
        with pytest.raises(NotPermittedError):
            provide(
                session,
                case_of(counsellor, town),
                provision(counsellor, town),
                emergency_id=uuid.uuid4(),
            )


def test_no_path_opens_anything_without_those_rows(
    acting: Acting, town: towns.City, own: Database
) -> None:
    """The wall takes no emergency grant without its emergency, nor a longer or wider one (Z11)."""
    session = acting("counsellor")
    emergency = provided(session, town)
    case, now = case_of(session, town), clock(session)
    columns: dict[str, Any] = {
        "case_id": case.id,
        "owner_agency_id": case.owner_agency_id,
        "case_opened_at": case.opened_at,
        "agency_id": town.agencies["police"],
        "slices": ["basic"],
        "purpose": "safety",
        "basis": "EMERGENCY",
        "necessity": "agencies_needed",
        "valid_from": now,
        "valid_until": now + A_DAY,
        "emergency_id": emergency.id,
    }
    for changes in (
        {"emergency_id": None},
        {"emergency_id": None, "slices": ["safety"], "account_ids": [town.accounts["liaison"]]},
        {"agency_id": town.agencies["school"]},
        {"valid_until": now + A_DAY + SECOND},
        {"valid_until": None},
        {"slices": ["basic", "home"]},
    ):
        with pytest.raises(DBAPIError, match="row-level security"):
            written(session, m.Grant(**{**columns, **changes}))
    # The control: with its emergency, a day and the slices it is taken.
    written(session, m.Grant(**columns))
    session.rollback()
    # Nor is there an emergency of which nobody phoned, or that has no second person.
    place = {"case_id": case.id, "owner_agency_id": case.owner_agency_id}
    unphoned = m.Emergency(
        kind="provision",
        agency_id=town.agencies["police"],
        started_by=town.accounts["counsellor"],
        reason_sealed=b"x",
        **place,
    )
    with pytest.raises(DBAPIError, match="phoned_first_with_a_second"):
        written(session, unphoned)
    # Nor does somebody of another agency write one.
    shared(own, town)
    other = acting("cgc_worker")
    view = m.Emergency(
        kind="view",
        agency_id=town.agencies["cgc"],
        started_by=town.accounts["cgc_worker"],
        reason_sealed=b"x",
        **place,
    )
    with pytest.raises(DBAPIError, match="row-level security"):
        written(other, view)


def test_nothing_is_provided_on_the_emergency_of_a_view(
    acting: Acting, town: towns.City, own: Database, night: str
) -> None:
    """A view has one reader and no second person; nobody else reads by it."""
    shared(own, town)
    officer = acting(night)
    open_view(officer, town.case_id, reason=REASON, on_duty=True)
    officer.commit()
    owner = acting("director")
    [emergency] = owner.scalars(select(m.Emergency)).all()
    [view] = owner.scalars(select(m.Grant).where(m.Grant.emergency_id == emergency.id)).all()
    case, now = case_of(owner, town), clock(owner)
    wider = m.Grant(
        case_id=case.id,
        owner_agency_id=case.owner_agency_id,
        case_opened_at=case.opened_at,
        agency_id=view.agency_id,
        slices=["basic"],
        purpose="safety",
        basis="EMERGENCY",
        necessity="agencies_needed",
        valid_from=now,
        valid_until=now + A_DAY,
        emergency_id=emergency.id,
    )
    with pytest.raises(DBAPIError, match="row-level security"):
        written(owner, wider)


def test_the_second_person_confirms_and_it_still_ends_at_its_time(
    acting: Acting, town: towns.City, own: Database
) -> None:
    counsellor, second, director = acting("counsellor"), acting("investigator"), acting("director")
    emergency, liaison = provided(counsellor, town), acting("liaison")
    for person in (counsellor, director):
        with pytest.raises(NotPermittedError):
            confirm(person, theirs(person, emergency))
        person.rollback()
    for _ in range(2):
        confirm(second, theirs(second, emergency), words="電話の記録と合っている。")
        second.commit()
    assert theirs(counsellor, emergency).decision == "confirmed"
    assert sees(liaison)
    moved(own, A_DAY)
    assert not sees(liaison)


def test_ended_early_nothing_is_open_and_ending_wins(acting: Acting, town: towns.City) -> None:
    counsellor, second = acting("counsellor"), acting("investigator")
    emergency, liaison = provided(counsellor, town), acting("liaison")
    confirm(second, theirs(second, emergency))
    second.commit()
    row = theirs(second, emergency)
    assert refusal_of(lambda: end_early(second, row, words="")) == "end_without_reason"
    for _ in range(2):
        end_early(second, theirs(second, emergency), words="別の家のことだった。")
        second.commit()
    assert not sees(liaison)
    assert theirs(counsellor, emergency).decision == "ended"
    with pytest.raises(ConflictError):
        confirm(second, theirs(second, emergency))


def test_confirm_and_end_race_and_end_wins(acting: Acting, town: towns.City, own: Database) -> None:
    """Whatever the order, an emergency that somebody ended is over when both are done."""
    counsellor = acting("counsellor")
    for _ in range(5):
        emergency = provided(counsellor, town)
        barrier = threading.Barrier(2)

        def decide(
            person: str,
            deed: Callable[[PortalSession, m.Emergency], None],
            emergency_id: uuid.UUID = emergency.id,
            barrier: threading.Barrier = barrier,
        ) -> None:
            session = acting(person)
            session.connection(execution_options={"isolation_level": "READ COMMITTED"})
            row = session.scalars(select(m.Emergency).where(m.Emergency.id == emergency_id)).one()
            barrier.wait(timeout=30)
            try:
                deed(session, row)
                session.commit()
            except ConflictError:
                session.rollback()

        both = [
            threading.Thread(target=decide, args=("investigator", confirm)),
            threading.Thread(
                target=decide,
                args=("director", lambda session, row: end_early(session, row, words="ちがった。")),
            ),
        ]
        for thread in both:
            thread.start()
        for thread in both:
            thread.join()
        row = theirs(counsellor, emergency)
        grants = grants_of_emergency(counsellor, row)
        assert row.decision == "ended"
        assert all(grant.ended_at is not None for grant in grants)
        counsellor.commit()
    assert not sees(acting("liaison"))


def test_the_director_prolongs_once_to_the_next_working_day(
    acting: Acting, town: towns.City, own: Database
) -> None:
    counsellor, director = acting("counsellor"), acting("director")
    emergency, liaison = provided(counsellor, town), acting("liaison")
    for person in ("counsellor", "investigator"):
        session = acting(person)
        with pytest.raises(NotPermittedError):
            prolong(session, theirs(session, emergency))
        session.rollback()
    first = ends_at(grants_of_emergency(director, theirs(director, emergency)))
    for _ in range(2):
        prolong(director, theirs(director, emergency))
        director.commit()
    grants = grants_of_emergency(director, theirs(director, emergency))
    assert ends_at(grants) == add_working_days(first, 1)
    # Without a gap, and none longer than the day that its basis allows.
    for before, after in pairwise(grants):
        assert before.valid_until == after.valid_from
    assert all(g.valid_until and g.valid_until - g.valid_from <= A_DAY for g in grants)
    moved(own, A_DAY)
    assert sees(liaison)
    # Ended, all that follows is ended with it.
    end_early(director, theirs(director, emergency), words="もう安全である。")
    director.commit()
    assert not sees(liaison)
    moved(own, A_DAY)
    assert not sees(liaison)


def test_what_is_over_is_not_prolonged(acting: Acting, town: towns.City, own: Database) -> None:
    counsellor, director = acting("counsellor"), acting("director")
    emergency = provided(counsellor, town)
    moved(own, A_DAY)
    with pytest.raises(ConflictError):
        prolong(director, theirs(director, emergency))


def test_a_wish_is_minded_in_an_emergency(acting: Acting, town: towns.City) -> None:
    session = acting("counsellor")
    case = case_of(session, town)
    add_never_tell(session, case, never_tell_id=uuid.uuid4(), agency_id=town.agencies["police"])
    add_never_tell(session, case, never_tell_id=uuid.uuid4(), words="あのひと")
    session.commit()
    assert refusal_of(lambda: provided(session, town)) == "not_said_whether_told"
    told = "命にかかわるため、先に話せない。"
    assert refusal_of(lambda: provided(session, town, told=told)) == "never_tell_unlinked"
    # Against the wish about the agency it goes through; persons stay blocked inside it.
    provided(session, town, told=told, nobody_unlinked=True)
    liaison = acting("liaison")
    assert sees(liaison)
    add_never_tell(session, case, never_tell_id=uuid.uuid4(), account_id=town.accounts["liaison"])
    session.commit()
    assert not sees(liaison)


# ----------------------------------------------------------------------------------- the review


def today() -> dt.date:
    return jst(dt.datetime.now(dt.UTC)).date()


def told_by(town: towns.City, who: str, *, words: str = TOLD, days: int = 0) -> Telling:
    return Telling(words, on=today() + days * A_DAY, by=town.accounts[who])


def test_a_child_who_was_not_told_is_told_later(
    acting: Acting, town: towns.City, own: Database
) -> None:
    emergency = provided(acting("counsellor"), town)
    moved(own, A_DAY)
    director = acting("director")
    later = Telling("いまは入院中で、話せない。", later=today() + A_DAY)
    row = theirs(director, emergency)
    review(director, row, finding="right", words=REVIEW, telling=later)
    director.commit()
    assert theirs(director, emergency).told_on is None
    kinds = select(m.Task.kind).where(m.Task.done_at.is_(None))
    assert director.scalars(kinds).all() == [m.Task.TELL_CHILD]


def test_a_review_cannot_be_closed_empty_or_by_who_started_it(
    acting: Acting, town: towns.City, own: Database
) -> None:
    counsellor, second, director = acting("counsellor"), acting("investigator"), acting("director")
    emergency = provided(counsellor, town)
    whole: dict[str, Any] = {
        "finding": "right",
        "words": REVIEW,
        "telling": told_by(town, "counsellor"),
    }
    row = theirs(second, emergency)
    assert refusal_of(lambda: review(second, row, **whole)) == "emergency_not_over"
    second.rollback()
    moved(own, A_DAY)
    row = theirs(second, emergency)
    for code, changes in (
        ("review_empty", {"words": ""}),
        ("review_empty", {"words": "問題なし"}),
        ("review_empty", {"finding": "fine"}),
        ("child_not_told_later", {"telling": Telling("")}),
        ("child_not_told_later", {"telling": Telling(TOLD)}),
        ("child_not_told_later", {"telling": told_by(town, "counsellor", words="")}),
        ("child_told_by", {"telling": told_by(town, "nurse")}),
        ("child_told_day", {"telling": told_by(town, "counsellor", days=1)}),
        ("child_told_day", {"telling": Telling(TOLD, later=today() - A_DAY)}),
    ):
        broken = {**whole, **changes}
        assert refusal_of(lambda broken=broken: review(second, row, **broken)) == code  # type: ignore[misc]
    second.rollback()
    with pytest.raises(NotPermittedError):
        review(counsellor, theirs(counsellor, emergency), **whole)
    counsellor.rollback()
    for _ in range(2):
        review(director, theirs(director, emergency), **whole)
        director.commit()
    row = theirs(counsellor, emergency)
    assert (row.finding, row.reviewed_by) == ("right", town.accounts["director"])
    assert reveal(counsellor, row, "review") == REVIEW
    assert counsellor.scalars(select(m.Task.done_at)).one() is not None
    # Not even the database takes a review without its words.
    counsellor.rollback()
    row = theirs(counsellor, provided(counsellor, town))
    row.reviewed_at = clock(counsellor)
    with pytest.raises(DBAPIError, match="reviewed_whole"):
        counsellor.flush()


def test_the_child_finds_it_in_the_record_of_sharing(
    acting: Acting, town: towns.City, own: Database, visiting: Callable[[str], PortalSession]
) -> None:
    provided(acting("counsellor"), town)
    assert visiting("child").scalars(select(m.Grant.basis)).all() == ["EMERGENCY"]
    # A guardian sees no lawful sharing, nor that it exists.
    assert visiting("mother").scalars(select(m.Grant.basis)).all() == []
