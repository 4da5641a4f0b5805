"""Forms about requests to agencies."""

from collections.abc import Iterable
from typing import Any

from flask_babel import lazy_gettext as _l
from wtforms import DateField, SelectField
from wtforms.validators import DataRequired, InputRequired, ValidationError

from portal import models as m
from portal.forms import CleanLongText, PortalForm, SubmissionField, as_id
from portal.templating import days_left, label
from portal.vocabulary import codes

A_YEAR = 366


class AskForm(PortalForm):
    """Asking an agency that sees the case to do something by a day."""

    submission = SubmissionField()
    agency = SelectField(
        _l("依頼する機関"),
        coerce=as_id,
        description=_l("このケースがいま共有されている機関だけです。"),
    )
    kind = SelectField(_l("依頼の種類"))
    due_on = DateField(_l("いつまでに"), [InputRequired(_l("期限の日を入力してください。"))])
    request = CleanLongText(
        _l("お願いすること"),
        [DataRequired(_l("お願いすることを入力してください。"))],
        description=_l("この文章は、依頼する機関の担当が読みます。"),
    )

    def __init__(self, agencies: Iterable[m.Agency], **options: Any) -> None:
        """Take the agencies that can be asked."""
        super().__init__(**options)
        self.agency.choices = [(agency.id, agency.name) for agency in agencies]
        self.kind.choices = [(code, label("action", code)) for code in codes("action")]

    @property
    def terms(self) -> dict[str, Any]:
        """Return what ``ask_action`` takes."""
        return {
            "action_id": self.submission.data,
            "agency_id": self.agency.data,
            "kind": self.kind.data,
            "due_on": self.due_on.data,
            "request": self.request.data,
        }

    def validate_due_on(self, field: DateField) -> None:
        """Refuse a day that is over, and one that nobody will remember."""
        if field.data is not None and not 0 <= days_left(field.data) <= A_YEAR:
            raise ValidationError(_l("期限は、きょうから1年のあいだの日にしてください。"))


class AcceptForm(PortalForm):
    """Saying that it will be done."""

    submission = SubmissionField()


class AnswerForm(PortalForm):
    """Saying in words what became of a request."""

    submission = SubmissionField()
    words: CleanLongText

    @property
    def terms(self) -> dict[str, Any]:
        """Return what ``answer_action`` takes."""
        return {"step_id": self.submission.data, "words": self.words.data}


class DeclineForm(AnswerForm):
    """Saying that it cannot be done, and why."""

    words = CleanLongText(
        _l("引き受けられない理由"),
        [DataRequired(_l("理由を入力してください。"))],
        description=_l("センターが、ほかの方法を考えるために読みます。"),
    )


class FinishForm(AnswerForm):
    """Saying what was done, and what it meant for the child."""

    words = CleanLongText(
        _l("したこと・結果"), [DataRequired(_l("したこと・結果を入力してください。"))]
    )
    effect = CleanLongText(
        _l("こどもにとってどうだったか"),
        description=_l("例）給食を食べるようになった／まだ変わらない／わからない"),
    )

    @property
    def terms(self) -> dict[str, Any]:
        """Return what ``answer_action`` takes."""
        return {**super().terms, "effect": self.effect.data}


class CancelForm(AnswerForm):
    """Taking a request back, and why."""

    words = CleanLongText(
        _l("取り下げる理由"),
        [DataRequired(_l("理由を入力してください。"))],
        description=_l("依頼した機関の担当も読みます。"),
    )
