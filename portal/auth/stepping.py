"""Step-up: a weighty step asks for a second factor of the last minutes, and then goes on.

The page that asks holds what was typed, and sends it on with the proof to where it was going: the
step is done once, by the request that proves who does it (security.md S5).
"""

from flask import Response, g, make_response, render_template, request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import HiddenField, StringField

from portal.auth.factors import add_to_session, passkey_options, site, try_factor
from portal.auth.sessions import with_cookie
from portal.database import look_as, standing
from portal.extensions import db
from portal.services import factors as services

_CODE, _ANSWER, _DEMO = "step_up_code", "step_up_passkey", "step_up_demo"
REFUSED = 400
_OURS = frozenset({"csrf_token", _CODE, _ANSWER, _DEMO})


class StepUpForm(FlaskForm):
    """A code, or the answer of a passkey."""

    step_up_code = StringField(
        _l("認証コード"),
        description=_l("認証アプリの6けたの数字、または印刷した回復コード"),
    )
    step_up_passkey = HiddenField()


def step_up(template: str = "account/step_up.html", status: int = 403) -> Response | None:
    """Return None where the request proves a second factor, else the page that asks for one.

    What is proven opens a new session, whose cookie goes out with the answer (``with_new_cookie``).
    """
    form = StepUpForm()
    tried = _tried(form)
    if tried is not None:
        viewer, capacity = db.session.info["viewer"], standing(db.session)
        g.new_token = add_to_session(db.session, tried, keep_forms=True)
        # The new session looks as the one before did: what comes next is the step itself.
        db.session.info.pop("viewer")
        look_as(db.session, viewer, capacity)
        return None
    known = services.factors_of(db.session, g.signed.account_id)
    options = services.passkey_request(db.session, g.signed.account_id, site())
    page = render_template(
        template,
        form=form,
        passkey=passkey_options(options) if known.passkeys else None,
        by_button="demo" in g.signed.factors.split("+"),
        typed=[pair for pair in request.form.items(multi=True) if pair[0] not in _OURS],
        going_to=request.full_path.rstrip("?"),
    )
    return make_response(page, 422 if form.errors and status < REFUSED else status)


def with_new_cookie(response: Response) -> Response:
    """Return the response, with the cookie of the session that a step-up opened."""
    token = g.pop("new_token", None)
    return response if token is None else with_cookie(response, token)


def _tried(form: StepUpForm) -> str | None:
    if _DEMO in request.form and "demo" in g.signed.factors.split("+"):
        return "demo"
    code, answer = form.step_up_code.data or "", form.step_up_passkey.data or ""
    if not code and not answer:
        return None
    tried = try_factor(db.session, code=code, answer=answer)
    if tried.kind is None:
        form.step_up_code.errors = [refusal(wait=tried.wait)]
    return tried.kind


def refusal(*, wait: bool) -> str:
    """Return why a factor was not taken, in words."""
    words = (
        _("失敗が続いたため、1分ほど待ってから、もう一度お試しください。コードは確かめていません。")
        if wait
        else _(
            "確かめられませんでした。コードは1回だけ使えます。次のコードを待って入力してください。"
        )
    )
    return str(words)
