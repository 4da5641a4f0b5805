"""The manager's page: who reads what is shared with the agency, and what is shared, unread."""

import uuid
from collections.abc import Collection

from flask import abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from blueprints.administration import bp
from blueprints.administration.forms import HandOverForm, TeamForm, attempt
from portal.auth import permits
from portal.database import standing
from portal.extensions import db
from portal.forms import PortalForm
from portal.policy.permissions import Action, require
from portal.queries import administration as lists
from portal.queries.paging import read_cursor
from portal.services import administration as services
from portal.services import readers

# What the button sends that only shows what a change means.
PREVIEW = "preview"


@bp.get("/team")
@permits(Action.MANAGE)
def team() -> ResponseReturnValue:
    """Show the default team, and of each share its reference, slices and end."""
    return _team_page(TeamForm(), 200)


@bp.post("/team/members")
@permits(Action.MANAGE)
def add_team_member() -> ResponseReturnValue:
    """Put a colleague on the default team."""
    form, status = TeamForm(), 422
    _offer(form)
    if form.validate_on_submit():
        account_id, member_id = uuid.UUID(form.account.data), form.submission.data
        if request.form.get("step") == PREVIEW:
            return _team_page(form, 200, _change(account_id))
        refused = attempt(form, lambda: services.add_team_member(db.session, member_id, account_id))
        if refused is None:
            return redirect(url_for("administration.team"))
        status = refused
    return _team_page(form, status)


def _change(account_id: uuid.UUID) -> lists.TeamChange:
    acting = require(standing(db.session), Action.MANAGE)
    return lists.team_change(db.session, acting.agency_id, account_id)


@bp.route("/team/members/<uuid:member_id>/end", methods=["GET", "POST"])
@permits(Action.MANAGE)
def end_team_member(member_id: uuid.UUID) -> ResponseReturnValue:
    """Take somebody off the default team: first what is no longer seen, then the end."""
    form = PortalForm()
    if not form.validate_on_submit():
        acting = require(standing(db.session), Action.MANAGE)
        team = lists.team_of(db.session, acting.agency_id)
        found = [each for each in team if each.id == member_id and each.live]
        if not found:
            abort(404)
        change = _change(found[0].account_id)
        return render_template("administration/team_end.html", form=form, change=change)
    services.end_team_member(db.session, member_id)
    return redirect(url_for("administration.team"))


@bp.route("/team/grants/<uuid:grant_id>/readers", methods=["GET", "POST"])
@permits(Action.MANAGE)
def grant_readers(grant_id: uuid.UUID) -> ResponseReturnValue:
    """Name who reads one share, or hand it over from one reader to another."""
    acting = require(standing(db.session), Action.MANAGE)
    row = lists.grant_to(db.session, acting.agency_id, grant_id)
    if row is None:
        abort(404)
    form = HandOverForm(accounts=row.reader_ids)
    colleagues = lists.colleague_choices(db.session, acting.agency_id)
    form.accounts.choices = [(uuid.UUID(key), name) for key, name in colleagues]
    change = None
    if form.validate_on_submit():
        if request.form.get("step") != PREVIEW:
            readers.hand_over(db.session, grant_id, form.accounts.data or ())
            return redirect(url_for("administration.team"))
        named = form.accounts.data or ()
        change = lists.handing_over(db.session, acting.agency_id, row, named)
    page = render_template("administration/grant_readers.html", form=form, row=row, change=change)
    return page, form.status


def _offer(form: TeamForm, but: Collection[str] = ()) -> None:
    acting = require(standing(db.session), Action.MANAGE)
    colleagues = lists.colleague_choices(db.session, acting.agency_id)
    form.account.choices = [(key, name) for key, name in colleagues if key not in but]


def _team_page(
    form: TeamForm, status: int, change: lists.TeamChange | None = None
) -> ResponseReturnValue:
    acting = require(standing(db.session), Action.MANAGE)
    team = lists.team_of(db.session, acting.agency_id)
    _offer(form, {str(each.account_id) for each in team if each.live})
    page = render_template(
        "administration/team.html",
        form=form,
        team=team,
        change=change,
        page=lists.grants_to(db.session, acting.agency_id, read_cursor(request.args.get("at"))),
    )
    return page, status
