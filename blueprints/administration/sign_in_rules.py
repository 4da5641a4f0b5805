"""How people sign in for an agency, and how long that holds without use and in spite of use."""

import uuid
from functools import partial

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from wtforms import BooleanField, SelectField
from wtforms.validators import InputRequired

from blueprints.administration import bp
from blueprints.administration.forms import CONFLICT, attempt
from portal import models as m
from portal.auth import config, permits
from portal.extensions import db
from portal.forms import PortalForm, VersionField
from portal.policy.permissions import Action
from portal.services import administration as services
from portal.services.administration import SignInDetails
from portal.unit import visible_or_404

# What can be chosen, within the bounds of the table.
_IDLE = (5, 10, 15, 20, 30, 45, 60)
_ABSOLUTE_HOURS = (1, 2, 4, 8, 10, 12)


def _minutes(number: int) -> str:
    return str(ngettext("%(num)s分", "%(num)s分", number))


def _hours(number: int) -> str:
    return str(ngettext("%(num)s時間", "%(num)s時間", number))


class SignInRuleForm(PortalForm):
    """How long a sign-in holds, and whether the own sign-on is the only way to it."""

    idle_minutes = SelectField(
        _l("操作がないとき"),
        description=_l(
            "この時間のあいだ操作がないと、サインインが終わります。だれかと使う端末では短くします。"
        ),
        coerce=int,
        validators=[InputRequired()],
    )
    absolute_minutes = SelectField(
        _l("使いつづけているとき"),
        description=_l("使っていても、サインインからこの時間で終わります。"),
        coerce=int,
        validators=[InputRequired()],
    )
    sign_on_only = BooleanField(
        _l("機関のサインインだけで入る"),
        description=_l(
            "選ぶと、この機関の人は、ポータルのパスワードやパスキーでは次の操作から入れません。"
            "機関の管理者とシステム管理者だけは、機関のサインインが止まったときのために入れます。"
        ),
    )
    version = VersionField(default=0)

    @classmethod
    def of(cls, known: m.SignInRule | None) -> "SignInRuleForm":
        """Return the form as the rule stands, or as it was sent."""
        usual = config()
        form = cls(
            obj=known,
            **{}
            if known
            else {
                "idle_minutes": usual.idle_seconds // 60,
                "absolute_minutes": usual.absolute_seconds // 60,
            },
        )
        form.idle_minutes.choices = [(number, _minutes(number)) for number in _IDLE]
        form.absolute_minutes.choices = [(60 * hours, _hours(hours)) for hours in _ABSOLUTE_HOURS]
        return form

    @property
    def details(self) -> SignInDetails:
        """Return what was chosen."""
        return SignInDetails(
            self.idle_minutes.data,
            self.absolute_minutes.data,
            sign_on_only=self.sign_on_only.data,
        )


@bp.route("/agencies/<uuid:agency_id>/sign-in-rule", methods=["GET", "POST"])
@permits(Action.ADMINISTER)
def sign_in_rule(agency_id: uuid.UUID) -> ResponseReturnValue:
    """Show and change how people sign in for an agency, and how long that holds."""
    agency = visible_or_404(m.Agency, agency_id)
    form = SignInRuleForm.of(services.sign_in_rule_of(db.session, agency_id))
    valid, version = form.validate_on_submit(), form.version.data
    deed = partial(services.set_sign_in_rule, db.session, agency_id, version, form.details)
    status = attempt(form, deed) if valid else form.status
    if status is None:
        flash(_("保存しました。次の操作から、このとおりになります。"), "success")
        return redirect(url_for("administration.agency", agency_id=agency_id))
    return _rule_page(form, agency, status)


def _rule_page(form: SignInRuleForm, agency: m.Agency, status: int) -> ResponseReturnValue:
    both = None
    if status == CONFLICT:
        theirs = services.sign_in_rule_of(db.session, agency.id)
        both = (_words(theirs), _words(form.details))
        form.version.data = 0 if theirs is None else theirs.version
    page = render_template("administration/sign_in_rule.html", form=form, agency=agency, both=both)
    return page, status


def _words(known: m.SignInRule | SignInDetails | None) -> str:
    """Return what stands or was chosen, line by line."""
    if known is None:
        return ""
    lines = (
        (_("操作がないとき"), _minutes(known.idle_minutes)),
        (_("使いつづけているとき"), _hours(known.absolute_minutes // 60)),
        (_("機関のサインインだけで入る"), _("はい") if known.sign_on_only else _("いいえ")),
    )
    return "\n".join(_("%(name)s：%(value)s", name=name, value=value) for name, value in lines)
