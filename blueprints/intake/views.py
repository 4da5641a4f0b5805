"""The doors and desks: a volunteer's report, what is typed in, the inbox, acceptance."""

import uuid
from datetime import UTC, datetime

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from blueprints.intake import bp
from blueprints.intake.forms import AcceptForm, AnswerForm, HandOverForm, ReportForm, TypeInForm
from blueprints.intake.replies import REPLIES, in_order
from portal import models as m
from portal.auth import config, permits
from portal.database import standing
from portal.extensions import csrf, db
from portal.policy.permissions import Action
from portal.queries import inbox as desk
from portal.queries.paging import read_cursor
from portal.queries.threads import own_reports
from portal.services import consultations
from portal.templating import jst_date
from portal.unit import visible_or_404
from portal.vocabulary import CAFETERIA
from portal.vocabulary.replies import reply
from portal.working_hours import next_reading, promised_reply


@bp.route("/report/<slug>", methods=["GET", "POST"])
@csrf.exempt
def report(slug: str) -> ResponseReturnValue:
    """Take a report from anybody who has the cafeteria's link; it is sent before anything else."""
    cafeteria, form = consultations.addressed(db.session, slug, [CAFETERIA]), ReportForm()
    if not form.validate_on_submit():
        return render_template("intake/report.html", form=form, cafeteria=cafeteria), form.status
    receipt = consultations.receive_report(
        db.session,
        config(),
        cafeteria,
        submission=form.submission.data,
        secret=form.secret.data,
        told=form.told(),
    )
    return render_template(
        "intake/report_received.html", receipt=receipt, reads_at=next_reading(datetime.now(UTC))
    )


@bp.route("/consultations/new", methods=["GET", "POST"])
@permits(Action.RECEIVE)
def type_in() -> ResponseReturnValue:
    """Write down what came by phone, visit or mail; what was written is not shown again."""
    form = TypeInForm()
    form.offer(desk.other_agencies(db.session))
    if not form.validate_on_submit():
        return render_template("intake/type_in.html", form=form), form.status
    receipt = consultations.take_down(
        db.session,
        config(),
        submission=form.submission.data,
        channel=form.channel.data,
        consulter=form.consulter.data,
        told=form.told(),
        secret=form.secret.data,
        reporting_agency_id=form.agency_id,
    )
    return render_template("intake/typed_in.html", receipt=receipt)


@bp.get("/inbox")
@permits(Action.READ_INBOX)
def inbox() -> ResponseReturnValue:
    """Show what waits on the desk, what is due first at the top; or what was dealt with."""
    handled = request.args.get("show") == "handled"
    listed = desk.handled if handled else desk.waiting
    return render_template(
        "intake/inbox.html",
        page=listed(db.session, read_cursor(request.args.get("at"))),
        handled=handled,
        waiting=desk.count_waiting(db.session),
    )


@bp.get("/inbox/<uuid:item_id>")
@permits(Action.READ_INBOX)
def item(item_id: uuid.UUID) -> ResponseReturnValue:
    """Show one consultation, and what can be done with it here."""
    begun = reply(
        request.args.get("reply", ""),
        request.args.get("level", ""),
        jst_date(promised_reply(datetime.now(UTC), "WEB")),
    )
    return _item_page(visible_or_404(m.InboxItem, item_id), AnswerForm(text=begun))


def _item_page(found: m.InboxItem, form: AnswerForm) -> ResponseReturnValue:
    acting = standing(db.session)
    page = desk.item_page(db.session, found)
    return render_template(
        "intake/item.html",
        page=page,
        form=form,
        at_centre=acting is not None and acting.at_centre,
        levels=in_order(page.row.consulter),
        replies=REPLIES.items(),
    ), form.status


@bp.post("/inbox/<uuid:item_id>/answer")
@permits(Action.READ_INBOX)
def answer(item_id: uuid.UUID) -> ResponseReturnValue:
    """Answer who consulted."""
    found, form = visible_or_404(m.InboxItem, item_id), AnswerForm()
    if not form.validate():
        return _item_page(found, form)
    consultations.answer(db.session, found, message_id=form.submission.data, text=form.text.data)
    return redirect(url_for("intake.item", item_id=found.id))


@bp.post("/inbox/<uuid:item_id>/answered")
@permits(Action.READ_INBOX)
def mark_answered(item_id: uuid.UUID) -> ResponseReturnValue:
    """Note that nothing waits here any more."""
    consultations.mark_answered(db.session, visible_or_404(m.InboxItem, item_id))
    return redirect(url_for("intake.inbox"))


@bp.route("/inbox/<uuid:item_id>/hand-over", methods=["GET", "POST"])
@permits(Action.HAND_OVER)
def hand_over(item_id: uuid.UUID) -> ResponseReturnValue:
    """Pass a consultation on to the centre, after a page that says what that means."""
    found, form = visible_or_404(m.InboxItem, item_id), HandOverForm()
    if not form.validate_on_submit():
        form.suggest(desk.consulter_of(db.session, found))
        return render_template("intake/hand_over.html", item=found, form=form), form.status
    consultations.hand_over(db.session, found, message_id=form.submission.data, text=form.text.data)
    return redirect(url_for("intake.inbox"))


@bp.route("/inbox/<uuid:item_id>/accept", methods=["GET", "POST"])
@permits(Action.COORDINATE)
def accept(item_id: uuid.UUID) -> ResponseReturnValue:
    """Take a consultation into a case, with its urgency."""
    found, form = visible_or_404(m.InboxItem, item_id), AcceptForm()
    if not form.validate_on_submit():
        page = desk.item_page(db.session, found)
        form.suggest(page)
        return render_template("intake/accept.html", page=page, form=form), form.status
    case = consultations.accept(db.session, found, **form.acceptance())
    return redirect(url_for("cases.show", case_id=case.id))


@bp.get("/my-reports")
@permits(Action.READ_OWN_REPORTS)
def my_reports() -> ResponseReturnValue:
    """Show a volunteer's own reports: the text for a day, then the date and the replies."""
    page = own_reports(db.session, read_cursor(request.args.get("at")))
    return render_template("intake/my_reports.html", page=page, slug=desk.report_slug(db.session))
