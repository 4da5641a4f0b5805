"""The decision table of consent: each cell, each border, and who is never asked."""

import datetime as dt
import uuid
from dataclasses import replace
from itertools import product

import pytest

from portal.config import Config, ConfigError, ConsentAges
from portal.policy.capacity import (
    TABLE,
    Band,
    Decision,
    Guardian,
    Need,
    Way,
    Word,
    band_of,
    decide,
)

TODAY = dt.date(2026, 11, 25)
MOTHER, FATHER, OTHER = (
    Guardian(uuid.UUID(int=number), authority)
    for number, authority in ((1, "sole"), (2, "joint"), (3, None))
)
YES, NO = Word(yes=True), Word(yes=False)


def of(guardian: Guardian, **changes: object) -> Guardian:
    return replace(guardian, **changes)  # type: ignore[arg-type]


def joint(*people: Guardian) -> list[Guardian]:
    return [of(person, authority="joint") for person in people]


def decided(
    band: Band, guardians: list[Guardian], *said: tuple[Guardian, Word], objects: bool = False
) -> Decision:
    words = {guardian.person_id: word for guardian, word in said}
    return decide(band, guardians, words, objects=objects)


def test_the_table_has_every_cell() -> None:
    assert set(TABLE) == set(product(Band, Way))


@pytest.mark.parametrize(
    ("years", "days", "band"),
    [
        (11, 0, Band.YOUNG),
        (12, -1, Band.YOUNG),
        (12, 0, Band.MIDDLE),
        (16, -1, Band.MIDDLE),
        (16, 0, Band.OLDER),
        (18, -1, Band.OLDER),
        (18, 0, Band.ADULT),
    ],
)
def test_a_birthday_itself_opens_the_next_band(years: int, days: int, band: Band) -> None:
    birth = TODAY.replace(year=TODAY.year - years) - dt.timedelta(days=days)
    assert band_of(birth, TODAY, ConsentAges()) is band


def test_nobody_knows_the_age_of_the_youngest() -> None:
    assert band_of(None, TODAY, ConsentAges()) is Band.YOUNG


def test_the_ages_are_the_citys(tmp_path: object) -> None:
    born = TODAY.replace(year=TODAY.year - 15)
    assert band_of(born, TODAY, ConsentAges()) is Band.MIDDLE
    assert band_of(born, TODAY, ConsentAges(10, 15)) is Band.OLDER
    env = {"PORTAL_INSTANCE": str(tmp_path), "PORTAL_CONSENT_AGES": "10, 15"}
    assert Config.from_env(env, command=True).consent_ages == ConsentAges(10, 15)
    for wrong in ("16,12", "12", "12,16,18", "zwölf,16", "0,16", "12,19", "-1,16"):
        with pytest.raises(ConfigError, match="PORTAL_CONSENT_AGES"):
            Config.from_env({**env, "PORTAL_CONSENT_AGES": wrong}, command=True)


@pytest.mark.parametrize("band", [Band.OLDER, Band.ADULT])
@pytest.mark.parametrize(
    "guardians",
    [[], [MOTHER], [of(MOTHER, concerned=True)], [OTHER], joint(MOTHER, FATHER)],
)
def test_from_sixteen_on_the_child_decides_alone(band: Band, guardians: list[Guardian]) -> None:
    found = decided(band, guardians)
    assert (found.need, found.refusal, found.ask) == (Need.NOTHING, None, ())
    # A guardian's no changes nothing.
    assert decided(band, guardians, *((g, NO) for g in guardians)).refusal is None


@pytest.mark.parametrize("band", [Band.YOUNG, Band.MIDDLE])
class TestBelowSixteen:
    def test_the_one_holder_consents_beside_the_child(self, band: Band) -> None:
        asked = decided(band, [MOTHER])
        assert (asked.refusal, asked.ask) == ("guardian_missing", (MOTHER.person_id,))
        said = decided(band, [MOTHER], (MOTHER, YES))
        assert (said.refusal, said.counted, said.ask) == (None, (MOTHER.person_id,), ())
        assert decided(band, [MOTHER], (MOTHER, NO)).refusal == "guardian_refused"

    def test_joint_holders_both_consent(self, band: Band) -> None:
        both = joint(MOTHER, FATHER)
        first = decided(band, both, (both[0], YES))
        assert (first.refusal, first.ask) == ("other_holder_missing", (FATHER.person_id,))
        said = decided(band, both, (both[0], YES), (both[1], YES))
        assert (said.refusal, set(said.counted)) == (None, {MOTHER.person_id, FATHER.person_id})

    @pytest.mark.parametrize("reason", ["urgent", "daily", "other_unable"])
    def test_one_of_two_alone_with_a_reason_of_the_law(self, band: Band, reason: str) -> None:
        both = joint(MOTHER, FATHER)
        assert decided(band, both, (both[0], Word(True, reason))).refusal is None  # noqa: FBT003
        # The control: without it one alone is not enough.
        assert decided(band, both, (both[0], YES)).refusal is not None

    def test_a_second_holder_nobody_wrote_down_is_still_one(self, band: Band) -> None:
        [mother] = joint(MOTHER)
        assert decided(band, [mother], (mother, YES)).refusal == "other_holder_missing"

    @pytest.mark.parametrize("bar", ["concerned", "never_told"])
    def test_who_is_barred_is_neither_asked_nor_counted(self, band: Band, bar: str) -> None:
        both = joint(MOTHER, FATHER)
        both[1] = of(both[1], **{bar: True})
        found = decided(band, both)
        assert (found.ask, found.left_out) == ((MOTHER.person_id,), (FATHER.person_id,))
        assert decided(band, both, (both[0], YES)).refusal is None
        # Not even a yes that somehow stands there counts, nor a no.
        assert decided(band, both, (both[1], YES)).refusal == "guardian_missing"
        assert decided(band, both, (both[0], YES), (both[1], NO)).refusal is None

    @pytest.mark.parametrize("bar", ["concerned", "never_told"])
    def test_with_nobody_to_ask_only_a_law_is_left(self, band: Band, bar: str) -> None:
        alone = of(MOTHER, **{bar: True})
        found = decided(band, [alone], (alone, YES))
        assert (found.need, found.refusal, found.ask) == (Need.LAW, "law_left", ())
        assert decided(band, [of(MOTHER, authority="none")]).refusal == "law_left"

    def test_what_nobody_recorded_is_asked_for_first(self, band: Band) -> None:
        for guardians in ([], [OTHER]):
            assert decided(band, guardians).refusal == "authority_unknown"
        # The control: one who is barred needs no record.
        assert decided(band, [of(OTHER, concerned=True)]).refusal == "law_left"

    @pytest.mark.parametrize("authority", ["foster_parent", "facility_head", "cgc_head"])
    def test_who_stands_in_is_asked_only_where_no_holder_can_be(
        self, band: Band, authority: str
    ) -> None:
        foster = of(OTHER, authority=authority)
        assert decided(band, [foster], (foster, YES)).refusal is None
        assert decided(band, [MOTHER, foster], (foster, YES)).refusal == "guardian_missing"
        barred = of(MOTHER, concerned=True)
        assert decided(band, [barred, foster], (foster, YES)).refusal is None

    def test_a_guardian_of_a_minor_is_a_holder(self, band: Band) -> None:
        guardian = of(OTHER, authority="minor_guardian")
        assert decided(band, [guardian], (guardian, YES)).refusal is None

    def test_in_a_dispute_urgency_and_where_the_child_lives_decide(self, band: Band) -> None:
        both = joint(MOTHER, FATHER)
        no = (both[1], NO)
        assert decided(band, both, (both[0], YES), no).refusal == "holders_disagree"
        assert decided(band, both, (both[0], Word(True, "daily")), no).refusal is not None  # noqa: FBT003
        urgent = (both[0], Word(True, "urgent"))  # noqa: FBT003
        assert decided(band, both, urgent, no).counted == (MOTHER.person_id,)
        assert decided(band, both, urgent, no).refusal is None
        away = [of(both[0], lives_with=False), both[1]]
        assert decided(band, away, urgent, no).refusal == "holders_disagree"


def test_an_objection_for_a_good_reason_counts_from_twelve_on() -> None:
    assert decided(Band.MIDDLE, [MOTHER], objects=True).refusal is None
    assert decided(Band.YOUNG, [MOTHER], objects=True).refusal == "guardian_missing"
    # It opens nothing where only a law is left: the child fears what the guardian would do.
    barred = [of(MOTHER, concerned=True)]
    assert decided(Band.MIDDLE, barred, objects=True).refusal == "law_left"


def test_a_decision_says_of_everybody_where_they_stand() -> None:
    """Each way out of ``decide`` whole: whom a page names as left out, asked and counted."""
    mother, father, barred = *joint(MOTHER, FATHER), of(OTHER, concerned=True)
    everybody = [mother, father, barred]
    left_out, both = (barred.person_id,), (mother.person_id, father.person_id)
    urgent = (mother, Word(yes=True, alone_because="urgent"))
    young = Band.YOUNG
    for band, guardians, said, found in (
        (Band.ADULT, everybody, (), Decision(Need.NOTHING, Band.ADULT, (), left_out)),
        (young, [barred], (), Decision(Need.LAW, young, (), left_out, (), "law_left")),
        (
            *(young, everybody, (urgent, (father, NO))),
            Decision(
                *(Need.LIVING_WITH_IN_URGENCY, young, (), left_out, (mother.person_id,), None),
            ),
        ),
        (
            *(young, everybody, ()),
            Decision(Need.GUARDIANS, young, both, left_out, (), "guardian_missing"),
        ),
        # Where one alone is enough the other is not asked any more.
        (
            *(young, everybody, (urgent,)),
            Decision(Need.GUARDIANS, young, (), left_out, (mother.person_id,)),
        ),
    ):
        assert decided(band, guardians, *said) == found


def test_nothing_is_taken_for_granted_of_who_is_recorded() -> None:
    known = Guardian(MOTHER.person_id)
    assert (known.authority, known.lives_with) == (None, True)
    assert (known.concerned, known.never_told) == (False, False)
    assert Word(yes=True).alone_because is None
    # An objection is recorded with its reason, or there is none.
    assert decide(Band.MIDDLE, [MOTHER]).refusal == "guardian_missing"
    own = Decision(Need.NOTHING)
    assert (own.band, own.ask, own.left_out, own.counted, own.refusal) == (None, (), (), (), None)
