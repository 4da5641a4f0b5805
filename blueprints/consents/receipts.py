"""On paper and as data: the form that is filled in by hand, and the receipt of a consent."""

import uuid

import segno
from flask import Response, abort, jsonify, render_template, url_for
from flask.typing import ResponseReturnValue
from markupsafe import Markup

from blueprints.consents import bp
from blueprints.consents.fields import role_of
from blueprints.consents.views import own_case, own_consent
from blueprints.consents.wording import explanation, voice_of
from portal import audit
from portal import models as m
from portal.auth import permits
from portal.codes import number_of
from portal.extensions import db
from portal.policy.bundles import bundles_for
from portal.policy.permissions import Action
from portal.queries.people import people_of
from portal.queries.receipts import receipt_of
from portal.queries.sharing import consents_of
from portal.services.consents import MONTHS, asked_agencies, is_answered
from portal.vocabulary import longest_days


def entrance() -> str:
    """Return the address at which whoever has a code comes back."""
    return url_for("child.enter", _external=True)


def code_text(consent: m.Consent) -> str:
    """Return what the QR code of a receipt holds: the entrance, and the receipt's number.

    Neither opens anything and neither names anybody: whoever finds the paper learns from it no
    more than that there is a page where one comes back with a code of one's own.
    """
    return f"{entrance()}#{number_of(consent.id)}"


def code_picture(consent: m.Consent) -> Markup:
    """Return the QR code of a receipt as a drawing that stands in the page itself."""
    code = segno.make(code_text(consent), error="m", micro=False)
    drawing = code.svg_inline(scale=4, border=4, svgclass="qr", lineclass=None, omitsize=True)
    return Markup(drawing)  # noqa: S704  (drawn by us from an address and a number)


@bp.get("/consents/<uuid:consent_id>/receipt")
@permits(Action.SHARE)
def receipt(consent_id: uuid.UUID) -> ResponseReturnValue:
    """Print what was answered, for whoever answered to take home."""
    consent = _answered(consent_id)
    case = own_case(consent.case_id)
    people = people_of(db.session, case.id)
    [row] = consents_of(db.session, case, people, only=consent.id)
    _record(consent, "paper")
    return render_template(
        "consents/receipt.html",
        case=case,
        consent=consent,
        row=row,
        giver=row.giver.called or role_of(row.giver),
        owner=db.session.get_one(m.Agency, consent.owner_agency_id),
        number=number_of(consent.id),
        wording=_wording(consent),
        picture=code_picture(consent),
        entrance=entrance(),
        voice=voice_of(consent.giver_kind),
    )


@bp.get("/consents/<uuid:consent_id>/receipt/data")
@permits(Action.SHARE)
def receipt_data(consent_id: uuid.UUID) -> ResponseReturnValue:
    """Give the receipt as JSON in the shape of ISO/IEC TS 27560."""
    consent = _answered(consent_id)
    own_case(consent.case_id)
    _record(consent, "json")
    answer: Response = jsonify(receipt_of(db.session, consent, entrance=entrance()))
    name = f"receipt-{number_of(consent.id)}.json"
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    answer.headers["Content-Security-Policy"] = "sandbox"
    return answer


def _answered(consent_id: uuid.UUID) -> m.Consent:
    """Return a consent whose answers are written; before that there is no receipt of it."""
    consent = own_consent(consent_id)
    if not is_answered(db.session, consent):
        abort(404)
    return consent


def _record(consent: m.Consent, form: str) -> None:
    audit.record(
        db.session,
        audit.Event.RECEIPT_GIVEN,
        case_id=consent.case_id,
        consent=consent.id,
        form=form,
    )


def _wording(consent: m.Consent) -> m.Wording | None:
    return None if consent.wording_id is None else db.session.get(m.Wording, consent.wording_id)


@bp.get("/consents/<uuid:consent_id>/paper")
@permits(Action.SHARE)
def paper(consent_id: uuid.UUID) -> ResponseReturnValue:
    """Print the form with consent 「本人同意あり」, to be filled in by hand and copied later."""
    consent = own_consent(consent_id)
    case = own_case(consent.case_id)
    kind, agencies = consent.giver_kind, asked_agencies(db.session, consent)
    words = explanation(agencies, kind, for_child=consent.for_person_id is not None)
    return render_template(
        "consents/paper.html",
        case=case,
        consent=consent,
        agencies=agencies,
        bundles={agency.id: bundles_for(agency.type) for agency in agencies},
        limits={agency.id: longest_days("CONSENT", agency.type) for agency in agencies},
        owner=db.session.get_one(m.Agency, consent.owner_agency_id),
        number=number_of(consent.id),
        wording=_wording(consent),
        lines=words.split("\n"),
        months=MONTHS,
        voice=voice_of(kind),
    )


@bp.get("/cases/<uuid:case_id>/consents/paper")
@permits(Action.SHARE)
def paper_by_law(case_id: uuid.UUID) -> ResponseReturnValue:
    """Print the form without consent 「本人同意なし」: what is told under a law, and why."""
    case = own_case(case_id)
    return render_template(
        "consents/paper_by_law.html",
        case=case,
        owner=db.session.get_one(m.Agency, case.owner_agency_id),
    )
