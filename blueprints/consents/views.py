"""Beginning to ask, preview and sharing; duties; taking back."""

import uuid
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from flask import abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import get_locale
from flask_babel import gettext as _

from blueprints.consents import bp
from blueprints.consents.fields import role_of
from blueprints.consents.forms import (
    ActionForm,
    ObjectionForm,
    ReadersForm,
    ShareForm,
    StartForm,
    TakeBackForm,
    parsed_ids,
)
from blueprints.consents.next_steps import next_steps
from blueprints.consents.refusals import attempt, sentence
from blueprints.consents.wording import explanation, law_words, level_of, voice_of
from portal import models as m
from portal.auth import config, permits, standing
from portal.extensions import db
from portal.policy.capacity import Decision, decide
from portal.policy.permissions import Action, require
from portal.queries.directory import (
    agencies_shown,
    agencies_to_ask,
    colleagues,
    names_of_staff,
    staff_of,
)
from portal.queries.ends import losses
from portal.queries.lawful import emergencies_of, open_reports, proposals_of
from portal.queries.people import PersonRow, people_of
from portal.queries.share_preview import preview_share
from portal.queries.sharing import consents_of, exclusions_of, grants_of, wishes_of
from portal.services.assessment import record_necessity
from portal.services.consented import decide_share, latest_necessity, share, terms_of
from portal.services.consents import (
    ask,
    asked_agencies,
    grants_by,
    record_action_consent,
    record_objection,
)
from portal.services.denials import hide_from
from portal.services.guardians import band_of_child, birth_date_text, guardians_of
from portal.services.sharing import RefusedShareError, take_back
from portal.unit import visible_or_404
from portal.vault import reveal

# Where somebody of the staff may be the one concerned, the centre is asked before each share.
ASKED_ABOUT_READERS = ("school", "nursery")
PAPER = "paper"
# Where the step of sharing stands on the page of the case.
SHARING = "sharing"


def own_case(case_id: uuid.UUID) -> m.Case:
    """Return a case of the own agency: 404 where it is hidden, 403 where it is another's."""
    case = visible_or_404(m.Case, case_id)
    require(standing(), Action.SHARE, case)
    return case


def own_consent(consent_id: uuid.UUID, kind: str = "sharing") -> m.Consent:
    """Return a consent of this kind that the viewer's agency keeps, or answer 404."""
    return visible_or_404(m.Consent, consent_id, m.Consent.kind == kind)


@bp.get("/cases/<uuid:case_id>/consents")
@permits(Action.SHARE)
def index(case_id: uuid.UUID) -> ResponseReturnValue:
    """Show what was asked, who sees what until when, whom not to tell, and what is next."""
    case = own_case(case_id)
    people = people_of(db.session, case.id)
    consents = consents_of(db.session, case, people)
    grants = grants_of(db.session, case.id, people)
    wishes = wishes_of(db.session, case, people)
    necessity = latest_necessity(db.session, case.id)
    born = birth_date_text(db.session, case.id)
    return render_template(
        "consents/index.html",
        case=case,
        steps=next_steps(case, necessity, consents, grants, wishes, born=born),
        consents=[(row, role_of(row.giver)) for row in consents],
        grants=[(row, law_words(row.grant.basis)) for row in grants],
        wishes=wishes,
        exclusions=exclusions_of(db.session, case),
        reports=open_reports(db.session, case),
        proposals=proposals_of(db.session, case),
        emergencies=emergencies_of(db.session, case),
    )


@bp.route("/cases/<uuid:case_id>/consents/new", methods=["GET", "POST"])
@permits(Action.SHARE)
def start(case_id: uuid.UUID) -> ResponseReturnValue:
    """Choose who is asked about which agencies; then the screen is turned round."""
    case = own_case(case_id)
    asked = asked_of(case)
    form = asked["form"]
    if form.validate_on_submit():
        consent = attempt(form, lambda: _asked(case, form))
        if consent is not None:
            # What is filled in on paper is printed first, and typed in when it comes back.
            next_page = "consents.show" if consent.method == PAPER else "consents.answers"
            return redirect(url_for(next_page, consent_id=consent.id))
    return render_template("consents/start.html", case=case, asked=asked), form.status


def asked_of(case: m.Case) -> dict[str, Any]:
    """Return the form that begins to ask, and whose consent it takes."""
    people, guardians = people_of(db.session, case.id), guardians_of(db.session, case.id)
    form = StartForm(
        agencies_to_ask(db.session, case),
        shown=agencies_shown(db.session, case),
        people=people,
        witnesses=colleagues(db.session, case.owner_agency_id),
        barred={guardian.person_id for guardian in guardians if guardian.barred},
    )
    if latest_necessity(db.session, case.id):
        form.leave_out_necessity()
    return {
        "form": form,
        "decision": decide(band_of_child(db.session, case.id, config().consent_ages), guardians),
        "roles": {person.id: role_of(person) for person in people},
    }


def _asked(case: m.Case, form: StartForm) -> m.Consent:
    children = {person.id for person in people_of(db.session, case.id) if person.is_child}
    giver_kind = "child" if form.giver.data in children else "guardian"
    asked = [a for a in agencies_to_ask(db.session, case) if a.id in (form.agencies.data or ())]
    words = explanation(asked, giver_kind, for_child=form.whose.data == "child")
    if form.states_necessity:
        record_necessity(
            db.session,
            case,
            necessity=form.necessity.data,
            grounds=form.grounds.data,
            # Sent twice, the form records it once.
            record_id=uuid.uuid5(form.submission.data, "necessity"),
        )
    asking = form.asking(words, level_of(giver_kind), str(get_locale() or "ja"))
    return ask(db.session, case, asking, consent_id=form.submission.data)


@bp.get("/consents/<uuid:consent_id>")
@permits(Action.SHARE)
def show(consent_id: uuid.UUID) -> ResponseReturnValue:
    """Show one consent: who was asked how, what was answered, and what is next."""
    consent = visible_or_404(m.Consent, consent_id)
    case = own_case(consent.case_id)
    people = people_of(db.session, case.id)
    [row] = consents_of(db.session, case, people, only=consent.id)
    voice = voice_of(consent.giver_kind)
    return render_template(
        "consents/show.html",
        case=case,
        row=row,
        giver=role_of(row.giver),
        staff=names_of_staff(db.session, case.owner_agency_id),
        texts={
            name: reveal(db.session, consent, name)
            for name in ("note", "objection", "said_back", "what")
        },
        bundles=voice.bundles,
        answers=voice.answers,
    )


def _asked_agency(consent_id: uuid.UUID, agency_id: uuid.UUID) -> tuple[m.Consent, m.Agency]:
    """Return a consent and one of the agencies it asks about, or answer 404."""
    consent = own_consent(consent_id)
    agencies = {agency.id: agency for agency in asked_agencies(db.session, consent)}
    if agency_id not in agencies:
        abort(404)
    return consent, agencies[agency_id]


@bp.get("/consents/<uuid:consent_id>/agencies/<uuid:agency_id>")
@permits(Action.SHARE)
def preview(consent_id: uuid.UUID, agency_id: uuid.UUID) -> ResponseReturnValue:
    """「〇〇に見えるもの」: exactly what this agency will see, and what of it is new."""
    consent, agency = _asked_agency(consent_id, agency_id)
    return _preview_page(consent, agency, share_form_asked_for())


def share_form_asked_for() -> ShareForm:
    """Return the form of the last step, with who reads as the address says it."""
    named = parsed_ids(request.args.get("readers", ""))
    return ShareForm(readers=",".join(map(str, named)), asked=request.args.get("asked", ""))


@bp.post("/consents/<uuid:consent_id>/agencies/<uuid:agency_id>/readers")
@permits(Action.SHARE)
def readers(consent_id: uuid.UUID, agency_id: uuid.UUID) -> ResponseReturnValue:
    """「この学校で見せない人は」: nobody, these, or only who the centre names."""
    consent, agency = _asked_agency(consent_id, agency_id)
    form = ReadersForm(staff_of(db.session, [agency.id]), prefix="readers")
    if not form.validate_on_submit():
        return _preview_page(consent, agency, ShareForm(formdata=None), form), 422
    hide_from(db.session, own_case(consent.case_id), form.hidden(), reason=form.why_hidden.data)
    there = {"readers": ",".join(map(str, form.named())), "asked": form.whom.data}
    return redirect(_preview_of(consent, agency, **there))


def _preview_of(consent: m.Consent, agency: m.Agency, **there: str) -> str:
    """Return where the preview stands: on a page of its own, or on that of the case."""
    query = urlencode({"agency_id": agency.id, **there})
    if _is_beside():
        return f"{_beside(consent)}&{query}#{SHARING}"
    place = url_for("consents.preview", consent_id=consent.id, agency_id=agency.id)
    return f"{place}?{urlencode(there)}" if there else place


def _beside(consent: m.Consent) -> str:
    return url_for("cases.show", case_id=consent.case_id, consent_id=consent.id)


def _is_beside() -> bool:
    """Return whether the form was sent from the page of the case, to which it leads back."""
    return bool(request.form.get("beside"))


@bp.post("/consents/<uuid:consent_id>/agencies/<uuid:agency_id>/share")
@permits(Action.SHARE)
def share_with(consent_id: uuid.UUID, agency_id: uuid.UUID) -> ResponseReturnValue:
    """Open to the agency what was previewed."""
    consent, agency = _asked_agency(consent_id, agency_id)
    form = ShareForm()
    form.must_ask = agency.type in ASKED_ABOUT_READERS
    if form.validate_on_submit() and attempt(form, lambda: _shared(consent, agency, form)):
        flash(_("%(agency)sに共有しました。", agency=agency.name), "success")
        if _is_beside():
            return redirect(f"{_beside(consent)}#{SHARING}")
        return redirect(url_for("consents.index", case_id=consent.case_id))
    return _preview_page(consent, agency, form), 422


def _shared(consent: m.Consent, agency: m.Agency, form: ShareForm) -> m.Grant:
    return share(
        db.session,
        consent,
        agency.id,
        ages=config().consent_ages,
        account_ids=form.account_ids(),
        nobody_unlinked=form.nobody_unlinked.data,
    )


@bp.post("/consents/<uuid:consent_id>/agencies/<uuid:agency_id>/objection")
@permits(Action.SHARE)
def objection(consent_id: uuid.UUID, agency_id: uuid.UUID) -> ResponseReturnValue:
    """Keep why a child of 12 to 15 does not want a guardian to be asked."""
    consent, agency = _asked_agency(consent_id, agency_id)
    form = ObjectionForm(prefix="objection")
    if form.validate_on_submit():
        attempt(form, lambda: record_objection(db.session, consent, form.words.data))
    if form.errors:
        return _preview_page(consent, agency, ShareForm(formdata=None), objects=form), 422
    return redirect(_preview_of(consent, agency))


def _preview_page(
    consent: m.Consent,
    agency: m.Agency,
    form: ShareForm,
    readers: ReadersForm | None = None,
    objects: ObjectionForm | None = None,
) -> str:
    looked = looked_at(consent, agency, form, readers, objects)
    page = {"case": looked["case"], "consent": consent, "agency": agency}
    return render_template("consents/preview.html", **page, looked=looked)


def looked_at(
    consent: m.Consent,
    agency: m.Agency,
    form: ShareForm,
    readers: ReadersForm | None = None,
    objects: ObjectionForm | None = None,
) -> dict[str, Any]:
    """Return what an agency will see by a consent, and the forms that go on from there."""
    case = own_case(consent.case_id)
    people = people_of(db.session, case.id)
    staff = staff_of(db.session, [agency.id])
    must_ask = agency.type in ASKED_ABOUT_READERS and not form.asked.data
    page = {
        "case": case,
        "consent": consent,
        "agency": agency,
        "form": form,
        "readers": readers or ReadersForm(staff, formdata=None, prefix="readers"),
        "must_ask": must_ask,
        "wishes": [row for row in wishes_of(db.session, case, people) if not row.linked],
        "objection": objects or ObjectionForm(formdata=None, prefix="objection"),
        "roles": {person.id: role_of(person) for person in people},
        "decision": _decision(consent, agency),
    }
    return {**page, **_seen(case, consent, agency, form)}


def _decision(consent: m.Consent, agency: m.Agency) -> Decision | None:
    """Return what a share of the child's data needs; None where somebody's own are meant."""
    if consent.giver_kind != "child":
        return None
    return decide_share(db.session, consent, agency.id, config().consent_ages)


def _seen(
    case: m.Case, consent: m.Consent, agency: m.Agency, form: ShareForm
) -> Mapping[str, object]:
    """Return the preview and the terms, or why there is nothing to preview."""
    try:
        terms = terms_of(
            db.session,
            consent,
            agency.id,
            ages=config().consent_ages,
            account_ids=form.account_ids(),
        )
    except RefusedShareError as refused:
        return {"sight": None, "terms": None, "refusal": sentence(refused)}
    replaced = grants_by(db.session, consent, agency.id)
    people = people_of(db.session, case.id)
    sight = preview_share(db.session, case, terms, people, replaced)
    return {"sight": sight, "terms": terms, "refusal": None}


@bp.route("/cases/<uuid:case_id>/consents/action", methods=["GET", "POST"])
@permits(Action.SHARE)
def action(case_id: uuid.UUID) -> ResponseReturnValue:
    """Record the consent to an action; it shares nothing with anybody."""
    case = own_case(case_id)
    people = people_of(db.session, case.id)
    barred = {g.person_id for g in guardians_of(db.session, case.id) if g.barred}
    form = ActionForm(people, colleagues(db.session, case.owner_agency_id), barred)
    if form.validate_on_submit():
        wanted = form.submission.data
        if attempt(
            form,
            lambda: record_action_consent(db.session, case, form.deed(), consent_id=wanted),
        ):
            return redirect(url_for("consents.index", case_id=case.id))
    return render_template("consents/action.html", case=case, form=form), form.status


@bp.route("/grants/<uuid:grant_id>/end", methods=["GET", "POST"])
@permits(Action.SHARE)
def end(grant_id: uuid.UUID) -> ResponseReturnValue:
    """Take a consent back for the child or guardian who asked for it."""
    grant = visible_or_404(m.Grant, grant_id, m.Grant.basis == "CONSENT")
    case = own_case(grant.case_id)
    people = people_of(db.session, case.id)
    form = TakeBackForm(_may_take_back(grant, people))
    if form.validate_on_submit():
        attempt(form, lambda: take_back(db.session, grant, asked_by=form.asked_by.data))
        if not form.errors:
            return redirect(url_for("consents.index", case_id=case.id))
    [row] = [row for row in grants_of(db.session, case.id, people) if row.grant.id == grant.id]
    lost = losses(db.session, case, [grant]) if row.is_live else []
    page = render_template("consents/end.html", case=case, row=row, form=form, losses=lost)
    return page, form.status


def _may_take_back(grant: m.Grant, people: list[PersonRow]) -> list[PersonRow]:
    """Return the child, and who else's word the grant rests on."""
    ids = [grant.consent_id, *(grant.guardian_consent_ids or ())]
    given = {
        row.consent.giver_person_id
        for row in consents_of(db.session, own_case(grant.case_id), people)
        if row.consent.id in ids
    }
    return [p for p in people if p.is_child or p.id in given | {grant.subject_id}]
