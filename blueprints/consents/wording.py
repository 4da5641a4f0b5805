"""The words in which a consent is asked; each version of them is kept with the consents it gave."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from flask_babel import get_locale
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel.speaklater import LazyString

from portal import models as m
from portal.plain_words import (
    ADULT_ANSWERS,
    ADULT_BUNDLES,
    ADULT_HINTS,
    ANSWERS,
    BUNDLE_HINTS,
    BUNDLES,
)
from portal.queries.reasons import Reason

Words = Mapping[str, LazyString]

# What a child hears before it answers (domain.md §3 and §6, law-and-practice.md §2.2).
FOR_CHILD: Final = (
    _l("{話|はな}してくれたことを、ほかの{人|ひと}に つたえるかどうか、あなたが きめていいです。"),
    _l("「つたえないで」でも だいじょうぶ。そうだんは つづけられます。"),
    _l("まよったら「あとで きめる」で いいです。きめるまで、だれにも つたわりません。"),
    _l(
        "あとから「やっぱりやめる」も できます。センターの{人|ひと}に {言|い}うか、もらった "
        "ことばで ページを ひらいて やめられます。もう よんだことは {消|け}せませんが、つぎからは "
        "{見|み}えなくなります。"
    ),
    _l(
        "でも、いのちや からだが あぶないときなど、まもるために きかないで つたえることが "
        "あります。"
        "そのときも、できるだけ {先|さき}に あなたに {話|はな}します。"
    ),
)
_ADULTS_RIGHTS: Final = (
    _l("伝えないことにしても、不利になることはありません。相談は続けられます。"),
    _l("決められないことは「あとで決める」を選べます。決めるまで、どこにも伝わりません。"),
    _l(
        "同意は、いつでも取りやめられます。センターに言うか、お渡しした言葉でページを開いて、"
        "やめられます。すでに読まれたことは戻せませんが、次からは見えなくなります。"
    ),
    _l("命や体に危険があるとき、虐待の通告など、法律にもとづいて同意なしに伝える場合があります。"),
)
FOR_ADULT: Final = (
    _l("ここで決めるのは、あなた自身の情報だけです。お子さんのことは、お子さんが決めます。"),
    *_ADULTS_RIGHTS,
)
BESIDE_CHILD: Final = (
    _l(
        "お子さんの年齢では、お子さん本人の同意に加えて、親権者などの同意が必要です。"
        "お子さんが「伝えないで」と言ったことは、あなたが同意しても伝えません。"
    ),
    *_ADULTS_RIGHTS,
)


@dataclass(frozen=True)
class Voice:
    """How somebody is spoken to on the screen where they answer."""

    answers: Words
    bundles: Words
    hints: Words
    lengths: Mapping[int, LazyString]
    months: LazyString
    months_hint: LazyString
    not_to_tell: LazyString
    not_to_tell_hint: LazyString
    said_back: LazyString
    said_back_hint: LazyString
    not_said_back: LazyString


CHILD: Final = Voice(
    answers=ANSWERS,
    bundles=BUNDLES,
    hints=BUNDLE_HINTS,
    lengths=MappingProxyType(
        {
            1: _l("1か{月|げつ}"),
            3: _l("3か{月|げつ}"),
            6: _l("{半年|はんとし}"),
            12: _l("1{年|ねん}"),
        }
    ),
    months=_l("いつまで つたえていいですか？"),
    months_hint=_l("えらばないときは、{半年|はんとし}です。"),
    not_to_tell=_l("{知|し}られたくない{人|ひと}は いますか？"),
    not_to_tell_hint=_l(
        "いなければ、{書|か}かなくて いいです。センターの{人|ひと}が、その{人|ひと}に "
        "つたわらないか たしかめます。"
    ),
    said_back=_l("きめたことを、じぶんの ことばで おしえてください"),
    said_back_hint=_l(
        "{例|れい}）{学校|がっこう}の{先生|せんせい}に、{学校|がっこう}のことだけ "
        "つたえていい。　おとなが かわりに {書|か}いても いいです。"
    ),
    not_said_back=_l("きめたことを、じぶんの ことばで おしえてください。ここに かいてね。"),
)
ADULT: Final = Voice(
    answers=ADULT_ANSWERS,
    bundles=ADULT_BUNDLES,
    hints=ADULT_HINTS,
    lengths=MappingProxyType(
        {1: _l("1か月"), 3: _l("3か月"), 6: _l("6か月（半年）"), 12: _l("1年")}
    ),
    months=_l("いつまで伝えてよいですか"),
    months_hint=_l("選ばないときは、6か月です。"),
    not_to_tell=_l("伝えてほしくない人はいますか"),
    not_to_tell_hint=_l(
        "いなければ、書かなくてかまいません。センターの職員が、その人に伝わらないかを確かめます。"
    ),
    said_back=_l("決めたことを、ご自分の言葉で書いてください"),
    said_back_hint=_l("例）区役所の福祉課に、収入のことだけ伝えてよい。職員が代わりに書けます。"),
    not_said_back=_l("決めたことを、ご自分の言葉で書いてください。"),
)


def voice_of(giver_kind: str) -> Voice:
    """Return how somebody is spoken to (code list ``consent_giver``)."""
    return CHILD if giver_kind == "child" else ADULT


def promises(giver_kind: str, *, for_child: bool = False) -> list[str]:
    """Return the sentences that are explained, in the language of the page."""
    if giver_kind == "child":
        return [str(line) for line in FOR_CHILD]
    return [str(line) for line in (BESIDE_CHILD if for_child else FOR_ADULT)]


def level_of(giver_kind: str) -> str:
    """Return for whom the words are written."""
    return "child" if giver_kind == "child" else "guardian"


def also_told(agency_type: str, giver_kind: str = "child") -> str:
    """Return what goes with every yes, which the card says."""
    child, cafeteria = giver_kind == "child", agency_type == "cafeteria"
    told = {
        (True, False): _(
            "つたえていいときは、{名前|なまえ}と {学年|がくねん}も いっしょに つたわります。"
        ),
        (True, True): _(
            "つたえていいときは、よばれたい{名前|なまえ}も つたわります。"
            "{学年|がくねん}や {学校|がっこう}は つたわりません。"
        ),
        (False, False): _("伝えてよいときは、名前などの基本的な情報もあわせて伝わります。"),
        (False, True): _(
            "伝えてよいときは、こどもの呼ばれたい名前も伝わります。学年や学校は伝わりません。"
        ),
    }
    return str(told[child, cafeteria])


def if_not(giver_kind: str) -> str:
    """Return what becomes of a no, which the card says too."""
    if giver_kind == "child":
        words = _(
            "「つたえないで」のときは、ここの{人|ひと}は {知|し}らないままです。センターの"
            "{人|ひと}は、いままでどおり {話|はなし}を ききます。"
        )
    else:
        words = _("伝えないときは、この機関は知らないままです。センターの支援は変わりません。")
    return str(words)


def who_reads(giver_kind: str) -> str:
    """Return who reads at an agency, which the card says too."""
    if giver_kind == "child":
        return str(_("{読|よ}むのは、ここで きまっている{人|ひと}だけです。"))
    return str(_("読むのは、この機関で決められた担当者だけです。"))


def explanation(agencies: list[m.Agency], giver_kind: str, *, for_child: bool) -> str:
    """Return everything that is explained before the answers, one sentence a line, to be kept."""
    told = {also_told(agency.type, giver_kind): None for agency in agencies}
    lines = [*promises(giver_kind, for_child=for_child), *told]
    return "\n".join([*lines, if_not(giver_kind), who_reads(giver_kind)])


def law_words(basis: str) -> str:
    """Return the name of a legal basis with its law and article, in the language of the page."""
    locale = "en" if str(get_locale()) == "en" else "ja"
    reason = Reason("law", basis)
    return str(_("%(kind)s（%(name)s）", kind=reason.name(locale), name=reason.law(locale)))
