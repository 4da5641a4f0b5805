"""The child's own pages: telling, coming back by code, the thread, and leaving at once."""

import uuid
from datetime import UTC, datetime

from flask import make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from werkzeug.exceptions import TooManyRequests

from blueprints.child import bp
from blueprints.child.forms import AdultSayForm, EnterForm, SayForm, StartForm
from portal import auth
from portal.auth import config, permits, with_cookie
from portal.codes import normalise
from portal.database import look_as_glimpse
from portal.extensions import csrf, db
from portal.headers import clear_site_data
from portal.policy.permissions import Action
from portal.queries.threads import conversation, newest_reply
from portal.services import consultations, threads
from portal.templating import today
from portal.working_hours import next_reading


@bp.route("/child/start", methods=["GET", "POST"])
@csrf.exempt
def start() -> ResponseReturnValue:
    """Let a child tell; nothing but a way back is asked for, and nobody has to sign in."""
    heard_by, form = consultations.listeners(db.session, request.args.get("school")), StartForm()
    form.offer(heard_by)
    if not form.validate_on_submit():
        return render_template("child/start.html", form=form, heard_by=heard_by), form.status
    receipt = consultations.receive_consultation(
        db.session,
        config(),
        form.chosen(heard_by),
        submission=form.submission.data,
        secret=form.secret.data,
        told=form.told(),
    )
    return render_template(
        "child/received.html", receipt=receipt, reads_at=next_reading(datetime.now(UTC))
    )


@bp.route("/child/", methods=["GET", "POST"])
def enter() -> ResponseReturnValue:
    """Open a thread by code and secret word; wrong, closed and unknown get the same answer."""
    form = EnterForm()
    if not form.validate_on_submit():
        return render_template("child/enter.html", form=form), form.status
    code, secret = form.code.data, form.secret.data
    buckets = auth.throttle_buckets("code", normalise(code) or code)
    if auth.throttled(db.session, buckets):
        return render_template("child/enter.html", form=form, wait=True), TooManyRequests.code
    proven = threads.prove_code(db.session, config(), code, secret)
    if proven is None:
        auth.failed(db.session, buckets, "code")
        form.form_errors.append(_("ことばが ちがうか、もう つかえません。たしかめてね。"))
        return render_template("child/enter.html", form=form), form.status
    if not proven.whole:
        return _glimpse(proven.thread_id)
    token = auth.open_session(db.session, thread_id=proven.thread_id, factors="code")
    return with_cookie(make_response(redirect(url_for("child.thread"))), token)


def _glimpse(thread_id: uuid.UUID) -> str:
    """Show the newest reply to whoever has the code alone; no session is opened by it."""
    look_as_glimpse(db.session, thread_id)
    return render_template(
        "child/glimpse.html",
        reply=newest_reply(db.session),
        reads_at=next_reading(datetime.now(UTC)),
    )


@bp.route("/child/thread", methods=["GET", "POST"])
@permits(Action.VISIT)
def thread() -> ResponseReturnValue:
    """Show the thread to whoever came back by its code, and take what is written back."""
    own = threads.own_thread(db.session)
    form = SayForm() if own.kind == threads.CHILD else AdultSayForm()
    if form.validate_on_submit():
        threads.write_back(db.session, message_id=form.submission.data, text=form.text.data)
        return redirect(url_for("child.thread"))
    page = "child/thread.html" if own.kind == threads.CHILD else "child/thread_adult.html"
    talk = conversation(db.session, own)
    threads.mark_seen(db.session, own.id, by_desk=False)
    return render_template(
        page, form=form, talk=talk, reads_at=next_reading(datetime.now(UTC))
    ), form.status


@bp.get("/child/leave")
def leave() -> ResponseReturnValue:
    """End the session and leave for a page that tells nothing; a link, so that it never fails."""
    auth.end_present_session(db.session)
    return clear_site_data(with_cookie(make_response(redirect(url_for("child.left"))), None))


@bp.get("/otenki")
def left() -> ResponseReturnValue:
    """Show a page about the season, with no way back and no word of what this is."""
    return render_template("child/left.html", day=today())
