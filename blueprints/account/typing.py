"""What was typed and not sent: when a session had ended, or a weighty step was given up."""

import uuid

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from blueprints.account import bp
from portal import models as m
from portal.auth import SAVED_FIELD, TYPED, keep_typing, page_above, permits
from portal.errors import is_written
from portal.extensions import db
from portal.policy.permissions import Action
from portal.queries.account import cases_at
from portal.services import saved
from portal.unit import visible_or_404


@bp.get("/typed")
@permits(Action.KEEP_ACCOUNT)
def typed() -> ResponseReturnValue:
    """Show what one typed and could not send, each to be sent once more or deleted."""
    texts = saved.saved_texts(db.session)
    return render_template(
        "account/typed.html",
        texts=texts,
        cases=cases_at(db.session, [text.path for text in texts]),
        field=SAVED_FIELD,
        is_written=is_written,
    )


@bp.post("/typed/<uuid:saved_text_id>/forget")
@permits(Action.KEEP_ACCOUNT)
def forget_typed(saved_text_id: uuid.UUID) -> ResponseReturnValue:
    """Delete what one typed and does not want to send."""
    visible_or_404(m.SavedText, saved_text_id)
    saved.forget(db.session, saved_text_id)
    return redirect(url_for("account.typed"))


@bp.post("/step-back")
@permits(Action.KEEP_ACCOUNT)
def step_back() -> ResponseReturnValue:
    """Give up a weighty step: back to the page it began on, with what was typed in its form."""
    there = page_above(request.form.get("step_up_for", "/"))
    kept = keep_typing(db.session, there)
    return redirect(there if kept is None else f"{there}?{TYPED}={kept}")
