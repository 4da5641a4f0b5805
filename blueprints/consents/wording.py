"""The words in which a consent is asked; each version of them is kept with the consents it gave."""

from typing import Final

from flask_babel import get_locale
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from portal.queries.reasons import Reason

# What a child hears before it answers (domain.md §3 and §6, law-and-practice.md §2.2).
FOR_CHILD: Final = (
    _l("{話|はな}してくれたことを、ほかの{人|ひと}に つたえるかどうか、あなたが きめていいです。"),
    _l("「つたえないで」でも だいじょうぶ。そうだんは つづけられます。"),
    _l(
        "あとから「やっぱりやめる」も できます。もう よんだことは {消|け}せませんが、つぎからは "
        "{見|み}えなくなります。"
    ),
    _l(
        "でも、いのちや からだが あぶないときなど、まもるために きかないで つたえることが "
        "あります。"
        "そのときも、できるだけ {先|さき}に あなたに {話|はな}します。"
    ),
)
FOR_GUARDIAN: Final = (
    _l(
        "ここで きめるのは、あなた{自身|じしん}のことだけです。お{子|こ}さんのことは、"
        "お{子|こ}さんが きめます。"
    ),
    _l("「つたえないで」でも だいじょうぶです。{相談|そうだん}は つづけられます。"),
    _l(
        "あとから「やっぱりやめる」も できます。もう {読|よ}んだことは {消|け}せませんが、"
        "つぎからは {見|み}えなくなります。"
    ),
    _l("{命|いのち}や {体|からだ}が あぶないときなど、{法律|ほうりつ}で つたえることが あります。"),
)

ANSWERS: Final = {
    "yes": _l("つたえていい"),
    "no": _l("つたえないで"),
    "later": _l("あとで きめる"),
}

# How long, in words; the day itself is written beside it.
LENGTHS: Final = {
    1: _l("1か{月|げつ}"),
    3: _l("3か{月|げつ}"),
    6: _l("{半年|はんとし}"),
    12: _l("1{年|ねん}"),
}


def promises(giver_kind: str) -> list[str]:
    """Return the sentences that are explained, in the language of the page."""
    return [str(line) for line in (FOR_CHILD if giver_kind == "child" else FOR_GUARDIAN)]


def level_of(giver_kind: str) -> str:
    """Return for whom the words are written."""
    return "child" if giver_kind == "child" else "guardian"


def also_told(agency_type: str) -> str:
    """Return what goes with every yes, which the card says."""
    told: str = _("つたえていいときは、{名前|なまえ}と {学年|がくねん}も いっしょに つたわります。")
    if agency_type == "cafeteria":
        told = _(
            "つたえていいときは、よばれたい{名前|なまえ}も つたわります。"
            "{学年|がくねん}や {学校|がっこう}は つたわりません。"
        )
    return told


def law_words(basis: str) -> str:
    """Return the name of a legal basis with its law and article, in the language of the page."""
    locale = "en" if str(get_locale()) == "en" else "ja"
    reason = Reason("law", basis)
    return str(_("%(kind)s（%(name)s）", kind=reason.name(locale), name=reason.law(locale)))
