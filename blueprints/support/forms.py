"""Forms of direct support and of what the centre decides."""

from datetime import date
from typing import cast

from flask_babel import lazy_gettext as _l
from wtforms import DateField, RadioField, SelectField
from wtforms.validators import DataRequired, InputRequired, ValidationError

from portal.forms import CleanLongText, PortalForm, SubmissionField, UrgencyField, choices_of
from portal.templating import today

NOT_FOUND = "not_found"
NO_SEVERITY = "S0"


class UrgencyForm(PortalForm):
    """A decision about urgency."""

    urgency = UrgencyField()
    grounds = CleanLongText(
        _l("理由"), validators=[DataRequired(_l("そう判断した理由を書いてください。"))]
    )
    submission = SubmissionField()


class MeetingForm(PortalForm):
    """The child was met, heard, or not met."""

    check_in = RadioField(
        _l("こどもに会えたか"),
        description=_l("直接会って、目で確かめたときだけ「会えた」です。"),
        validators=[InputRequired(_l("会えたかどうかを選んでください。"))],
        choices=choices_of("check_in"),
    )
    met_on = DateField(
        _l("日付"),
        format=["%Y %m %d", "%Y-%m-%d"],
        description=_l("西暦で記入してください。例：2026年 9月 1日"),
        validators=[InputRequired(_l("日付を入力してください。"))],
        default=today,
    )
    account_of_it = CleanLongText(
        _l("そのときの様子、または会えなかった理由"),
        description=_l("こどもの言葉は、話されたとおりに書きます。"),
        validators=[DataRequired(_l("様子か、会えなかった理由を書いてください。"))],
    )
    submission = SubmissionField()

    @property
    def day(self) -> date:
        """Return the day, which a form that was taken has."""
        return cast("date", self.met_on.data)

    def validate_met_on(self, field: DateField) -> None:
        """Refuse a day that has not come yet."""
        if field.data is not None and field.data > today():
            raise ValidationError(_l("日付が、きょうより後になっています。"))


class NecessityForm(PortalForm):
    """Which of the three conditions holds before an agency is contacted."""

    necessity = RadioField(
        _l("あてはまる条件"),
        validators=[InputRequired(_l("あてはまる条件を選んでください。"))],
        choices=choices_of("necessity"),
    )
    grounds = CleanLongText(
        _l("理由"), validators=[DataRequired(_l("そう判断した理由を書いてください。"))]
    )
    submission = SubmissionField()


class JudgementForm(PortalForm):
    """Whether a right of the child was violated."""

    violation = SelectField(_l("何について"), choices=choices_of("violation"))
    finding = RadioField(
        _l("権利侵害の判断"),
        validators=[InputRequired(_l("判断を選んでください。"))],
        choices=choices_of("violation_finding"),
    )
    severity = RadioField(
        _l("重さ"),
        validators=[InputRequired(_l("重さを選んでください。"))],
        choices=choices_of("severity"),
        default=NO_SEVERITY,
    )
    grounds = CleanLongText(
        _l("判断の理由"),
        description=_l("事実、話した人ごとの言い分、根拠を分けて書きます。"),
        validators=[DataRequired(_l("判断の理由を書いてください。"))],
    )
    submission = SubmissionField()

    def validate_severity(self, field: RadioField) -> None:
        """Refuse a severity of what was not found, and none of what was."""
        if self.finding.data == "found" and field.data == NO_SEVERITY:
            raise ValidationError(_l("認められるときは、重さを選んでください。"))
        if self.finding.data == NOT_FOUND and field.data != NO_SEVERITY:
            raise ValidationError(_l("認められないときは、重さは「該当なし」です。"))
