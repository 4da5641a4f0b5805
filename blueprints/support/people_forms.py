"""Forms for the people of a case."""

import datetime as dt
from typing import Any, cast

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, HiddenField, RadioField, SelectField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]  # Older stubs.
from wtforms.validators import DataRequired, InputRequired

from portal.forms import (
    BirthDateField,
    CleanText,
    PortalForm,
    SecretWord,
    SubmissionField,
    choices_of,
)
from portal.vocabulary import codes

# Everybody but the child itself, whom the case was opened about.
OTHERS = tuple(code for code in codes("subject") if code != "child")


class PersonForm(PortalForm):
    """Somebody else whose data the case holds."""

    subject_kind = RadioField(
        _l("だれの情報か"),
        [InputRequired(_l("だれの情報かを選んでください。"))],
        choices=choices_of("subject", *OTHERS),
        description=_l("同意は、その人自身の情報についてのものです。"),
    )
    relationship = SelectField(
        _l("本人との関係"),
        choices=lambda: [SelectChoice("", _("わからない")), *choices_of("relationship")()],
    )
    family_name = CleanText(_l("姓"), description=_l("わからないときは空のままにします。"))
    given_name = CleanText(_l("名"))
    kana = CleanText(_l("ふりがな"))
    submission = SubmissionField()

    def names(self) -> dict[str, str]:
        """Return the names as the service takes them."""
        return {
            "family_name": self.family_name.data,
            "given_name": self.given_name.data,
            "kana": self.kana.data,
            "called": "",
            "subject_kind": self.subject_kind.data,
        }


class BirthDateForm(PortalForm):
    """When the child was born; what ends by it is shown before it is kept."""

    born = BirthDateField(
        _l("生年月日"),
        missing=_l("生年月日を入力してください。"),
        description=_l("西暦で記入してください。例：2016年 9月 1日"),
    )
    # What the person saw: the date as it stood, and the one whose consequences were shown.
    seen = HiddenField()
    shown = HiddenField()

    @property
    def day(self) -> dt.date:
        """Return the date, once the form is found right."""
        return cast("dt.date", self.born.data)


class GuardianForm(PortalForm):
    """Whether and how a guardian answers for the child."""

    authority = RadioField(
        _l("親権などについて"),
        [InputRequired(_l("親権などについて選んでください。"))],
        choices=choices_of("authority"),
        description=_l("2026年4月からは、離婚のあとも共同親権の場合があります。"),
    )
    lives_with = BooleanField(_l("こどもは、この人といっしょに暮らしている"))
    concerned = BooleanField(
        _l("関係するとされる人である"),
        description=_l("この人には、同意を聞かず、このケースについて何も知らせません。"),
    )
    submission = SubmissionField()

    def record(self) -> dict[str, Any]:
        """Return what was said as the service takes it."""
        return {
            "authority": self.authority.data,
            "lives_with": self.lives_with.data,
            "concerned": self.concerned.data,
        }


class CodeForm(PortalForm):
    """The secret word that goes with a return code."""

    secret = SecretWord(
        _l("合い言葉"),
        [DataRequired(_l("合い言葉を決めてもらってください。"))],
        description=_l("本人が自分で決めた、ほかの人が知らない言葉（2文字以上）。"),
    )
    submission = SubmissionField()

    def refuse(self) -> None:
        """Say that this person gets no code."""
        self.form_errors.append(_("言葉を渡せるのは、こども本人と、知られてもよい保護者だけです。"))
