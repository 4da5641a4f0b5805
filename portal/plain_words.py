"""Words for children, with furigana: agencies, bundles, slices, and the laws that share.

A kanji stands as {漢字|かんじ}; the filter ``ruby`` draws it. A guardian is spoken to as
an adult and has words of their own for answers and bundles.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from flask_babel import lazy_gettext as _l
from flask_babel.speaklater import LazyString

from portal.policy.terms import PERMISSIONS

Words = Mapping[str, LazyString]

# What kind of place it is, beside a name that may be hard to read.
AGENCIES: Final[Words] = MappingProxyType(
    {
        "support_center": _l("こどもの{権利|けんり}サポートセンター"),
        "school": _l("{学校|がっこう}"),
        "nursery": _l("ほいくえん・ようちえん"),
        "board_of_education": _l("{教育委員会|きょういくいいんかい}"),
        "mayor_department": _l("{市役所|しやくしょ}"),
        "cgc": _l("{児童相談所|じどうそうだんじょ}（こどもを まもるところ）"),
        "ward_welfare": _l("{区役所|くやくしょ}（くらしを たすけるところ）"),
        "ward_child_health": _l("{区役所|くやくしょ}（こどもと おやを たすけるところ）"),
        "ward_protection": _l("{区役所|くやくしょ}（お{金|かね}で こまったときの ところ）"),
        "police": _l("{警察|けいさつ}"),
        "npo": _l("こどもや {家族|かぞく}を たすける{人|ひと}たち"),
        "cafeteria": _l("こども{食堂|しょくどう}"),
        "expert_lawyer": _l("{弁護士|べんごし}"),
        "expert_welfare": _l("{福祉|ふくし}に くわしい{人|ひと}"),
        "cram_club": _l("{塾|じゅく}や クラブ"),
        "medical": _l("{病院|びょういん}"),
        "family_court": _l("{家庭裁判所|かていさいばんしょ}"),
    }
)

BUNDLES: Final[Words] = MappingProxyType(
    {
        "talk": _l("そうだんしたこと"),
        "school": _l("{学校|がっこう}のようす"),
        "home": _l("おうちのこと"),
        "living": _l("くらしや お{金|かね}のこと"),
        "health": _l("からだと こころのこと"),
        "watch": _l("{見|み}まもってほしいこと"),
        "safety": _l("あぶないことから まもるために いること"),
        # A consent that came with a register names slices; nobody asked for it in these words.
        "imported": _l("まえに {聞|き}いた こたえ"),
    }
)

BUNDLE_HINTS: Final[Words] = MappingProxyType(
    {
        "talk": _l("どんな そうだんか、あなたの {気|き}もち、これから どうするか"),
        "school": _l("べんきょう、{友|とも}だち、{休|やす}んでいること など"),
        "home": _l("いえの{人|ひと}のこと、いえで あったこと など"),
        "living": _l("ごはん、お{金|かね}、{住|す}むところ など"),
        "health": _l("けが、びょうき、ねむれないこと など"),
        "watch": _l("おとなに {気|き}をつけて {見|み}ていてほしいこと"),
        "safety": _l("あぶないこと、れんらくするところ など"),
    }
)

ANSWERS: Final[Words] = MappingProxyType(
    {
        "yes": _l("つたえていい"),
        "no": _l("つたえないで"),
        "later": _l("あとで きめる"),
    }
)

ADULT_ANSWERS: Final[Words] = MappingProxyType(
    {
        "yes": _l("伝えてよい"),
        "no": _l("伝えないでほしい"),
        "later": _l("あとで決める"),
    }
)

ADULT_BUNDLES: Final[Words] = MappingProxyType(
    {
        "talk": _l("相談の内容"),
        "school": _l("学校での様子"),
        "home": _l("家庭のこと"),
        "living": _l("暮らしやお金のこと"),
        "health": _l("からだとこころのこと"),
        "watch": _l("見守ってほしいこと"),
        "safety": _l("危険から守るために必要なこと"),
        "imported": _l("前にうかがった答え"),
    }
)

ADULT_HINTS: Final[Words] = MappingProxyType(
    {
        "talk": _l("相談の概要、気持ちや希望、支援の方針と経過"),
        "school": _l("学習、友人関係、欠席など"),
        "home": _l("家族のこと、家庭であったことなど"),
        "living": _l("食事、家計、住まいなど"),
        "health": _l("けが、病気、眠れないことなど"),
        "watch": _l("周りの大人に気をつけて見ていてほしいこと"),
        "safety": _l("危険なこと、連絡先など"),
    }
)

SLICES: Final[Words] = MappingProxyType(
    {
        "basic": _l("{名前|なまえ}と {学年|がくねん}"),
        "contact": _l("れんらくするところ"),
        "summary": _l("どんな そうだんか"),
        "detail": _l("そうだんの くわしいこと"),
        "child_view": _l("あなたの {気|き}もちや ねがい"),
        "school": _l("{学校|がっこう}のようす"),
        "home": _l("おうちのこと"),
        "health": _l("からだと こころのこと"),
        "welfare": _l("くらしや お{金|かね}のこと"),
        "safety": _l("あぶないことから まもるために いること"),
        "facts": _l("あったこと（{話|はな}した{人|ひと}ごと）"),
        "judgement": _l("センターが かんがえたこと"),
        "plan": _l("これから どうするか"),
        "watch_points": _l("{見|み}まもってほしいこと"),
        "progress": _l("そのあと どうなったか"),
        "others": _l("かかわりのある こどものこと"),
    }
)

# Why something is told although nobody was asked; the code is of legal_bases.csv.
_DUTY = _l("ほうりつで、こどもを まもるために つたえることに なっているからです。")
LAWS: Final[Words] = MappingProxyType(
    {
        "CAPA6": _l(
            "おとなから ひどいことを されているかもしれないと {気|き}づいた{人|ひと}は、"
            "{児童相談所|じどうそうだんじょ}などに つたえることが ほうりつで きまっているからです。"
        ),
        "CWA25": _l(
            "こどもを まもる{人|ひと}が いないかもしれないと {気|き}づいた{人|ひと}は、"
            "つたえることが ほうりつで きまっているからです。"
        ),
        "EMERGENCY": _l(
            "いのちや からだが あぶないかもしれなかったので、いそいで つたえたからです。"
            "あとで、センターの{人|ひと}が {話|はな}します。"
        ),
        "ENTRUST_NPO": _l(
            "センターの しごとを てつだってもらうためです。"
            "その しごとが おわると、{見|み}えなくなります。"
        ),
        "EXPERT": _l(
            "{名前|なまえ}を かくして、{弁護士|べんごし}さんなどに、"
            "どうしたらいいか {聞|き}くためです。"
            "{話|はな}しあいが おわると、{見|み}えなくなります。"
        ),
        "TSV18": _l(
            "{先生|せんせい}から からだや こころを きずつけられたかもしれないときは、"
            "つたえることが ほうりつで きまっているからです。"
        ),
    }
)


_MAY = _l(
    "あなたを まもるために ひつようだと、センターの おとなが {何人|なんにん}かで きめたからです。"
    "ほうりつで、そうしていいことに なっています。"
)


def law(basis: str) -> LazyString:
    """Return why a law shares, for a child; a general sentence where the law has none."""
    general = _MAY if basis in PERMISSIONS else _DUTY
    return LAWS.get(basis, general)


__all__ = [
    "ADULT_ANSWERS",
    "ADULT_BUNDLES",
    "ADULT_HINTS",
    "AGENCIES",
    "ANSWERS",
    "BUNDLES",
    "BUNDLE_HINTS",
    "LAWS",
    "SLICES",
    "law",
]
