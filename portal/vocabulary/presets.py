"""Which slices usually go to which kind of agency for which purpose: a first tick, never a rule.

Whoever shares chooses a row of this table, sees what it ticks and changes it. The least that the
purpose needs stands here (domain.md §4); why it is needed in the case at hand is still written.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from portal.vocabulary.lists import known

# Kinds of agencies, and for each purpose the slices that are ticked.
_TABLE: Final[tuple[tuple[tuple[str, ...], dict[str, tuple[str, ...]]], ...]] = (
    (
        ("cgc",),
        {
            "statutory_report": ("basic", "contact", "safety"),
            "safety": ("basic", "contact", "health", "safety"),
            "protection": ("basic", "contact", "summary", "home", "health", "safety", "judgement"),
            "coordination": ("basic", "summary", "child_view", "plan", "progress"),
        },
    ),
    (
        ("police",),
        {
            "statutory_report": ("basic", "contact", "safety"),
            "safety": ("basic", "contact", "safety"),
        },
    ),
    (
        ("school", "nursery"),
        {
            "statutory_report": ("basic", "summary", "safety"),
            "fact_finding": ("basic", "summary", "facts"),
            "support": ("basic", "child_view", "school", "plan"),
            "watching": ("basic", "watch_points"),
        },
    ),
    (
        ("board_of_education",),
        {
            "statutory_report": ("basic", "summary", "school", "safety"),
            "fact_finding": ("basic", "summary", "school", "facts"),
            "coordination": ("basic", "summary", "plan"),
        },
    ),
    (
        ("ward_child_health",),
        {
            "statutory_report": ("basic", "contact", "safety"),
            "support": ("basic", "contact", "home", "health", "plan"),
            "coordination": ("basic", "summary", "plan", "progress"),
        },
    ),
    (
        ("ward_welfare", "ward_protection"),
        {
            "statutory_report": ("basic", "contact", "safety"),
            "support": ("basic", "contact", "home", "welfare", "plan"),
            "coordination": ("basic", "summary", "plan", "progress"),
        },
    ),
    (("mayor_department",), {"statutory_report": ("summary", "judgement")}),
    (
        ("npo",),
        {
            "support": ("basic", "summary", "plan"),
            "watching": ("basic", "watch_points"),
        },
    ),
    (
        ("medical",),
        {
            "support": ("basic", "summary", "health"),
            "safety": ("basic", "health", "safety"),
        },
    ),
    (("cram_club",), {"watching": ("basic", "watch_points")}),
    # A cafeteria is told the points alone; they carry the name the child wants to be called.
    (("cafeteria",), {"watching": ("watch_points",)}),
)

_PRESETS: Final[Mapping[str, Mapping[str, tuple[str, ...]]]] = MappingProxyType(
    {
        known("org_type", kind): MappingProxyType(
            {
                known("purpose", purpose): tuple(known("slice", code) for code in slices)
                for purpose, slices in row.items()
            }
        )
        for kinds, row in _TABLE
        for kind in kinds
    }
)


def presets_for(agency_type: str) -> Mapping[str, tuple[str, ...]]:
    """Return by purpose the slices that are ticked for an agency of this type; empty for others.

    Raises UnknownCode for an unknown type.
    """
    return _PRESETS.get(known("org_type", agency_type), MappingProxyType({}))


__all__ = ["presets_for"]
