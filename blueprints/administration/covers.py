"""Who is away and who stands in: everybody for themselves, a manager for the own people."""

import datetime as dt
import uuid
from functools import partial

from flask import abort, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from blueprints.administration import bp
from blueprints.administration.forms import attempt
from blueprints.administration.staff_forms import CoverForm
from portal import models as m
from portal.auth import permits
from portal.database import standing
from portal.extensions import db
from portal.forms import PortalForm
from portal.policy.permissions import Action, allows
from portal.queries import administration as lists
from portal.queries.covers import CoverRow, covers_of
from portal.queries.directory import account_names
from portal.services import covers as services
from portal.unit import visible_or_404
from portal.working_hours import inclusive_to_instant


@bp.get("/covers")
@permits(Action.KEEP_ACCOUNT)
def covers() -> ResponseReturnValue:
    """Show when one is away or stands in, and a manager who of the agency is."""
    manages = _manages()
    return render_template(
        "administration/covers.html",
        rows=covers_of(db.session, account_id=None if manages else _me()),
        me=_me(),
        people=_colleagues() if manages else [],
        manages=manages,
    )


@bp.route("/covers/<uuid:account_id>/new", methods=["GET", "POST"])
@permits(Action.KEEP_ACCOUNT)
def new_cover(account_id: uuid.UUID) -> ResponseReturnValue:
    """Say from when until when somebody is away, and who stands in."""
    if account_id != _me() and account_id not in dict(_colleagues() if _manages() else ()):
        abort(404)
    form = CoverForm()
    names = account_names(db.session, services.candidates(db.session, account_id))
    form.account.choices = sorted(names.items(), key=lambda pair: pair[1])
    status = attempt(form, partial(_set, form, account_id)) if form.validate_on_submit() else 0
    if status is None:
        flash(_("代わりの人を決めました。お知らせは、二人に届きます。"), "success")
        return redirect(url_for("administration.covers"))
    name = account_names(db.session, [account_id]).get(account_id, "")
    page = render_template(
        "administration/new_cover.html", form=form, name=name, own=account_id == _me()
    )
    return page, status or form.status


def _set(form: CoverForm, absent_id: uuid.UUID) -> None:
    first, last = form.days
    services.set_cover(
        db.session,
        cover_id=form.submission.data,
        absent_id=absent_id,
        account_id=form.account.data,
        since=inclusive_to_instant(first - dt.timedelta(days=1)),
        until=inclusive_to_instant(last),
    )


@bp.route("/covers/<uuid:cover_id>/end", methods=["GET", "POST"])
@permits(Action.KEEP_ACCOUNT)
def end_cover(cover_id: uuid.UUID) -> ResponseReturnValue:
    """End a cover before its time: first what that means, then the end."""
    visible_or_404(m.Cover, cover_id)
    row, form = _row(cover_id), PortalForm()
    deed = partial(services.end_cover, db.session, cover_id)
    status = attempt(form, deed) if form.validate_on_submit() else form.status
    if status is None:
        flash(_("代わりを終えました。"), "success")
        return redirect(url_for("administration.covers"))
    return render_template("administration/end_cover.html", form=form, row=row), status


def _row(cover_id: uuid.UUID) -> CoverRow:
    found = [row for row in covers_of(db.session) if row.id == cover_id]
    if not found or (found[0].absent_id != _me() and not _manages()):
        abort(404)
    return found[0]


def _colleagues() -> list[tuple[uuid.UUID, str]]:
    agency_id = db.session.info["viewer"].agency_id
    return [(uuid.UUID(key), name) for key, name in lists.colleague_choices(db.session, agency_id)]


def _manages() -> bool:
    return allows(standing(db.session), Action.MANAGE)


def _me() -> uuid.UUID:
    account_id: uuid.UUID = db.session.info["viewer"].account_id
    return account_id
