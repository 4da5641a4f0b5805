"""Forms of the account area."""

from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from wtforms import HiddenField, PasswordField, RadioField
from wtforms.validators import DataRequired, EqualTo, InputRequired, Length, Regexp

from portal.forms import CleanEmail, CleanText, PortalForm
from portal.passwords import LONGEST

# A Mac sends か and its mark as two characters; they are counted once they have become one.
LONGEST_TYPED = 4 * LONGEST

REFUSALS = {
    "easy_to_guess": _l(
        "このパスワードは推測されやすいため使えません。"
        "よく使われる言葉、名前、機関名、くり返しを避けて、長い文にしてください。"
    ),
    "too_long": _l("パスワードは128文字までにしてください。"),
    "too_short": _l("パスワードは15文字以上にしてください。"),
}


class SignInForm(PortalForm):
    """E-mail and password."""

    email = CleanEmail(
        _l("メールアドレス"),
        validators=[DataRequired(_l("メールアドレスを入力してください。"))],
    )
    password = PasswordField(
        _l("パスワード"),
        validators=[
            InputRequired(_l("パスワードを入力してください。")),
            Length(max=LONGEST_TYPED, message=REFUSALS["too_long"]),
        ],
    )


class FactorForm(PortalForm):
    """A code of an authenticator app or a printed one, or a passkey's answer."""

    code = CleanText(
        _l("認証コード"),
        description=_l("認証アプリの6けたの数字、または印刷した回復コード"),
    )
    passkey = HiddenField()


class AppForm(PortalForm):
    """The secret that the page shows, and the first code made from it."""

    secret_key = HiddenField(validators=[Regexp(r"^[A-Z2-7]{32}$")])
    code = CleanText(
        _l("アプリに出た6けたの数字"),
        validators=[
            DataRequired(_l("アプリに出ている6けたの数字を入力してください。")),
        ],
    )


class PasskeyForm(PortalForm):
    """What the browser answers when it made or used a passkey."""

    passkey = HiddenField(validators=[InputRequired()])


class SwitchForm(PortalForm):
    """The agency that one acts for."""

    agency = RadioField(
        _l("どの立場で見ますか"),
        validators=[InputRequired(_l("立場を選んでください。"))],
    )


class AddressForm(PortalForm):
    """The address of whoever lost a password."""

    email = CleanEmail(
        _l("メールアドレス"),
        validators=[DataRequired(_l("メールアドレスを入力してください。"))],
    )


class NewPasswordForm(PortalForm):
    """A new password, twice."""

    password = PasswordField(
        _l("新しいパスワード"),
        description=_l(
            "15文字以上128文字まで。どの文字も使えます。短い文を組み合わせた長い文がおすすめです。"
        ),
        validators=[
            InputRequired(_l("新しいパスワードを入力してください。")),
            Length(max=LONGEST_TYPED, message=REFUSALS["too_long"]),
        ],
    )
    again = PasswordField(
        _l("新しいパスワード（もう一度）"),
        validators=[
            InputRequired(_l("新しいパスワードを、もう一度入力してください。")),
            EqualTo("password", _l("2回の入力が同じではありません。")),
        ],
    )

    def refuse(self, field: PasswordField, code: str) -> None:
        """Add a reason of ``portal.passwords.refusal`` to a field."""
        field.errors = [*field.errors, gettext(str(REFUSALS[code]))]


class PasswordForm(NewPasswordForm):
    """The present password and the new one, twice."""

    present = PasswordField(
        _l("いまのパスワード"),
        validators=[
            InputRequired(_l("いまのパスワードを入力してください。")),
            Length(max=LONGEST_TYPED, message=REFUSALS["too_long"]),
        ],
    )
