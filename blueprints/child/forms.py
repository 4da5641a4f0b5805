"""Forms of the child's own pages: few, large, in a child's words."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, RadioField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]  # Older stubs.
from wtforms.validators import DataRequired, InputRequired

from portal import models as m
from portal.forms import CleanLongText, CleanText, PortalForm, SecretWord, SubmissionField
from portal.services.consultations import Told
from portal.text import N_

# Six words with blanks and numbers between them.
CODE = 400
CHILD_MESSAGES: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(
            ("bidi_control", "broken_character", "control_character", "stacked_marks"),
            N_("よめない もじが あったので、けしました。たしかめて、もういちど おしてね。"),
        ),
        "secret_too_long": N_("あいことばが ながすぎます。%(limit)sもじまでに してね。"),
        "secret_too_short": N_("あいことばは %(limit)sもじより ながく してね。"),
        "too_long": N_("もじが おおすぎます。%(limit)sもじまでに してね。（いま %(length)sもじ）"),
    }
)

# The topics that a child can choose, in a child's words; the last one is for all else.
TOPICS = {
    "FRIENDS": _l("ともだちの こと"),
    "BULLYING_WORRY": _l("いじめ"),
    "SCHOOL_LIFE": _l("{学校|がっこう}の こと"),
    "NON_ATTENDANCE": _l("{学校|がっこう}に いきたくない"),
    "STAFF": _l("{先生|せんせい}や おとなに されたこと"),
    "FAMILY": _l("かぞくの こと"),
    "ABUSE_WORRY": _l("{家|いえ}で つらいこと・こわいこと"),
    "CARE": _l("かぞくの おせわを していること"),
    "MONEY": _l("お{金|かね}や たべもののこと"),
    "MIND_BODY": _l("こころや からだの こと"),
    "NET": _l("ネットや スマホの こと"),
    "OTHER": _l("ほかの こと・うまく いえない こと"),
}


class ChildText(CleanText):
    """One line that a child writes."""

    messages = CHILD_MESSAGES


class ChildLongText(CleanLongText):
    """Several lines that a child writes."""

    messages = CHILD_MESSAGES


class ChildSecret(SecretWord):
    """The secret word that a child makes up."""

    messages = CHILD_MESSAGES


def _topics() -> list[SelectChoice]:
    return [SelectChoice(code, name) for code, name in TOPICS.items()]


class StartForm(PortalForm):
    """What a child wants to tell, to whom, and who should not know."""

    for_child = True

    class Meta:
        # As at the cafeteria's report: an expired token must not stand before a call for help.
        csrf = False

    topic = RadioField(
        _l("なにに ついて？"),
        validators=[InputRequired(_l("なにに ついてか、ひとつ えらんでね。"))],
        choices=_topics,
    )
    words = ChildLongText(
        _l("どんなことが あった？ どんな きもち？"),
        description=_l("みじかくても、まちがえても だいじょうぶ。"),
        validators=[DataRequired(_l("ひとことでも いいから、かいてね。"))],
    )
    urgent = BooleanField(_l("いま、こわい・いたい・きえてしまいたい きもちが ある"))
    listener = RadioField(
        _l("だれに きいてほしい？"),
        validators=[InputRequired(_l("だれに きいてほしいか、えらんでね。"))],
    )
    not_to_tell = ChildText(
        _l("しってほしくない ひと"),
        description=_l(
            "いなければ、かかなくて いいです。れい：おかあさん、たんにんの{先生|せんせい}"
        ),
    )
    name = ChildText(
        _l("よばれたい なまえ"),
        description=_l(
            "かかなくても いいです。でも、だれか わからないと、たすけに いくことが できません。"
        ),
    )
    about = ChildText(
        _l("{学校|がっこう}と {学年|がくねん}"), description=_l("かかなくても いいです。")
    )
    secret = ChildSecret(
        _l("あいことば（じぶんで きめてね）"),
        description=_l("へんじを よむときに つかいます。ほかの ひとが しらない ことばに してね。"),
        validators=[DataRequired(_l("あいことばを きめてね。"))],
    )
    submission = SubmissionField()

    def offer(self, listeners: Sequence[m.Agency]) -> None:
        """Offer who can hear the child; with the centre alone there is nothing to choose."""
        if len(listeners) == 1:
            del self.listener
            return
        names = (
            _("センターの {相談員|そうだんいん}（{学校|がっこう}の {人|ひと}は よみません）"),
            _("ほけんしつの {先生|せんせい}（チームの ほかの {先生|せんせい}も よみます）"),
        )
        self.listener.choices = [
            SelectChoice(str(agency.id), name)
            for agency, name in zip(listeners, names, strict=True)
        ]

    def chosen(self, listeners: Sequence[m.Agency]) -> m.Agency:
        """Return whom the child chose."""
        if "listener" not in self:
            return listeners[0]
        return next(agency for agency in listeners if str(agency.id) == self.listener.data)

    def told(self) -> Told:
        """Return what the child told."""
        return Told(
            words=self.words.data,
            topic=self.topic.data,
            about=self.about.data,
            name=self.name.data,
            not_to_tell=self.not_to_tell.data,
            suspected_abuse=self.topic.data == "ABUSE_WORRY",
            urgent=self.urgent.data,
        )


class EnterForm(PortalForm):
    """The six words of the return code, and the secret word."""

    for_child = True

    code = ChildText(
        _l("6つの ことば"),
        description=_l("ひらがなでも カタカナでも いいです。あいだは あけなくても いいです。"),
        validators=[DataRequired(_l("6つの ことばを かいてね。"))],
        limit=CODE,
    )
    secret = ChildText(
        _l("あいことば"), description=_l("きめていないときは、かかなくて いいです。"), limit=CODE
    )


class SayForm(PortalForm):
    """What one writes back."""

    for_child = True

    text = ChildLongText(
        _l("つづきを かく"), validators=[DataRequired(_l("ひとことでも いいから、かいてね。"))]
    )
    submission = SubmissionField()


class AdultSayForm(PortalForm):
    """What a guardian or another grown-up writes back."""

    text = CleanLongText(
        _l("続きを書く"), validators=[DataRequired(_l("伝えたいことを書いてください。"))]
    )
    submission = SubmissionField()
