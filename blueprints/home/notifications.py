"""What the signed-in person was told: the list, opening one, and how mail comes."""

import uuid
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from blueprints.home import bp
from blueprints.home.forms import MailForm
from portal import models as m
from portal.auth import permits, standing
from portal.extensions import db
from portal.policy.permissions import Action, allows
from portal.queries.notifications import (
    Goal,
    count_unread,
    goal_of,
    list_notifications,
    ringing,
)
from portal.queries.paging import read_cursor
from portal.services.notifications import (
    choices_of,
    choose_mail,
    confirm_alarm,
    mark_all_read,
    mark_read,
)
from portal.unit import visible_or_404

# What happened, as somebody would say it to a colleague.
KINDS: dict[str, Any] = {
    "action": _l("対応の依頼が届きました"),
    "alarm": _l("緊急の呼び出しです。引き受ける人を待っています"),
    "answer": _l("依頼した対応に動きがありました"),
    "arrived": _l("新しい相談が届きました"),
    "due": _l("期限が近づいています"),
    "emergency": _l("緊急の共有が始まりました。確認してください"),
    "entry": _l("機関から新しい記録が届きました"),
    "mention": _l("あなたに読んでほしい記録があります"),
    "overdue": _l("期限を過ぎています"),
    "proposal": _l("法律による共有が、承認を待っています"),
    "reply": _l("返事が届きました"),
    "share": _l("ケースが共有されました"),
    "task": _l("期限のある確認が加わりました"),
}


@bp.get("/notifications")
@permits(Action.KEEP_ACCOUNT)
def notifications() -> ResponseReturnValue:
    """Show what the person was told, newest first, and the alarms that still ring."""
    return render_template(
        "home/notifications.html",
        page=list_notifications(db.session, read_cursor(request.args.get("at"))),
        unread=count_unread(db.session),
        alarms=ringing(db.session) if allows(standing(), Action.COORDINATE) else [],
        keeps_duty=allows(standing(), Action.APPROVE),
        kinds=KINDS,
    )


@bp.post("/notifications/<uuid:notification_id>/open")
@permits(Action.KEEP_ACCOUNT)
def open_notification(notification_id: uuid.UUID) -> ResponseReturnValue:
    """Note that one was read, and go to what it tells of."""
    found = visible_or_404(m.Notification, notification_id)
    mark_read(db.session, found)
    return redirect(_address(goal_of(db.session, found)))


@bp.post("/notifications/read")
@permits(Action.KEEP_ACCOUNT)
def read_all() -> ResponseReturnValue:
    """Note that all of them were read."""
    mark_all_read(db.session)
    return redirect(url_for("home.notifications"))


@bp.route("/notifications/mail", methods=["GET", "POST"])
@permits(Action.KEEP_ACCOUNT)
def mail() -> ResponseReturnValue:
    """Choose when mail may come."""
    form = MailForm(choices_of(db.session, db.session.info["viewer"].account_id))
    if form.validate_on_submit():
        choose_mail(db.session, form.chosen)
        flash(_("メールの受け取りかたを変えました。"), "success")
        return redirect(url_for("home.notifications"))
    return render_template("home/mail.html", form=form), form.status


@bp.post("/alarms/<uuid:alarm_id>/confirm")
@permits(Action.COORDINATE)
def confirm(alarm_id: uuid.UUID) -> ResponseReturnValue:
    """Take an alarm in hand, which stops the ringing."""
    if confirm_alarm(db.session, visible_or_404(m.Alarm, alarm_id)):
        flash(_("引き受けました。呼び出しは止まりました。すぐに対応を始めてください。"), "success")
    else:
        flash(_("ほかの人が、先に引き受けています。"), "info")
    return redirect(url_for("home.notifications"))


def _address(goal: Goal) -> str:
    """Return the page that a notification leads to."""
    if goal.kind == "proposal":
        return url_for("consents.proposal", share_proposal_id=goal.about_id)
    if goal.kind == "emergency":
        return url_for("consents.emergency", emergency_id=goal.about_id)
    if goal.action_id is not None:
        return url_for("coordination.action", action_id=goal.action_id)
    if goal.case_id is not None:
        anchor = None if goal.entry_id is None else f"entry-{goal.entry_id}"
        return url_for("cases.show", case_id=goal.case_id, _anchor=anchor)
    if goal.item_id is not None:
        return url_for("intake.item", item_id=goal.item_id)
    return url_for("intake.my_reports")
