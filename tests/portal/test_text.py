"""Typed text: what survives, what is refused with words, what agrees when searched."""

from __future__ import annotations

import re
import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal import text
from portal.text import BadText, clean, excerpt, fold_kana, hiragana, normalise_email

NAMES = ["髙橋", "山﨑", "𠮷野", "葛\U000e0100城", "福\ufa1b", "\ufa10本", "\U0002f91a", "👨‍👩‍👧"]

# Everything that can be in a Python string, with the troublemakers drawn often.
TYPED = st.text(
    st.one_of(
        st.characters(),
        st.sampled_from(
            "\x00\x1b\x7f\x85\u202e\u2066\u200b\ufeff\u3000\r\n\t\v\u2028 か゛\u3099\ud800"
        ),
    ),
    max_size=40,
)


def cleaned(typed: str, *, multiline: bool = True, limit: int = 10_000) -> str:
    return clean(typed, limit=limit, multiline=multiline)


def sent_until_accepted(typed: str, *, multiline: bool) -> str:
    """Send once more what a refusal gave back, as its message promises that this is enough."""
    try:
        return cleaned(typed, multiline=multiline)
    except BadText as refused:
        return cleaned(refused.mended or "", multiline=multiline)


class TestWhatSurvives:
    @pytest.mark.parametrize("name", NAMES)
    def test_names_and_emoji_stay_as_they_are_written(self, name: str) -> None:
        assert cleaned(name) == name
        assert cleaned(name, multiline=False) == name

    def test_ideographs_that_plain_nfc_would_replace(self) -> None:
        """The arm that shows why NFC alone is not enough for names."""
        assert unicodedata.normalize("NFC", "\ufa10") == "塚"
        assert cleaned("か\u3099\ufa10か\u3099") == "が\ufa10が"

    def test_compatibility_forms_are_kept_too(self) -> None:
        assert cleaned("①ｶﾞ㈱") == "①ｶﾞ㈱"

    @pytest.mark.parametrize("end", ["\r\n", "\r", "\n", "\v", "\f", "\x85", "\u2028", "\u2029"])
    def test_every_line_end_is_one(self, end: str) -> None:
        assert cleaned(f"一{end}二") == "一\n二"
        assert cleaned(f"一{end}二", multiline=False) == "一 二"

    def test_blanks_at_the_ends_go_and_indents_stay(self) -> None:
        assert cleaned("\n \n　はじめ  \n\n　つぎ\u3000\ufeff\n\u200b\n") == "　はじめ\n\n　つぎ"
        assert cleaned("　山田　太郎\t") == "　山田　太郎"
        assert cleaned("　山田　太郎\t", multiline=False) == "山田　太郎"

    @pytest.mark.parametrize("typed", ["", " ", "\n\n", "\u3000", "\u200b", "\ufeff \u2060\n\t"])
    def test_nothing_visible_is_nothing(self, typed: str) -> None:
        assert not cleaned(typed)
        assert not cleaned(typed, multiline=False)

    @given(TYPED, st.sampled_from(["a line", "several lines"]))
    def test_cleaning_twice_changes_nothing(self, typed: str, field: str) -> None:
        multiline = field == "several lines"
        once = sent_until_accepted(typed, multiline=multiline)
        assert cleaned(once, multiline=multiline) == once
        assert once.encode().decode() == once
        assert multiline or "\n" not in once

    @given(st.text(st.characters(exclude_categories=["C", "Z"]), max_size=30))
    def test_visible_text_is_equal_under_nfc(self, typed: str) -> None:
        kept = cleaned(f"a{typed}b")
        assert unicodedata.normalize("NFC", kept) == unicodedata.normalize("NFC", f"a{typed}b")


class TestWhatIsRefused:
    @pytest.mark.parametrize(
        ("typed", "code", "mended"),
        [
            ("た\x00すけて", "control_character", "たすけて"),
            ("\x1b[31m赤", "control_character", "[31m赤"),
            ("a\x7fb\x9f", "control_character", "ab"),
            ("見本\u202egpj.exe", "bidi_control", "見本gpj.exe"),
            ("\u2066x\u2069\x00", "bidi_control", "x"),
            ("こ\ud800え", "broken_character", "こえ"),
            ("\udfff\u202a\x01", "broken_character", ""),
            ("あ" + "\u0301" * 31, "stacked_marks", "あ" + "\u0301" * 30),
        ],
    )
    def test_with_a_code_and_the_text_without_it(self, typed: str, code: str, mended: str) -> None:
        with pytest.raises(BadText) as refused:
            cleaned(typed)
        assert refused.value.code == code
        assert refused.value.mended == mended
        assert cleaned(mended) == unicodedata.normalize("NFC", mended)

    def test_the_message_names_the_characters(self) -> None:
        with pytest.raises(BadText) as refused:
            cleaned("\u202e\u202a")
        assert "U+202A, U+202E" in refused.value.message

    @pytest.mark.parametrize("character", ["\u200e", "\u200f", "\u061c", "\u200d", "\ufe0f", "\t"])
    def test_marks_that_languages_and_emoji_need_are_not_refused(self, character: str) -> None:
        assert cleaned(f"a{character}b") == f"a{character}b"

    def test_too_long_counts_what_would_be_kept(self) -> None:
        assert cleaned("か\u3099" * 5 + "  ", limit=5) == "が" * 5
        assert cleaned("𠮷" * 5, limit=5)
        with pytest.raises(BadText) as refused:
            cleaned("あ" * 6, limit=5)
        assert refused.value.code == "too_long"
        assert refused.value.params == {"limit": 5, "length": 6}
        assert (
            refused.value.message
            == "文字が多すぎます。5文字までにしてください（いまは6文字です）。"
        )
        assert refused.value.mended is None

    def test_a_hundred_thousand_marks_hold_nobody_up(self) -> None:
        """Composing them first takes some eight seconds (quadratic); refusing them, a hundredth."""
        heap = "a" + "\u0301\u0327" * 50_000
        begun = time.process_time()
        with pytest.raises(BadText):
            cleaned(heap)
        assert time.process_time() - begun < 1

    def test_no_word_of_the_text_gets_into_the_error(self) -> None:
        with pytest.raises(BadText) as refused:
            cleaned("ひみつ\x00のはなし")
        assert "ひみつ" not in f"{refused.value!r}{refused.value}{refused.value.message}"

    def test_every_message_can_be_filled(self) -> None:
        filled = {"limit": 1, "length": 2, "characters": "U+0000"}
        for code, message in text.MESSAGES.items():
            assert BadText(code, **filled).message == message % filled
            assert set(re.findall(r"%\((\w+)\)", message)) <= set(filled)


class TestFolding:
    @pytest.mark.parametrize(
        ("one", "other"),
        [
            ("タカハシ", "たかはし"),
            ("ﾀﾞﾃﾞ", "だで"),
            ("か゛き", "がき"),
            ("か\u3099", "が"),
            ("や まだ　たろう", "やまだたろう"),
            ("髙橋", "高橋"),
            ("山﨑", "山崎"),
            ("齋藤", "斉藤"),
            ("𠮷田", "吉田"),
            ("渡邉", "渡邊"),
            ("\ufa10本", "塚本"),
            ("葛\U000e0100城", "葛城"),
            ("キャベツ", "きやべつ"),
            ("ユーコ", "ゆこ"),
            ("ＡＢＣ", "abc"),
            ("三ヶ日", "三ケ日"),
            ("ヾ", "ゞ"),
        ],
    )
    def test_forms_of_one_name_agree(self, one: str, other: str) -> None:
        assert fold_kana(one) == fold_kana(other)

    @pytest.mark.parametrize(
        ("one", "other"), [("かき", "がき"), ("はは", "ぱぱ"), ("高橋", "橋高"), ("吉", "古")]
    )
    def test_different_names_stay_different(self, one: str, other: str) -> None:
        assert fold_kana(one) != fold_kana(other)

    def test_hiragana_keeps_sizes_and_lengths(self) -> None:
        assert hiragana("ピカチュー ") == "ぴかちゅー"

    def test_a_form_is_folded_into_one_form_only(self) -> None:
        assert not set(text._VARIANTS) & {ord(form) for form in text._VARIANTS.values()}

    @given(st.text(st.characters(min_codepoint=0x3041, max_codepoint=0x30FF), max_size=20))
    def test_folding_is_final(self, typed: str) -> None:
        assert fold_kana(fold_kana(typed)) == fold_kana(typed)


class TestEmail:
    @pytest.mark.parametrize(
        ("typed", "address"),
        [
            (" Aoi@Example.JP ", "aoi@example.jp"),
            ("ａｏｉ＠ｅｘａｍｐｌｅ．ｊｐ", "aoi@example.jp"),
            ("a..b.@docomo.example.jp", "a..b.@docomo.example.jp"),
            ("aoi+school@mail.example.jp\n", "aoi+school@mail.example.jp"),
        ],
    )
    def test_one_spelling(self, typed: str, address: str) -> None:
        assert normalise_email(typed) == address
        assert normalise_email(address) == address

    @pytest.mark.parametrize(
        "typed",
        [
            *("", "aoi", "aoi@", "@example.jp", "aoi@example", "aoi@.jp", "aoi@example..jp"),
            *("a@b@example.jp", "a b@example.jp", "a@example.jp\nBcc: b@example.jp"),
            "﷐" + "ﷺ" * 20 + "@example.jp",
        ],
    )
    def test_what_is_no_address(self, typed: str) -> None:
        with pytest.raises(BadText) as refused:
            normalise_email(typed)
        assert refused.value.code == "bad_email"

    def test_an_address_that_is_too_long_only_when_folded(self) -> None:
        assert len(normalise_email("㍿" * 60 + "@example.jp")) == 251
        with pytest.raises(BadText):
            normalise_email("㍿" * 61 + "@example.jp")

    def test_what_clean_refuses_is_refused_here_too(self) -> None:
        with pytest.raises(BadText) as refused:
            normalise_email("a\x00@example.jp")
        assert refused.value.code == "control_character"
        with pytest.raises(BadText) as refused:
            normalise_email("a" * 250 + "@example.jp")
        assert refused.value.code == "too_long"


class TestExcerpt:
    def test_short_text_is_whole_and_in_one_line(self) -> None:
        assert excerpt("一\n 二", 3) == "一 二"

    def test_long_text_ends_in_an_ellipsis(self) -> None:
        assert excerpt("あいうえお", 4) == "あいう…"
        assert excerpt("あい うえお", 4) == "あい…"

    @pytest.mark.parametrize("together", ["か\u3099", "👍🏽", "👨\u200d👩\u200d👧", "葛\U000e0100"])
    def test_what_belongs_together_is_not_parted(self, together: str) -> None:
        for length in range(1, len(together) + 2):
            short = excerpt(f"あ{together}いいい", length)
            assert short in {"…", "あ…", f"あ{together}…"}

    def test_no_room_at_all_is_a_mistake_of_the_caller(self) -> None:
        with pytest.raises(ValueError, match="ellipsis"):
            excerpt("あ", 0)

    @given(st.text(max_size=30), st.integers(min_value=1, max_value=30))
    def test_never_longer_than_asked(self, typed: str, length: int) -> None:
        short = excerpt(typed, length)
        assert len(short) <= length
        assert short == " ".join(typed.split()) or short.endswith("…")
