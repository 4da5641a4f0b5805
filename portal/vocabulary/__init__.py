"""The words and codes of the house: code lists, legal bases, glossary.

Three CSV files are read and checked once, at import: a file that contradicts itself stops the
portal with a VocabularyError that names file, line, column and reason. Nothing here knows Flask or
the database.
"""

from __future__ import annotations

from typing import Final

from portal.vocabulary.bases import (
    CONSENT,
    EMERGENCY,
    OVERRIDING_BASES,
    SHARE_BASES,
    Lane,
    LegalBasis,
    Refusal,
    bases,
    lane,
    longest_days,
    refusal,
)
from portal.vocabulary.demands import (
    COUNCIL_MEETINGS,
    POLICY_MEETING,
    REPORT_BASES,
    RULED_OUT,
    SHORTEST_REASON,
    Brought,
    Side,
    is_permission,
    needs_director,
    needs_meeting,
    needs_request,
    refused_between,
    statutes_for,
    unmet,
)
from portal.vocabulary.glossary import GlossaryTerm, term, terms
from portal.vocabulary.lists import Category, categories, choices, codes, known, label
from portal.vocabulary.presets import presets_for
from portal.vocabulary.reader import UnknownCode, VocabularyError


def _known(list_name: str, *wanted: str) -> tuple[str, ...]:
    """Return `wanted` in this order; a rule that names a vanished code stops the import."""
    return tuple(known(list_name, code) for code in wanted)


(CAFETERIA,) = _known("org_type", "cafeteria")
(WATCHER,) = _known("role", "watcher")
EXPERT_TYPES: Final = _known("org_type", "expert_lawyer", "expert_welfare")

ROLES: Final = codes("role")
OWNER_ROLES: Final = _known("role", "center_director", "center_counselor", "center_investigator")
BLIND_ROLES: Final = _known("role", "center_clerk", "sysadmin", "audit_officer")

# What ends a consent by itself; and the step that moves its end and leaves the answer as it was.
EXPIRED, SHORTENED = _known("consent_state", "expired", "shortened")

# Grants asked for as 見守り outlast the end of a case (domain.md §3, lane A).
(WATCHING,) = _known("purpose", "watching")

SLICES: Final = codes("slice")
UNSHAREABLE_SLICES: Final = _known("slice", "reporter", "advice")
SHAREABLE_SLICES: Final = tuple(code for code in SLICES if code not in UNSHAREABLE_SLICES)
_NEVER_TO_A_CAFETERIA: Final = _known("slice", "detail")

# What an emergency opens, to one person or to an agency (domain.md §3.4).
EMERGENCY_SLICES: Final = _known("slice", "basic", "contact", "safety", "health")
# What an entrusted NPO needs for its task at most: who, what is planned, what to watch.
ENTRUSTED_SLICES: Final = _known("slice", "basic", "summary", "plan", "watch_points")


def shareable_with(recipient_type: str) -> tuple[str, ...]:
    """Return the slices that a grant to an agency of this type may name (domain.md §4).

    Raises UnknownCode for an unknown type.
    """
    if known("org_type", recipient_type) != CAFETERIA:
        return SHAREABLE_SLICES
    return tuple(code for code in SHAREABLE_SLICES if code not in _NEVER_TO_A_CAFETERIA)


__all__ = [
    "BLIND_ROLES",
    "CAFETERIA",
    "CONSENT",
    "COUNCIL_MEETINGS",
    "EMERGENCY",
    "EMERGENCY_SLICES",
    "ENTRUSTED_SLICES",
    "EXPERT_TYPES",
    "EXPIRED",
    "OVERRIDING_BASES",
    "OWNER_ROLES",
    "POLICY_MEETING",
    "REPORT_BASES",
    "ROLES",
    "RULED_OUT",
    "SHAREABLE_SLICES",
    "SHARE_BASES",
    "SHORTENED",
    "SHORTEST_REASON",
    "SLICES",
    "UNSHAREABLE_SLICES",
    "WATCHER",
    "WATCHING",
    "Brought",
    "Category",
    "GlossaryTerm",
    "Lane",
    "LegalBasis",
    "Refusal",
    "Side",
    "UnknownCode",
    "VocabularyError",
    "bases",
    "categories",
    "choices",
    "codes",
    "is_permission",
    "known",
    "label",
    "lane",
    "longest_days",
    "needs_director",
    "needs_meeting",
    "needs_request",
    "presets_for",
    "refusal",
    "refused_between",
    "shareable_with",
    "statutes_for",
    "term",
    "terms",
    "unmet",
]
