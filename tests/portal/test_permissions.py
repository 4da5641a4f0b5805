"""What each role of each agency may do and sees of cases, read as one table (domain.md §1, §4)."""

import uuid
from pathlib import Path
from types import SimpleNamespace

import pytest

from portal.policy.permissions import (
    BEFORE_PLEDGE,
    EMERGENCY_VIEWERS,
    GIVEN_BY_ONE,
    OPENING,
    PROPOSAL_HOLDS,
    STEP_UP,
    Action,
    NotPermittedError,
    Sight,
    Standing,
    allows,
    decides,
    deeds_of,
    keeps,
    require,
    roles_of,
    sight_of,
    takes_two,
)
from portal.vocabulary import codes

TABLE = Path(__file__).parents[1] / "data" / "deeds.txt"
HERE, ELSEWHERE = uuid.UUID(int=1), uuid.UUID(int=2)


def _standing(role: str, agency_type: str, *, manager: bool = False) -> Standing:
    return Standing(role, manager, agency_type, HERE)


DIRECTOR = _standing("center_director", "support_center")
COUNSELOR = _standing("center_counselor", "support_center")
CLERK = _standing("center_clerk", "support_center")
NURSE = _standing("school_nurse", "school")
HEAD = _standing("school_principal", "school", manager=True)
ADMINISTRATOR = _standing("sysadmin", "mayor_department")


def table() -> str:
    """Return the table: a line for each type of agency, role and flag, with deeds and sights."""
    lines = []
    for agency_type in codes("org_type"):
        for role in roles_of(agency_type):
            for manager in (False, True):
                deeds = " ".join(each.name for each in deeds_of(agency_type, role, manager=manager))
                sights = " ".join(
                    each.name for each in sight_of(agency_type, role, manager=manager)
                )
                two = "two" if takes_two(agency_type, role, manager=manager) else "one"
                who = f"{agency_type} {role}{' manager' if manager else ''}"
                lines.append(f"{who}: given by {two}; sees {sights}; may {deeds}\n")
    return "".join(lines)


def test_everybody_may_exactly_what_the_table_says() -> None:
    assert table() == TABLE.read_text(encoding="utf-8")


def test_nobody_is_taken_for_a_manager() -> None:
    assert Action.MANAGE not in deeds_of("school", "school_nurse")
    assert Sight.REFERENCES not in sight_of("school", "school_nurse")
    assert not takes_two("cafeteria", "cafeteria_operator")


@pytest.mark.parametrize(
    ("agency_type", "role", "where"),
    [
        ("support_center", "center_director", ("at_centre", "at_desk", "sees_cases")),
        ("support_center", "center_counselor", ("at_centre", "at_desk", "sees_cases")),
        ("support_center", "center_clerk", ("reads_by_team",)),
        # The role of a centre makes nobody the centre's who works elsewhere.
        ("school", "center_director", ("reads_by_team", "sees_cases")),
        ("school", "school_nurse", ("at_desk", "reads_by_team", "sees_cases")),
        ("school", "school_staff", ("reads_by_team", "sees_cases")),
        ("nursery", "school_principal", ("at_desk", "reads_by_team", "sees_cases")),
        ("school", "npo_worker", ("reads_by_team", "sees_cases")),
        ("cgc", "school_nurse", ("reads_by_team", "sees_cases")),
        ("npo", "npo_worker", ("at_desk", "reads_by_team", "sees_cases")),
        ("npo", "sysadmin", ("reads_by_team",)),
        ("cafeteria", "watcher", ("reads_by_team", "sees_cases")),
        ("cafeteria", "cafeteria_volunteer", ("reads_by_team",)),
        ("expert_lawyer", "expert", ()),
        ("mayor_department", "audit_officer", ("reads_by_team",)),
    ],
)
def test_where_somebody_stands(agency_type: str, role: str, where: tuple[str, ...]) -> None:
    standing = _standing(role, agency_type)
    places = ("at_centre", "at_desk", "reads_by_team", "sees_cases")
    assert tuple(name for name in places if getattr(standing, name)) == where


def test_a_case_is_its_own_centres_and_nobody_elses() -> None:
    here, elsewhere = (SimpleNamespace(owner_agency_id=each) for each in (HERE, ELSEWHERE))
    assert [DIRECTOR.owns(here), DIRECTOR.owns(elsewhere)] == [True, False]
    assert not CLERK.owns(here)
    assert not NURSE.owns(here)


def test_nobody_who_is_not_staff_may_do_anything() -> None:
    assert not any(allows(None, action) for action in Action)
    assert not any(allows(DIRECTOR, action) for action in (Action.VISIT, Action.CALL_WHOAMI))


def test_a_deed_is_refused_by_its_name() -> None:
    for standing in (None, NURSE):
        with pytest.raises(NotPermittedError) as refused:
            require(standing, Action.SHARE)
        assert refused.value.args == (Action.SHARE,)
    assert require(COUNSELOR, Action.SHARE) is COUNSELOR


def test_a_deed_on_the_case_of_another_centre_is_refused() -> None:
    here, elsewhere = (SimpleNamespace(owner_agency_id=each) for each in (HERE, ELSEWHERE))
    assert require(COUNSELOR, Action.SHARE, here) is COUNSELOR
    with pytest.raises(NotPermittedError) as refused:
        require(COUNSELOR, Action.SHARE, elsewhere)
    assert refused.value.args == (Action.SHARE,)


@pytest.mark.parametrize(
    ("acting", "keeping", "deciding"),
    [
        (ADMINISTRATOR, (HERE, ELSEWHERE), (HERE, ELSEWHERE)),
        (HEAD, (HERE,), (HERE,)),
        (NURSE, (), ()),
        (DIRECTOR, (), (HERE, ELSEWHERE)),
        # Who keeps the log keeps no people, whatever else the membership says.
        (_standing("audit_officer", "mayor_department", manager=True), (), ()),
    ],
)
def test_who_keeps_the_people_of_an_agency_and_who_is_the_second(
    acting: Standing, keeping: tuple[uuid.UUID, ...], deciding: tuple[uuid.UUID, ...]
) -> None:
    assert tuple(each for each in (HERE, ELSEWHERE) if keeps(acting, each)) == keeping
    assert tuple(each for each in (HERE, ELSEWHERE) if decides(acting, each)) == deciding


def test_a_type_of_agency_that_is_not_known_has_those_who_come_from_outside_alone() -> None:
    assert roles_of("no such type") == ("audit_officer", "sysadmin")


def test_what_asks_for_more_than_being_signed_in() -> None:
    """Read by whoever changes one of these: each is a weighty thing (security.md S5)."""
    assert {each.name for each in STEP_UP} == {
        *("ADMINISTER", "APPROVE", "EXPORT_LOG", "KEEP_STAFF", "LINK_ACCOUNT"),
        *("OPEN_IN_EMERGENCY", "PROVIDE_IN_EMERGENCY", "SHARE_BY_LAW"),
    }
    assert {each.name for each in BEFORE_PLEDGE} == {"RECEIVE", "SIGN_IN", "TELL_CENTRE"}
    assert {each.name for each in OPENING} == {
        *("ADMINISTER", "ADVISE", "MANAGE", "OVERSEE", "READ_CASES", "READ_INBOX"),
    }
    assert EMERGENCY_VIEWERS == ("support_center", "cgc")
    assert PROPOSAL_HOLDS.days == 7
    assert PROPOSAL_HOLDS.seconds == 0


def test_one_person_alone_gives_the_roles_that_open_nothing() -> None:
    assert set(GIVEN_BY_ONE) == {
        (agency_type, role)
        for agency_type in codes("org_type")
        for role in roles_of(agency_type)
        if f"{agency_type} {role}: given by one" in TABLE.read_text(encoding="utf-8")
    }
