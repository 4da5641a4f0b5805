"""The doors and desks: a volunteer's report, what is typed in, the inbox, acceptance."""

import uuid
from datetime import UTC, datetime

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from blueprints.intake import bp
from blueprints.intake.forms import (
    AcceptForm,
    AnswerForm,
    FindCaseForm,
    HandOverForm,
    JoinForm,
    MatterForm,
    ReportForm,
    TypeInForm,
)
from blueprints.intake.replies import REPLIES, in_order
from portal import models as m
from portal.auth import config, permits
from portal.database import standing
from portal.extensions import csrf, db
from portal.forms import PortalForm
from portal.policy.permissions import Action, allows, require
from portal.queries import alike
from portal.queries import inbox as on_desk
from portal.queries.paging import read_cursor
from portal.queries.threads import own_reports
from portal.services import consultations, desk
from portal.services.looks import look_at_consultation
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
    form.offer(on_desk.other_agencies(db.session))
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


@bp.route("/tell-centre", methods=["GET", "POST"])
@permits(Action.TELL_CENTRE)
def tell_centre() -> ResponseReturnValue:
    """Hand a matter to the centre in the own agency's name."""
    form = MatterForm()
    form.offer(consultations.bases_of_telling(db.session))
    if not form.validate_on_submit():
        return render_template("intake/tell_centre.html", form=form), form.status
    receipt = consultations.tell_centre(
        db.session,
        config(),
        submission=form.submission.data,
        told=form.told(),
        basis=form.basis.data,
    )
    return render_template("intake/told_centre.html", receipt=receipt)


@bp.get("/inbox")
@permits(Action.READ_INBOX)
def inbox() -> ResponseReturnValue:
    """Show what waits on the desk, what is due first at the top; or what was dealt with."""
    handled = request.args.get("show") == "handled"
    listed = on_desk.handled if handled else on_desk.waiting
    return render_template(
        "intake/inbox.html",
        page=listed(db.session, read_cursor(request.args.get("at"))),
        handled=handled,
        waiting=on_desk.count_waiting(db.session),
    )


@bp.get("/inbox/<uuid:item_id>")
@permits(Action.READ_INBOX)
def item(item_id: uuid.UUID) -> ResponseReturnValue:
    """Show one consultation, and what can be done with it here."""
    return _item_page(visible_or_404(m.InboxItem, item_id), AnswerForm())


@bp.post("/inbox/<uuid:item_id>/answer/begin")
@permits(Action.READ_INBOX)
def begin_answer(item_id: uuid.UUID) -> ResponseReturnValue:
    """Put words to begin from into the answer, below what is typed already; nothing is sent."""
    found, form = visible_or_404(m.InboxItem, item_id), AnswerForm()
    level, _dot, code = request.form.get("begin", "").partition(".")
    form.begin(reply(code, level, jst_date(promised_reply(datetime.now(UTC), "WEB"))))
    return _item_page(found, form, begun=True)


def _item_page(found: m.InboxItem, form: AnswerForm, *, begun: bool = False) -> ResponseReturnValue:
    acting = standing(db.session)
    page = on_desk.item_page(db.session, found)
    look_at_consultation(db.session, found)
    return render_template(
        "intake/item.html",
        page=page,
        form=form,
        at_centre=acting is not None and acting.at_centre,
        levels=in_order(page.row.consulter),
        replies=REPLIES.items(),
        begun=begun,
    ), form.status


@bp.post("/inbox/<uuid:item_id>/answer")
@permits(Action.READ_INBOX)
def answer(item_id: uuid.UUID) -> ResponseReturnValue:
    """Answer who consulted."""
    found, form = visible_or_404(m.InboxItem, item_id), AnswerForm()
    if not form.validate():
        return _item_page(found, form)
    desk.answer(db.session, found, message_id=form.submission.data, text=form.text.data)
    return redirect(url_for("intake.item", item_id=found.id))


@bp.post("/inbox/<uuid:item_id>/answered")
@permits(Action.READ_INBOX)
def mark_answered(item_id: uuid.UUID) -> ResponseReturnValue:
    """Note that nothing waits here any more."""
    desk.mark_answered(db.session, visible_or_404(m.InboxItem, item_id))
    return redirect(url_for("intake.inbox"))


@bp.route("/inbox/<uuid:item_id>/hand-over", methods=["GET", "POST"])
@permits(Action.HAND_OVER)
def hand_over(item_id: uuid.UUID) -> ResponseReturnValue:
    """Pass a consultation on to the centre, after a page that says what that means."""
    found, form = visible_or_404(m.InboxItem, item_id), HandOverForm()
    if not form.validate_on_submit():
        form.suggest(on_desk.consulter_of(db.session, found))
        return render_template("intake/hand_over.html", item=found, form=form), form.status
    desk.hand_over(db.session, found, message_id=form.submission.data, text=form.text.data)
    return redirect(url_for("intake.inbox"))


@bp.route("/inbox/<uuid:item_id>/accept", methods=["GET", "POST"])
@permits(Action.COORDINATE)
def accept(item_id: uuid.UUID) -> ResponseReturnValue:
    """Take a consultation into a new case, with its urgency, once it was compared with others."""
    found, form = visible_or_404(m.InboxItem, item_id), AcceptForm()
    others = alike.alike(db.session, form.child, form.born) if form.is_submitted() else []
    # A form that is sent twice finds the case that it made itself.
    others = [other for other in others if other.case_id != form.submission.data]
    form.compare(others)
    if not form.validate_on_submit():
        page = on_desk.item_page(db.session, found)
        form.suggest(page)
        shown = render_template("intake/accept.html", page=page, form=form, others=others)
        return shown, form.status
    case = desk.accept(db.session, found, **form.acceptance())
    return redirect(url_for("cases.show", case_id=case.id))


@bp.route("/inbox/<uuid:item_id>/join", methods=["GET", "POST"])
@permits(Action.COORDINATE)
def find_case(item_id: uuid.UUID) -> ResponseReturnValue:
    """Look for the case that a consultation may belong to, side by side with what was said."""
    found, form = visible_or_404(m.InboxItem, item_id), FindCaseForm()
    others = alike.of_words(db.session, form.words.data) if form.validate_on_submit() else None
    page = on_desk.item_page(db.session, found)
    shown = render_template("intake/find_case.html", page=page, form=form, others=others)
    return shown, form.status


@bp.route("/inbox/<uuid:item_id>/join/<uuid:case_id>", methods=["GET", "POST"])
@permits(Action.COORDINATE)
def join(item_id: uuid.UUID, case_id: uuid.UUID) -> ResponseReturnValue:
    """Take a consultation into a case that there is, after a page that shows both."""
    found, case, form = visible_or_404(m.InboxItem, item_id), _own_case(case_id), JoinForm()
    if not form.validate_on_submit():
        page, other = on_desk.item_page(db.session, found), alike.one(db.session, case)
        shown = render_template("intake/join.html", page=page, other=other, form=form)
        return shown, form.status
    desk.join(db.session, found, case, by_the_child=form.by_the_child.data)
    flash(_("相談をケースに加えました。まちがえたときは、下のボタンで元に戻せます。"), "success")
    return redirect(url_for("intake.of_case", case_id=case.id))


@bp.get("/cases/<uuid:case_id>/consultations")
@permits(Action.COORDINATE)
def of_case(case_id: uuid.UUID) -> ResponseReturnValue:
    """Show the consultations that became a case's, and take one out again."""
    case = _own_case(case_id)
    rows, may = on_desk.of_case(db.session, case), desk.separable_of(db.session, case.id)
    return render_template("intake/of_case.html", case=case, rows=rows, separable=may)


@bp.route("/cases/<uuid:case_id>/consultations/<uuid:item_id>/separate", methods=["GET", "POST"])
@permits(Action.COORDINATE)
def separate(case_id: uuid.UUID, item_id: uuid.UUID) -> ResponseReturnValue:
    """Take a consultation out of a case again, after a page that says what that means."""
    case, form = _own_case(case_id), PortalForm()
    found = visible_or_404(m.InboxItem, item_id)
    if not form.validate_on_submit():
        page = on_desk.item_page(db.session, found)
        may = desk.separable(db.session, found) and found.case_id == case.id
        shown = render_template("intake/separate.html", case=case, page=page, form=form, may=may)
        return shown, form.status
    desk.separate(db.session, found, case)
    flash(_("相談をケースから外しました。新しく届いた相談として、受付で待っています。"), "success")
    return redirect(url_for("intake.item", item_id=found.id))


def _own_case(case_id: uuid.UUID) -> m.Case:
    """Return a case of the own agency: 404 where it is hidden, 403 where it is another's."""
    case = visible_or_404(m.Case, case_id)
    require(standing(db.session), Action.COORDINATE, case)
    return case


@bp.get("/my-reports")
@permits(Action.READ_OWN_REPORTS)
def my_reports() -> ResponseReturnValue:
    """Show the own reports with the replies; a volunteer's text for a day, then its date alone."""
    return render_template(
        "intake/my_reports.html",
        page=own_reports(db.session, read_cursor(request.args.get("at"))),
        slug=on_desk.report_slug(db.session),
        tells_the_centre=allows(standing(db.session), Action.TELL_CENTRE),
    )
