"""Sharing by law: the report that is sent first, permissions, and who decides on them."""

import uuid

from flask import abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]  # Older stubs.

from blueprints.consents import bp
from blueprints.consents.fields import ReadersAskedForm
from blueprints.consents.lawful_forms import (
    DecisionForm,
    DutyForm,
    EntrustForm,
    PermissionForm,
    ReportRecordForm,
)
from blueprints.consents.refusals import attempt
from blueprints.consents.views import ASKED_ABOUT_READERS, own_case
from blueprints.consents.wording import law_words
from portal import models as m
from portal.auth import permits, standing
from portal.extensions import db
from portal.forms import PortalForm, choices_of
from portal.policy.permissions import Action, allows
from portal.policy.terms import Terms, clock, refused_slices
from portal.queries.directory import agencies_of_duty, colleagues, duties, names_of_staff, staff_of
from portal.queries.lawful import (
    between,
    council_meetings,
    doors_by_permission,
    permissions_for,
    proposal_row,
    report_row,
)
from portal.queries.people import people_of
from portal.queries.share_preview import Preview, preview_share
from portal.queries.sharing import wishes_of
from portal.services.consented import latest_necessity
from portal.services.contracts import entrust as entrust_to
from portal.services.denials import hide_from
from portal.services.lawful import (
    approve,
    propose,
    record_report,
    refuse,
    send_report,
    terms_of_proposal,
)
from portal.services.looks import look_at_decision
from portal.templating import today
from portal.unit import visible_or_404
from portal.vault import reveal
from portal.vocabulary import (
    ENTRUSTED_SLICES,
    Side,
    bases,
    codes,
    longest_days,
    shareable_with,
    statutes_for,
)
from portal.working_hours import ONE_DAY, inclusive_to_instant

# A duty without another wish lasts as long as its basis allows, counted with today; a permission is
# looked at again sooner.
DUTY_DAYS, PERMISSION_DAYS = 90, 30
# What the authorities need at first; whoever reports takes away or adds.
REPORTED = ("basic", "contact", "safety")

SENT = {
    "report": _l("通告しました"),
    "referral": _l("送致・通知しました"),
    "information": _l("情報提供しました"),
}


@bp.route("/cases/<uuid:case_id>/duties/new", methods=["GET", "POST"])
@permits(Action.SHARE_BY_LAW)
def duty(case_id: uuid.UUID) -> ResponseReturnValue:
    """「法律にもとづいて伝える」: sent at once, the call is recorded on the page that follows."""
    case = own_case(case_id)
    form, sight = _duty_form(case), None
    step = request.form.get("step", "")
    if not form.tick(step) and form.validate_on_submit():
        if step == "preview":
            sight = _sight(case, _duty_terms(form), form.hidden())
        elif (report := attempt(form, lambda: _sent(case, form))) is not None:
            return redirect(url_for("consents.law_report", report_id=report.id))
    page = {"case": case, "form": form, "sight": sight, "wishes": _wishes(case)}
    return render_template("consents/duty.html", **page), form.status


def _duty_form(case: m.Case) -> DutyForm:
    agencies = agencies_of_duty(db.session)
    form = DutyForm(
        agencies,
        [SelectChoice(code, law_words(code)) for code in duties()],
        colleagues(db.session, case.owner_agency_id),
        basis=duties()[0],
        agency=next((agency.id for agency in agencies if agency.type == "cgc"), None),
        slices=list(REPORTED),
        last_day=today() + (DUTY_DAYS - 1) * ONE_DAY,
        necessity=latest_necessity(db.session, case.id) or "agencies_needed",
    )
    kind = next((agency.type for agency in agencies if agency.id == form.agency.data), "cgc")
    must_ask = kind in ASKED_ABOUT_READERS
    form.offer_readers(
        staff_of(db.session, [form.agency.data]) if must_ask else (), must_ask=must_ask
    )
    form.offer_presets(kind, shareable_with(kind))
    return form


def _duty_terms(form: DutyForm) -> Terms:
    return Terms(
        agency_id=form.agency.data,
        slices=tuple(form.slices.data or ()),
        subject_id=None,
        purpose=bases()[form.basis.data].allowed_purposes[0],
        basis=form.basis.data,
        necessity=form.necessity.data,
        until=inclusive_to_instant(form.last_day.data or today()),
        account_ids=form.named(),
        approved_by=form.second.data,
        reason=form.reason.data,
        told=form.told.data,
        nobody_unlinked=form.nobody_unlinked.data,
    )


def _sent(case: m.Case, form: DutyForm) -> m.LawReport:
    _hide(case, form)
    return send_report(db.session, case, _duty_terms(form), report_id=form.submission.data)


def _hide(case: m.Case, form: ReadersAskedForm) -> None:
    """Close the case to whom the agency must not show it, before it is shown anything."""
    hide_from(db.session, case, form.hidden(), reason=form.why_hidden.data)


def _sight(case: m.Case, terms: Terms, hidden: tuple[uuid.UUID, ...]) -> Preview:
    people = people_of(db.session, case.id)
    return preview_share(db.session, case, terms, people, hidden=hidden)


def _wishes(case: m.Case) -> list[object]:
    return [*wishes_of(db.session, case, people_of(db.session, case.id))]


@bp.route("/law-reports/<uuid:report_id>", methods=["GET", "POST"])
@permits(Action.SHARE)
def law_report(report_id: uuid.UUID) -> ResponseReturnValue:
    """Say that it is sent and whom to phone now; take down the call and what the child heard."""
    report = visible_or_404(m.LawReport, report_id)
    case = own_case(report.case_id)
    form = ReportRecordForm(told=reveal(db.session, report, "told"))
    if form.validate_on_submit():
        attempt(form, lambda: _recorded(report, form))
        if not form.errors:
            flash(_("記録しました。"), "success")
            return redirect(url_for("consents.index", case_id=case.id))
    return render_template(
        "consents/law_report.html",
        case=case,
        row=report_row(db.session, report),
        sent=SENT[report.word],
        law=law_words,
        words={name: reveal(db.session, report, name) for name in ("phoned_to", "told")},
        form=form,
    ), form.status


def _recorded(report: m.LawReport, form: ReportRecordForm) -> None:
    record_report(
        db.session,
        report,
        phoned_at=form.phoned_at.instant,
        phoned_to=form.phoned_to.data,
        told=form.told.data,
    )


@bp.get("/cases/<uuid:case_id>/permissions/new")
@permits(Action.SHARE_BY_LAW)
def permission_start(case_id: uuid.UUID) -> ResponseReturnValue:
    """Choose the agency first: which laws permit anything depends on it."""
    case = own_case(case_id)
    doors = doors_by_permission(db.session, case)
    return render_template("consents/permission_start.html", case=case, doors=doors)


@bp.route("/cases/<uuid:case_id>/permissions/<uuid:agency_id>", methods=["GET", "POST"])
@permits(Action.SHARE_BY_LAW)
def permission(case_id: uuid.UUID, agency_id: uuid.UUID) -> ResponseReturnValue:
    """Propose what the law permits, with everything that its row asks for."""
    case, agency = own_case(case_id), visible_or_404(m.Agency, agency_id)
    form, sight = _permission_form(case, agency), None
    step = request.form.get("step", "")
    if not form.tick(step) and form.validate_on_submit():
        terms = _permission_terms(form, agency)
        if step == "preview":
            sight = _sight(case, terms, form.hidden())
        elif (made := attempt(form, lambda: _proposed(case, terms, form))) is not None:
            return redirect(url_for("consents.proposal", share_proposal_id=made.id))
    return _permission_page(case, agency, form, sight), form.status


def _sides(case: m.Case, agency: m.Agency) -> tuple[Side, Side]:
    sides = between(db.session, case, agency.id)
    if sides is None or not permissions_for(*sides):
        abort(404)
    return sides


def _permission_form(case: m.Case, agency: m.Agency) -> PermissionForm:
    sides = _sides(case, agency)
    offered = permissions_for(*sides)
    form = PermissionForm(
        last_day=today() + (PERMISSION_DAYS - 1) * ONE_DAY,
        necessity=latest_necessity(db.session, case.id) or "agencies_needed",
    )
    wraps = [code for code in offered if bases()[code].needs_other_statute]
    statutes = dict.fromkeys(code for wrap in wraps for code in statutes_for(wrap, *sides))
    form.offer(
        [
            SelectChoice(code, law_words(code), {"data-hint": _asks(code, agency)})
            for code in offered
        ],
        [SelectChoice(code, law_words(code)) for code in statutes],
        council_meetings(db.session, case.owner_agency_id),
        shareable_with(agency.type),
    )
    allowed = {code for basis in offered for code in bases()[basis].allowed_purposes}
    purposes = [code for code in codes("purpose") if code in allowed]
    form.purpose.choices = choices_of("purpose", *purposes)()
    must_ask = agency.type in ASKED_ABOUT_READERS
    form.offer_readers(staff_of(db.session, [agency.id]), must_ask=must_ask)
    form.offer_presets(agency.type, shareable_with(agency.type))
    return form


def _asked_for(case: m.Case, agency: m.Agency) -> dict[str, bool]:
    """Return which fields some permission for this agency asks for at all."""
    offered = [bases()[code] for code in permissions_for(*_sides(case, agency))]
    return {
        "request": any(basis.needs_request_no for basis in offered),
        "meeting": any(basis.needs_meeting_id for basis in offered),
        "statute": any(basis.needs_other_statute for basis in offered),
    }


def _asks(code: str, agency: m.Agency) -> str:
    """Return what a row asks for, in a line under its name."""
    basis = bases()[code]
    days = longest_days(code, agency.type)
    asked = [
        _("所長の承認") if basis.approval == "director" else "",
        _("会議ごとに決める") if basis.needs_meeting_id else "",
        _("文書による求めの番号") if basis.needs_request_no else "",
        _("もとになる条項") if basis.needs_other_statute else "",
        _("%(days)s日まで", days=days),
    ]
    return str(_("、")).join(part for part in asked if part)


def _permission_terms(form: PermissionForm, agency: m.Agency) -> Terms:
    return Terms(
        agency_id=agency.id,
        slices=tuple(form.slices.data or ()),
        subject_id=None,
        purpose=form.purpose.data,
        basis=form.basis.data,
        necessity=form.necessity.data,
        until=inclusive_to_instant(form.last_day.data or today()),
        account_ids=form.named(),
        reason=form.reason.data,
        told=form.told.data,
        nobody_unlinked=form.nobody_unlinked.data,
        ruled_out=form.ruled_out.data,
        why_not_asked=form.why_not_asked.data,
        request_no=form.request_no.data,
        meeting_id=form.meeting.data,
        other_statute=form.statute.data or None,
    )


def _proposed(case: m.Case, terms: Terms, form: PermissionForm) -> m.ShareProposal:
    _hide(case, form)
    return propose(
        db.session,
        case,
        terms,
        proposal_id=form.submission.data,
        told_first=form.told_first.data,
        new_facts=form.new_facts.data,
    )


def _permission_page(
    case: m.Case, agency: m.Agency, form: PermissionForm, sight: Preview | None
) -> str:
    return render_template(
        "consents/permission.html",
        case=case,
        agency=agency,
        form=form,
        sight=sight,
        wishes=_wishes(case),
        refused=sorted(refused_slices(db.session, case.id, agency.id)),
        asks=_asked_for(case, agency),
    )


@bp.get("/share-proposals/<uuid:share_proposal_id>")
@permits(Action.SHARE_BY_LAW)
def proposal(share_proposal_id: uuid.UUID) -> ResponseReturnValue:
    """Show a proposal: what is to be shared with whom and why, and what became of it."""
    row = visible_or_404(m.ShareProposal, share_proposal_id)
    return _proposal_page(
        row, DecisionForm(formdata=None, prefix="refuse"), PortalForm(formdata=None)
    )


def _proposal_page(row: m.ShareProposal, refusing: DecisionForm, approving: PortalForm) -> str:
    case, waits = own_case(row.case_id), _may_decide(row)
    is_over = row.valid_until <= clock(db.session)
    page = {
        "case": case,
        "row": proposal_row(db.session, row),
        "staff": names_of_staff(db.session, case.owner_agency_id),
        "law": law_words,
        "may_decide": waits,
        "is_over": is_over,
        # Whoever decides has in sight what the decision opens.
        "sight": _sight_of_proposal(case, row) if waits and not is_over else None,
    }
    look_at_decision(db.session, row)
    return render_template("consents/proposal.html", **page, refusing=refusing, approving=approving)


def _sight_of_proposal(case: m.Case, row: m.ShareProposal) -> Preview:
    return _sight(case, terms_of_proposal(db.session, row), ())


def _may_decide(row: m.ShareProposal) -> bool:
    me = db.session.info["viewer"].account_id
    return row.decision is None and allows(standing(), Action.APPROVE) and row.proposed_by != me


@bp.post("/share-proposals/<uuid:share_proposal_id>/approve")
@permits(Action.APPROVE)
def proposal_approve(share_proposal_id: uuid.UUID) -> ResponseReturnValue:
    """Approve it as the director: from now on it is open."""
    row = visible_or_404(m.ShareProposal, share_proposal_id)
    case, form = own_case(row.case_id), PortalForm()
    if form.validate():
        attempt(form, lambda: approve(db.session, case, row))
    if form.errors:
        return _proposal_page(row, DecisionForm(formdata=None, prefix="refuse"), form), 422
    flash(_("承認しました。いま見えるようになりました。"), "success")
    return redirect(url_for("consents.proposal", share_proposal_id=row.id))


@bp.post("/share-proposals/<uuid:share_proposal_id>/refuse")
@permits(Action.APPROVE)
def proposal_refuse(share_proposal_id: uuid.UUID) -> ResponseReturnValue:
    """Refuse it as the director, with the reason."""
    row = visible_or_404(m.ShareProposal, share_proposal_id)
    case, form = own_case(row.case_id), DecisionForm(prefix="refuse")
    if form.validate():
        attempt(form, lambda: refuse(db.session, case, row, words=form.words.data))
    if form.errors:
        return _proposal_page(row, form, PortalForm(formdata=None)), 422
    flash(_("承認しないことを記録しました。"), "success")
    return redirect(url_for("consents.proposal", share_proposal_id=row.id))


@bp.route("/actions/<uuid:action_id>/entrust", methods=["GET", "POST"])
@permits(Action.SHARE)
def entrust(action_id: uuid.UUID) -> ResponseReturnValue:
    """Show an entrusted NPO the minimum that its task needs, until the task ends."""
    action = visible_or_404(m.Action, action_id)
    case, form = own_case(action.case_id), EntrustForm()
    agency = visible_or_404(m.Agency, action.agency_id)
    form.slices.choices = choices_of("slice", *ENTRUSTED_SLICES)()
    form.offer_presets(agency.type, ENTRUSTED_SLICES)
    ticked = form.tick(request.form.get("step", ""))
    if (
        not ticked
        and form.validate_on_submit()
        and attempt(form, lambda: _entrusted(case, action, form))
    ):
        flash(_("見えるようにしました。依頼がおわると、見えなくなります。"), "success")
        return redirect(url_for("coordination.action", action_id=action.id))
    page = {"case": case, "action": action, "agency": agency, "form": form}
    return render_template("consents/entrust.html", **page, wishes=_wishes(case)), form.status


def _entrusted(case: m.Case, action: m.Action, form: EntrustForm) -> m.Grant:
    return entrust_to(
        db.session,
        case,
        action,
        slices=tuple(form.slices.data or ()),
        reason=form.reason.data,
        nobody_unlinked=form.nobody_unlinked.data,
    )
