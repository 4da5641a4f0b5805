"""The people of an agency, for its manager and the administrator: who is there, who is proposed."""

import uuid

from flask import abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from blueprints.administration import bp, words
from blueprints.administration.forms import attempt
from portal import models as m
from portal.auth import permits
from portal.database import standing
from portal.extensions import db
from portal.forms import PortalForm
from portal.policy.permissions import (
    ADMINISTRATOR,
    Action,
    Standing,
    allows,
    keeps,
    require,
    sight_of,
)
from portal.policy.terms import clock
from portal.queries import administration as lists
from portal.queries import staff as people
from portal.queries.paging import read_cursor
from portal.services import memberships
from portal.services.administration import without_password
from portal.services.notices import invitations_of
from portal.unit import visible_or_404


@bp.get("/staff")
@permits(Action.KEEP_STAFF)
def staff() -> ResponseReturnValue:
    """Show who works for an agency, who is coming, and who leaves when."""
    keeper = acting()
    agency = visible_or_404(m.Agency, agency_in_hand(keeper))
    rows = people.staff_of(db.session, agency.id)
    return render_template(
        "administration/staff.html",
        agency=agency,
        agencies=lists.agency_choices(db.session) if allowed_everywhere(keeper) else (),
        rows=rows,
        outside=without_password(db.session, {row.account_id for row in rows}),
        invitations=invitations_of(db.session, {row.account_id for row in rows}),
        now=clock(db.session),
        proposals=people.proposals(db.session, agency.id),
        manages=keeper.agency_id == agency.id and allows(keeper, Action.MANAGE),
        keeps=keeps(keeper, agency.id),
    )


@bp.get("/proposals")
@permits(Action.KEEP_STAFF)
def proposals() -> ResponseReturnValue:
    """Show which roles, and which resets of factors, wait for a second person."""
    rows = people.proposals(db.session)
    alone = people.second_person_missing(db.session, rows)
    return render_template(
        "administration/proposals.html", rows=rows, alone=alone, resets=people.resets(db.session)
    )


@bp.get("/proposals/<uuid:membership_proposal_id>")
@permits(Action.KEEP_STAFF)
def proposal(membership_proposal_id: uuid.UUID) -> ResponseReturnValue:
    """Show what a proposed role would open, to whoever decides on it."""
    return _proposal_page(membership_proposal_id, PortalForm(), 200)


@bp.post("/proposals/<uuid:membership_proposal_id>/confirm")
@permits(Action.KEEP_STAFF)
def confirm_proposal(membership_proposal_id: uuid.UUID) -> ResponseReturnValue:
    """Confirm as the second person: the membership begins."""
    visible_or_404(m.MembershipProposal, membership_proposal_id)
    form = PortalForm()
    refused = attempt(form, lambda: memberships.confirm(db.session, membership_proposal_id))
    if refused is not None:
        return _proposal_page(membership_proposal_id, form, refused)
    flash(_("確認しました。"), "success")
    return redirect(url_for("administration.proposals"))


@bp.post("/proposals/<uuid:membership_proposal_id>/decline")
@permits(Action.KEEP_STAFF)
def decline_proposal(membership_proposal_id: uuid.UUID) -> ResponseReturnValue:
    """Decline a proposal, or take the own one back: nothing opens."""
    visible_or_404(m.MembershipProposal, membership_proposal_id)
    memberships.decline(db.session, membership_proposal_id)
    flash(_("この提案では、見られるものは増えません。"), "success")
    return redirect(url_for("administration.proposals"))


@bp.get("/staff/changes")
@permits(Action.MANAGE)
def changes() -> ResponseReturnValue:
    """Show an agency's manager who changed what of its people and settings."""
    manager = require(standing(db.session), Action.MANAGE)
    page = people.changes(db.session, manager.agency_id, read_cursor(request.args.get("at")))
    return render_template("administration/changes.html", page=page, words=words)


def allowed_everywhere(keeper: Standing) -> bool:
    """Return whether somebody looks after the people of every agency."""
    return keeper.role == ADMINISTRATOR


def acting() -> Standing:
    """Return in what capacity the viewer keeps people."""
    return require(standing(db.session), Action.KEEP_STAFF)


def agency_in_hand(keeper: Standing) -> uuid.UUID:
    """Return the agency that the address names, where it may be another than the own one."""
    wished = request.args.get("agency", type=uuid.UUID)
    if wished is None or wished == keeper.agency_id:
        return keeper.agency_id
    if not allowed_everywhere(keeper):
        abort(404)
    return wished


def _proposal_page(proposal_id: uuid.UUID, form: PortalForm, status: int) -> ResponseReturnValue:
    visible_or_404(m.MembershipProposal, proposal_id)
    found = [row for row in people.proposals(db.session) if row.id == proposal_id]
    if not found:
        return render_template("administration/proposal_over.html")
    (row,) = found
    page = render_template(
        "administration/proposal.html",
        form=form,
        row=row,
        sights=[
            words.sight(what) for what in sight_of(row.agency_type, row.role, manager=row.manager)
        ],
    )
    return page, status
