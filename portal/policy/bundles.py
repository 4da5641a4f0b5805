"""What a child is asked about, in words of every day: the bundles and the slices each opens."""

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Final

from portal.vocabulary import CAFETERIA, EXPERT_TYPES, known, shareable_with

# A bundle is one question; more than four about one agency are no choice (domain.md §3).
BUNDLES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "talk": ("summary", "child_view", "plan", "progress"),
        "school": ("school",),
        "home": ("home",),
        "living": ("welfare",),
        "health": ("health",),
        "watch": ("watch_points",),
        "safety": ("safety", "contact"),
    }
)

# A cafeteria is told the watch points only; a paper inquiry of a court is no consent.
_BUNDLES_OF_TYPE: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        **dict.fromkeys(("school", "nursery"), ("school", "home", "health", "watch")),
        **dict.fromkeys(
            ("ward_welfare", "ward_child_health", "ward_protection"),
            ("home", "living", "health", "talk"),
        ),
        "cgc": ("talk", "home", "school", "health"),
        "npo": ("talk", "school", "home", "watch"),
        "medical": ("talk", "health", "home"),
        "police": ("safety",),
        "board_of_education": ("talk", "school"),
        "mayor_department": ("talk",),
        "cram_club": ("watch",),
        CAFETERIA: ("watch",),
        **dict.fromkeys(("support_center", "family_court", *EXPERT_TYPES), ()),
    }
)


def bundles_for(agency_type: str) -> tuple[str, ...]:
    """Return the bundles a child is asked about for an agency of this type: at most four, or none.

    Raises UnknownCode for an unknown type.
    """
    return _BUNDLES_OF_TYPE[known("org_type", agency_type)]


def bundles_to_ask(agency_type: str, by_duty: Collection[str]) -> tuple[str, ...]:
    """Return the bundles of ``bundles_for`` that are a real question.

    Args:
        agency_type: code of the list ``org_type``.
        by_duty: the slices that a duty of the law opens to the agency anyway: whoever asks about
            those asks for show (domain.md §3.2).

    """
    return tuple(
        bundle
        for bundle in bundles_for(agency_type)
        if not set(slices_of(bundle, agency_type)) & set(by_duty)
    )


def slices_of(bundle: str, agency_type: str) -> tuple[str, ...]:
    """Return the slices that a yes to a bundle opens; ``basic`` goes with every yes (domain.md §4).

    To a cafeteria only the watch points go, which carry the name the child wants to be called.
    """
    opened = BUNDLES[bundle] if agency_type == CAFETERIA else ("basic", *BUNDLES[bundle])
    return tuple(code for code in opened if code in shareable_with(agency_type))


def purpose_for(agency_type: str) -> str:
    """Return the purpose that the card names: watching at places of every day, else support."""
    return "watching" if bundles_for(agency_type) == ("watch",) else "support"
