"""Every row of legal_bases.csv: what it allows passes, and each broken condition is refused.

The table is the file itself. A row that is new tomorrow is tried tomorrow; what it asks for is read
here from its columns by other means than the portal's.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from portal.vocabulary import (
    RULED_OUT,
    SHORTEST_REASON,
    Brought,
    Refusal,
    Side,
    codes,
    is_permission,
    lane,
    needs_director,
    needs_meeting,
    needs_request,
    refusal,
    statutes_for,
    unmet,
)

FILE = Path("portal/vocabulary/legal_bases.csv")
ROWS = {row["code"]: row for row in csv.DictReader(FILE.read_text(encoding="utf-8").splitlines())}
SHARING = [code for code, row in ROWS.items() if row["can_be_share_basis"] == "yes"]
OTHERS = [code for code in ROWS if code not in SHARING]
# Memberships that the portal does not keep, and bodies outside of it: no agency is one.
NOBODY = {
    "POOR9": "support_meeting_member",
    "SWA106_6": "support_meeting_member",
    "LPA27_3": "coordination_meeting_member",
    "CYS20": "youth_council_member",
}
ANYBODY = {"any", "named_in_consent", "as_in_the_law"}
PUBLIC = Side("support_center", "municipal")


@dataclass(frozen=True)
class Share:
    """A share as it would be made."""

    code: str
    provider: Side
    recipient: Side
    purpose: str
    days: float
    brought: Brought


def judged(share: Share) -> Refusal | None:
    """Judge a share as the services do: the row's limits first, then what it asks for."""
    refused = refusal(
        share.code,
        recipient_type=share.recipient.type,
        recipient_legal_form=share.recipient.legal_form,
        recipient_on_council=share.recipient.on_council,
        purpose=share.purpose,
        days=share.days,
        provider_type=share.provider.type,
        provider_legal_form=share.provider.legal_form,
        provider_on_council=share.provider.on_council,
    )
    return refused or unmet(
        share.code, share.brought, provider=share.provider, recipient=share.recipient
    )


def side_for(tokens: str, avoiding: str = "") -> Side | None:
    """Return an agency that one of the tokens of a row stands for, else than one type."""
    for token in tokens.split(";"):
        if token == "council_member":
            return Side("ward_child_health", "municipal", on_council=True)
        if token == "private_school":
            return Side("school", "private")
        if token in ANYBODY:
            return Side("cgc", "municipal")
        if token in codes("org_type") and token != avoiding:
            return Side(token, "municipal")
    return None


def allowed(code: str) -> Share | None:
    """Return a share that the row allows, or None where nobody in the portal can be a party."""
    row = ROWS[code]
    provider = side_for(row["provider_roles"])
    # A centre hears no report unless the city says so, which is tried by itself.
    recipient = side_for(row["allowed_recipients"], avoiding="support_center")
    if provider is None or recipient is None:
        return None
    statutes = (
        statutes_for(code, provider, recipient) if row["needs_other_statute"] == "yes" else []
    )
    statute = next((s for s in statutes if not needs_director(s) and not needs_meeting(s)), None)
    council = "council" in row["kind"]
    return Share(
        code,
        provider,
        recipient,
        row["allowed_purposes"].split(";")[0],
        float(row["max_days"]),
        Brought(
            consented=row["consent_required"] == "yes",
            reason="あ" * SHORTEST_REASON,
            ruled_out=RULED_OUT[0],
            why_not_asked="連絡がとれない。",
            told="先に話した。",
            request_no="児相第12号" if row["needs_request_no"] == "yes" else "",
            meeting_kind=("case_conf" if council else "policy")
            if row["needs_meeting_id"] == "yes"
            else None,
            other_statute=statute,
            director=row["approval"] == "director",
            second=row["approval"] == "second_after",
            task=True,
        ),
    )


@pytest.mark.parametrize("code", SHARING)
def test_what_a_row_allows_passes(code: str) -> None:
    share = allowed(code)
    if code in NOBODY:
        # The one side that could be: a meeting whose members the portal does not keep.
        assert share is None
        assert NOBODY[code] in ROWS[code]["allowed_recipients"]
        return
    assert share is not None
    assert judged(share) is None


@pytest.mark.parametrize("code", OTHERS)
def test_a_row_that_is_no_basis_of_a_share_carries_none(code: str) -> None:
    refused = refusal(
        code,
        recipient_type="cgc",
        recipient_legal_form="municipal",
        recipient_on_council=True,
        purpose="protection",
        days=1,
    )
    assert refused is not None
    assert refused.code == "not_a_share_basis"


def _broken(code: str) -> Iterator[tuple[str, str, Share]]:
    """Yield each condition of a row, broken, with the code of the refusal it must meet."""
    row, share = ROWS[code], allowed(code)
    if share is None:
        return
    matching = {*row["allowed_recipients"].split(";")}
    if not matching & (ANYBODY | {"council_member"}):
        strange = next(t for t in codes("org_type") if t not in _types(matching))
        yield "recipient", "recipient_not_allowed", replace(share, recipient=Side(strange))
    providers = {*row["provider_roles"].split(";")}
    if not providers & (ANYBODY | {"council_member"}):
        strange = next(t for t in codes("org_type") if t not in _types(providers))
        yield "provider", "provider_not_allowed", replace(share, provider=Side(strange))
    if "council_member" in matching:
        off = replace(share.recipient, on_council=False)
        yield "recipient off the council", "recipient_not_allowed", replace(share, recipient=off)
    if "council_member" in providers:
        off = replace(share.provider, on_council=False)
        yield "provider off the council", "provider_not_allowed", replace(share, provider=off)
    if code in ("CAPA6", "CWA25", "CWA33_12"):
        centre = Side("support_center", "municipal")
        yield "centre", "centre_receives_no_reports", replace(share, recipient=centre)
    purpose = next(p for p in codes("purpose") if p not in row["allowed_purposes"].split(";"))
    yield "purpose", "purpose_not_allowed", replace(share, purpose=purpose)
    yield "days", "too_long", replace(share, days=float(row["max_days"]) + 1 / 86_400)
    for name, refused, changes in _unbrought(code, row):
        yield name, refused, replace(share, brought=replace(share.brought, **changes))


def _types(tokens: set[str]) -> set[str]:
    words = {
        "mayor": {"mayor_department"},
        "city_division": {"ward_welfare", "ward_child_health", "ward_protection"},
        "private_school": {"school"},
    }
    return set().union(*(words.get(token, {token}) for token in tokens))


def _unbrought(code: str, row: dict[str, str]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    if row["consent_required"] == "yes":
        yield "consent", "no_consent", {"consented": False}
        return
    yield "reason", "reason_too_short", {"reason": "あ" * (SHORTEST_REASON - 1)}
    if row["kind"] != "contract" and code != "EMERGENCY":
        yield "told", "not_said_whether_told", {"told": ""}
        if row["overrides_never_tell"] == "no":
            yield "asking", "asking_not_ruled_out", {"ruled_out": ""}
            yield "a third way", "asking_not_ruled_out", {"ruled_out": "tiresome"}
            yield "why", "asking_not_ruled_out", {"why_not_asked": ""}
    for (column, value), broken in _DEMANDS.items():
        if row[column] == value:
            yield from broken
    if row["needs_meeting_id"] == "yes":
        other = "policy" if row["kind"] == "council" else "case_conf"
        yield "another meeting", "meeting_missing", {"meeting_kind": other}
    if row["kind"] == "contract" and row["needs_meeting_id"] == "no":
        yield "task", "task_missing", {"task": False}


UNFIT = ("no_such_row", "CONSENT", "EMERGENCY", "APPI69_1", "STAT", "BULLY23_2")
_DEMANDS: dict[tuple[str, str], list[tuple[str, str, dict[str, Any]]]] = {
    ("needs_request_no", "yes"): [("request", "request_missing", {"request_no": ""})],
    ("needs_meeting_id", "yes"): [("meeting", "meeting_missing", {"meeting_kind": None})],
    ("needs_other_statute", "yes"): [
        ("statute", "statute_missing", {"other_statute": None}),
        *((f"statute {code}", "statute_unfit", {"other_statute": code}) for code in UNFIT),
    ],
    ("approval", "director"): [("director", "director_missing", {"director": False})],
    ("approval", "second_after"): [("second", "second_missing", {"second": False})],
}

BROKEN = [(code, *rest) for code in SHARING for rest in _broken(code)]


@pytest.mark.parametrize(
    ("code", "broken", "refused", "share"),
    BROKEN,
    ids=[f"{code}: {broken}" for code, broken, *_ in BROKEN],
)
def test_each_broken_condition_is_refused_with_a_readable_reason(
    code: str, broken: str, refused: str, share: Share
) -> None:
    found = judged(share)
    assert found is not None, f"{code} does not mind: {broken}"
    assert found.code == refused
    assert ROWS[code]["name_ja"] in found.ja
    assert found.ja.endswith("。")
    assert found.en.endswith(".")


def test_every_column_that_demands_something_is_broken_somewhere() -> None:
    """The table would otherwise fall silent with the column that feeds it."""
    refusals = {refused for _code, _broken, refused, _share in BROKEN}
    assert refusals >= {
        *("recipient_not_allowed", "provider_not_allowed", "purpose_not_allowed", "too_long"),
        *("no_consent", "reason_too_short", "not_said_whether_told", "asking_not_ruled_out"),
        *("request_missing", "meeting_missing", "statute_missing", "statute_unfit"),
        *("director_missing", "second_missing", "task_missing", "centre_receives_no_reports"),
    }
    assert len(BROKEN) > 200


def test_a_wrapper_asks_for_what_the_wrapped_statute_asks_for() -> None:
    """Without this, 69条1項 would be the way around every approval."""
    assert needs_director("APPI69_1", "CAPA8")
    assert needs_request("APPI69_1", "CWA25_3")
    assert needs_meeting("APPI69_1", "CWA25_2")
    # The control: the wrapper alone asks for none of it, and an emergency never does.
    assert not needs_director("APPI69_1", "CWA25_7")
    assert not needs_director("EMERGENCY", "APPI69_2_4")
    share = allowed("APPI69_1")
    assert share is not None
    wrapped = replace(share, recipient=Side("police", "municipal"))
    brought = replace(wrapped.brought, other_statute="APPI69_2_3")
    assert judged(replace(wrapped, brought=replace(brought, director=True))) is None
    refused = judged(replace(wrapped, brought=brought))
    assert refused is not None
    assert refused.code == "director_missing"


def test_a_centre_hears_reports_only_where_the_city_says_so() -> None:
    share = allowed("CAPA6")
    assert share is not None
    for receives, code in ((True, None), (False, "centre_receives_no_reports")):
        centre = Side("support_center", "municipal", receives_reports=receives)
        refused = judged(replace(share, recipient=centre))
        assert (refused and refused.code) == code


def test_an_emergency_goes_to_whom_its_statute_reaches() -> None:
    for recipient in ("cgc", "police", "medical", "school"):
        assert statutes_for("EMERGENCY", PUBLIC, Side(recipient, "municipal"))
    assert "TSV18" in statutes_for("EMERGENCY", PUBLIC, Side("police", "municipal"))
    assert "TSV18" not in statutes_for("EMERGENCY", PUBLIC, Side("medical", "municipal"))


def test_a_permission_is_what_the_law_allows_and_does_not_oblige() -> None:
    permissions = {code for code in SHARING if lane(code) == "law" and is_permission(code)}
    assert permissions >= {"APPI69_2_2", "APPI69_2_3", "APPI69_2_4", "APPI27_1_3", "APPI27_1_4"}
    assert permissions >= {"CAPA13_4", "CWA25_2", "SCHPOL"}
    assert not permissions & {"CAPA6", "CWA25", "TSV18", "CONSENT", "EMERGENCY", "EXPERT"}
