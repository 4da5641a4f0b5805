"""The form of an agency's door, one network or fingerprint a line."""

from collections.abc import Callable

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import BooleanField
from wtforms.form import BaseForm
from wtforms.validators import ValidationError

from portal import doors
from portal import models as m
from portal.forms import CleanLongText, CleanText, PortalForm, VersionField
from portal.services.administration import DoorDetails

MOST_LINES = 50


def _lines(field: CleanLongText) -> list[str]:
    return [line.strip() for line in (field.data or "").splitlines() if line.strip()]


def _each_line(parse: Callable[[str], str]) -> Callable[[BaseForm, CleanLongText], None]:
    def check(_form: BaseForm, field: CleanLongText) -> None:
        lines = _lines(field)
        if len(lines) > MOST_LINES:
            raise ValidationError(_("%(most)s行までにしてください。", most=MOST_LINES))
        for number, line in enumerate(lines, start=1):
            try:
                parse(line)
            except ValueError:
                raise ValidationError(
                    _("%(number)s行目の「%(line)s」が読めません。", number=number, line=line)
                ) from None

    return check


class DoorForm(PortalForm):
    """From where an agency's people are let in, and whom to call who is not."""

    networks = CleanLongText(
        _l("利用を許可するネットワーク"),
        description=_l(
            "1行に1つ。例：192.0.2.0/24、2001:db8::/32。空欄にすると、どこからでも利用できます。"
        ),
        validators=[_each_line(doors.network)],
        limit=5_000,
    )
    certificates = CleanLongText(
        _l("利用を許可する端末の証明書"),
        description=_l(
            "1行に1つ。クライアント証明書のSHA-256フィンガープリント。空欄にすると、証明書は不要です。"
        ),
        validators=[_each_line(doors.certificate)],
        limit=5_000,
    )
    contact = CleanText(
        _l("利用できないときの連絡先"),
        description=_l("利用できない人の画面に表示します。部署と電話番号を入力してください。"),
    )
    anyway = BooleanField(
        _l("いまいる場所から利用できなくなってもよい"),
        description=_l("この機関としてサインインしている人は、次の操作から入れなくなります。"),
    )
    version = VersionField(default=0)

    @classmethod
    def of(cls, known: m.Door | None) -> "DoorForm":
        """Return the form as the door stands, or as it was sent."""
        if known is None:
            return cls()
        return cls(
            networks="\n".join(known.networks),
            certificates="\n".join(known.certificates),
            contact=known.contact,
            version=known.version,
        )

    def validate_contact(self, field: CleanText) -> None:
        """Ask whom to call wherever somebody may be refused."""
        if (_lines(self.networks) or _lines(self.certificates)) and not field.data:
            raise ValidationError(_("利用できない人の連絡先を入力してください。"))

    def details(self) -> DoorDetails:
        """Return what was entered, in its one spelling."""
        return DoorDetails(
            tuple(doors.network(line) for line in _lines(self.networks)),
            tuple(doors.certificate(line) for line in _lines(self.certificates)),
            self.contact.data or "",
        )

    def warn(self) -> None:
        """Say that the list would close the door to where the viewer is, and ask again."""
        self.form_errors.append(
            _(
                "まだ保存していません。この内容では、あなたがいまいる場所から、この機関として入れなくなります。"
                "書きまちがいでなければ、下の確認に印を付けて、もう一度保存してください。"
            )
        )

    def refuse_certificates(self) -> None:
        """Say that certificates need a proxy that checks them."""
        self.form_errors.append(
            _(
                "証明書は、手前のプロキシが確かめます。PORTAL_PROXIESが0のあいだは使えません。"
                "このまま保存すると、だれも入れなくなります。"
            )
        )

    @property
    def words(self) -> str:
        """Return what was typed, line by line, to stand beside what somebody else saved."""
        parts = (self.networks.data, self.certificates.data, self.contact.data)
        return "\n".join(part for part in parts if part)

    @staticmethod
    def words_of(known: m.Door | None) -> str:
        """Return what stands, line by line."""
        if known is None:
            return ""
        return "\n".join([*known.networks, *known.certificates, known.contact])
