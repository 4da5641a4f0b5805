"""What a row of legal_bases.csv asks for beside its parties, purpose and days (domain.md §3).

``refusal`` of ``portal.vocabulary.bases`` looks at who, what for and how long. Here is what a
person must bring: consent, reason, approval, request number, meeting, statute, second person. Each
refusal says in both languages what is missing. The column ``must_record`` is a list for people:
what of it a machine can tell is asked for by the other columns, and the reason holds the rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from portal.vocabulary.bases import (
    EMERGENCY,
    LegalBasis,
    Refusal,
    _base,
    _party,
    _provides,
    _receives,
    bases,
    lane,
    refusal,
)
from portal.vocabulary.lists import known

# A reason of fewer characters says nothing (law-and-practice.md §1.3).
SHORTEST_REASON: Final = 20

# Why nobody was asked: these two and no third (domain.md §3, lane B).
IMPOSSIBLE, ENDANGERS = "impossible", "endangers"
RULED_OUT: Final = (IMPOSSIBLE, ENDANGERS)

# A council's exchange is decided in a meeting of the council, a brief before outside experts in
# the weekly 支援方針会議.
COUNCIL_MEETINGS: Final = tuple(
    known("meeting", code) for code in ("case_conf", "working", "representatives")
)
POLICY_MEETING: Final = known("meeting", "policy")

# Who receives a report (通告) by law; the centre is among them only where the city has said so.
REPORT_BASES: Final = ("CAPA6", "CWA25", "CWA33_12")
CENTRE: Final = known("org_type", "support_center")


@dataclass(frozen=True)
class Brought:
    """What a person brings for a share, as far as a row can ask for it.

    Attributes:
        consented: a consent covers it.
        reason: why, in words.
        ruled_out, why_not_asked: one of ``RULED_OUT``, and in words, where the law permits.
        told: what the child was told before, or why not; ``told_later`` where it is recorded after
            the report is sent.
        request_no: of the written request.
        meeting_kind: code of the list ``meeting``.
        other_statute: code of the basis that a wrapper is used for.
        director: the director decides, and somebody else proposed.
        second: a second person is named.
        task: the task that a contract's grant ends with.

    """

    consented: bool = False
    reason: str = ""
    ruled_out: str = ""
    why_not_asked: str = ""
    told: str = ""
    told_later: bool = False
    request_no: str = ""
    meeting_kind: str | None = None
    other_statute: str | None = None
    director: bool = False
    second: bool = False
    task: bool = False


@dataclass(frozen=True)
class Side:
    """One agency of a share, on the day.

    ``receives_reports`` is the city's setting for a centre: whether it receives 通告 (default no).
    """

    type: str
    legal_form: str | None = None
    on_council: bool = False
    receives_reports: bool = False


def refused_between(
    code: str, provider: Side, recipient: Side, *, purpose: str, days: float
) -> Refusal | None:
    """Return why a basis carries no such grant from one agency to another, as ``refusal`` does."""
    return refusal(
        code,
        provider_type=provider.type,
        provider_legal_form=provider.legal_form,
        provider_on_council=provider.on_council,
        recipient_type=recipient.type,
        recipient_legal_form=recipient.legal_form,
        recipient_on_council=recipient.on_council,
        purpose=purpose,
        days=days,
    )


def is_permission(code: str) -> bool:
    """Return whether a basis lets one share without consent, and does not oblige (lane B, (b))."""
    return lane(code) == "law" and not bases()[code].overrides_never_tell


def needs_director(code: str, other_statute: str | None = None) -> bool:
    """Return whether the director approves a share on a basis, or on the statute it wraps."""
    return any(row.approval == "director" for row in _rows(_base(code), other_statute))


def needs_meeting(code: str, other_statute: str | None = None) -> bool:
    """Return whether a share on a basis is decided in a meeting."""
    return any(row.needs_meeting_id for row in _rows(_base(code), other_statute))


def needs_request(code: str, other_statute: str | None = None) -> bool:
    """Return whether a share on a basis answers a written request."""
    return any(row.needs_request_no for row in _rows(_base(code), other_statute))


def statutes_for(code: str, provider: Side, recipient: Side) -> list[str]:
    """Return the statutes that a wrapper can be used for between two agencies, by code."""
    return [
        other
        for other, basis in bases().items()
        if basis.can_be_share_basis
        and other != code
        and _statute_unfit(_base(code), other, provider, recipient) is None
    ]


def unmet(code: str, brought: Brought, *, provider: Side, recipient: Side) -> Refusal | None:
    """Return what a row asks for and nobody brought, or None.

    Args:
        code: a basis that can carry a share.
        brought: what there is.
        provider, recipient: who shares with whom, to judge a wrapped statute.

    Raises:
        UnknownCode: `code` is no share basis.

    """
    way, basis = lane(code), _base(code)
    if way == "consent":
        return None if brought.consented else _refused("no_consent", basis)
    if _hears_no_report(code, recipient):
        return _refused("centre_receives_no_reports", basis)
    if len(brought.reason) < SHORTEST_REASON:
        return _refused("reason_too_short", basis)
    if basis.needs_other_statute:
        unfit = _statute_unfit(basis, brought.other_statute, provider, recipient)
        if unfit is not None:
            return unfit
    if is_permission(code) and not (brought.ruled_out in RULED_OUT and brought.why_not_asked):
        return _refused("asking_not_ruled_out", basis)
    return _unrecorded(basis, brought, way) or _undecided(basis, brought)


def _hears_no_report(code: str, recipient: Side) -> bool:
    return code in REPORT_BASES and recipient.type == CENTRE and not recipient.receives_reports


def _rows(basis: LegalBasis, other_statute: str | None) -> list[LegalBasis]:
    """Return the rows whose demands hold: a wrapper asks for what the wrapped statute asks for.

    An emergency acts without approval whatever its statute asks for at leisure (domain.md §3.4).
    """
    wrapped = basis.needs_other_statute and basis.code != EMERGENCY and other_statute in bases()
    return [basis, bases()[str(other_statute)]] if wrapped else [basis]


def _unrecorded(basis: LegalBasis, brought: Brought, way: str) -> Refusal | None:
    rows = _rows(basis, brought.other_statute)
    # Whatever the column ``notify_person`` leaves open, the child hears it, or it is recorded why
    # not (domain.md §3.2); an emergency is told later, a contract stands in the record of sharing.
    if way == "law" and not brought.told and not brought.told_later:
        return _refused("not_said_whether_told", basis)
    if any(row.needs_request_no for row in rows) and not brought.request_no:
        return _refused("request_missing", basis)
    for row in rows:
        fit = COUNCIL_MEETINGS if row.kind == "council" else (POLICY_MEETING,)
        if row.needs_meeting_id and brought.meeting_kind not in fit:
            return _refused("meeting_missing", row)
    return None


def _undecided(basis: LegalBasis, brought: Brought) -> Refusal | None:
    approvals = {row.approval for row in _rows(basis, brought.other_statute)}
    if "director" in approvals and not brought.director:
        return _refused("director_missing", basis)
    if "second_after" in approvals and not brought.second:
        return _refused("second_missing", basis)
    if basis.kind == "contract" and not basis.needs_meeting_id and not brought.task:
        return _refused("task_missing", basis)
    return None


def _statute_unfit(
    basis: LegalBasis, other: str | None, provider: Side, recipient: Side
) -> Refusal | None:
    """Return why a statute cannot be the one that a wrapper rests on, or None if it can."""
    if other is None or other == "":
        return _refused("statute_missing", basis)
    row = bases().get(other)
    parties = [_party(s.type, s.legal_form, on_council=s.on_council) for s in (provider, recipient)]
    carries = (
        row is not None
        and row.can_be_share_basis
        and not row.needs_other_statute
        and lane(other) == "law"
        and _provides(row, parties[0])
        and _receives(row, parties[1])
        and not _hears_no_report(str(other), recipient)
    )
    return None if carries else _refused("statute_unfit", basis)


# What is said of a demand that is not met: in Japanese, in English.
_SENTENCES: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "no_consent": (
            "「{ja}」で共有するには、同意の記録が必要です。",
            "“{en}” needs a recorded consent.",
        ),
        "centre_receives_no_reports": (
            "センターは「{ja}」の受付先に指定されていません。",
            "The centre is not designated to receive “{en}”.",
        ),
        "reason_too_short": (
            f"「{{ja}}」で伝える理由を{SHORTEST_REASON}文字以上で入力してください。",
            f"Give the reason for “{{en}}” in at least {SHORTEST_REASON} characters.",
        ),
        "statute_missing": (
            "「{ja}」は、もとになる法律の条項とあわせて使います。条項を選んでください。",
            "“{en}” is used with the statute it rests on. Choose the statute.",
        ),
        "statute_unfit": (
            "選んだ条項は、「{ja}」のもとにして、この機関に伝えるためには使えません。",
            "The chosen statute does not carry “{en}” to this agency.",
        ),
        "asking_not_ruled_out": (
            (
                "「{ja}」は、聞くことができないか、聞くとこどもに危険があるときだけ使えます。"
                "どちらかと、その事情を入力してください。"
            ),
            "“{en}” is for when asking is impossible or endangers the child. Say which, and why.",
        ),
        "not_said_whether_told": (
            (
                "「{ja}」で伝えることを、こどもに先に話したか、"
                "話さない場合はその理由を入力してください。"
            ),
            "Say what the child was told before about “{en}”, or why not.",
        ),
        "request_missing": (
            "「{ja}」は、文書による求めがあるときに使います。文書の番号を入力してください。",
            "“{en}” answers a written request. Enter its number.",
        ),
        "meeting_missing": (
            "「{ja}」は、会議ごとに決めます。{kinds}を選んでください。",
            "“{en}” is decided meeting by meeting. Choose the meeting.",
        ),
        "director_missing": (
            "「{ja}」には、提案した人とは別の所長の承認が必要です。",
            "“{en}” needs the approval of a director who did not propose it.",
        ),
        "second_missing": (
            "「{ja}」では、確かめるもう1人の職員を選んでください。",
            "“{en}” needs a second person to check it.",
        ),
        "task_missing": (
            "「{ja}」は、その機関に依頼中の対応があるときだけ使えます。",
            "“{en}” needs an action that the agency has been asked for.",
        ),
    }
)


def _refused(code: str, basis: LegalBasis) -> Refusal:
    kinds = "要対協の会議" if basis.kind == "council" else "支援方針会議"
    ja, en = _SENTENCES[code]
    return Refusal(code, ja.format(ja=basis.name_ja, kinds=kinds), en.format(en=basis.name_en))


__all__ = [
    "COUNCIL_MEETINGS",
    "ENDANGERS",
    "IMPOSSIBLE",
    "REPORT_BASES",
    "RULED_OUT",
    "SHORTEST_REASON",
    "Brought",
    "Side",
    "is_permission",
    "needs_director",
    "needs_meeting",
    "needs_request",
    "statutes_for",
    "unmet",
]
