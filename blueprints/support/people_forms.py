"""Forms for the people of a case."""

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import RadioField, SelectField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]  # Older stubs.
from wtforms.validators import DataRequired, InputRequired

from portal.forms import CleanText, PortalForm, SecretWord, SubmissionField, choices_of
from portal.vocabulary import codes

# Everybody but the child itself, whom the case was opened about.
OTHERS = tuple(code for code in codes("subject") if code != "child")


class PersonForm(PortalForm):
    """Somebody else whose data the case holds."""

    subject_kind = RadioField(
        _l("だれの情報か"),
        [InputRequired(_l("だれの情報かを選んでください。"))],
        choices=choices_of("subject", *OTHERS),
        description=_l("保護者は、自分の情報についてだけ同意できます。"),
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
