"""Forms of the doors and desks."""

import uuid
from collections.abc import Iterable
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import (
    BooleanField,
    HiddenField,
    RadioField,
    SelectField,
    SelectMultipleField,
)
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]  # Older stubs.
from wtforms.validators import DataRequired, InputRequired, ValidationError

from blueprints.intake.words import basis_asks, basis_words
from portal import models as m
from portal.forms import (
    BirthDateField,
    CleanLongText,
    CleanText,
    PortalForm,
    SecretWord,
    SubmissionField,
    UrgencyField,
    choices_of,
)
from portal.queries.alike import Alike
from portal.queries.inbox import InboxItemPage
from portal.queries.search import SHORTEST
from portal.services.consultations import ABUSE_REPORT, KIND_OF_CONSULTER, Told
from portal.text import fold_kana

# What a clerk writes down; the other channels come by the pages of those who use them.
TYPED_CHANNELS = ("PHONE", "VISIT", "POSTCARD", "EMAIL", "OUTREACH", "AGENCY", "OTHER")


class ReportForm(PortalForm):
    """What a volunteer noticed: one text, two taps, and what may be left out."""

    class Meta:
        # Nothing may stand before a report of concern, an expired token neither. Whoever sends
        # this form for somebody else could as well send it for himself; the cookie of a signed-in
        # volunteer does not come along from other sites (SameSite).
        csrf = False

    words = CleanLongText(
        _l("気になったこと"),
        description=_l("見たこと、聞いたことを、そのまま書いてください。短くてもかまいません。"),
        validators=[DataRequired(_l("気になったことを、ひとことでも書いてください。"))],
    )
    suspected_abuse = BooleanField(
        _l("けが・こわがっている・家に帰りたがらない など、虐待かもしれない"),
        description=_l("ちがっていても大丈夫です。すぐにセンターにも届きます。"),
    )
    urgent = BooleanField(
        _l("いま、あぶない"),
        description=_l("送ったあと、すぐに電話する番号を出します。"),
    )
    about = CleanText(
        _l("どのこどものことか"),
        description=_l("よび名、学年、服の色など、わかるだけで。"),
    )
    name = CleanText(
        _l("あなたの名前"),
        description=_l("書かなくてもかまいません。書いても、ご家庭には伝えません。"),
    )
    secret = SecretWord(
        _l("合い言葉"),
        description=_l("返事を見るときに使う、好きな言葉（2文字以上）。なくても見られます。"),
    )
    submission = SubmissionField()

    def told(self) -> Told:
        """Return what was told; without a suspicion it is about nothing in particular."""
        return Told(
            words=self.words.data,
            topic="ABUSE_WORRY" if self.suspected_abuse.data else "OTHER",
            about=self.about.data,
            name=self.name.data,
            suspected_abuse=self.suspected_abuse.data,
            urgent=self.urgent.data,
        )


class _Told(PortalForm):
    """A form with all that can be told of a matter; each form has its own words for the fields."""

    def told(self) -> Told:
        """Return what was told."""
        return Told(
            words=self.words.data,
            topic=self.topic.data,
            about=self.about.data,
            name=self.name.data,
            callback=self.callback.data,
            not_to_tell=self.not_to_tell.data,
            suspected_abuse=self.suspected_abuse.data,
            urgent=self.urgent.data,
        )


class TypeInForm(_Told):
    """What came by phone, visit, postcard or mail, in the words as they were given."""

    channel = RadioField(
        _l("どうやって届いたか"),
        choices=choices_of("channel", *TYPED_CHANNELS),
        validators=[InputRequired(_l("どうやって届いたかを選んでください。"))],
    )
    agency = SelectField(
        _l("電話で聞き取った機関"),
        description=_l("機関が、サインインのかわりに電話で伝えたときだけ選びます。"),
    )
    consulter = RadioField(
        _l("だれからの相談か"),
        choices=choices_of("consulter", *KIND_OF_CONSULTER),
        validators=[InputRequired(_l("だれからの相談かを選んでください。"))],
    )
    name = CleanText(
        _l("相談した人の名前"),
        description=_l(
            "名乗らないときは空のままにします。名前がないと、こちらから探すことはできません。"
        ),
    )
    topic = SelectField(_l("何についてか"), choices=choices_of("topic"), default="OTHER")
    words = CleanLongText(
        _l("話されたとおりの言葉"),
        validators=[DataRequired(_l("話された言葉を入力してください。"))],
    )
    about = CleanText(_l("どのこどものことか"))
    not_to_tell = CleanText(
        _l("伝えてほしくない人"), description=_l("名前や間柄を、言われたとおりに書きます。")
    )
    callback = CleanText(
        _l("折り返しの連絡先と、安全な時間"),
        description=_l("例：平日の15時から16時。家の電話にはかけない。"),
    )
    suspected_abuse = BooleanField(_l("虐待のおそれがある"))
    urgent = BooleanField(_l("いま、あぶない"))
    secret = SecretWord(
        _l("合い言葉"),
        description=_l(
            "相談した人が自分で決めた言葉（2文字以上）。ないと、6つの言葉だけでは新しい返事しか"
            "読めず、続きを書けません。"
        ),
    )
    submission = SubmissionField()

    def offer(self, agencies: Iterable[m.Agency]) -> None:
        """Offer the agencies that may have phoned."""
        self.agency.choices = [
            SelectChoice("", _("なし（本人や家族などからの相談）")),
            *(SelectChoice(str(agency.id), agency.name) for agency in agencies),
        ]

    @property
    def agency_id(self) -> uuid.UUID | None:
        """Return the agency that phoned, None where it was somebody else."""
        return uuid.UUID(self.agency.data) if self.agency.data else None


class MatterForm(_Told):
    """A matter that a school or another agency hands to the centre."""

    about = CleanText(
        _l("どのこどものことか"),
        description=_l("名前、学年など。センターが探せるように。"),
        validators=[DataRequired(_l("どのこどものことかを入力してください。"))],
    )
    topic = SelectField(_l("何についてか"), choices=choices_of("topic"), default="OTHER")
    words = CleanLongText(
        _l("伝えること"),
        description=_l(
            "見たこと、聞いたこと、これまでにしたこと。こどもの言葉は、そのまま書きます。"
        ),
        validators=[DataRequired(_l("伝えることを入力してください。"))],
    )
    suspected_abuse = BooleanField(
        _l("虐待のおそれがある"),
        description=_l(
            "ちがっていてもかまいません。児童相談所への通告（189）も、機関から行ってください。"
        ),
    )
    urgent = BooleanField(
        _l("いま、あぶない"), description=_l("送ったあと、すぐに電話する番号を出します。")
    )
    basis = RadioField(
        _l("伝えてよい根拠"),
        validators=[InputRequired(_l("伝えてよい根拠を選んでください。"))],
    )
    not_to_tell = CleanText(
        _l("伝えてほしくない人"),
        description=_l("こどもが言ったとおりに。センターが守ります。"),
    )
    name = CleanText(
        _l("あなたの名前"),
        description=_l("センターだけが読みます。"),
        validators=[DataRequired(_l("あなたの名前を入力してください。"))],
    )
    callback = CleanText(_l("センターから連絡してよい電話と時間"))
    submission = SubmissionField()

    def offer(self, codes: Iterable[str]) -> None:
        """Offer the legal bases, each with its law and what it asks for."""
        self.basis.choices = [
            SelectChoice(code, basis_words(code), {"data-hint": basis_asks(code)}) for code in codes
        ]

    def validate_basis(self, field: RadioField) -> None:
        """Refuse to ask for a consent for show, where there is a duty to report."""
        if self.suspected_abuse.data and field.data != ABUSE_REPORT:
            raise ValidationError(
                _l(
                    "虐待のおそれがあるときは「児童虐待の通告」を選びます。同意を待つ必要はありません。"
                )
            )


class AnswerForm(PortalForm):
    """An answer in the thread."""

    text = CleanLongText(
        _l("返事"),
        description=_l("相談した人が、もどってくるときの言葉で開いて読みます。"),
        validators=[DataRequired(_l("返事を書いてください。"))],
    )
    submission = SubmissionField()

    def begin(self, words: str) -> None:
        """Put words below what is typed; chosen twice they stand there once."""
        typed = (self.text.data or "").rstrip()
        if words and words not in typed:
            self.text.data = f"{typed}\n\n{words}" if typed else words


class HandOverForm(PortalForm):
    """What who consulted is told when the consultation is passed on."""

    text = CleanLongText(
        _l("相談した人に伝えること"),
        description=_l("やりとりの中で、相談した人が読みます。伝えないときは消してください。"),
    )
    submission = SubmissionField()

    def suggest(self, consulter: str) -> None:
        """Say it in words for a child or for a grown-up, before the form is sent first."""
        if self.is_submitted():
            return
        self.text.data = (
            _(
                "センターの そうだんいんさんにも、よんでもらうことに しました。"
                "へんじは、センターからも きます。"
            )
            if consulter == "CHILD"
            else _("センターの相談員にも読んでもらうことにしました。返事はセンターからも届きます。")
        )


class AcceptForm(PortalForm):
    """The child's names, what it is about, and how urgent it is."""

    family_name = CleanText(_l("姓"), description=_l("わからないときは空のままにします。"))
    given_name = CleanText(_l("名"))
    kana = CleanText(_l("ふりがな"), description=_l("例：みほん あおい"))
    called = CleanText(_l("呼ばれたい名前"))
    birth_date = BirthDateField(
        _l("生年月日"), description=_l("西暦で記入してください。例：2016年 9月 1日")
    )
    another = BooleanField(
        _l("確認しました。どれも別のこどもなので、新しいケースにします"),
    )
    compared = HiddenField()
    topics = SelectMultipleField(_l("何についての相談か"), choices=choices_of("topic"))
    urgency = UrgencyField()
    grounds = CleanLongText(
        _l("緊急度の理由"), validators=[DataRequired(_l("そう判断した理由を書いてください。"))]
    )
    submission = SubmissionField()

    def suggest(self, page: InboxItemPage) -> None:
        """Fill in what the consultation says itself, before the form is sent first."""
        if not self.is_submitted():
            self.topics.data = [page.row.topic]
            self.called.data = page.name if page.row.consulter == "CHILD" else ""

    @property
    def child(self) -> dict[str, str]:
        """Return the child's names; "" where nobody knows one."""
        names = (self.family_name, self.given_name, self.kana, self.called)
        return {field.name: field.data or "" for field in names}

    @property
    def born(self) -> str | None:
        """Return the date of birth as YYYY-MM-DD, None where nobody knows."""
        return None if self.birth_date.data is None else self.birth_date.data.isoformat()

    def compare(self, others: Iterable[Alike]) -> None:
        """Let a person compare the child with those of these cases before it gets one of its own.

        Who said that they are others has said it of those that were shown.
        """
        shown = ",".join(sorted(str(other.case_id) for other in others))
        if shown != self.compared.data:
            self.another.data = False
        self.compared.data = shown

    def validate_another(self, field: BooleanField) -> None:
        """Refuse a second case while it is not said that the child is another."""
        if self.compared.data and not field.data:
            raise ValidationError(
                _l("ケースとくらべて、別のこどもか、同じこどもかを選んでください。")
            )

    def acceptance(self) -> dict[str, Any]:
        """Return the words of ``desk.accept``; "" where nobody knows a name."""
        return {
            "case_id": self.submission.data,
            "child": self.child,
            "birth_date": self.born,
            "topics": self.topics.data or [],
            "urgency": self.urgency.data,
            "grounds": self.grounds.data,
        }


class FindCaseForm(PortalForm):
    """Which case a consultation may belong to."""

    words = CleanText(
        _l("番号か名前"),
        description=_l(
            "受付番号、または名前やふりがなの一部（2文字以上）。例）K7F-3QX-R4M、みほん"
        ),
    )

    def validate_words(self, field: CleanText) -> None:
        """Refuse nothing at all, and a single character."""
        if len(fold_kana(field.data or "")) < SHORTEST:
            raise ValidationError(_l("2文字以上で探してください。"))


class JoinForm(PortalForm):
    """Taking a consultation into a case that there is already."""

    by_the_child = BooleanField(
        _l("相談した人が、このこども本人（または保護者）だと確かめました"),
        description=_l(
            "確かめたときだけ選びます。選ぶと、相談した人のもどってくる言葉で、このケースの"
            "「だれに何を伝えたか」が開けます（保護者には自分の同意だけ）。"
        ),
    )
