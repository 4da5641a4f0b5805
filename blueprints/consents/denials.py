"""Whom not to tell, and who may know nothing of a case."""

import uuid

from flask import redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from blueprints.consents import bp
from blueprints.consents.forms import ExcludeForm, StaffSearchForm, WishForm, WishTargetForm
from blueprints.consents.refusals import attempt
from blueprints.consents.views import own_case
from portal import models as m
from portal.auth import permits
from portal.extensions import db
from portal.policy.permissions import Action
from portal.queries.directory import StaffRow, account_by_email, all_agencies, matching, staff_of
from portal.queries.people import people_of
from portal.queries.sharing import wishes_of
from portal.services.denials import (
    add_never_tell,
    end_exclusion,
    end_never_tell,
    exclude,
    link_never_tell,
)
from portal.unit import visible_or_404


@bp.route("/cases/<uuid:case_id>/never-tells/new", methods=["GET", "POST"])
@permits(Action.SHARE)
def wish(case_id: uuid.UUID) -> ResponseReturnValue:
    """Keep a wish that somebody be not told; what it forbids ends at once."""
    case = own_case(case_id)
    form = WishForm(all_agencies(db.session), people_of(db.session, case.id))
    if form.validate_on_submit() and _meant(form) and attempt(form, lambda: _kept(case, form)):
        return redirect(url_for("consents.index", case_id=case.id))
    return render_template("consents/wish.html", case=case, form=form), form.status


def _meant(form: WishTargetForm) -> bool:
    """Find whose e-mail was typed; an unknown one is said at its field."""
    form.account_id = account_by_email(db.session, form.email.data) if form.email.data else None
    if form.email.data and form.account_id is None:
        form.email.errors = [_("このメールアドレスの職員は見つかりません。")]
        return False
    return True


def _kept(case: m.Case, form: WishForm) -> m.NeverTell:
    return add_never_tell(
        db.session,
        case,
        never_tell_id=form.submission.data,
        agency_id=form.agency.data,
        account_id=form.account_id,
        person_id=form.person.data,
        relationship_code=form.relationship.data or None,
        words=form.words.data,
    )


@bp.route("/never-tells/<uuid:wish_id>/link", methods=["GET", "POST"])
@permits(Action.SHARE)
def wish_link(wish_id: uuid.UUID) -> ResponseReturnValue:
    """Say whom the words of a wish mean."""
    never_tell = visible_or_404(m.NeverTell, wish_id)
    case = own_case(never_tell.case_id)
    people = people_of(db.session, case.id)
    form = WishTargetForm(all_agencies(db.session), people)
    if form.validate_on_submit() and _meant(form):
        attempt(form, lambda: _linked(case, never_tell, form))
        if not form.errors:
            return redirect(url_for("consents.index", case_id=case.id))
    rows = [row for row in wishes_of(db.session, case, people) if row.wish.id == wish_id]
    return render_template("consents/wish_link.html", case=case, rows=rows, form=form), form.status


def _linked(case: m.Case, never_tell: m.NeverTell, form: WishTargetForm) -> None:
    link_never_tell(
        db.session,
        case,
        never_tell,
        agency_id=form.agency.data,
        account_id=form.account_id,
        person_id=form.person.data,
    )


@bp.post("/never-tells/<uuid:wish_id>/end")
@permits(Action.SHARE)
def wish_end(wish_id: uuid.UUID) -> ResponseReturnValue:
    """End a wish that is no longer wanted; what it ended does not come back."""
    never_tell = visible_or_404(m.NeverTell, wish_id)
    case = own_case(never_tell.case_id)
    end_never_tell(db.session, case, never_tell)
    return redirect(url_for("consents.index", case_id=case.id))


@bp.route("/cases/<uuid:case_id>/exclusions/new", methods=["GET", "POST"])
@permits(Action.SHARE)
def exclusion(case_id: uuid.UUID) -> ResponseReturnValue:
    """Look for somebody inside an agency, to close the case to them."""
    case = own_case(case_id)
    search = StaffSearchForm(all_agencies(db.session))
    found = _found(search) if search.validate_on_submit() else None
    form = ExcludeForm(found or (), formdata=None, prefix="found")
    page = render_template(
        "consents/exclusion.html", case=case, search=search, found=found, form=form
    )
    return page, search.status


def _found(search: StaffSearchForm) -> list[StaffRow]:
    return matching(staff_of(db.session, [search.agency.data]), search.typed.data)


@bp.post("/cases/<uuid:case_id>/exclusions")
@permits(Action.SHARE)
def exclusion_add(case_id: uuid.UUID) -> ResponseReturnValue:
    """Close the case to somebody, absolutely and at once."""
    case = own_case(case_id)
    search = StaffSearchForm(all_agencies(db.session))
    found = _found(search) if search.validate() else []
    form = ExcludeForm(found, prefix="found")
    if form.validate():
        exclude(
            db.session,
            case,
            account_id=form.account.data,
            reason=form.reason.data,
            exclusion_id=form.submission.data,
        )
        return redirect(url_for("consents.index", case_id=case_id))
    page = {"case": case, "search": search, "found": found, "form": form}
    return render_template("consents/exclusion.html", **page), 422


@bp.post("/exclusions/<uuid:exclusion_id>/end")
@permits(Action.SHARE)
def exclusion_end(exclusion_id: uuid.UUID) -> ResponseReturnValue:
    """Let somebody see the case again as far as a grant opens it."""
    row = visible_or_404(m.Exclusion, exclusion_id)
    case = own_case(row.case_id)
    end_exclusion(db.session, case, row)
    return redirect(url_for("consents.index", case_id=case.id))
