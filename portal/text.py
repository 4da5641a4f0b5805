"""What people type: cleaned for keeping, folded for finding, cut for showing.

Kept text is NFC, and never NFKC: 髙, 﨑 and 𠮷 are how somebody is called (domain.md §6). Nothing
that was typed disappears in silence: characters that nobody can see and that could turn a sentence
round are refused, and the refusal carries the text without them, so that sending it once more is
enough (security.md I8).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final


def N_(message: str) -> str:  # noqa: N802 -- the name by which the catalogue's extractor finds it.
    """Mark `message` for the catalogue; the web layer translates it when it is shown."""
    return message


MESSAGES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "bad_email": N_("メールアドレスの形が正しくありません。例：name@example.jp"),
        "bidi_control": N_(
            "文字の向きを変える見えない文字（%(characters)s）が入っていたので、取りのぞきました。"
            "内容をたしかめて、もう一度送ってください。"
        ),
        "broken_character": N_(
            "こわれていて読めない文字が入っていたので、取りのぞきました。"
            "内容をたしかめて、もう一度送ってください。"
        ),
        "control_character": N_(
            "目に見えない制御文字（%(characters)s）が入っていたので、取りのぞきました。"
            "内容をたしかめて、もう一度送ってください。"
        ),
        "secret_too_long": N_("合い言葉は%(limit)s文字までにしてください。"),
        "secret_too_short": N_("合い言葉は%(limit)s文字以上にしてください。"),
        "stacked_marks": N_(
            "ひとつの文字に記号が重なりすぎていたので、取りのぞきました。"
            "内容をたしかめて、もう一度送ってください。"
        ),
        "too_long": N_(
            "文字が多すぎます。%(limit)s文字までにしてください（いまは%(length)s文字です）。"
        ),
    }
)


class BadText(ValueError):
    """A typed text is refused: `code` is a key of MESSAGES, `params` fill its placeholders.

    `mended` is the text without the refused characters, for the form to show again, or None where
    the person must change it. The exception's own words hold nothing of the text, because they end
    up in logs.
    """

    def __init__(self, code: str, mended: str | None = None, **params: int | str) -> None:
        super().__init__(code, params)
        self.code = code
        self.mended = mended
        self.params = params

    @property
    def message(self) -> str:
        """The reason in Japanese; for another language, translate MESSAGES[code] and fill it."""
        return MESSAGES[self.code] % self.params


# Line breaks come as CRLF from browsers, as vertical tab and form feed from office programs and
# PDFs, and as NEL, LS and PS from elsewhere.
_LINE_END = re.compile("\r\n|[\r\v\f\u0085\u2028\u2029]")

# In this order the first that is found names the refusal.
_REFUSED: Final = (
    ("broken_character", re.compile("[\ud800-\udfff]")),
    ("bidi_control", re.compile("[\u202a-\u202e\u2066-\u2069]")),
    ("control_character", re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f]")),
)
_REFUSED_ANYWHERE = re.compile("|".join(pattern.pattern for _, pattern in _REFUSED))

# NFC replaces these compatibility ideographs by another form of the character (神 for U+FA19, as
# in some registered names), so they are left out of it.
_KEPT_IDEOGRAPHS = re.compile("([\uf900-\ufaff\U0002f800-\U0002fa1f]+)")

# At the ends of a line these are as invisible as blanks; inside, U+200B may part words on purpose.
_ZERO_WIDTH = "\u200b\u2060\ufeff"
_BLANKS = "".join(filter(str.isspace, map(chr, range(0x3001)))) + _ZERO_WIDTH

# Ordering a run of marks takes quadratic time, so 100,000 of them would hold a worker for seconds.
# No language stacks more than a few; 30 is the bound of Unicode's stream-safe format.
_MOST_STACKED_MARKS = 30


def clean(text: str, *, limit: int, multiline: bool) -> str:
    """Return `text` as it is kept: NFC, lines ended by LF, no blanks at the ends.

    In a single line, breaks and tabs become blanks; in several lines, leading blanks stay, because
    a paragraph may begin with a full-width one. Raises BadText for control characters, bidi
    overrides, lone surrogates, heaps of marks, and for more than `limit` code points. An empty text
    is returned as it is: whether it may be empty is the form's rule.
    """
    text = _LINE_END.sub("\n", text)
    _refuse_invisible(text)
    _refuse_stacks(text)
    text = _composed(text)
    text = _lines(text) if multiline else re.sub("[\n\t]+", " ", text).strip(_BLANKS)
    if len(text) > limit:
        raise BadText("too_long", limit=limit, length=len(text))
    return text


def _refuse_invisible(text: str) -> None:
    for code, pattern in _REFUSED:
        if found := sorted(set(pattern.findall(text))):
            names = ", ".join(f"U+{ord(character):04X}" for character in found)
            raise BadText(code, _REFUSED_ANYWHERE.sub("", text), characters=names)


def _refuse_stacks(text: str) -> None:
    kept: list[str] = []
    stacked = 0
    for character in text:
        stacked = stacked + 1 if unicodedata.combining(character) else 0
        if stacked <= _MOST_STACKED_MARKS:
            kept.append(character)
    if len(kept) < len(text):
        raise BadText("stacked_marks", "".join(kept))


def _composed(text: str) -> str:
    parts = _KEPT_IDEOGRAPHS.split(text)
    # re.split with one group puts the kept ideographs at the odd places.
    parts[::2] = [unicodedata.normalize("NFC", part) for part in parts[::2]]
    return "".join(parts)


def _lines(text: str) -> str:
    return "\n".join(line.rstrip(_BLANKS) for line in text.split("\n")).strip("\n")


_HIRAGANA: Final = {code: code - 0x60 for code in (*range(0x30A1, 0x30F7), 0x30FD, 0x30FE)}
_LARGE: Final = str.maketrans("ぁぃぅぇぉっゃゅょゎゕゖ", "あいうえおつやゆよわかけ")

# Old, popular and new forms that are read and looked for as the same name. Each word of the table
# is a form that people type, preceded by the forms that are folded into it.
_VARIANTS: Final = {
    ord(variant): word[-1]
    for word in (
        *(
            "髙高",
            "﨑嵜碕崎",
            "齋齊斎斉",
            "𠮷吉",
            "邊邉辺",
            "濵濱浜",
            "澤沢",
            "廣広",
            "國国",
            "櫻桜",
        ),
        *("眞真", "渕淵", "嶋嶌島", "惠恵", "德徳", "瀨瀬", "龍竜", "榮栄", "冨富", "凜凛", "桒桑"),
        *("藪薮", "彌弥", "圓円", "條条", "學学", "壽寿", "會会", "實実", "豐豊", "增増", "靑青"),
        *("舘館", "栁柳", "曾曽", "槇槙", "遙遥", "堯尭", "萬万", "與与", "鐵鉄", "關関", "縣県"),
        *("鷗鴎", "驒騨", "淸清", "晧皓", "黑黒", "橫横", "寬寛", "薰薫", "顯顕", "檜桧", "鄕郷"),
    )
    for variant in word[:-1]
}
_FOLDED: Final = {ord("ー"): None} | _LARGE | _VARIANTS


def hiragana(text: str) -> str:
    """Return `text` for comparing: NFKC, katakana as hiragana, no blanks, no variation marks.

    Half-width and decomposed kana become ordinary ones, a sound mark typed on its own (か゛) joins
    its kana. Give it what `clean` returned, or something short: see _MOST_STACKED_MARKS.
    """
    # NFKC writes a mark typed on its own as a blank with a combining mark; once the blank is gone,
    # the second pass joins the mark to the kana before it.
    parts = filter(_is_compared, unicodedata.normalize("NFKC", text))
    return unicodedata.normalize("NFKC", "".join(parts)).translate(_HIRAGANA)


def _is_compared(character: str) -> bool:
    # Variation selectors choose between drawings of one character.
    return character not in _BLANKS and not (
        "\ufe00" <= character <= "\ufe0f" or "\U000e0100" <= character <= "\U000e01ef"
    )


def fold_kana(text: str) -> str:
    """Return `text` for searching names: like `hiragana`, and sizes, lengths and forms agree.

    Small kana become large, the long mark is dropped, letters lose their case, and variant kanji
    become the common form (髙橋 and 高橋, 﨑 and 崎, 𠮷 and 吉). Never to be kept or shown.
    """
    folded = hiragana(text).translate(_FOLDED).casefold()
    # A mark of its own composes with a letter that was small before: ヵ゛ is が.
    return unicodedata.normalize("NFKC", folded)


_EMAIL = re.compile(r"[^@\s]+@(?:[^@\s.]+\.)+[^@\s.]+")
_EMAIL_LIMIT = 254


def normalise_email(text: str) -> str:
    """Return the one spelling of an e-mail address: half-width and in lower case.

    Accepts what Japanese carriers once gave out (dots in a row). Raises BadText: `bad_email`, or
    what `clean` refuses; the longest address has 254 characters.
    """
    address = unicodedata.normalize("NFKC", clean(text, limit=_EMAIL_LIMIT, multiline=False))
    address = address.strip(_BLANKS).lower()
    if not _EMAIL.fullmatch(address) or len(address) > _EMAIL_LIMIT:
        raise BadText("bad_email")
    return address


_JOINER = "\u200d"
_SKIN_TONES = range(0x1F3FB, 0x1F400)


def excerpt(text: str, length: int) -> str:
    """Return `text` in one line of at most `length` code points, ending in … where it was cut.

    The cut never parts a character from its marks or an emoji from its tone. Raises ValueError for
    a length below 1.
    """
    if length < 1:
        raise ValueError("an excerpt needs room for at least its ellipsis")
    line = " ".join(text.split())
    if len(line) <= length:
        return line
    cut = length - 1
    while cut > 0 and _belong_together(line[cut - 1], line[cut]):
        cut -= 1
    return f"{line[:cut].rstrip()}…"


def _belong_together(left: str, right: str) -> bool:
    return (
        _JOINER in (left, right)
        or unicodedata.category(right).startswith("M")
        or ord(right) in _SKIN_TONES
    )
