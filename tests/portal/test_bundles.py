"""What a child is asked about, agency by agency, and what a yes opens (domain.md §3, §4)."""

import pytest

from portal.policy.bundles import (
    BUNDLES,
    bundles_for,
    bundles_to_ask,
    purpose_for,
    slices_of,
)
from portal.vocabulary import UnknownCode, codes

ASKED = {
    "school": ("school", "home", "health", "watch"),
    "nursery": ("school", "home", "health", "watch"),
    "ward_welfare": ("home", "living", "health", "talk"),
    "ward_child_health": ("home", "living", "health", "talk"),
    "ward_protection": ("home", "living", "health", "talk"),
    "cgc": ("talk", "home", "school", "health"),
    "npo": ("talk", "school", "home", "watch"),
    "medical": ("talk", "health", "home"),
    "police": ("safety",),
    "board_of_education": ("talk", "school"),
    "mayor_department": ("talk",),
    "cram_club": ("watch",),
    "cafeteria": ("watch",),
    "support_center": (),
    "family_court": (),
    "expert_lawyer": (),
    "expert_welfare": (),
}
OPENED = {
    "talk": ("basic", "summary", "child_view", "plan", "progress"),
    "school": ("basic", "school"),
    "home": ("basic", "home"),
    "living": ("basic", "welfare"),
    "health": ("basic", "health"),
    "watch": ("basic", "watch_points"),
    "safety": ("basic", "safety", "contact"),
}


def test_a_child_is_asked_about_each_agency_what_it_needs_and_at_most_four_things() -> None:
    assert {each: bundles_for(each) for each in codes("org_type")} == ASKED
    assert max(map(len, ASKED.values())) == 4


def test_a_yes_opens_the_slices_of_its_bundle_and_who_the_child_is() -> None:
    assert {each: slices_of(each, "school") for each in BUNDLES} == OPENED
    # The name the child wants to be called stands in the watch points; nothing else goes there.
    assert slices_of("watch", "cafeteria") == ("watch_points",)


def test_nobody_asks_about_an_agency_that_does_not_exist() -> None:
    with pytest.raises(UnknownCode, match="org_type"):
        bundles_for("no such type")


def test_what_a_duty_opens_anyway_is_not_asked_for_show() -> None:
    assert bundles_to_ask("school", ()) == ASKED["school"]
    assert bundles_to_ask("school", ("home", "advice")) == ("school", "health", "watch")
    assert bundles_to_ask("police", ("contact",)) == ()
    # Where the child is called by name, everything asked begins with it.
    assert bundles_to_ask("school", ("basic",)) == ()
    assert bundles_to_ask("cafeteria", ("basic",)) == ("watch",)


def test_places_of_every_day_watch_and_the_others_support() -> None:
    watching = {each for each in ASKED if purpose_for(each) == "watching"}
    assert watching == {"cram_club", "cafeteria"}
    assert {purpose_for(each) for each in ASKED if each not in watching} == {"support"}
