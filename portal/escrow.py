"""The keys on paper: a sheet to print for a sealed envelope, and the way back from it.

Whoever loses the key file loses every text, so a copy must lie where neither the server nor its
backups are. Each key stands there as 24 words of the BIP-39 list, whose last word checks the
others, and all of them once more as one QR code. Passwords of database roles are not on it: new
ones are drawn, and ``database prepare`` sets them.

One sheet holds everything. Sheets of which only two out of three give the keys would ask for a
secret-sharing library in the portal's most delicate place; two people at the safe do as much.
"""

import base64
import binascii
import io
from collections.abc import Iterator, Mapping

import segno
from mnemonic import Mnemonic

from portal.config import KEY_BYTES, ConfigError, Keys, key_file_of

FIRST_LINE = "portal-keys 1"
WORDS_A_KEY = 24
CURRENT, CONTENT = "current", "content"
_WORDS = Mnemonic("japanese")


def names_and_keys(keys: Keys) -> Iterator[tuple[str, bytes]]:
    """Yield each key that must not be lost, by the name under which it stands on the sheet."""
    for kid, key in keys.content.items():
        yield f"{CONTENT} {kid}", key
    for name in ("blind_index", "code_pepper", "signing", "throttle"):
        yield name, getattr(keys, name)


def words_of(key: bytes) -> list[str]:
    """Return a key as 24 words."""
    return str(_WORDS.to_mnemonic(key)).split("\u3000")


def as_text(keys: Keys) -> str:
    """Return what the QR code holds."""
    lines = [f"{name} {base64.b64encode(key).decode()}" for name, key in names_and_keys(keys)]
    return "\n".join([FIRST_LINE, f"{CURRENT} {keys.current}", *lines])


def qr_code(text: str) -> str:
    """Return a text as a QR code, an SVG to stand inline at any size, with its quiet zone.

    A quarter of it may be lost to a fold or a stain.
    """
    drawing = io.BytesIO()
    segno.make(text, error="q", micro=False).save(
        drawing, kind="svg", xmldecl=False, svgns=False, nl=False, omitsize=True
    )
    return drawing.getvalue().decode()


def recovered(text: str) -> dict[str, object]:
    """Return the content of a key file from what was scanned or typed from a sheet.

    Each line begins with the name of a key, and goes on with its words or with its Base64.

    Raises:
        ConfigError: a line cannot be read; it says which, and never what stands there.

    """
    current, content, single = "", {}, {}
    for number, line in enumerate(text.splitlines(), 1):
        name, _, rest = line.strip().partition(" ")
        if not name or line.strip() == FIRST_LINE:
            continue
        if name == CURRENT:
            current = rest.strip()
        elif name == CONTENT:
            kid, _, rest = rest.strip().partition(" ")
            content[kid] = _key(rest, f"{name} {kid}", number)
        else:
            single[name] = _key(rest, name, number)
    return key_file_of(current, content, single)


def _key(text: str, name: str, number: int) -> bytes:
    parts = text.split()
    key = _from_words(parts) if len(parts) > 1 else _from_base64("".join(parts))
    if len(key) != KEY_BYTES:
        raise ConfigError(
            f"Line {number} ({name}) is not right: it has {WORDS_A_KEY} words, or the letters of "
            "the QR code. Compare it with the sheet, word by word."
        )
    return key


def _from_words(words: list[str]) -> bytes:
    plain = Mnemonic.normalize_string(" ".join(words))
    return bytes(_WORDS.to_entropy(plain)) if _WORDS.check(plain) else b""


def _from_base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""


def summary(keys: Keys) -> Mapping[str, list[str]]:
    """Return the words of each key by its name, in the order of the sheet."""
    return {name: words_of(key) for name, key in names_and_keys(keys)}
