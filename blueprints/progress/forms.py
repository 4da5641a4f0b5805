"""Forms of the progress area."""

from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import DateField, RadioField
from wtforms.validators import DataRequired, InputRequired, ValidationError

from portal.forms import CleanLongText, PortalForm, SubmissionField
from portal.templating import days_left, label
from portal.vocabulary import codes

A_YEAR = 366


class CheckForm(PortalForm):
    """What was found, and when it is looked at next."""

    submission = SubmissionField()
    finding = CleanLongText(
        _l("確認したこと"),
        [DataRequired(_l("確認したことを入力してください。"))],
        description=_l("こどものようす、支援がどう進んだか、変えるところ。"),
    )
    next_on = DateField(
        _l("つぎに確認する日"),
        [InputRequired(_l("つぎに確認する日を入力してください。"))],
        description=_l("日を決めないままにはできません。"),
    )

    @property
    def terms(self) -> dict[str, Any]:
        """Return what ``check_progress`` takes."""
        return {
            "check_id": self.submission.data,
            "finding": self.finding.data,
            "next_on": self.next_on.data,
        }

    def validate_next_on(self, field: DateField) -> None:
        """Refuse a day that is over, and one that nobody will remember."""
        if field.data is not None and not 0 <= days_left(field.data) <= A_YEAR:
            raise ValidationError(_("きょうから1年のあいだの日にしてください。"))


class CloseForm(PortalForm):
    """How it ended, and what the child thinks of it."""

    submission = SubmissionField()
    outcome = RadioField(
        _l("どうなりましたか"), [InputRequired(_l("どうなったかを選んでください。"))]
    )
    child_view = CleanLongText(
        _l("こどもはどう思っていますか"),
        [DataRequired(_l("こどもの思いを入力してください。聞けなかったときは、その理由を。"))],
        description=_l("「いったんおわり（また話せます）」と伝えたときの、本人のことばで。"),
    )
    summary = CleanLongText(
        _l("まとめ"),
        [DataRequired(_l("まとめを入力してください。"))],
        description=_l("また相談があったときに、はじめて読む人のために。"),
    )

    def __init__(self, **options: Any) -> None:
        """Offer every outcome; whether this person may choose it is for the service to say."""
        super().__init__(**options)
        self.outcome.choices = [(code, label("outcome", code)) for code in codes("outcome")]

    @property
    def terms(self) -> dict[str, Any]:
        """Return what ``close_case`` takes."""
        return {
            "closure_id": self.submission.data,
            "outcome": self.outcome.data,
            "child_view": self.child_view.data,
            "summary": self.summary.data,
        }
