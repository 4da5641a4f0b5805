"""The legal bases of legal_bases.csv, and what a basis forbids (domain.md §3).

A grant stands on exactly one basis. Its row says which kinds of agency may provide and receive,
for which purposes, and for how many days; `refusal` checks that and nothing else. What a person
must add (request number, meeting id, second person, approval) is told by the row's `needs_…` and
`approval` and is checked where a grant is made.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final, Literal

from portal.vocabulary.lists import FOLDER, SOURCE_KINDS, codes, known, label
from portal.vocabulary.reader import Row, UnknownCode, VocabularyError, read_rows

Lane = Literal["consent", "law", "contract", "emergency"]

COLUMNS = (
    *("code", "name_ja", "name_en", "law_ja", "law_en", "article", "kind", "consent_required"),
    *("provider_roles", "allowed_recipients", "allowed_purposes", "conditions_ja", "conditions_en"),
    *("must_record", "default_review_days", "notify_person", "can_be_share_basis", "source_kind"),
    *("source", "verify_note", "overrides_never_tell", "approval", "needs_request_no"),
    *("needs_meeting_id", "needs_other_statute", "max_days"),
)
KINDS = (
    *("agreement", "confidentiality", "consent", "contract", "council", "disclosure_control"),
    *("duty", "duty_endeavour", "duty_to_cooperate", "emergency", "mandatory_report"),
    *("permissive", "permissive_on_request", "principle", "safeguard", "statutory"),
)
CONSENT_REQUIRED = ("yes", "no", "conditional", "n/a")
NOTIFY = ("yes", "no", "consider", "later")
APPROVALS = ("none", "director", "per_meeting", "second_after")
NO_APPROVAL_APPLIES = "n/a"

# These two are done on paper or with figures, never by a grant, so they are not in the list of
# purposes that a grant may name.
PURPOSES_WITHOUT_A_GRANT = ("disclosure_control", "statistics")

# Which type of agency a party token stands for. Tokens that are absent here and not dealt with in
# `_matches` name persons, bodies outside the portal, or memberships that the portal does not keep:
# no agency ever matches them.
AGENCY_TYPES_OF_TOKEN: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "any": codes("org_type"),
        "named_in_consent": codes("org_type"),
        "as_in_the_law": codes("org_type"),
        "mayor": ("mayor_department",),
        "city_division": ("ward_welfare", "ward_child_health", "ward_protection"),
        "school_team": ("school",),
    }
)

# Article 69 of the APPI binds public bodies: a private school provides under article 27 instead,
# and under 69(2)(3) and agreements made on it only another public body receives.
PUBLIC_PROVIDERS_ONLY = frozenset({"APPI69_1", "APPI69_2_2", "APPI69_2_3", "APPI69_2_4", "SCHPOL"})
PUBLIC_RECIPIENTS_ONLY = frozenset({"APPI69_2_3", "SCHPOL"})

CONSENT: Final = "CONSENT"
EMERGENCY: Final = "EMERGENCY"
POLICE_MAX_DAYS: Final = 30


@dataclass(frozen=True)
class LegalBasis:
    """One row of legal_bases.csv; days are whole days, and `max_days` is None where none apply."""

    code: str
    name_ja: str
    name_en: str
    law_ja: str
    law_en: str
    article: str
    kind: str
    consent_required: str
    provider_roles: tuple[str, ...]
    allowed_recipients: tuple[str, ...]
    allowed_purposes: tuple[str, ...]
    conditions_ja: str
    conditions_en: str
    must_record: tuple[str, ...]
    default_review_days: int
    notify_person: str
    can_be_share_basis: bool
    source_kind: str
    source: str
    verify_note: str
    overrides_never_tell: bool
    approval: str
    needs_request_no: bool
    needs_meeting_id: bool
    needs_other_statute: bool
    max_days: int | None


@dataclass(frozen=True)
class Refusal:
    """Why a basis does not carry a grant: a stable code, and the reason in both languages."""

    code: str
    ja: str
    en: str

    def __str__(self) -> str:
        return f"{self.code}: {self.en} / {self.ja}"


@dataclass(frozen=True)
class _Party:
    """One side of a grant, as far as the tokens of a row ask about it."""

    type: str
    legal_form: str | None
    on_council: bool

    @property
    def private_school(self) -> bool:
        return self.type == "school" and self.legal_form == "private"


def read_bases(path: Path) -> Mapping[str, LegalBasis]:
    """Return the legal bases of the file `path` by code, in the order of the file.

    Raises VocabularyError for a duplicate code, an unknown party, purpose or word, a `max_days`
    that is not a whole number, or a share basis without `max_days` or approval.
    """
    found: dict[str, LegalBasis] = {}
    for row in read_rows(path, COLUMNS):
        basis = _basis(row)
        if basis.code in found:
            raise row.mistake("code", f"{basis.code} stands twice")
        found[basis.code] = basis
    for code in sorted({CONSENT, EMERGENCY} | PUBLIC_PROVIDERS_ONLY | PUBLIC_RECIPIENTS_ONLY):
        if code not in found:
            raise VocabularyError(path, 1, "code", f"the basis {code} is missing")
    return MappingProxyType(found)


def _basis(row: Row) -> LegalBasis:
    share = row.yes("can_be_share_basis")
    parties = (*codes("org_type"), *codes("party_token"))
    approval = row.one_of("approval", (*APPROVALS, NO_APPROVAL_APPLIES))
    if share == (approval == NO_APPROVAL_APPLIES):
        raise row.mistake("approval", f"{approval!r} does not fit can_be_share_basis")
    return LegalBasis(
        code=row.text("code"),
        name_ja=row.text("name_ja"),
        name_en=row.text("name_en"),
        law_ja=row.text("law_ja"),
        law_en=row.text("law_en"),
        article=row.text("article"),
        kind=row.one_of("kind", KINDS),
        consent_required=row.one_of("consent_required", CONSENT_REQUIRED),
        provider_roles=row.codes("provider_roles", parties),
        allowed_recipients=row.codes("allowed_recipients", parties),
        allowed_purposes=row.codes("allowed_purposes", _purposes(share=share)),
        conditions_ja=row.text("conditions_ja"),
        conditions_en=row.text("conditions_en"),
        must_record=row.items("must_record"),
        default_review_days=row.number("default_review_days"),
        notify_person=row.one_of("notify_person", NOTIFY),
        can_be_share_basis=share,
        source_kind=row.one_of("source_kind", SOURCE_KINDS),
        source=row.optional("source"),
        verify_note=row.optional("verify_note"),
        overrides_never_tell=row.yes("overrides_never_tell"),
        approval=approval,
        needs_request_no=row.yes("needs_request_no"),
        needs_meeting_id=row.yes("needs_meeting_id"),
        needs_other_statute=row.yes("needs_other_statute"),
        max_days=_max_days(row, share=share),
    )


def _purposes(*, share: bool) -> Collection[str]:
    return codes("purpose") if share else (*codes("purpose"), *PURPOSES_WITHOUT_A_GRANT)


def _max_days(row: Row, *, share: bool) -> int | None:
    """Return the longest grant in days; a share basis without one would allow for ever."""
    if not share and not row.optional("max_days"):
        return None
    days = row.number("max_days")
    if days == 0:
        raise row.mistake("max_days", "must be at least 1")
    return days


_BASES = read_bases(FOLDER / "legal_bases.csv")
SHARE_BASES: Final = tuple(code for code, basis in _BASES.items() if basis.can_be_share_basis)
OVERRIDING_BASES: Final = frozenset(
    code for code, basis in _BASES.items() if basis.overrides_never_tell
)


def bases() -> Mapping[str, LegalBasis]:
    """Return every legal basis by code, in the order of the file."""
    return _BASES


def _base(code: str) -> LegalBasis:
    if code not in _BASES:
        raise UnknownCode("legal_bases", code)
    return _BASES[code]


def lane(code: str) -> Lane:
    """Return the lane of domain.md §3 that a grant on `code` takes.

    APPI27_1_2 speaks of emergencies but is a statute for private providers, so it is lane B; only
    the portal's own EMERGENCY is the fourth. Raises UnknownCode for what is no share basis.
    """
    if code not in SHARE_BASES:
        raise UnknownCode("share bases", code)
    if code in (CONSENT, EMERGENCY):
        return "consent" if code == CONSENT else "emergency"
    return "contract" if _BASES[code].kind == "contract" else "law"


def longest_days(code: str, recipient_type: str) -> int | None:
    """Return how many days a new grant on `code` to such an agency may last; None if none may.

    The police never get more than 30 days whatever the basis says (domain.md §1). `refusal` does
    not know this: it judges a register's past grants too, by their basis alone.
    """
    days = _base(code).max_days
    if known("org_type", recipient_type) != "police" or days is None:
        return days
    return min(days, POLICE_MAX_DAYS)


def refusal(
    basis_code: str,
    *,
    recipient_type: str,
    recipient_legal_form: str | None,
    recipient_on_council: bool,
    purpose: str,
    days: float | None,
    provider_type: str | None = None,
    provider_legal_form: str | None = None,
    provider_on_council: bool = False,
) -> Refusal | None:
    """Return why `basis_code` does not carry such a grant, or None if its row allows it.

    Takes the recipient's and, where it is known, the provider's agency type, legal form and
    membership of the council (要対協) on the day; the purpose; the length in `days`, None for a
    grant without an end, which is longer than any. Raises UnknownCode for an unknown basis, type,
    legal form or purpose. Sources: domain.md §3 lane B, legal_bases.csv, world-format.md.
    """
    basis = _base(basis_code)
    recipient = _party(recipient_type, recipient_legal_form, on_council=recipient_on_council)
    known("purpose", purpose)
    if not basis.can_be_share_basis:
        return _not_a_share_basis(basis)
    if not _receives(basis, recipient):
        return _wrong_recipient(basis, recipient)
    if provider_type is not None:
        provider = _party(provider_type, provider_legal_form, on_council=provider_on_council)
        if not _provides(basis, provider):
            return _wrong_provider(basis, provider)
    if purpose not in basis.allowed_purposes:
        return _wrong_purpose(basis, purpose)
    # Asked this way round, a length that is no number at all is refused too.
    if days is None or basis.max_days is None or not days <= basis.max_days:
        return _too_long(basis)
    return None


def _party(agency_type: str, legal_form: str | None, *, on_council: bool) -> _Party:
    if legal_form is not None:
        known("legal_form", legal_form)
    return _Party(known("org_type", agency_type), legal_form, on_council)


def _receives(basis: LegalBasis, party: _Party) -> bool:
    if party.private_school and basis.code in PUBLIC_RECIPIENTS_ONLY:
        return False
    return any(_matches(token, party) for token in basis.allowed_recipients)


def _provides(basis: LegalBasis, party: _Party) -> bool:
    if party.private_school and basis.code in PUBLIC_PROVIDERS_ONLY:
        return False
    return any(_matches(token, party) for token in basis.provider_roles)


def _matches(token: str, party: _Party) -> bool:
    if token == "council_member":  # noqa: S105 -- a party token of the file is no password.
        return party.on_council
    if token == "private_school":  # noqa: S105 -- the same.
        return party.private_school
    return party.type in AGENCY_TYPES_OF_TOKEN.get(token, (token,))


def _named(party: _Party, locale: str) -> str:
    """Return the agency's type, and whether it is a private school: the law differs for those."""
    name = label("org_type", party.type, locale)
    if not party.private_school:
        return name
    return f"{name}: {label('legal_form', 'private', locale)}"


def _not_a_share_basis(basis: LegalBasis) -> Refusal:
    return Refusal(
        "not_a_share_basis",
        f"「{basis.name_ja}」は、情報を共有する根拠としては使えません。",
        f"“{basis.name_en}” cannot be the basis of a share.",
    )


def _wrong_recipient(basis: LegalBasis, party: _Party) -> Refusal:
    return Refusal(
        "recipient_not_allowed",
        f"「{basis.name_ja}」では、この提供先（{_named(party, 'ja')}）に共有できません。",
        f"“{basis.name_en}” does not allow this recipient ({_named(party, 'en')}).",
    )


def _wrong_provider(basis: LegalBasis, party: _Party) -> Refusal:
    return Refusal(
        "provider_not_allowed",
        f"「{basis.name_ja}」は、提供元（{_named(party, 'ja')}）が使える根拠ではありません。",
        f"“{basis.name_en}” is not a basis for this provider ({_named(party, 'en')}).",
    )


def _wrong_purpose(basis: LegalBasis, purpose: str) -> Refusal:
    return Refusal(
        "purpose_not_allowed",
        f"「{basis.name_ja}」は、この目的（{label('purpose', purpose)}）には使えません。",
        f"“{basis.name_en}” does not allow this purpose ({label('purpose', purpose, 'en')}).",
    )


def _too_long(basis: LegalBasis) -> Refusal:
    return Refusal(
        "too_long",
        f"「{basis.name_ja}」で共有できるのは、長くても{basis.max_days}日間です。"
        "終わりの日を決めてください。",
        f"“{basis.name_en}” allows at most {basis.max_days} days, and an end is needed.",
    )
