"""Arrivals and departures in one table, the yearly confirmation, and handing work over."""

import uuid
from functools import partial

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext

from blueprints.administration import bp, words
from blueprints.administration.forms import CONFLICT, attempt
from blueprints.administration.staff import acting, agency_in_hand
from blueprints.administration.staff_forms import (
    CarryOutForm,
    HandOverForm,
    ReconfirmForm,
    TableForm,
)
from portal import models as m
from portal import spreadsheet
from portal.auth import permits
from portal.database import standing
from portal.extensions import db
from portal.headers import download
from portal.move_words import template_rows
from portal.policy.permissions import ADMINISTRATOR, Action, require
from portal.queries import staff as people
from portal.queries.directory import account_names
from portal.services import handovers, memberships, moves
from portal.templating import today
from portal.unit import visible_or_404


@bp.get("/moves")
@permits(Action.KEEP_STAFF)
def new_moves() -> ResponseReturnValue:
    """Ask for a table of arrivals and departures."""
    return _table_page(TableForm(), 200)


@bp.get("/moves/template")
@permits(Action.KEEP_STAFF)
def moves_template() -> ResponseReturnValue:
    """Give an empty table with its head and examples."""
    rows = template_rows(today())
    return download(spreadsheet.written(rows), "moves.csv")


@bp.post("/moves")
@permits(Action.KEEP_STAFF)
def preview_moves() -> ResponseReturnValue:
    """Show what a table would do, or what is wrong with it; nothing is changed."""
    form = TableForm()
    if not form.validate_on_submit():
        return _table_page(form, form.status)
    data = form.content
    found = moves.plan(db.session, data)
    if found.problems:
        return _table_page(form, 422, found)
    return _preview_page(CarryOutForm.of(data, found.mark), found, 200)


@bp.post("/moves/carry-out")
@permits(Action.KEEP_STAFF)
def carry_out_moves() -> ResponseReturnValue:
    """Do what the preview showed, whole; what changed meanwhile is shown anew."""
    form = CarryOutForm()
    data = form.content if form.validate_on_submit() else None
    if data is None:
        return _table_page(TableForm(formdata=None), 422)
    found = moves.plan(db.session, data)
    if not moves.is_done(db.session, form.submission.data, found):
        if found.problems:
            return _table_page(TableForm(formdata=None), CONFLICT, found)
        if found.mark != form.mark.data:
            return _preview_page(CarryOutForm.of(data, found.mark), found, CONFLICT)
        moves.carry_out(db.session, form.submission.data, found)
    flash(_("着任と離任を登録しました。"), "success")
    waiting = any(move.takes_two for move in found.moves)
    return redirect(url_for("administration.proposals" if waiting else "administration.staff"))


@bp.route("/staff/confirm", methods=["GET", "POST"])
@permits(Action.KEEP_STAFF)
def reconfirm() -> ResponseReturnValue:
    """Confirm once a year who still works here; who is not confirmed sleeps."""
    agency = visible_or_404(m.Agency, agency_in_hand(acting()))
    form, rows = ReconfirmForm(), people.to_confirm(db.session, agency.id)
    form.people.choices = [(row.id, words.member(row)) for row in rows]
    if not form.validate_on_submit():
        page = render_template("administration/reconfirm.html", form=form, agency=agency, rows=rows)
        return page, form.status
    number = memberships.reconfirm(db.session, form.people.data or [])
    flash(ngettext("%(num)s人を確認しました。", "%(num)s人を確認しました。", number), "success")
    return redirect(url_for("administration.staff", agency=agency.id))


@bp.route("/staff/<uuid:membership_id>/hand-over", methods=["GET", "POST"])
@permits(Action.MANAGE)
def hand_over(membership_id: uuid.UUID) -> ResponseReturnValue:
    """Show what somebody has in hand, and give all of it to a successor."""
    membership, form = visible_or_404(m.Membership, membership_id), HandOverForm()
    work = handovers.work_in_hand(db.session, membership)
    form.successor.choices = _successors(membership)
    valid, successor = form.validate_on_submit(), form.successor.data
    deed = partial(handovers.hand_over, db.session, membership.id, successor)
    status = attempt(form, deed) if valid else form.status
    if status is None:
        flash(_("引きつぎました。"), "success")
        return redirect(url_for("administration.staff"))
    name = account_names(db.session, [membership.account_id]).get(membership.account_id, "")
    page = render_template(
        "administration/hand_over.html", form=form, membership=membership, name=name, work=work
    )
    return page, status


def _successors(membership: m.Membership) -> list[tuple[uuid.UUID, str]]:
    names = account_names(db.session, handovers.successors(db.session, membership))
    return sorted(names.items(), key=lambda pair: pair[1])


def _table_page(
    form: TableForm, status: int, found: moves.Plan | None = None
) -> ResponseReturnValue:
    problems = [] if found is None else [words.problem(each) for each in found.problems]
    everywhere = require(standing(db.session), Action.KEEP_STAFF).role == ADMINISTRATOR
    page = render_template(
        "administration/moves.html", form=form, problems=problems, everywhere=everywhere
    )
    return page, status


def _preview_page(form: CarryOutForm, found: moves.Plan, status: int) -> ResponseReturnValue:
    known = {move.account_id for move in found.moves if move.account_id is not None}
    page = render_template(
        "administration/moves_preview.html",
        form=form,
        moves=found.moves,
        names=account_names(db.session, known),
        status=status,
    )
    return page, status
