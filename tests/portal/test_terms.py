"""What a share on given terms writes down, and what is left open where nothing is said."""

import datetime as dt
import uuid
from dataclasses import fields, replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from portal import models as m
from portal.policy.terms import (
    DUTIES,
    PERMISSIONS,
    Terms,
    columns_of,
    is_linked,
)
from portal.vocabulary import OVERRIDING_BASES, SHARE_BASES, is_permission, lane

NAMES = (
    *("case", "owner", "agency", "subject", "consent", "first", "second", "team", "reader"),
    *("director", "meeting", "action", "emergency"),
)
ID = {name: uuid.UUID(int=number) for number, name in enumerate(NAMES, start=1)}
OPENED, UNTIL = (dt.datetime(2026, month, 1, tzinfo=dt.UTC) for month in (4, 9))
CASE = cast(
    "m.Case",
    SimpleNamespace(id=ID["case"], owner_agency_id=ID["owner"], opened_at=OPENED, concealed=True),
)
LEAST = Terms(
    agency_id=ID["agency"],
    slices=("summary", "basic"),
    subject_id=ID["subject"],
    purpose="support",
    basis="CONSENT",
    necessity="alone_difficult",
    until=UNTIL,
)
NEEDED = ("agency_id", "slices", "subject_id", "purpose", "basis", "necessity", "until")
MOST = replace(
    LEAST,
    consent_id=ID["consent"],
    guardian_consent_ids=(ID["first"], ID["second"]),
    team_id=ID["team"],
    account_ids=(ID["reader"],),
    approved_by=ID["director"],
    request_no="第12号",
    meeting_id=ID["meeting"],
    other_statute="生活保護法第29条",
    action_id=ID["action"],
    emergency_id=ID["emergency"],
)
ALWAYS = {
    "case_id": ID["case"],
    "owner_agency_id": ID["owner"],
    "case_opened_at": OPENED,
    "case_concealed": True,
    "agency_id": ID["agency"],
    "slices": ["basic", "summary"],
    "subject_id": ID["subject"],
    "purpose": "support",
    "basis": "CONSENT",
    "necessity": "alone_difficult",
    "valid_until": UNTIL,
}


def test_a_share_writes_down_all_its_terms() -> None:
    assert columns_of(CASE, MOST) == ALWAYS | {
        "consent_id": ID["consent"],
        "guardian_consent_ids": [ID["first"], ID["second"]],
        "team_id": ID["team"],
        "account_ids": [ID["reader"]],
        "readers_fixed": True,
        "approved_by": ID["director"],
        "request_no": "第12号",
        "meeting_id": ID["meeting"],
        "other_statute": "生活保護法第29条",
        "action_id": ID["action"],
        "emergency_id": ID["emergency"],
    }


def test_what_nobody_said_is_nothing_and_not_an_empty_list_of_readers() -> None:
    """An empty list of readers would be read by nobody; without one the default team reads."""
    unsaid = (
        *("consent_id", "guardian_consent_ids", "team_id", "account_ids", "approved_by"),
        *("request_no", "meeting_id", "other_statute", "action_id", "emergency_id"),
    )
    expected: dict[str, Any] = ALWAYS | dict.fromkeys(unsaid) | {"readers_fixed": False}
    assert columns_of(CASE, LEAST) == expected


def test_nothing_is_taken_for_said() -> None:
    least = Terms(*(getattr(LEAST, name) for name in NEEDED))
    said = {each.name: getattr(least, each.name) for each in fields(Terms)}
    texts = dict.fromkeys(("reason", "told", "ruled_out", "why_not_asked", "request_no"), "")
    lists = dict.fromkeys(("guardian_consent_ids", "account_ids"), ())
    no = dict.fromkeys(("nobody_unlinked", "told_later"), False)
    nobody = dict.fromkeys(
        (
            *("consent_id", "team_id", "approved_by", "proposed_by", "meeting_id"),
            *("other_statute", "action_id", "emergency_id", "begins"),
        )
    )
    assert {name: each for name, each in said.items() if name not in NEEDED} == {
        **texts,
        **lists,
        **no,
        **nobody,
    }
    # 0 is as good as False to a comparison, and None is neither.
    assert all(said[name] is False for name in no)


def test_duties_and_permissions_of_the_law_are_apart() -> None:
    # An emergency overrides a never-tell too, but it is no duty of a law to tell somebody.
    assert set(DUTIES) == OVERRIDING_BASES - {"EMERGENCY"}
    assert set(PERMISSIONS) == {
        code for code in SHARE_BASES if lane(code) == "law" and is_permission(code)
    }
    assert {"CAPA8", "CAPA13_4", "CWA25_2"} <= set(PERMISSIONS)
    assert {"CONSENT", "EMERGENCY"}.isdisjoint((*DUTIES, *PERMISSIONS))
    assert not set(DUTIES) & set(PERMISSIONS)


@pytest.mark.parametrize("named", ["agency_id", "account_id", "person_id"])
def test_a_never_tell_is_linked_by_any_one_of_three(named: str) -> None:
    assert not is_linked(m.NeverTell())
    assert is_linked(m.NeverTell(**{named: ID["reader"]}))
