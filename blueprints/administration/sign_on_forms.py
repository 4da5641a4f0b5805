"""Forms about the sign-ons of organisations, and about machines that call the interface."""

import re
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, PasswordField, SelectField, SelectMultipleField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]  # Older stubs.
from wtforms.form import BaseForm
from wtforms.validators import DataRequired, InputRequired, Length, ValidationError
from wtforms.widgets import URLInput

from portal import models as m
from portal.forms import CleanText, PortalForm, SubmissionField, VersionField
from portal.services.issuers import IssuerDetails
from portal.services.machines import SCOPES
from portal.single_sign_on import is_guarded
from portal.vocabulary import choices

_NOT_TOO_LONG = Length(max=500, message=_l("500文字までにしてください。"))
SCOPE_NAMES = {
    "whoami": _l("自分がだれかをたずねる（つながるかどうかの確認。ケースは何も見えません）"),
}


class AddressText(CleanText):
    """An address of the web."""

    widget = URLInput()


def _guarded(_form: BaseForm, field: CleanText) -> None:
    try:
        guarded = is_guarded(field.data)
    except ValueError:
        guarded = False
    if not guarded:
        raise ValidationError(_("https:// で始まるアドレスにしてください。"))


def _words(text: str | None) -> tuple[str, ...]:
    """Return the words of a line, between spaces and commas, each once."""
    return tuple(dict.fromkeys(re.split(r"[\s,、，]+", (text or "").strip()))) if text else ()


class IssuerForm(PortalForm):
    """An organisation's sign-on."""

    name = CleanText(
        _l("ボタンに出す名前"),
        description=_l("例：みほん市 職員認証"),
        validators=[DataRequired(_l("名前を入力してください。"))],
    )
    url = AddressText(
        _l("発行者のアドレス（issuer）"),
        description=_l("OpenID Connect の発行者です。設定はここから自動で読みます。"),
        validators=[DataRequired(_l("発行者のアドレスを入力してください。")), _guarded],
    )
    client_id = CleanText(
        _l("クライアントID"),
        validators=[DataRequired(_l("クライアントIDを入力してください。"))],
    )
    client_secret = PasswordField(_l("クライアントシークレット"), validators=[_NOT_TOO_LONG])
    domains = CleanText(
        _l("メールアドレスのドメイン"),
        description=_l(
            "入れると、このドメインの確認ずみメールアドレスの人だけが入れます。"
            "例：city.mihon.example.jp。いくつかあるときは空白で区切ります。"
        ),
    )
    claim = CleanText(
        _l("所属を選ぶクレーム"),
        description=_l(
            "例：groups。その値ごとに、どの機関に入れるかを決められます。"
            "役割を与えることはありません。ここで決めた所属から選ぶだけです。"
        ),
    )
    second_factors = CleanText(
        _l("第2の確認として認める値（acr・amr）"),
        description=_l(
            "この機関の規則で、発行者の確認を第2の確認と認めるときだけ入れます。例：mfa"
        ),
    )

    def details(self) -> IssuerDetails:
        """Return what was entered; domains in the one spelling in which they are compared."""
        return IssuerDetails(
            self.name.data,
            self.url.data,
            self.client_id.data,
            self.client_secret.data or None,
            tuple(word.lower().removeprefix("@") for word in _words(self.domains.data)),
            self.claim.data or None,
            _words(self.second_factors.data),
            self.stops(),
        )

    def stops(self) -> bool:
        """Return whether the sign-on is to be stopped."""
        return False


class NewIssuerForm(IssuerForm):
    """A new sign-on."""

    client_secret = PasswordField(
        _l("クライアントシークレット"),
        validators=[
            InputRequired(_l("クライアントシークレットを入力してください。")),
            _NOT_TOO_LONG,
        ],
    )
    submission = SubmissionField()


class EditIssuerForm(IssuerForm):
    """A sign-on as it was when the form was drawn; an empty secret leaves the one that is there."""

    suspended = BooleanField(
        _l("このサインインを停止する"),
        description=_l("停止すると、ボタンが消え、だれもここからはサインインできなくなります。"),
    )
    version = VersionField()

    @classmethod
    def of(cls, issuer: m.Issuer) -> "EditIssuerForm":
        """Return the form as the issuer stands, or as it was sent."""
        return cls(
            name=issuer.name,
            url=issuer.url,
            client_id=issuer.client_id,
            domains=" ".join(issuer.domains),
            claim=issuer.claim or "",
            second_factors=" ".join(issuer.second_factors),
            suspended=issuer.suspended,
            version=issuer.version,
        )

    def stops(self) -> bool:
        """Return whether the sign-on is to be stopped."""
        return bool(self.suspended.data)


class PlaceForm(PortalForm):
    """Where a sign-on leads."""

    submission = SubmissionField()
    agency = SelectField(_l("機関"), validators=[InputRequired(_l("機関を選んでください。"))])
    role = SelectField(
        _l("役割"), description=_l("選ぶと、この機関でその役割の人だけがサインインできます。")
    )
    value = CleanText(
        _l("クレームの値"),
        description=_l(
            "入力すると、この値をもつ人だけがサインインできます。空けておくと、だれでもサインインできます。"
        ),
    )

    def offer(self, agencies: list[tuple[str, str]], locale: str) -> None:
        """Fill in what can be chosen."""
        self.agency.choices = agencies
        self.role.choices = [("", _("どの役割でも")), *choices("role", locale)]


class MachineForm(PortalForm):
    """A machine that is to call the interface."""

    submission = SubmissionField()
    name = CleanText(
        _l("システムの名前"),
        description=_l("例：見本第一小学校 校務支援システム"),
        validators=[DataRequired(_l("システムの名前を入力してください。"))],
    )
    agency = SelectField(_l("機関"), validators=[InputRequired(_l("機関を選んでください。"))])
    scopes = SelectMultipleField(
        _l("できること"),
        choices=lambda: [SelectChoice(code, str(SCOPE_NAMES[code])) for code in SCOPES],
        validators=[InputRequired(_l("できることを選んでください。"))],
    )


class SecretForm(PortalForm):
    """A renewal of a machine's secret."""

    submission = SubmissionField()


def issuer_words(details: IssuerDetails) -> str:
    """Return what is known of a sign-on, line by line, to stand beside what somebody else wrote."""
    state = _("止まっています") if details.suspended else _("使えます")
    chosen: tuple[tuple[Any, str], ...] = (
        (_("ボタンに出す名前"), details.name),
        (_("発行者のアドレス（issuer）"), details.url),
        (_("クライアントID"), details.client_id),
        (_("メールアドレスのドメイン"), " ".join(details.domains)),
        (_("所属を選ぶクレーム"), details.claim or ""),
        (_("第2の確認として認める値（acr・amr）"), " ".join(details.second_factors)),
        (_("状態"), state),
    )
    return "\n".join(_("%(name)s：%(value)s", name=name, value=value) for name, value in chosen)


def issuer_details(issuer: m.Issuer) -> IssuerDetails:
    """Return what stands of a sign-on, without its secret."""
    return IssuerDetails(
        issuer.name,
        issuer.url,
        issuer.client_id,
        None,
        tuple(issuer.domains),
        issuer.claim,
        tuple(issuer.second_factors),
        issuer.suspended,
    )
