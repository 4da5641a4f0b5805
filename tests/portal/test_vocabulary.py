"""The vocabulary: what the files hold, how a broken file is refused, and what a basis forbids."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal import vocabulary
from portal.vocabulary.bases import read_bases
from portal.vocabulary.glossary import read_glossary
from portal.vocabulary.lists import FOLDER, LIST_NAMES, read_lists

READERS: dict[str, Callable[[Path], Any]] = {
    "categories.csv": read_lists,
    "legal_bases.csv": read_bases,
    "glossary.csv": read_glossary,
}


def rewritten(folder: Path, name: str, line: int, column: str, cell: str) -> Path:
    """Copy the file `name` into `folder` with one cell changed; the files have no long rows."""
    with (FOLDER / name).open(encoding="utf-8", newline="") as source:
        rows = list(csv.reader(source))
    rows[line - 1][rows[0].index(column)] = cell
    copy = folder / name
    with copy.open("w", encoding="utf-8", newline="") as target:
        csv.writer(target).writerows(rows)
    return copy


def line_of(name: str, column: str, cell: str) -> int:
    """The line on which `cell` stands in `column` for the first time."""
    with (FOLDER / name).open(encoding="utf-8", newline="") as source:
        for line, row in enumerate(csv.DictReader(source), start=2):
            if row[column] == cell:
                return line
    raise AssertionError(f"{name} has no {column} {cell}")


class TestLists:
    def test_codes_come_in_sort_order(self) -> None:
        assert vocabulary.codes("urgency") == ("AA", "A", "B", "C", "D")
        # The file gives nursery 25, behind others that stand before it.
        types = vocabulary.codes("org_type")
        assert types.index("school") < types.index("nursery") < types.index("board_of_education")

    def test_equal_numbers_keep_the_order_of_the_file(self) -> None:
        assert vocabulary.codes("slice")[-4:] == ("facts", "judgement", "advice", "others")

    def test_label_in_both_languages(self) -> None:
        assert vocabulary.label("role", "watcher") == "見守り担当"
        assert vocabulary.label("org_type", "cgc", "en") != vocabulary.label("org_type", "cgc")

    @pytest.mark.parametrize(
        ("list_name", "code", "locale"),
        [("role", "king", "ja"), ("no_list", "AA", "ja"), ("urgency", "AA", "fr")],
    )
    def test_what_is_unknown_raises(self, list_name: str, code: str, locale: str) -> None:
        with pytest.raises(vocabulary.UnknownCode, match="is not in the list"):
            vocabulary.label(list_name, code, locale)
        assert vocabulary.label("urgency", "AA", "ja")

    def test_choices_are_codes_with_their_names(self) -> None:
        assert vocabulary.choices("necessity", "ja")[0] == (
            "alone_difficult",
            "センターや食堂だけでは救済が困難",
        )
        for name in LIST_NAMES:
            assert tuple(code for code, _ in vocabulary.choices(name, "en")) == vocabulary.codes(
                name
            )

    def test_the_interface_never_writes_child_with_two_kanji(self) -> None:
        """ui.md: こども, never 子供; the name of a public hotline is its own."""
        written = {
            f"{name}.{code}"
            for name in LIST_NAMES
            for code, label in vocabulary.choices(name)
            if "子供" in label
        }
        assert written == {"hotline.SOS24"}


class TestConstants:
    def test_owner_and_blind_roles_share_nobody(self) -> None:
        assert set(vocabulary.OWNER_ROLES).isdisjoint(vocabulary.BLIND_ROLES)
        assert {*vocabulary.OWNER_ROLES, *vocabulary.BLIND_ROLES} <= set(vocabulary.ROLES)

    def test_reporter_and_advice_are_shared_with_nobody(self) -> None:
        assert set(vocabulary.SLICES) - set(vocabulary.SHAREABLE_SLICES) == {"reporter", "advice"}

    def test_a_cafeteria_never_gets_the_detail(self) -> None:
        assert "detail" in vocabulary.shareable_with("school")
        assert "detail" not in vocabulary.shareable_with(vocabulary.CAFETERIA)
        assert "watch_points" in vocabulary.shareable_with(vocabulary.CAFETERIA)

    def test_overriding_bases_are_the_ten_of_the_file(self) -> None:
        ten = {
            *("APPI27_1_2", "BULLY23_6", "BULLY28", "CAPA10", "CAPA6"),
            *("CWA25", "CWA25_7", "CWA33_12", "EMERGENCY", "TSV18"),
        }
        assert ten == vocabulary.OVERRIDING_BASES
        assert set(vocabulary.SHARE_BASES) >= vocabulary.OVERRIDING_BASES

    def test_every_share_basis_has_a_lane(self) -> None:
        lanes = {code: vocabulary.lane(code) for code in vocabulary.SHARE_BASES}
        assert {code for code, lane in lanes.items() if lane != "law"} == {
            *("CONSENT", "EXPERT", "ENTRUST_NPO", "EMERGENCY"),
        }
        assert lanes["CONSENT"] == "consent"
        assert lanes["EXPERT"] == lanes["ENTRUST_NPO"] == "contract"
        assert lanes["EMERGENCY"] == "emergency"
        assert lanes["APPI27_1_2"] == "law"

    @pytest.mark.parametrize("code", ["CAPA7", "NO_SUCH_LAW"])
    def test_what_carries_no_share_has_no_lane(self, code: str) -> None:
        with pytest.raises(vocabulary.UnknownCode):
            vocabulary.lane(code)

    def test_the_police_get_thirty_days_at_most(self) -> None:
        assert vocabulary.longest_days("CAPA10", "police") == 30
        assert vocabulary.longest_days("CAPA10", "cgc") == 90
        assert vocabulary.longest_days("EMERGENCY", "police") == 1
        assert vocabulary.longest_days("CAPA7", "police") is None


class TestBases:
    def test_columns_are_typed(self) -> None:
        basis = vocabulary.bases()["CAPA13_4"]
        assert basis.max_days == 30
        assert basis.allowed_purposes == ("protection", "safety", "fact_finding")
        assert basis.needs_request_no is True
        assert basis.needs_meeting_id is False
        assert basis.approval == "director"
        assert basis.must_record[1:] == ("reply", "items")
        assert vocabulary.bases()["CAPA7"].max_days is None

    def test_the_glossary_answers_by_its_japanese(self) -> None:
        assert vocabulary.term("サポセン").reading == "さぽせん"
        assert len(vocabulary.terms()) == max(each.id for each in vocabulary.terms().values())
        with pytest.raises(vocabulary.UnknownCode):
            vocabulary.term("ない言葉")


BROKEN_CELLS = [
    ("categories.csv", 3, "code", "support_center", "stands twice"),
    ("categories.csv", 3, "code", "学校", "must consist of"),
    ("categories.csv", 3, "list", "org_typ", "unknown word 'org_typ'"),
    ("categories.csv", 3, "ja", " ", "is missing"),
    ("categories.csv", 3, "en", "", "is missing"),
    ("categories.csv", 3, "sort", "2.5", "is not a whole number"),
    ("categories.csv", 3, "sort", "２", "is not a whole number"),
    ("categories.csv", 3, "source_kind", "rumour", "unknown word"),
    ("legal_bases.csv", 3, "code", "CONSENT", "stands twice"),
    ("legal_bases.csv", 3, "can_be_share_basis", "maybe", "unknown word 'maybe'"),
    ("legal_bases.csv", 3, "overrides_never_tell", "YES", "unknown word 'YES'"),
    ("legal_bases.csv", 3, "needs_meeting_id", "", "is missing"),
    ("legal_bases.csv", 3, "allowed_recipients", "school;fire_brigade", "'fire_brigade'"),
    ("legal_bases.csv", 3, "allowed_recipients", "school;;cgc", "unknown code ''"),
    ("legal_bases.csv", 3, "provider_roles", "school;school", "'school' stands twice"),
    ("legal_bases.csv", 3, "provider_roles", "wizard", "unknown code 'wizard'"),
    ("legal_bases.csv", 3, "allowed_purposes", "curiosity", "unknown code 'curiosity'"),
    # What is done on paper or with figures is no purpose of a grant.
    ("legal_bases.csv", 3, "allowed_purposes", "statistics", "unknown code 'statistics'"),
    ("legal_bases.csv", 3, "max_days", "ninety", "is not a whole number"),
    ("legal_bases.csv", 3, "max_days", "-1", "is not a whole number"),
    ("legal_bases.csv", 3, "max_days", "0", "must be at least 1"),
    ("legal_bases.csv", 3, "max_days", "", "is missing"),
    ("legal_bases.csv", 3, "name_en", "", "is missing"),
    ("legal_bases.csv", 3, "law_ja", "", "is missing"),
    ("legal_bases.csv", 3, "kind", "wish", "unknown word 'wish'"),
    ("legal_bases.csv", 3, "approval", "n/a", "does not fit"),
    ("glossary.csv", 3, "ja", "こどもの権利", "stands twice"),
    ("glossary.csv", 3, "id", "1", "stands twice"),
    ("glossary.csv", 3, "en", "", "is missing"),
    ("glossary.csv", 3, "ja", "", "is missing"),
]


class TestBrokenFiles:
    @pytest.mark.parametrize("name", READERS)
    def test_an_untouched_copy_is_read(self, tmp_path: Path, name: str) -> None:
        """The arm that shows that a broken cell, and not the copying, is what gets refused."""
        column = "code" if name == "legal_bases.csv" else "ja"
        assert READERS[name](rewritten(tmp_path, name, 1, column, column))

    @pytest.mark.parametrize("broken", BROKEN_CELLS)
    def test_a_broken_cell_is_refused_with_its_place(
        self, tmp_path: Path, broken: tuple[str, int, str, str, str]
    ) -> None:
        name, line, column, cell, reason = broken
        copy = rewritten(tmp_path, name, line, column, cell)
        with pytest.raises(vocabulary.VocabularyError) as refused:
            READERS[name](copy)
        assert str(refused.value).startswith(f"{name}, line {line}, column {column}: ")
        assert reason in str(refused.value)

    def test_a_share_basis_without_a_limit_is_refused_but_a_duty_of_secrecy_needs_none(
        self, tmp_path: Path
    ) -> None:
        line = line_of("legal_bases.csv", "code", "CAPA7")
        assert READERS["legal_bases.csv"](
            rewritten(tmp_path, "legal_bases.csv", line, "max_days", "")
        )

    def test_a_list_that_vanished_is_named(self, tmp_path: Path) -> None:
        lines = (FOLDER / "categories.csv").read_text(encoding="utf-8").splitlines()
        copy = tmp_path / "categories.csv"
        copy.write_text(
            "\n".join(line for line in lines if not line.startswith("urgency,")), encoding="utf-8"
        )
        with pytest.raises(vocabulary.VocabularyError, match="the list urgency has no code"):
            read_lists(copy)

    def test_a_basis_that_the_rules_name_cannot_vanish(self, tmp_path: Path) -> None:
        line = line_of("legal_bases.csv", "code", "EMERGENCY")
        copy = rewritten(tmp_path, "legal_bases.csv", line, "code", "EMERGENCE")
        with pytest.raises(vocabulary.VocabularyError, match="the basis EMERGENCY is missing"):
            read_bases(copy)

    @pytest.mark.parametrize(
        ("content", "place"),
        [
            (b"", "line 1, column -: the header"),
            (b"id,ja,reading\n", "line 1, column -: the header"),
            (b"id,ja,reading,en,note,category,source_kind\n1,a\n", "line 2, column -: has 2 cells"),
            (
                b'id,ja,reading,en,note,category,source_kind\n1,a,a,a,"x\ny",c,seed\n2,b\n',
                "line 4, column -: has 2 cells",
            ),
            (b'id,ja,reading,en,note,category,source_kind\n1,"a"b,c\n', "line 2, column -: is not"),
            (b"id,ja,reading,en,note,category,source_kind\n1,\xff\n", "line 2, column -: is not U"),
        ],
    )
    def test_a_broken_shape_is_refused_with_its_line(
        self, tmp_path: Path, content: bytes, place: str
    ) -> None:
        copy = tmp_path / "glossary.csv"
        copy.write_bytes(content)
        with pytest.raises(vocabulary.VocabularyError) as refused:
            read_glossary(copy)
        assert place in str(refused.value)


def refused(basis: str, recipient: str, **changes: object) -> str | None:
    """The code of the refusal for a grant that is in order but for `changes`."""
    terms: dict[str, Any] = {
        "recipient_type": recipient,
        "recipient_legal_form": "municipal",
        "recipient_on_council": False,
        "purpose": vocabulary.bases()[basis].allowed_purposes[0],
        "days": 1,
    }
    answer = vocabulary.refusal(basis, **terms | changes)
    return answer.code if answer else None


class TestRecipients:
    @pytest.mark.parametrize(
        ("basis", "recipient", "changes"),
        [
            ("CAPA6", "cgc", {}),
            ("CAPA10", "police", {}),
            ("EXPERT", "expert_welfare", {}),
            ("ENTRUST_NPO", "npo", {}),
            ("CONSENT", "cram_club", {"recipient_legal_form": "private"}),
            ("APPI69_1", "family_court", {"recipient_legal_form": None}),
            ("CWA25_2", "npo", {"recipient_on_council": True}),
            ("CWA25_3", "school", {"recipient_on_council": True}),
            ("APPI69_2_4", "school", {"recipient_legal_form": "private"}),
            ("CWA33_12", "ward_protection", {}),
            ("BULLY28", "mayor_department", {}),
            ("TSV18", "school", {"recipient_legal_form": "private"}),
            ("APPI69_2_3", "school", {"recipient_legal_form": "prefectural"}),
            ("SCHPOL", "police", {}),
        ],
    )
    def test_allowed(self, basis: str, recipient: str, changes: dict[str, Any]) -> None:
        assert refused(basis, recipient, **changes) is None

    @pytest.mark.parametrize(
        ("basis", "recipient", "changes"),
        [
            ("CAPA6", "npo", {}),
            ("CAPA6", "school", {"recipient_on_council": True}),
            ("CAPA10", "cgc", {}),
            ("EXPERT", "npo", {}),
            ("ENTRUST_NPO", "cafeteria", {}),
            ("CWA25_2", "npo", {"recipient_on_council": False}),
            ("APPI69_2_4", "school", {"recipient_legal_form": "municipal"}),
            ("APPI69_2_4", "school", {"recipient_legal_form": None}),
            ("APPI69_2_4", "nursery", {"recipient_legal_form": "private"}),
            ("CWA33_12", "board_of_education", {}),
            ("APPI69_2_3", "school", {"recipient_legal_form": "private"}),
            ("SCHPOL", "school", {"recipient_legal_form": "private"}),
            # The portal keeps no register of these meetings, so nobody is known to be a member.
            ("POOR9", "ward_welfare", {"recipient_on_council": True}),
            ("CYS20", "npo", {"recipient_on_council": True}),
            ("LPA27_3", "ward_protection", {"recipient_on_council": True}),
        ],
    )
    def test_forbidden(self, basis: str, recipient: str, changes: dict[str, Any]) -> None:
        assert refused(basis, recipient, **changes) == "recipient_not_allowed"

    def test_a_basis_of_secrecy_carries_no_share_to_anybody(self) -> None:
        assert refused("CAPA7", "cgc", purpose="support") == "not_a_share_basis"

    @pytest.mark.parametrize(
        ("changes", "list_name"),
        [
            ({"recipient_type": "circus"}, "org_type"),
            ({"recipient_legal_form": "royal"}, "legal_form"),
            ({"purpose": "curiosity"}, "purpose"),
            ({"provider_type": "circus"}, "org_type"),
        ],
    )
    def test_unknown_codes_raise_instead_of_being_refused(
        self, changes: dict[str, Any], list_name: str
    ) -> None:
        with pytest.raises(vocabulary.UnknownCode, match=list_name):
            refused("CAPA6", "cgc", **changes)
        with pytest.raises(vocabulary.UnknownCode, match="legal_bases"):
            vocabulary.refusal(
                "NO_SUCH_LAW",
                recipient_type="cgc",
                recipient_legal_form=None,
                recipient_on_council=False,
                purpose="support",
                days=1,
            )


class TestProviders:
    @pytest.mark.parametrize(
        ("basis", "recipient", "changes"),
        [
            ("CAPA10", "police", {"provider_type": "cgc"}),
            ("CAPA6", "cgc", {"provider_type": "cafeteria"}),
            (
                "CWA25_2",
                "school",
                {
                    "recipient_on_council": True,
                    "provider_type": "support_center",
                    "provider_on_council": True,
                },
            ),
            ("APPI69_2_3", "cgc", {"provider_type": "school"}),
            ("APPI27_1_3", "cgc", {"provider_type": "school", "provider_legal_form": "private"}),
        ],
    )
    def test_allowed(self, basis: str, recipient: str, changes: dict[str, Any]) -> None:
        assert refused(basis, recipient, **changes) is None

    @pytest.mark.parametrize(
        ("basis", "recipient", "changes"),
        [
            ("CAPA10", "police", {"provider_type": "support_center"}),
            ("EXPERT", "expert_lawyer", {"provider_type": "npo"}),
            (
                "CWA25_2",
                "school",
                {"recipient_on_council": True, "provider_type": "support_center"},
            ),
            ("APPI69_2_3", "cgc", {"provider_type": "school", "provider_legal_form": "private"}),
            ("APPI27_1_3", "cgc", {"provider_type": "school", "provider_legal_form": "municipal"}),
        ],
    )
    def test_forbidden(self, basis: str, recipient: str, changes: dict[str, Any]) -> None:
        assert refused(basis, recipient, **changes) == "provider_not_allowed"
        without = {key: value for key, value in changes.items() if "provider" not in key}
        assert refused(basis, recipient, **without) is None


class TestPurposeAndLength:
    def test_the_purpose_must_stand_in_the_row(self) -> None:
        assert refused("EXPERT", "expert_lawyer", purpose="expert_advice") is None
        assert refused("EXPERT", "expert_lawyer", purpose="support") == "purpose_not_allowed"

    @pytest.mark.parametrize("days", [0.5, 1, 1.0])
    def test_up_to_the_last_day_is_allowed(self, days: float) -> None:
        assert refused("EMERGENCY", "cgc", days=days) is None

    @pytest.mark.parametrize("days", [1.0000001, 2, math.inf, math.nan, None])
    def test_longer_or_without_an_end_is_refused(self, days: float | None) -> None:
        assert refused("EMERGENCY", "cgc", days=days) == "too_long"

    @given(
        basis=st.sampled_from(vocabulary.SHARE_BASES),
        recipient=st.sampled_from(vocabulary.codes("org_type")),
        legal_form=st.sampled_from([None, *vocabulary.codes("legal_form")]),
        members=st.sampled_from(["recipient_on_council", "nobody_on_council"]),
        purpose=st.sampled_from(vocabulary.codes("purpose")),
    )
    def test_no_basis_allows_a_grant_without_an_end(
        self, basis: str, recipient: str, legal_form: str | None, members: str, purpose: str
    ) -> None:
        terms: dict[str, Any] = {
            "recipient_type": recipient,
            "recipient_legal_form": legal_form,
            "recipient_on_council": members == "recipient_on_council",
            "purpose": purpose,
        }
        assert vocabulary.refusal(basis, **terms, days=None) is not None
        longest = vocabulary.bases()[basis].max_days
        for_long = vocabulary.refusal(basis, **terms, days=longest)
        assert for_long is None or for_long.code != "too_long"

    def test_a_refusal_speaks_both_languages(self) -> None:
        answer = vocabulary.refusal(
            "SCHPOL",
            recipient_type="school",
            recipient_legal_form="private",
            recipient_on_council=False,
            purpose="support",
            days=1,
        )
        assert answer is not None
        assert "学校" in answer.ja
        assert "私立" in answer.ja
        assert "School" in answer.en
        assert str(answer).startswith("recipient_not_allowed: ")


# ------------------------------------------------------------------------------------- the presets


@pytest.mark.parametrize("kind", vocabulary.codes("org_type"))
def test_a_preset_ticks_only_what_its_kind_of_agency_may_have(kind: str) -> None:
    for purpose, slices in vocabulary.presets_for(kind).items():
        assert purpose in vocabulary.codes("purpose")
        assert slices
        assert set(slices) <= set(vocabulary.shareable_with(kind))
        # In the order of the list, so that a page shows them as it shows the boxes.
        assert list(slices) == [code for code in vocabulary.SLICES if code in slices]
    if kind in vocabulary.EXPERT_TYPES:
        assert not vocabulary.presets_for(kind), "experts read briefs"


def test_a_preset_of_no_kind_is_an_unknown_code() -> None:
    with pytest.raises(vocabulary.UnknownCode):
        vocabulary.presets_for("newspaper")
