"""What every form is made of: text that is cleaned as it comes in, and the hidden fields.

A refused text is shown again as it was typed, or without the characters that nobody can see where
that is the whole trouble (``portal.text.clean``). Forms are refused with status 422.
"""

import datetime as dt
import re
import unicodedata
import uuid
from abc import abstractmethod
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, TypeAlias

from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from flask_babel.speaklater import LazyString
from flask_wtf import FlaskForm
from wtforms import DateField, HiddenField, RadioField, StringField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]  # Older stubs.
from wtforms.form import BaseForm
from wtforms.validators import InputRequired, ValidationError
from wtforms.widgets import EmailInput, TextArea

from portal.auth import typed_before
from portal.codes import normalise_secret
from portal.extensions import db
from portal.templating import label, today
from portal.text import MESSAGES, BadText, clean, normalise_email
from portal.vocabulary import codes
from portal.working_hours import age_on, year_of_era

Label: TypeAlias = str | LazyString
Checks: TypeAlias = list[Any] | tuple[Any, ...]

# Code points; a Japanese page holds about 1,500, so the longer is some thirteen pages.
SHORT_TEXT = 200
LONG_TEXT = 20_000


# Somebody who came as a child may still be helped as a young adult; beyond this it is a slip.
OLDEST = 30
_PARTS_OF_A_DATE, _DIGITS_OF_A_YEAR = 3, 4


class PortalForm(FlaskForm):  # type: ignore[misc]  # Flask-WTF ships no types.
    """A form with a token; ``status`` is that of the page that shows it."""

    # Whether a child fills it in: what is said of a mistake is then in a child's words.
    for_child = False

    class Meta(FlaskForm.Meta):  # type: ignore[misc]
        def wrap_formdata(self, form: FlaskForm, formdata: Any) -> Any:
            """Begin with what was typed here before a weighty step that was given up."""
            sent = super().wrap_formdata(form, formdata)
            return typed_before(db.session) if sent is None else sent

    @property
    def status(self) -> int:
        """Return 422 for a form that was refused, 200 for one that is shown first."""
        return 422 if self.errors else 200


class CleanText(StringField):
    """One line of text as ``portal.text.clean`` keeps it; its data is never None once sent.

    ``limit`` is in code points. A text of blanks alone becomes empty, so a line that must be
    there takes ``DataRequired`` and not ``InputRequired``.
    """

    multiline = False
    # What is said for each code of BadText; pages of children say it in other words.
    messages: Mapping[str, str] = MESSAGES
    # A view reads it only after the form was sent.
    data: str

    def __init__(
        self, label: Label, validators: Checks = (), *, limit: int = SHORT_TEXT, **options: Any
    ) -> None:
        super().__init__(label, validators, **options)
        self.limit = limit
        self.flags.maxlength = limit

    def process_formdata(self, valuelist: list[str]) -> None:
        """Clean what was sent; refuse it in the language of the page."""
        typed = valuelist[0] if valuelist else ""
        try:
            self.data = self.cleaned(typed)
        except BadText as bad:
            self.data = typed if bad.mended is None else bad.mended
            raise ValueError(gettext(self.messages[bad.code], **bad.params)) from None

    def cleaned(self, typed: str) -> str:
        """Return what is kept of a text; raises BadText."""
        return clean(typed, limit=self.limit, multiline=self.multiline)


class CleanLongText(CleanText):
    """A text of several lines, cleaned; the page counts down to its limit."""

    widget = TextArea()
    multiline = True

    def __init__(
        self, label: Label, validators: Checks = (), *, limit: int = LONG_TEXT, **options: Any
    ) -> None:
        super().__init__(label, validators, limit=limit, **options)
        # The component that draws fields goes by this name.
        self.type = "TextAreaField"


class CleanEmail(CleanText):
    """An e-mail address in its one spelling; empty where none was given."""

    widget = EmailInput()

    def cleaned(self, typed: str) -> str:
        """Return the address as it is compared and kept; raises BadText."""
        return normalise_email(typed) if typed.strip() else ""


class BirthDateField(DateField):
    """The date of birth of a child as year, month and day; None where all three are left empty.

    It is refused where no child can have been born that day, each time with what to do about it;
    ``missing`` is what is said where it must be there and is not.
    """

    def __init__(self, label: Label, *, missing: Label | None = None, **options: Any) -> None:
        super().__init__(label, format=["%Y %m %d", "%Y-%m-%d"], **options)
        self.missing = missing
        self.flags.required = missing is not None
        # The component that draws fields goes by this name.
        self.type = "DateField"

    def process_formdata(self, valuelist: list[str]) -> None:
        """Read the parts; full-width digits are digits."""
        typed = [unicodedata.normalize("NFKC", part).strip() for part in valuelist]
        self.data = None
        if not any(typed):
            return
        if meant := year_of_era(typed[0]):
            era, year = meant
            western = gettext(
                "西暦で入力してください。%(era)s年は、西暦%(year)s年です。", era=era, year=year
            )
            raise ValueError(western)
        parts = re.split(r"[\s/.-]+", " ".join(typed))
        if len(parts) != _PARTS_OF_A_DATE or not all(part.isdecimal() for part in parts):
            raise ValueError(gettext("年・月・日を、すべて数字で入力してください。"))
        if len(parts[0]) != _DIGITS_OF_A_YEAR:
            raise ValueError(gettext("年は西暦4けたで入力してください。例）2016"))
        try:
            self.data = dt.date(*map(int, parts))
        except (OverflowError, ValueError):
            wrong = gettext("この日付はありません。年・月・日を確かめてください。")
            raise ValueError(wrong) from None

    def pre_validate(self, _form: BaseForm) -> None:
        """Refuse who is not born yet, and who cannot be a child any more."""
        if self.data is None:
            if self.missing and not self.process_errors:
                raise ValidationError(str(self.missing))
            return
        if self.data > today():
            raise ValidationError(gettext("生年月日が、きょうより後になっています。"))
        if age_on(self.data, today()) > OLDEST:
            raise ValidationError(
                gettext("この日付だと%(years)s歳を超えます。年を確かめてください。", years=OLDEST)
            )


class SecretWord(CleanText):
    """A secret word that somebody makes up, as it was typed; "" where none is wanted."""

    def cleaned(self, typed: str) -> str:
        """Return the word if ``portal.codes`` takes it; raises BadText."""
        word = super().cleaned(typed)
        if word:
            normalise_secret(word)
        return word


def choices_of(list_name: str, *only: str) -> Callable[[], list[SelectChoice]]:
    """Return the choices of a code list, or some of its codes, in the language of the page."""
    return lambda: [SelectChoice(code, label(list_name, code)) for code in only or codes(list_name)]


# By the order of the urgency sheet (law-and-practice.md §8): the first that applies decides.
URGENCY_CRITERIA: Mapping[str, LazyString] = MappingProxyType(
    {
        "AA": _l(
            "こどもや保護者が保護を求め、さしせまっている。"
            "または、すでに重大な結果がある（性的虐待、命にかかわるけが、医療ネグレクト）。"
        ),
        "A": _l(
            "重大な結果になるおそれが高い（乳児、頭や腹への暴力、首をしめる、戸外への締め出しなど）。"
        ),
        "B": _l("くり返されるおそれがある。または、こどもへの影響が見えている。"),
        "C": _l("保護者や家庭に、心配な事情がある。"),
        "D": _l("上のどれにもあてはまらない。話を聴き、様子を見る。"),
    }
)


def _urgencies() -> list[SelectChoice]:
    return [
        SelectChoice(
            code, f"{code}　{label('urgency', code)}", {"data-hint": URGENCY_CRITERIA[code]}
        )
        for code in codes("urgency")
    ]


class UrgencyField(RadioField):
    """How urgent a matter is, decided by a person with the criteria in sight."""

    def __init__(self, **options: Any) -> None:
        super().__init__(
            _l("緊急度"),
            [InputRequired(_l("緊急度を選んでください。"))],
            description=_l("人が判断します。上から読み、はじめにあてはまるものを選んでください。"),
            choices=_urgencies,
            **options,
        )
        # The component that draws fields goes by this name.
        self.type = "RadioField"


class _Hidden(HiddenField):
    """A hidden value of ours; one that cannot be read means that the page must be opened anew."""

    label_of_field: Label

    def __init__(self, **options: Any) -> None:
        super().__init__(self.label_of_field, **options)
        # The component that draws fields goes by this name.
        self.type = "HiddenField"

    def process_formdata(self, valuelist: list[str]) -> None:
        """Read the value back."""
        if not valuelist:
            return
        try:
            self.data = self.parsed(valuelist[0])
        except ValueError:
            raise ValueError(gettext("この画面をもう一度開いて、送りなおしてください。")) from None

    def pre_validate(self, _form: BaseForm) -> None:
        """Refuse a form that came without the value."""
        if not self.raw_data:
            raise ValidationError(gettext("この画面をもう一度開いて、送りなおしてください。"))

    @abstractmethod
    def parsed(self, text: str) -> Any:
        """Return the value of a text; raises ValueError."""


class SubmissionField(_Hidden):
    """The id of the row that a form will make, given when the form is drawn.

    Sent twice, the form names the same row twice, and so makes it once.
    """

    label_of_field = _l("送信番号")
    data: uuid.UUID  # type: ignore[assignment]

    def __init__(self, **options: Any) -> None:
        super().__init__(default=uuid.uuid4, **options)

    def parsed(self, text: str) -> uuid.UUID:
        """Return the id."""
        return uuid.UUID(text)


def as_id(value: object) -> uuid.UUID:
    """Return an id from a form or of a choice, as ``coerce`` of a select; raises ValueError."""
    return value if isinstance(value, uuid.UUID) else uuid.UUID(str(value))


class VersionField(_Hidden):
    """The version of the row that the person saw, to notice an edit that came in between."""

    label_of_field = _l("版")
    data: int  # type: ignore[assignment]

    def parsed(self, text: str) -> int:
        """Return the version."""
        return int(text)
