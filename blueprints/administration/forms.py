"""Forms of the administrator and of a manager."""

import datetime as dt
import uuid
from collections.abc import Callable
from typing import Any, TypeAlias

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel.speaklater import LazyString
from wtforms import BooleanField, DateField, SelectField, SelectMultipleField
from wtforms.form import BaseForm
from wtforms.validators import DataRequired, InputRequired, Optional, ValidationError

from portal import models as m
from portal.database import ConflictError
from portal.extensions import db
from portal.forms import (
    CleanEmail,
    CleanText,
    PortalForm,
    SubmissionField,
    VersionField,
    as_id,
)
from portal.services.administration import AgencyDetails, RefusedError
from portal.templating import label
from portal.vocabulary import choices
from portal.working_hours import ONE_DAY, inclusive_to_instant

Choices: TypeAlias = list[tuple[str, str]]

CONFLICT, REFUSED = 409, 422
REFUSALS: dict[str, LazyString] = {
    "away_too": _l("代わりにえらんだ人も、その期間に不在です。ほかの人をえらんでください。"),
    "covered_already": _l(
        "この人の代わりは、その期間にもう決まっています。先に、決まっているものを終わらせてください。"
    ),
    "manager_opens": _l(
        "代わりの人がまだ入っていないチームがあります。"
        "チームに人を入れられるのは、この機関の管理者です。管理者に頼んでください。"
    ),
    "no_cover": _l("同じ役割の人から、代わりの人をえらんでください。"),
    "too_long": _l("100日より長い不在は、代わりではなく、仕事の引きつぎをしてください。"),
    "address_of_invited": _l(
        "招待中で、ケースにかかわる人のメールアドレスは変えられません。"
        "所属を終わらせてから、正しいアドレスで招待しなおしてください。"
    ),
    "claim_missing": _l(
        "値でしぼるには、先にサインインの設定で「所属を選ぶクレーム」を入れてください。"
    ),
    "email_taken": _l("このメールアドレスのアカウントは、もうあります。"),
    "ends_before_it_begins": _l("終わる日は、始まる日より後にしてください。"),
    "has_password": _l("この人は、もう使いはじめています。"),
    "has_members": _l(
        "所属している人がいるあいだは、機関の種類を変えられません。先に所属を終わらせてください。"
    ),
    "issuer_taken": _l("この発行者は、もう入っています。"),
    "no_colleague": _l("いまこの機関に所属している人から選んでください。"),
    "no_place": _l("この人には、まだ所属がありません。先に所属を決めてください。"),
    "not_in_use": _l("この人は、まだ使いはじめていません。招待を送りなおしてください。"),
    "nothing_to_withdraw": _l("取り下げる招待はありません。"),
    "reset_asked": _l("この人のやりなおしは、もう頼まれていて、確認を待っています。"),
    "no_sign_on": _l(
        "この機関にサインインできる機関のサインインがありません。先に「機関のサインイン」で、この機関を加えてください。"
    ),
    "not_a_cafeteria": _l("報告用のリンクは、こども食堂だけのものです。"),
    "on_the_team": _l("この人は、もうチームに入っています。"),
    "nothing_in_hand": _l("引きつぐ仕事はありません。"),
    "over_already": _l("終わる日がもう過ぎています。日を決めて、もう一度提案してください。"),
    "overlaps": _l(
        "この人は、同じ期間にこの機関に所属しています。先に今の所属を終わらせてください。"
    ),
    "proposed_already": _l(
        "この人は、この機関にもう提案されています。先にその提案を決めてください。"
    ),
    "revoked": _l("このシステムは終わっています。新しくつくってください。"),
    "role_of_other_agency": _l("この機関にはない役割です。機関の種類に合う役割を選んでください。"),
    "secret_missing": _l("クライアントシークレットを入力してください。"),
    "two_secrets": _l(
        "まだ2つのシークレットが使えます。古いほうを終わらせてから、新しくしてください。"
    ),
    "unknown_agency": _l("委託先のNPOとセンターは、一覧から選んでください。"),
    "unknown_scope": _l("できることは、一覧から選んでください。"),
}
FIRST_DAY, LAST_DAY = dt.date(2000, 1, 1), dt.date(2100, 12, 31)


def attempt(form: PortalForm, deed: Callable[[], object]) -> int | None:
    """Do something for a form, or say in the form why not; nothing of a refused deed remains.

    Returns:
        None where it was done, 422 where it was refused, 409 where somebody was sooner.

    """
    try:
        with db.session.begin_nested():
            deed()
    except RefusedError as refused:
        form.form_errors.append(str(REFUSALS[refused.code]))
        return REFUSED
    except ConflictError:
        return CONFLICT
    return None


def within_the_century(_form: BaseForm, field: DateField) -> None:
    """Refuse a day that nobody can mean."""
    if field.data is not None and not FIRST_DAY <= field.data <= LAST_DAY:
        raise ValidationError(_("2000年から2100年までの日にしてください。"))


def _none_first(pairs: Choices) -> Choices:
    return [("", _("なし")), *pairs]


class AgencyForm(PortalForm):
    """What is known of an agency."""

    type = SelectField(_l("種類"), validators=[InputRequired(_l("種類を選んでください。"))])
    name = CleanText(
        _l("機関の名前"), validators=[DataRequired(_l("機関の名前を入力してください。"))]
    )
    legal_form = SelectField(
        _l("設置の区分"),
        description=_l("学校では、どの法律と監督が当てはまるかが決まります。"),
        validators=[InputRequired(_l("設置の区分を選んでください。"))],
    )
    ward = SelectField(_l("区"))
    entrusted_npo = SelectField(
        _l("委託先のNPO"), description=_l("こども食堂からの知らせを先に聞くNPO。こども食堂だけ。")
    )
    centre = SelectField(_l("受け持つセンター"), description=_l("こども食堂だけ。"))
    receives_reports = BooleanField(
        _l("このセンターが、通告の受付先に指定されている"),
        description=_l("センターだけ。市が指定したときだけ選びます。"),
    )

    def offer(
        self, npos: list[tuple[str, str]], centres: list[tuple[str, str]], locale: str
    ) -> None:
        """Fill in what can be chosen."""
        self.type.choices = choices("org_type", locale)
        self.legal_form.choices = choices("legal_form", locale)
        self.ward.choices = _none_first(choices("ward", locale))
        self.entrusted_npo.choices = _none_first(npos)
        self.centre.choices = _none_first(centres)

    def details(self) -> AgencyDetails:
        """Return what was entered."""
        return AgencyDetails(
            self.type.data,
            self.name.data or "",
            self.legal_form.data,
            self.ward.data or None,
            uuid.UUID(self.entrusted_npo.data) if self.entrusted_npo.data else None,
            uuid.UUID(self.centre.data) if self.centre.data else None,
            receives_reports=self.receives_reports.data,
        )


class NewAgencyForm(AgencyForm):
    """A new agency."""

    submission = SubmissionField()


class EditAgencyForm(AgencyForm):
    """An agency as it was when the form was drawn."""

    version = VersionField()

    @classmethod
    def of(cls, agency: m.Agency) -> "EditAgencyForm":
        """Return the form as the agency stands, or as it was sent."""
        return cls(
            obj=agency,
            entrusted_npo=str(agency.entrusted_npo_id or ""),
            centre=str(agency.centre_id or ""),
        )


class CouncilForm(PortalForm):
    """From when until when an agency belongs to the regional council."""

    submission = SubmissionField()
    since = DateField(
        _l("始まる日"),
        validators=[InputRequired(_l("始まる日を入力してください。")), within_the_century],
    )
    until = DateField(
        _l("終わる日"),
        description=_l("この日まで。決まっていなければ空けておきます。"),
        validators=[Optional(), within_the_century],
    )


class AccountForm(PortalForm):
    """Name and address of a person who works here."""

    name = CleanText(_l("氏名"), validators=[DataRequired(_l("氏名を入力してください。"))])
    email = CleanEmail(
        _l("メールアドレス"),
        validators=[DataRequired(_l("メールアドレスを入力してください。"))],
    )


class NewAccountForm(AccountForm):
    """A new account."""

    submission = SubmissionField()


class InviteForm(NewAccountForm):
    """Somebody who is to work here, and as what."""

    role = SelectField(_l("役割"), validators=[InputRequired(_l("役割を選んでください。"))])
    since = DateField(
        _l("始まる日"),
        description=_l("空けておくと、いまからになります。招待のメールは、この日に届きます。"),
        validators=[Optional(), within_the_century],
    )
    until = DateField(
        _l("終わる日"),
        description=_l("この日まで。人事異動の日が決まっていなければ空けておきます。"),
        validators=[Optional(), within_the_century],
    )


class EditAccountForm(AccountForm):
    """An account as it was when the form was drawn."""

    disabled = BooleanField(
        _l("このアカウントを停止する"),
        description=_l("停止すると、次の操作から何も見られなくなります。"),
    )
    version = VersionField()


class FindForm(PortalForm):
    """An address to find an account by."""

    email = CleanEmail(
        _l("メールアドレスで探す"),
        validators=[DataRequired(_l("メールアドレスを入力してください。"))],
    )


class MembershipForm(PortalForm):
    """Where somebody works, as what, and from when until when."""

    submission = SubmissionField()
    agency = SelectField(_l("機関"), validators=[InputRequired(_l("機関を選んでください。"))])
    role = SelectField(_l("役割"), validators=[InputRequired(_l("役割を選んでください。"))])
    manager = BooleanField(
        _l("管理者にする"),
        description=_l("チームの人を決め、どのケースが共有されているかを見ます。内容は見ません。"),
    )
    since = DateField(
        _l("始まる日"),
        description=_l("空けておくと、いまからになります。"),
        validators=[Optional(), within_the_century],
    )
    until = DateField(
        _l("終わる日"),
        description=_l("この日まで。人事異動の日が決まっていなければ空けておきます。"),
        validators=[Optional(), within_the_century],
    )


class TeamForm(PortalForm):
    """Who is to be on the team."""

    submission = SubmissionField()
    account = SelectField(
        _l("チームに入れる人"), validators=[InputRequired(_l("人を選んでください。"))]
    )


class HandOverForm(PortalForm):
    """Who of the agency reads one share."""

    accounts = SelectMultipleField(
        _l("読む人"),
        coerce=as_id,
        description=_l("だれも選ばないと、対応チームが読みます。"),
    )


def beginning(day: dt.date | None) -> dt.datetime:
    """Return 00:00 JST of a day as an instant in UTC; a form asks for the day."""
    if day is None:
        raise ValueError("the form lets no empty day through")
    return inclusive_to_instant(day - ONE_DAY)


def ending(day: dt.date | None) -> dt.datetime | None:
    """Return the exclusive end of what lasts through a day in JST, None where no day is given."""
    return None if day is None else inclusive_to_instant(day)


def agency_words(details: AgencyDetails, names: dict[str, str]) -> str:
    """Return what is known of an agency, line by line, to stand beside what somebody else wrote."""
    chosen: tuple[tuple[Any, str], ...] = (
        (_("種類"), label("org_type", details.type)),
        (_("機関の名前"), details.name),
        (_("設置の区分"), label("legal_form", details.legal_form)),
        (_("区"), label("ward", details.ward) if details.ward else ""),
        (_("委託先のNPO"), names.get(str(details.entrusted_npo_id), "")),
        (_("受け持つセンター"), names.get(str(details.centre_id), "")),
        (_("通告の受付先"), _("はい") if details.receives_reports else _("いいえ")),
    )
    return "\n".join(_("%(name)s：%(value)s", name=name, value=value) for name, value in chosen)


def details_of(agency: m.Agency) -> AgencyDetails:
    """Return what stands of an agency."""
    return AgencyDetails(
        agency.type,
        agency.name,
        agency.legal_form,
        agency.ward,
        agency.entrusted_npo_id,
        agency.centre_id,
        receives_reports=agency.receives_reports,
    )


def account_words(name: str, email: str, *, disabled: bool) -> str:
    """Return what is known of an account, line by line."""
    state = _("止まっています") if disabled else _("使えます")
    chosen = ((_("氏名"), name), (_("メールアドレス"), email), (_("状態"), state))
    return "\n".join(_("%(name)s：%(value)s", name=name, value=value) for name, value in chosen)
