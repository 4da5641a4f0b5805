"""The keys on paper, and back from it."""

import json
import re
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from portal import escrow
from portal.config import Config, ConfigError, create_key_file, load_keys
from portal.factory import create_app

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    def command(*words: str, **options: str) -> Result:
        config = Config.from_env({"PORTAL_INSTANCE": str(tmp_path)}, command=True)
        return create_app(config).test_cli_runner().invoke(args=words, **options)

    return command


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "keys.json"
    create_key_file(path)
    return path


def typed(path: Path) -> str:
    """Return what somebody types from the sheet."""
    keys = load_keys(path)
    lines = [f"{name} {' '.join(words)}" for name, words in escrow.summary(keys).items()]
    return "\n".join([f"current {keys.current}", *lines])


def without_passwords(path: Path) -> dict[str, object]:
    return {k: v for k, v in json.loads(path.read_text()).items() if k != "role_passwords"}


@pytest.mark.parametrize("way", ["scanned", "typed"])
def test_what_was_printed_gives_the_keys_back(
    run: Run, key_file: Path, tmp_path: Path, way: str
) -> None:
    text = escrow.as_text(load_keys(key_file)) if way == "scanned" else typed(key_file)
    before, passwords = without_passwords(key_file), load_keys(key_file).role_passwords
    key_file.unlink()
    done = run("installation", "recover", "-", input=text)
    assert done.exit_code == 0, done.output
    assert "database prepare" in done.stderr
    assert without_passwords(key_file) == before
    assert load_keys(key_file).role_passwords.keys() == passwords.keys()
    assert not {*passwords.values()} & {*load_keys(key_file).role_passwords.values()}
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600


def test_the_sheet_holds_every_key_in_words_and_as_a_code(
    run: Run, key_file: Path, tmp_path: Path
) -> None:
    sheet = tmp_path / "sheet.html"
    done = run("installation", "escrow", str(sheet))
    assert done.exit_code == 0, done.output
    assert stat.S_IMODE(sheet.stat().st_mode) == 0o600
    page, keys = sheet.read_text(), load_keys(key_file)
    for name, words in escrow.summary(keys).items():
        assert len(words) == escrow.WORDS_A_KEY
        listed = "".join(f"<li>{word}</li>" for word in words)
        assert f"<h2>{name}</h2>\n<ol>{listed}</ol>" in page
    assert page.count("<svg") == 1
    # Without it a browser cuts the code off where it is drawn smaller.
    assert re.search(r'<svg viewBox="0 0 (\d+) \1"', page)
    assert "http" not in page, "nothing is fetched from anywhere"
    for secret in (*keys.role_passwords.values(), json.loads(key_file.read_text())["signing"]):
        assert secret not in page, "in words and in the code, and nowhere else"
    assert run("installation", "escrow", str(sheet)).exit_code == 1, "a file is never replaced"


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda text: text.replace(text.split()[4], "あおぞら"), "Line 2"),
        (lambda text: text.rsplit("\n", 1)[0], "missing: throttle"),
        (lambda text: text.rsplit(" ", 1)[0], "Line 6"),
        (lambda text: text.replace("current k1", "current k2"), "current"),
        (lambda text: text.replace("throttle ", "thrott1e "), "missing: throttle"),
        (lambda _text: "", "missing"),
        (lambda _text: "portal-keys 1\ncurrent k1\ncontent k1 AAAA", "Line 3"),
    ],
)
def test_a_sheet_that_was_typed_wrongly_is_refused_by_its_line(
    key_file: Path, spoil: Callable[[str], str], told: str
) -> None:
    text = typed(key_file)
    escrow.recovered(text)
    with pytest.raises(ConfigError, match=told) as refused:
        escrow.recovered(spoil(text))
    words = {word for each in escrow.summary(load_keys(key_file)).values() for word in each}
    assert not [word for word in words if word in str(refused.value)]


def test_an_existing_key_file_is_not_replaced(run: Run, key_file: Path) -> None:
    before = key_file.read_bytes()
    done = run("installation", "recover", "-", input=typed(key_file))
    assert done.exit_code == 1
    assert "already" in done.stderr
    assert key_file.read_bytes() == before
