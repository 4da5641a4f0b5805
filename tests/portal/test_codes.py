"""Return codes that can be typed by a child and guessed by nobody; secrets; references."""

from __future__ import annotations

import csv
import itertools
import math
import random
import time
import unicodedata
from pathlib import Path
from uuid import UUID

import pytest
from argon2 import extract_parameters
from argon2.exceptions import InvalidHashError
from hypothesis import given
from hypothesis import strategies as st

from portal import codes
from portal.config import Argon2Parameters
from portal.text import BadText
from portal.vocabulary import VocabularyError
from portal.vocabulary.lists import FOLDER

KEY = bytes(range(32))
OTHER_KEY = bytes(range(1, 33))
CHEAP = Argon2Parameters(memory_kib=8)
SUBMISSION = UUID("0b8ff0a4-0a4e-4c53-9d57-6a3b6a9b9f5d")

A_CODE = st.lists(
    st.sampled_from(codes.WORDS), min_size=codes.CODE_WORDS, max_size=codes.CODE_WORDS
).map(" ".join)


def katakana(word: str) -> str:
    return "".join(chr(ord(kana) + 0x60) if "ぁ" <= kana <= "ゖ" else kana for kana in word)


def large(word: str) -> str:
    return word.translate(str.maketrans("ぁぃぅぇぉっゃゅょ", "あいうえおつやゆよ"))


def unfit_file(folder: Path, *words: str) -> Path:
    path = folder / "unfit_words.csv"
    path.write_text("word,reason\n" + "".join(f"{word},r\n" for word in words), encoding="utf-8")
    return path


class TestWords:
    def test_six_words_hold_sixty_four_bits(self) -> None:
        assert pytest.approx(6 * math.log2(len(codes.WORDS))) == codes.CODE_BITS
        assert codes.CODE_BITS >= 64
        assert len(set(codes.WORDS)) == len(codes.WORDS)

    def test_the_list_is_bip_39_in_nfc(self) -> None:
        listed = codes.listed_words()
        assert len(set(listed)) == 2048
        assert all(unicodedata.is_normalized("NFC", word) for word in listed)
        assert set(codes.WORDS) <= set(listed)

    @pytest.mark.parametrize(
        "word",
        ["さつじん", "たたく", "ぱんつ", "ひみつ", "ちちおや", "てくび", "まぬけ", "ひろゆき"],
    )
    def test_what_a_frightened_child_should_not_read_is_out(self, word: str) -> None:
        assert word in codes.listed_words()
        assert word not in codes.WORDS

    def test_too_few_words_are_refused(self, tmp_path: Path) -> None:
        """1626 words are the fewest whose sixth power holds 64 bits."""
        few = unfit_file(tmp_path)
        assert len(codes.fit_words(codes.WORDS[:1626], few)) == 1626
        with pytest.raises(codes.UnfitWordList, match="1625 words hold only"):
            codes.fit_words(codes.WORDS[:1625], few)

    def test_words_that_run_into_each_other_are_refused(self, tmp_path: Path) -> None:
        with pytest.raises(codes.UnfitWordList, match="begins with"):
            codes.fit_words(codes.listed_words(), unfit_file(tmp_path, "きやく"))

    def test_words_that_sound_alike_are_refused(self, tmp_path: Path) -> None:
        """きゃく and きやく are one word on a small keyboard."""
        with pytest.raises(codes.UnfitWordList, match="きやく begins with きやく"):
            codes.fit_words([*codes.WORDS, "きやく"], unfit_file(tmp_path))

    @pytest.mark.parametrize("words", [("さつじんん",), ("たたく", "たたく")])
    def test_a_mistake_in_the_list_of_unfit_words_is_shown(
        self, tmp_path: Path, words: tuple[str, ...]
    ) -> None:
        with pytest.raises(VocabularyError, match=f"line {len(words) + 1}, column word"):
            codes.fit_words(codes.listed_words(), unfit_file(tmp_path, *words))

    def test_every_unfit_word_has_its_reason(self) -> None:
        with (FOLDER / "unfit_words.csv").open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        assert len(rows) == 2048 - len(codes.WORDS)
        assert all(row["reason"].strip() for row in rows)


class TestNewCode:
    def test_a_hundred_thousand_codes_are_all_different(self) -> None:
        drawn = {codes.new_code() for _ in range(100_000)}
        assert len(drawn) == 100_000
        used = set(itertools.chain.from_iterable(code.split(" ") for code in drawn))
        assert used == set(codes.WORDS)

    def test_a_code_is_six_words_in_nfc(self) -> None:
        code = codes.new_code()
        assert len(code.split(" ")) == 6
        assert unicodedata.is_normalized("NFC", code)
        assert codes.normalise(code) == code


class TestCodeFromSubmission:
    def test_the_same_sending_gives_the_same_code(self) -> None:
        first = codes.code_from_submission(KEY, SUBMISSION)
        assert codes.code_from_submission(KEY, UUID(str(SUBMISSION))) == first
        assert codes.normalise(first) == first

    def test_another_key_or_sending_gives_another(self) -> None:
        first = codes.code_from_submission(KEY, SUBMISSION)
        assert codes.code_from_submission(OTHER_KEY, SUBMISSION) != first
        assert codes.code_from_submission(KEY, UUID(int=SUBMISSION.int + 1)) != first

    def test_sendings_spread_over_all_words_and_places(self) -> None:
        """A fair draw of 40,000 leaves out some word at some place once in 2.4 million tries."""
        drawn = [
            codes.code_from_submission(KEY, UUID(int=number)).split(" ") for number in range(40_000)
        ]
        assert len({tuple(words) for words in drawn}) == 40_000
        for place in range(6):
            assert len({words[place] for words in drawn}) == len(codes.WORDS)

    def test_the_mark_tells_sendings_apart_and_is_no_key_to_the_code(self) -> None:
        assert codes.submission_mark(SUBMISSION) == codes.submission_mark(UUID(str(SUBMISSION)))
        assert codes.submission_mark(SUBMISSION) != codes.submission_mark(UUID(int=7))
        assert len(codes.submission_mark(SUBMISSION)) == 32
        assert SUBMISSION.bytes not in codes.submission_mark(SUBMISSION)

    def test_a_short_key_is_refused(self) -> None:
        with pytest.raises(ValueError, match="32 bytes"):
            codes.code_from_submission(KEY[:31], SUBMISSION)


class TestNormalise:
    @given(
        A_CODE, st.sampled_from(["", " ", "　", "・", "、", "\n", "\r\n", " ・ ", "-", "\u200b"])
    )
    def test_any_blanks_or_none(self, code: str, between: str) -> None:
        assert codes.normalise(between.join(code.split(" "))) == code
        assert codes.normalise(f"{between}{between.join(code.split(' '))}{between}") == code

    @given(A_CODE)
    def test_any_spelling_of_the_same_kana(self, code: str) -> None:
        for spelling in (
            katakana(code),
            large(code),
            large(katakana(code)),
            unicodedata.normalize("NFD", code),
            unicodedata.normalize("NFKD", katakana(code)),
            unicodedata.normalize("NFD", code).replace("\u3099", "゛").replace("\u309a", "゜"),
        ):
            assert codes.normalise(spelling) == code
            assert codes.normalise(spelling.replace(" ", "")) == code

    def test_half_width_katakana(self) -> None:
        assert (
            codes.normalise("ｱｻﾋ ﾋﾏﾜﾘ ｶﾞｯｺｳ ｱｻﾋ ｱｻﾋ ｱｻﾋ")
            == "あさひ ひまわり がっこう あさひ あさひ あさひ"
        )

    def test_copied_with_its_numbers(self) -> None:
        code = codes.new_code()
        numbered = "\n".join(f"{n}. {word}" for n, word in enumerate(code.split(" "), 1))
        assert codes.normalise(numbered) == code

    @given(A_CODE)
    def test_five_and_seven_words_are_no_code(self, code: str) -> None:
        words = code.split(" ")
        assert codes.normalise(" ".join(words[:5])) is None
        assert codes.normalise(" ".join([*words, words[0]])) is None

    @pytest.mark.parametrize(
        "typed",
        [
            *(
                "",
                " ",
                "あ",
                "さつじん" * 6,
                "ぬるぽ " * 6,
                "apple " * 6,
                "\x00",
                "\ud800",
                "１" * 9,
            ),
            *(
                "あさひ" * 100_000,
                "あさひ " * 5 + "ひみつ",
                "あさひ " * 5 + "あさ",
                "か" + "\u3099" * 350,
            ),
        ],
    )
    def test_what_is_no_code(self, typed: str) -> None:
        assert codes.normalise("あさひ " * 6) is not None
        assert codes.normalise(typed) is None

    @given(st.text(max_size=60))
    def test_anything_may_be_typed(self, typed: str) -> None:
        found = codes.normalise(typed)
        assert found is None or codes.normalise(found) == found

    def test_a_heap_of_marks_holds_nobody_up(self) -> None:
        """Folding it takes seconds, since marks are sorted in quadratic time."""
        begun = time.process_time()
        assert codes.normalise("か" + "\u3099\u0327" * 50_000) is None
        assert time.process_time() - begun < 1

    def test_a_row_of_words_has_one_reading(self) -> None:
        """Counted by trying every split, for rows in which a second reading would show."""
        sounds = {codes.fold_kana(word) for word in codes.WORDS}
        drawn = random.Random(20_261_123)
        for _ in range(2_000):
            row = "".join(drawn.choices(sorted(sounds), k=codes.CODE_WORDS))
            ways = [1] + [0] * len(row)
            for end in range(1, len(row) + 1):
                ways[end] = sum(ways[start] for start in range(end) if row[start:end] in sounds)
            assert ways[-1] == 1


class TestLocator:
    def test_four_bytes_that_need_the_key(self) -> None:
        code = codes.new_code()
        assert codes.locator(KEY, code) == codes.locator(KEY, code)
        assert len(codes.locator(KEY, code)) == 4
        assert codes.locator(OTHER_KEY, code) != codes.locator(KEY, code)

    def test_ten_thousand_codes_hardly_meet(self) -> None:
        """The expected number of pairs is 0.01; three would be odd beyond one in a million."""
        found = {codes.locator(KEY, codes.new_code()) for _ in range(10_000)}
        assert len(found) > 10_000 - 3

    def test_a_short_key_is_refused(self) -> None:
        with pytest.raises(ValueError, match="32 bytes"):
            codes.locator(b"", "x")


class TestSecretWord:
    @pytest.mark.parametrize(
        ("one", "other"),
        [
            ("ポチ", "ぽち"),
            ("ﾎﾟﾁ", "ぽち"),
            ("ほ゜ち", "ぽち"),
            (" ぽ　ち\n", "ぽち"),
            ("Ｐｏｃｈｉ", "pochi"),
            ("POCHI", "pochi"),
            ("か\u3099く", "がく"),
        ],
    )
    def test_spellings_agree(self, one: str, other: str) -> None:
        assert codes.normalise_secret(one) == codes.normalise_secret(other) == other

    def test_different_words_stay_different(self) -> None:
        assert codes.normalise_secret("はは") != codes.normalise_secret("ぱぱ")
        assert codes.normalise_secret("きゃ") != codes.normalise_secret("きや")

    def test_two_characters_are_enough_and_sixty_four_the_most(self) -> None:
        assert codes.normalise_secret("ねこ") == "ねこ"
        assert codes.normalise_secret("🐱🐶") == "🐱🐶"
        assert len(codes.normalise_secret("あ" * 64)) == 64

    @pytest.mark.parametrize(
        ("typed", "code"),
        [
            ("", "secret_too_short"),
            ("あ", "secret_too_short"),
            (" あ　", "secret_too_short"),
            ("\u200b\ufeff", "secret_too_short"),
            ("あ" * 65, "secret_too_long"),
            ("㌔" * 64, "secret_too_long"),
            ("あ" * 100_000, "secret_too_long"),
            ("ね\ud800こ", "broken_character"),
            ("ね\x00こ", "control_character"),
            ("あ" + "\u0301" * 60, "stacked_marks"),
        ],
    )
    def test_refusals(self, typed: str, code: str) -> None:
        with pytest.raises(BadText) as refused:
            codes.normalise_secret(typed)
        assert refused.value.code == code

    @given(st.text(max_size=80))
    def test_anything_may_be_typed(self, typed: str) -> None:
        try:
            secret = codes.normalise_secret(typed)
        except BadText:
            return
        assert 2 <= len(secret.encode().decode()) <= 64


class TestHashes:
    CODE = "あさひ ひまわり がっこう あさひ あさひ あさひ"

    def test_round_trip(self) -> None:
        code_hash = codes.hash_code(self.CODE, pepper=KEY, cost=CHEAP)
        secret_hash = codes.hash_secret(self.CODE, "ねこ", pepper=KEY, cost=CHEAP)
        assert codes.verify_code(code_hash, self.CODE, pepper=KEY, cost=CHEAP)
        assert codes.verify_secret(secret_hash, self.CODE, "ねこ", pepper=KEY, cost=CHEAP)

    def test_the_wrong_code_secret_or_pepper_does_not_open(self) -> None:
        other = codes.new_code()
        code_hash = codes.hash_code(self.CODE, pepper=KEY, cost=CHEAP)
        secret_hash = codes.hash_secret(self.CODE, "ねこ", pepper=KEY, cost=CHEAP)
        assert not codes.verify_code(code_hash, other, pepper=KEY, cost=CHEAP)
        assert not codes.verify_code(code_hash, self.CODE, pepper=OTHER_KEY, cost=CHEAP)
        assert not codes.verify_secret(secret_hash, self.CODE, "いぬ", pepper=KEY, cost=CHEAP)
        assert not codes.verify_secret(secret_hash, other, "ねこ", pepper=KEY, cost=CHEAP)
        assert not codes.verify_secret(secret_hash, self.CODE, "ねこ", pepper=OTHER_KEY, cost=CHEAP)
        assert not codes.verify_secret(code_hash, self.CODE, "", pepper=KEY, cost=CHEAP)

    def test_what_is_made_for_one_use_of_the_key_is_no_good_for_another(self) -> None:
        secret_hash = codes.hash_secret("あさひ", "ねこ", pepper=KEY, cost=CHEAP)
        assert codes.verify_secret(secret_hash, "あさひ", "ねこ", pepper=KEY, cost=CHEAP)
        assert not codes.verify_code(secret_hash, "あさひ\0ねこ", pepper=KEY, cost=CHEAP)

    def test_nothing_matches_nobody(self) -> None:
        """An unknown locator and an unreadable code are answered like a wrong one."""
        code_hash = codes.hash_code("", pepper=KEY, cost=CHEAP)
        secret_hash = codes.hash_secret("", "", pepper=KEY, cost=CHEAP)
        # The arm without the rule: these hashes would match what None stands for.
        assert codes.verify_code(code_hash, "", pepper=KEY, cost=CHEAP)
        assert not codes.verify_code(code_hash, None, pepper=KEY, cost=CHEAP)
        assert not codes.verify_code(None, self.CODE, pepper=KEY, cost=CHEAP)
        assert not codes.verify_secret(secret_hash, None, "", pepper=KEY, cost=CHEAP)
        assert not codes.verify_secret(secret_hash, "", None, pepper=KEY, cost=CHEAP)
        assert not codes.verify_secret(None, self.CODE, "ねこ", pepper=KEY, cost=CHEAP)

    def test_every_answer_costs_one_argon2(self, monkeypatch: pytest.MonkeyPatch) -> None:
        stored = codes.hash_code(self.CODE, pepper=KEY, cost=CHEAP)
        codes.verify_code(None, None, pepper=KEY, cost=CHEAP)
        verified: list[str] = []
        original = codes.PasswordHasher.verify

        def counting(hasher: codes.PasswordHasher, stored: str, material: bytes) -> bool:
            verified.append(stored)
            return original(hasher, stored, material)

        monkeypatch.setattr(codes.PasswordHasher, "verify", counting)
        for found, typed in itertools.product((stored, None), (self.CODE, "x", None)):
            codes.verify_code(found, typed, pepper=KEY, cost=CHEAP)
            codes.verify_secret(found, typed, None, pepper=KEY, cost=CHEAP)
        assert len(verified) == 12
        assert all(extract_parameters(each) == extract_parameters(stored) for each in verified)

    def test_the_hash_is_salted_argon2id_at_the_asked_cost(self) -> None:
        one, other = (codes.hash_code(self.CODE, pepper=KEY, cost=CHEAP) for _ in range(2))
        assert one != other
        parameters = extract_parameters(one)
        assert one.startswith("$argon2id$")
        assert (parameters.memory_cost, parameters.time_cost, parameters.parallelism) == (8, 1, 1)
        assert (parameters.salt_len, parameters.hash_len) == (16, 32)

    def test_a_broken_hash_is_loud(self) -> None:
        with pytest.raises(InvalidHashError):
            codes.verify_code("not a hash", self.CODE, pepper=KEY, cost=CHEAP)

    def test_guessing_ten_thousand_times_opens_nothing(self) -> None:
        """A sample of R3: guesses meet the locators first, as a real attempt does."""
        live = {codes.locator(KEY, codes.new_code()) for _ in range(10_000)}
        guesses = (codes.locator(KEY, codes.new_code()) for _ in range(10_000))
        assert sum(guess in live for guess in guesses) <= 2


class TestReference:
    def test_shape_and_size(self) -> None:
        bits = 9 * math.log2(len(codes.REFERENCE_ALPHABET))
        assert bits >= 40
        assert len(set(codes.REFERENCE_ALPHABET)) == len(codes.REFERENCE_ALPHABET)
        groups = codes.new_reference().split("-")
        assert [len(group) for group in groups] == [3, 3, 3]
        assert set("".join(groups)) <= set(codes.REFERENCE_ALPHABET)

    @pytest.mark.parametrize("pair", ["0O", "1I", "1L", "2Z", "5S", "8B", "VU"])
    def test_no_two_that_are_taken_for_each_other(self, pair: str) -> None:
        assert len(set(pair) & set(codes.REFERENCE_ALPHABET)) <= 1

    def test_no_words_can_arise(self) -> None:
        assert not set("AEIOU") & set(codes.REFERENCE_ALPHABET)

    def test_ten_thousand_are_all_different_and_use_every_character(self) -> None:
        """41 bits: the expected number of pairs among these is 0.00002."""
        drawn = {codes.new_reference() for _ in range(10_000)}
        assert len(drawn) == 10_000
        assert set("".join(drawn)) == {*codes.REFERENCE_ALPHABET, "-"}
