"""Which passwords are taken, where a sign-in may lead."""

from pathlib import Path

import argon2
import pytest
from argon2 import PasswordHasher
from zxcvbn.frequency_lists import FREQUENCY_LISTS

from portal import auth, passwords
from portal.config import Config
from portal.factory import create_app

KNOWN = ("hanako.suzuki@example.jp", "みほん市こどもの権利サポートセンター")
TAKEN = (
    "雨の日は縁側でお茶を飲む七人の猫",
    "みほんのながいあいことば2026",
    "よるの電車 まどに うつる 月",
    "correct horse battery staple",
    "Zwölf Boxkämpfer jagen Eva",
    "むらさきの自転車で夏の海までいく",
    "🐈🐕🐇🐢🐟🐝🦉🐸🦊🐻🐼🐨🐯🦁🐮",
    "xK9$mmQ2vLp8#rTz",
    "            spaces count too   7",
    "ﾊﾝｶｸｶﾀｶﾅﾃﾞﾓｶﾏｲﾏｾﾝﾖ",
    "나는 오늘 아침에 국수를 먹었다",
    "كان الجو ممطرا في ذلك المساء",
    "n6mx7-8ddjy-jybre-a8ps5",
    "all lower case and no digits at all",
    "吉野家で髙橋さんと牛丼を食べた話",
    "three 3 blue frogs on the moon",
    "0d7e4c1b9a2f8836e5",
    "a" * 10 + "b" * 10 + "xylophone quartz",
    "つきよの ばんに ぼたんが ひとつ",
    "長い文" + "と、もうひとつの文を続けて書きます",
)
REFUSED = {
    "": "too_short",
    "みじかい": "too_short",
    "abcdefghijklmn": "too_short",
    "か\u3099" * 8: "too_short",
    "あ" * 129: "too_long",
    "x" * 500: "too_long",
    "passwordpassword": "easy_to_guess",
    "password12345678": "easy_to_guess",
    "P@ssw0rdP@ssw0rd": "easy_to_guess",
    "123456789012345": "easy_to_guess",
    "qwertyuiopasdfgh": "easy_to_guess",
    "aaaaaaaaaaaaaaa": "easy_to_guess",
    "ああああああああああああああああ": "easy_to_guess",
    "あいうえおかきくけこさしすせそ": "easy_to_guess",
    "みほん市みほん市みほん市こども": "easy_to_guess",
    "こどもの権利サポートセンター2026": "easy_to_guess",
    "kumamotokodomo1": "easy_to_guess",
    "hanako.suzuki2026": "easy_to_guess",
    "HanakoSuzuki@Example": "easy_to_guess",
    "ｈａｎａｋｏ．ｓｕｚｕｋｉ２０２６": "easy_to_guess",
}


@pytest.mark.parametrize("password", TAKEN)
def test_a_long_password_of_any_kind_is_taken(password: str) -> None:
    assert passwords.refusal(password, KNOWN) is None


@pytest.mark.parametrize(("password", "reason"), REFUSED.items())
def test_a_short_or_guessable_password_is_refused(password: str, reason: str) -> None:
    assert passwords.refusal(password, KNOWN) == reason


def test_what_is_guessable_depends_on_whose_it_is() -> None:
    theirs = "hanako.suzuki2026"
    assert passwords.refusal(theirs, KNOWN) == "easy_to_guess"
    assert passwords.refusal("okina.matsukaze2026", ["okina.matsukaze@example.jp"]) is not None
    assert passwords.refusal("okina.matsukaze2026", KNOWN) is None


def test_the_three_thousand_commonest_passwords_are_refused() -> None:
    common = FREQUENCY_LISTS["passwords"][:3000]
    assert len(common) == 3000
    assert [word for word in common if passwords.refusal(word) is None] == []
    # Most are too short anyway; said twice or lengthened by digits they are refused as well.
    for word in common[:100]:
        assert passwords.refusal((word + word + word)[:60]) is not None, word


def test_a_drawn_password_is_taken_and_never_drawn_twice() -> None:
    drawn = {passwords.draw() for _ in range(1000)}
    assert len(drawn) == 1000
    assert all(passwords.refusal(each) is None for each in list(drawn)[:50])


def test_a_password_is_the_same_on_every_keyboard() -> None:
    assert passwords.prepared("ｐａｓｓ か\u3099") == passwords.prepared("pass が")


def test_the_cost_of_a_hash_is_the_installations(tmp_path: Path) -> None:
    for settings, memory in ((Config(tmp_path, tmp_path), 47_104), (cheap(tmp_path), 8)):
        hasher = passwords.hasher(settings)
        assert isinstance(hasher, PasswordHasher)
        found = argon2.extract_parameters(hasher.hash("x"))
        assert (found.type, found.memory_cost) == (argon2.Type.ID, memory)


def cheap(instance: Path) -> Config:
    return Config.for_tests("postgresql://nowhere/portal", instance)


@pytest.mark.parametrize(
    ("wish", "there"),
    [
        ("/sign-ins", "/sign-ins"),
        ("/", "/"),
        (None, None),
        ("", None),
        ("sign-ins", None),
        ("//evil.example", None),
        ("///evil.example", None),
        ("/\\evil.example", None),
        ("https://evil.example/sign-ins", None),
        ("javascript:alert(1)", None),
        ("/sign-ins\r\nSet-Cookie: x=y", None),
        ("/%2fevil.example", None),
        ("/sign-out", None),
        ("/nowhere", None),
    ],
)
def test_a_sign_in_leads_to_pages_of_the_portal_only(
    tmp_path: Path, wish: str | None, there: str | None
) -> None:
    app = create_app(cheap(tmp_path))
    with app.test_request_context("/sign-in", base_url="https://localhost"):
        assert auth.local_path(wish) == there
