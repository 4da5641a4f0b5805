"""A lost second factor: asked for by who keeps the person's agency, confirmed by another person."""

import uuid
from functools import partial

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import RadioField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]  # Older stubs.
from wtforms.validators import InputRequired

from blueprints.administration import bp, words
from blueprints.administration.forms import attempt
from blueprints.administration.people import kept_place
from portal import models as m
from portal.auth import permits
from portal.extensions import db
from portal.forms import PortalForm, SubmissionField
from portal.policy.permissions import Action
from portal.queries import administration as lists
from portal.queries import staff as queries
from portal.services import factor_resets as services
from portal.services.administration import opens_cases
from portal.unit import visible_or_404


class ResetForm(PortalForm):
    """What was lost, and how it was made sure who asks."""

    submission = SubmissionField()
    reason = RadioField(
        _l("何がありましたか"),
        choices=[SelectChoice(code, words.REASONS[code]) for code in services.REASONS],
        validators=[InputRequired(_l("何があったかを選んでください。"))],
    )
    checked = RadioField(
        _l("本人だと、どう確かめましたか"),
        description=_l("メールやチャットで頼まれただけのときは、やりなおさないでください。"),
        choices=[SelectChoice(code, words.CHECKS[code]) for code in services.CHECKS],
        validators=[InputRequired(_l("どう確かめたかを選んでください。"))],
    )


@bp.route("/staff/<uuid:membership_id>/reset", methods=["GET", "POST"])
@permits(Action.KEEP_STAFF)
def reset_factors(membership_id: uuid.UUID) -> ResponseReturnValue:
    """Take away what somebody lost, or ask another person to confirm it."""
    place, form = kept_place(membership_id), ResetForm()
    valid, done = form.validate_on_submit(), []
    refused = attempt(form, lambda: done.append(_ask(place.id, form))) if valid else form.status
    if refused is not None:
        return _ask_page(place, form, refused)
    told = _("やりなおしのメールを送ります。リンクは30分使えます。")
    if not done[0]:
        told = _("もうひとりの確認を待ちます。確認されるまで、何も変わりません。")
    flash(told, "success")
    return redirect(url_for("administration.person", membership_id=membership_id))


@bp.get("/resets/<uuid:factor_reset_id>")
@permits(Action.KEEP_STAFF)
def factor_reset(factor_reset_id: uuid.UUID) -> ResponseReturnValue:
    """Show what is asked for, to whoever decides on it."""
    return _reset_page(factor_reset_id, PortalForm(), 200)


@bp.post("/resets/<uuid:factor_reset_id>/confirm")
@permits(Action.KEEP_STAFF)
def confirm_reset(factor_reset_id: uuid.UUID) -> ResponseReturnValue:
    """Confirm as the second person: the person begins anew by a link."""
    visible_or_404(m.FactorReset, factor_reset_id)
    form = PortalForm()
    refused = attempt(form, partial(services.confirm, db.session, factor_reset_id))
    if refused is not None:
        return _reset_page(factor_reset_id, form, refused)
    flash(_("確認しました。やりなおしのメールを送ります。リンクは30分使えます。"), "success")
    return redirect(url_for("administration.proposals"))


@bp.post("/resets/<uuid:factor_reset_id>/decline")
@permits(Action.KEEP_STAFF)
def decline_reset(factor_reset_id: uuid.UUID) -> ResponseReturnValue:
    """Decline what is asked for, or take the own asking back: nothing changes."""
    visible_or_404(m.FactorReset, factor_reset_id)
    services.decline(db.session, factor_reset_id)
    flash(_("やりなおしは行いません。何も変わっていません。"), "success")
    return redirect(url_for("administration.proposals"))


def _ask(membership_id: uuid.UUID, form: ResetForm) -> bool:
    return services.ask(
        db.session,
        form.submission.data,
        membership_id,
        reason=form.reason.data,
        checked=form.checked.data,
    )


def _ask_page(place: m.Membership, form: ResetForm, status: int) -> ResponseReturnValue:
    names = lists.profiles_of(db.session, [place.account_id])
    name, email = names.get(place.account_id, ("", ""))
    page = render_template(
        "administration/reset.html",
        form=form,
        place=place,
        name=name,
        email=email,
        takes_two=opens_cases(db.session, place.account_id),
    )
    return page, status


def _reset_page(reset_id: uuid.UUID, form: PortalForm, status: int) -> ResponseReturnValue:
    visible_or_404(m.FactorReset, reset_id)
    found = [row for row in queries.resets(db.session) if row.id == reset_id]
    if not found:
        return render_template("administration/proposal_over.html")
    page = render_template("administration/reset_decide.html", form=form, row=found[0], words=words)
    return page, status
