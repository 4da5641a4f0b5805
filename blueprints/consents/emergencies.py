"""In an emergency: a view for oneself, a provision to an agency, and the eyes of somebody else."""

import uuid
from typing import Any

from flask import abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]  # Older stubs.

from blueprints.consents import bp
from blueprints.consents.lawful_forms import (
    ConfirmForm,
    EndForm,
    ProvisionForm,
    ReviewForm,
    ViewForm,
)
from blueprints.consents.refusals import attempt
from blueprints.consents.views import ASKED_ABOUT_READERS, own_case
from blueprints.consents.wording import law_words
from portal import models as m
from portal.auth import permits, standing
from portal.database import NotVisibleError
from portal.extensions import db
from portal.forms import PortalForm
from portal.policy.permissions import Action
from portal.policy.viewer import DIRECTOR
from portal.queries.directory import colleagues, names_of_staff, staff_of
from portal.queries.lawful import EmergencyRow, between, doors_in_emergency, emergencies_of
from portal.queries.people import people_of
from portal.queries.sharing import wishes_of
from portal.services.consented import latest_necessity
from portal.services.denials import hide_from
from portal.services.emergencies import (
    Provision,
    case_to_open,
    confirm,
    end_early,
    open_view,
    prolong,
    provide,
    review,
)
from portal.services.looks import look_at_decision
from portal.unit import visible_or_404
from portal.vault import reveal
from portal.vocabulary import EMERGENCY, OWNER_ROLES, statutes_for


@bp.route("/emergency", methods=["GET", "POST"])
@permits(Action.OPEN_IN_EMERGENCY)
def emergency_open() -> ResponseReturnValue:
    """Open a case of the own agency for oneself, for a day, with a reason that is looked at."""
    form = ViewForm(reference=request.args.get("reference", ""))
    if form.validate_on_submit():
        case_id = attempt(form, lambda: _opened(form))
        if case_id is not None:
            return redirect(url_for("cases.show", case_id=case_id))
    return render_template("consents/emergency_open.html", form=form), form.status


def _opened(form: ViewForm) -> uuid.UUID | None:
    """Open the case of the reference; a hidden one and none at all get the same answer."""
    try:
        case_id = case_to_open(db.session, reference=form.reference.data.upper())
        open_view(db.session, case_id, reason=form.reason.data, on_duty=form.on_duty.data)
    except NotVisibleError:
        form.reference.errors = [
            _("この番号で開けるケースはありません。番号を確かめるか、センターに電話してください。")
        ]
        return None
    return case_id


@bp.get("/cases/<uuid:case_id>/emergencies/new")
@permits(Action.PROVIDE_IN_EMERGENCY)
def emergency_start(case_id: uuid.UUID) -> ResponseReturnValue:
    """Say whom to phone first, and choose the agency."""
    case = own_case(case_id)
    doors = doors_in_emergency(db.session, case)
    return render_template("consents/emergency_start.html", case=case, doors=doors)


@bp.route("/cases/<uuid:case_id>/emergencies/<uuid:agency_id>", methods=["GET", "POST"])
@permits(Action.PROVIDE_IN_EMERGENCY)
def emergency_new(case_id: uuid.UUID, agency_id: uuid.UUID) -> ResponseReturnValue:
    """Open slices to the agency at once, after the phone call; a second person is alerted."""
    case, agency = own_case(case_id), visible_or_404(m.Agency, agency_id)
    form = _provision_form(case, agency)
    if form.validate_on_submit():
        made = attempt(form, lambda: _made(case, agency, form))
        if made is not None:
            return redirect(url_for("consents.emergency", emergency_id=made.id))
    wishes = wishes_of(db.session, case, people_of(db.session, case.id))
    page = {"case": case, "agency": agency, "form": form, "wishes": wishes}
    return render_template("consents/emergency_new.html", **page), form.status


def _provision_form(case: m.Case, agency: m.Agency) -> ProvisionForm:
    sides = between(db.session, case, agency.id)
    statutes = [] if sides is None else statutes_for(EMERGENCY, *sides)
    if agency.id not in {door.agency.id for door in doors_in_emergency(db.session, case)}:
        abort(404)
    form = ProvisionForm()
    form.offer(
        [SelectChoice(code, law_words(code)) for code in statutes],
        colleagues(db.session, case.owner_agency_id),
    )
    must_ask = agency.type in ASKED_ABOUT_READERS
    form.offer_readers(staff_of(db.session, [agency.id]), must_ask=must_ask)
    return form


def _made(case: m.Case, agency: m.Agency, form: ProvisionForm) -> m.Emergency:
    hide_from(db.session, case, form.hidden(), reason=form.why_hidden.data)
    wanted = Provision(
        agency_id=agency.id,
        slices=tuple(form.slices.data or ()),
        statute=form.statute.data,
        necessity=latest_necessity(db.session, case.id) or "agencies_needed",
        reason=form.reason.data,
        phoned_at=form.phoned_at.instant,
        phoned_to=form.phoned_to.data,
        second_id=form.second.data,
        account_ids=form.named(),
        told=form.told.data,
        nobody_unlinked=form.nobody_unlinked.data,
    )
    return provide(db.session, case, wanted, emergency_id=form.submission.data)


@bp.get("/emergencies/<uuid:emergency_id>")
@permits(Action.REVIEW_EMERGENCY)
def emergency(emergency_id: uuid.UUID) -> ResponseReturnValue:
    """Show an emergency: what is open until when, who looks at it, and what is next."""
    return _page(visible_or_404(m.Emergency, emergency_id))


def _page(row: m.Emergency, **sent: PortalForm) -> str:
    case = own_case(row.case_id)
    [found] = emergencies_of(db.session, case, only=row.id)
    words = ("reason", "phoned_to", "decision", "review", "told")
    forms = {
        "confirming": ConfirmForm(formdata=None, prefix="confirm"),
        "ending": EndForm(formdata=None, prefix="end"),
        "prolonging": PortalForm(formdata=None),
        "reviewing": _review_form(row, formdata=None),
    }
    page = {
        "case": case,
        "row": found,
        "words": {name: reveal(db.session, row, name) for name in words},
        "staff": names_of_staff(db.session, row.owner_agency_id)
        | names_of_staff(db.session, row.agency_id),
        "law": law_words,
        "may": _may(found),
    }
    look_at_decision(db.session, row)
    return render_template("consents/emergency.html", **page, **(forms | sent))


def _review_form(row: m.Emergency, **options: Any) -> ReviewForm:
    staff = staff_of(db.session, [row.owner_agency_id])
    workers = [each for each in staff if each.role in OWNER_ROLES]
    return ReviewForm(workers, prefix="review", **options)


def _may(row: EmergencyRow) -> dict[str, bool]:
    """Return what the viewer may do next; the services ask again."""
    acting, me = standing(), db.session.info["viewer"].account_id
    emergency = row.emergency
    second, started = emergency.second_id == me, emergency.started_by == me
    director = acting is not None and acting.role == DIRECTOR
    provision = emergency.kind == m.Emergency.PROVISION
    return {
        "confirm": row.is_live and second and emergency.decision is None,
        "end": row.is_live and (second or started or director),
        "prolong": row.is_live
        and director
        and provision
        and not started
        and emergency.prolonged_at is None,
        "review": row.state == "over" and not started and (second or director),
    }


@bp.post("/emergencies/<uuid:emergency_id>/confirm")
@permits(Action.REVIEW_EMERGENCY)
def emergency_confirm(emergency_id: uuid.UUID) -> ResponseReturnValue:
    """Say as the second person that it was right."""
    row, form = visible_or_404(m.Emergency, emergency_id), ConfirmForm(prefix="confirm")
    if form.validate():
        confirm(db.session, row, words=form.words.data)
        flash(_("確かめたことを記録しました。"), "success")
        return redirect(url_for("consents.emergency", emergency_id=row.id))
    return _page(row, confirming=form), 422


@bp.post("/emergencies/<uuid:emergency_id>/end")
@permits(Action.REVIEW_EMERGENCY)
def emergency_end(emergency_id: uuid.UUID) -> ResponseReturnValue:
    """End it before its time: from the next request on nothing is open by it."""
    row, form = visible_or_404(m.Emergency, emergency_id), EndForm(prefix="end")
    if form.validate():
        end_early(db.session, row, words=form.words.data)
        flash(_("おわらせました。もう見えません。"), "success")
        return redirect(url_for("consents.emergency", emergency_id=row.id))
    return _page(row, ending=form), 422


@bp.post("/emergencies/<uuid:emergency_id>/prolong")
@permits(Action.APPROVE)
def emergency_prolong(emergency_id: uuid.UUID) -> ResponseReturnValue:
    """Let it last to the next working day, as the director."""
    row, form = visible_or_404(m.Emergency, emergency_id), PortalForm()
    if form.validate():
        prolong(db.session, row)
        flash(_("つぎの平日まで延ばしました。"), "success")
    return redirect(url_for("consents.emergency", emergency_id=row.id))


@bp.post("/emergencies/<uuid:emergency_id>/review")
@permits(Action.REVIEW_EMERGENCY)
def emergency_review(emergency_id: uuid.UUID) -> ResponseReturnValue:
    """Close the review in words."""
    row = visible_or_404(m.Emergency, emergency_id)
    form = _review_form(row)
    if form.validate():
        attempt(form, lambda: _reviewed(row, form))
    if form.errors:
        return _page(row, reviewing=form), 422
    flash(_("振り返りを記録しました。"), "success")
    return redirect(url_for("consents.emergency", emergency_id=row.id))


def _reviewed(row: m.Emergency, form: ReviewForm) -> None:
    review(
        db.session,
        row,
        finding=form.finding.data,
        words=form.words.data,
        telling=form.telling(),
    )
