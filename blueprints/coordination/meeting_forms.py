"""Forms of the weekly meeting: calling it, its briefs, conflicts, advice, what is put off."""

import datetime as dt
from collections.abc import Iterable
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, DateField, RadioField, SelectField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]  # Older stubs.
from wtforms.validators import DataRequired, InputRequired, ValidationError

from portal.forms import (
    CleanLongText,
    PortalForm,
    SubmissionField,
    VersionField,
    as_id,
    choices_of,
)
from portal.queries.meetings import ExpertRow
from portal.services.meetings import MEETING_KINDS, Paper, PutOff
from portal.templating import days_left, today
from portal.vocabulary import codes

PARTIES = 1_000
# The next look at what is left: a quarter at the latest, or it is forgotten.
PUT_OFF_DAYS = 92


class MeetingForm(PortalForm):
    """Calling a meeting."""

    submission = SubmissionField()
    held_on = DateField(
        _l("開く日"),
        [InputRequired(_l("日付を入力してください。"))],
    )
    kind = RadioField(
        _l("会議の種類"),
        [InputRequired(_l("会議の種類を選んでください。"))],
        choices=choices_of("meeting", *MEETING_KINDS),
        default=MEETING_KINDS[0],
        description=_l("要対協の会議は、そこで決めた共有の根拠として記録します。"),
    )


class PutOffForm(PortalForm):
    """Why a matter is left, and the day on which it is looked at again."""

    reason = RadioField(
        _l("持ち越す理由"),
        [InputRequired(_l("持ち越す理由を選んでください。"))],
        choices=choices_of("put_off", *codes("put_off")),
    )
    until_on = DateField(
        _l("つぎに見る日"),
        [InputRequired(_l("つぎに見る日を入力してください。"))],
    )

    def __init__(self, held_on: dt.date, **options: Any) -> None:
        """Take the day of the meeting; a week later is offered."""
        week = max(held_on, today()) + dt.timedelta(days=7)
        super().__init__(data={"until_on": week}, **options)
        self.held_on = held_on

    @property
    def terms(self) -> PutOff:
        """Return what was said."""
        return PutOff(self.reason.data, self.until_on.data or self.held_on)

    def validate_until_on(self, field: DateField) -> None:
        """Refuse a day before the meeting is over, and one that nobody will remember."""
        if field.data is None:
            return
        if field.data <= self.held_on:
            raise ValidationError(_l("会議の日よりあとの日にしてください。"))
        if not 0 <= days_left(field.data) <= PUT_OFF_DAYS:
            raise ValidationError(_l("きょうから3か月のあいだの日にしてください。"))


class InviteForm(PortalForm):
    """Inviting an expert by name."""

    account = SelectField(
        _l("専門家"), [DataRequired(_l("専門家を選んでください。"))], coerce=as_id
    )

    def __init__(self, experts: Iterable[ExpertRow], **options: Any) -> None:
        """Take the experts who are not invited yet."""
        super().__init__(**options)
        self.account.choices = [
            SelectChoice(row.account_id, f"{row.name}（{row.agency}）") for row in experts
        ]


class BriefForm(PortalForm):
    """A matter for the experts: the question on top, then what they need to know."""

    submission = SubmissionField()
    question = CleanLongText(
        _l("専門家に聞きたいこと"),
        [DataRequired(_l("聞きたいことを入力してください。"))],
        limit=PARTIES,
    )
    text = CleanLongText(
        _l("あらまし"),
        [DataRequired(_l("あらましを入力してください。"))],
        description=_l("登録された名前は、保存するときに「本人」「保護者A」などに置きかえます。"),
    )
    parties = CleanLongText(
        _l("関係する人の名前（利益相反の確認用）"),
        [DataRequired(_l("関係する人の名前を入力してください。"))],
        limit=PARTIES,
        description=_l("専門家は、はじめにこれだけを見て、利益相反がないかを答えます。"),
    )

    def paper(self) -> Paper:
        """Return what was written."""
        return Paper(self.question.data, self.text.data, self.parties.data)


class BriefEditForm(BriefForm):
    """A brief changed from the version one saw."""

    version = VersionField()


class ReleaseForm(PortalForm):
    """Putting a brief before the experts."""

    looked_through = BooleanField(_l("残っている名前を見て、このままでよいことを確かめました。"))
    nobody_unlinked = BooleanField(
        _l("専門家の中に、本人が「伝えてほしくない」と言った人がいないことを確かめました。")
    )


class DeclareForm(PortalForm):
    """Whether an expert has a conflict of interest with the parties."""

    conflict = RadioField(
        _l("この人たちと、利益相反（依頼を受けている・親族・知人など）がありますか"),
        [InputRequired(_l("あるかないかを選んでください。"))],
        choices=[
            SelectChoice("no", _l("ない")),
            SelectChoice(
                "yes",
                _l("ある"),
                {"data-hint": _l("この案件は、あなたには見えなくなります。")},
            ),
        ],
    )


class AdviceForm(PortalForm):
    """Advice to the centre, or 了承（意見なし）."""

    submission = SubmissionField()
    assent = RadioField(
        _l("答え"),
        [InputRequired(_l("答えを選んでください。"))],
        choices=[
            SelectChoice("advice", _l("助言する")),
            SelectChoice("assent", _l("了承（意見なし）")),
        ],
    )
    text = CleanLongText(_l("助言"))

    def validate(self, extra_validators: Any = None) -> bool:
        """Advice has words."""
        valid = bool(super().validate(extra_validators))
        if self.assent.data == "advice" and not self.text.data and not self.text.errors:
            self.text.errors = [_("助言を入力してください。")]
            return False
        return valid


__all__ = [
    "AdviceForm",
    "BriefEditForm",
    "BriefForm",
    "DeclareForm",
    "InviteForm",
    "MeetingForm",
    "PutOffForm",
    "ReleaseForm",
]
