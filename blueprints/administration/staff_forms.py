"""Forms about an agency's people: moves, the yearly confirmation, handing over, standing in."""

import base64
import binascii
import datetime as dt

from flask_babel import lazy_gettext as _l
from flask_wtf.file import FileField, FileRequired
from wtforms import DateField, HiddenField, RadioField, SelectMultipleField
from wtforms.validators import DataRequired, InputRequired

from blueprints.administration.forms import within_the_century
from portal.forms import PortalForm, SubmissionField, as_id

# A thousand lines; more is another file.
LONGEST_TABLE_BYTES = 512 * 1024


class TableForm(PortalForm):
    """A table of arrivals and departures."""

    table = FileField(
        _l("着任と離任の表（CSV）"),
        description=_l("文字コードはUTF-8かShift_JIS。512KBまで、1000行まで。"),
        validators=[FileRequired(_l("ファイルを選んでください。"))],
    )

    @property
    def content(self) -> bytes:
        """Return what was sent, cut off beyond what is read: the plan then says it is too long."""
        data: bytes = self.table.data.read(LONGEST_TABLE_BYTES + 1)
        return data


class CarryOutForm(PortalForm):
    """The table that was looked at, as it was sent, and the mark of what it would do."""

    submission = SubmissionField()
    # Never given back as text: the names in these fields say that they are nobody's typing.
    table_token = HiddenField(validators=[DataRequired()])
    mark = HiddenField(validators=[DataRequired()])

    @classmethod
    def of(cls, data: bytes, mark: str) -> "CarryOutForm":
        """Return the form for a table that was just looked at."""
        encoded = base64.b64encode(data).decode("ascii")
        return cls(formdata=None, table_token=encoded, mark=mark)

    @property
    def content(self) -> bytes | None:
        """Return the table, or None where it did not come back as it was given."""
        try:
            return base64.b64decode(self.table_token.data or "", validate=True)
        except (binascii.Error, ValueError):
            return None


class ReconfirmForm(PortalForm):
    """Who still works here."""

    people = SelectMultipleField(
        _l("いまもここで働いている人"),
        coerce=as_id,
        validators=[DataRequired(_l("確認する人を選んでください。"))],
    )


class HandOverForm(PortalForm):
    """Who takes over."""

    successor = RadioField(
        _l("引きつぐ人"),
        coerce=as_id,
        validators=[InputRequired(_l("引きつぐ人を選んでください。"))],
    )


class CoverForm(PortalForm):
    """From when until when somebody is away, and who stands in."""

    submission = SubmissionField()
    account = RadioField(
        _l("代わりの人"),
        coerce=as_id,
        description=_l("同じ役割の人だけです。"),
        validators=[InputRequired(_l("代わりの人をえらんでください。"))],
    )
    first_day = DateField(
        _l("不在の最初の日"),
        validators=[
            InputRequired(_l("不在の最初の日を入力してください。")),
            within_the_century,
        ],
    )
    last_day = DateField(
        _l("不在の最後の日"),
        description=_l("この日が終わると、代わりも自動で終わります。"),
        validators=[
            InputRequired(_l("不在の最後の日を入力してください。")),
            within_the_century,
        ],
    )

    @property
    def days(self) -> tuple[dt.date, dt.date]:
        """Return the first and the last day in JST, once the form is found to be valid."""
        first, last = self.first_day.data, self.last_day.data
        if first is None or last is None:
            raise ValueError
        return first, last
