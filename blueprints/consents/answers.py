"""The person's own screen: one agency a card, kept after each, and put away at any time."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import MultiDict

from blueprints.consents import bp
from blueprints.consents.forms import AnswerForm, answer_form
from blueprints.consents.refusals import attempt
from blueprints.consents.views import own_consent
from blueprints.consents.wording import also_told, if_not, promises, voice_of, who_reads
from portal import models as m
from portal.auth import lend, permits
from portal.extensions import db
from portal.plain_words import AGENCIES
from portal.policy.bundles import bundles_to_ask
from portal.policy.permissions import Action
from portal.policy.terms import clock, slices_by_duty
from portal.queries.people import people_of
from portal.services.consents import (
    MONTHS,
    answer,
    asked_agencies,
    birth_date_of,
    draft_of,
    is_answered,
    keep_draft,
    last_day_for,
)
from portal.vocabulary import longest_days

# What the buttons send: the next card, put away, or the end.
NEXT, STOP, FINISH = "next", "stop", "finish"
# Answered by the person on this screen; by phone and on paper the staff types.
ON_SCREEN = "screen"
# An agency with a limit shorter than this says so on its card.
SHORT_DAYS = 60


@dataclass(frozen=True)
class Screen:
    """The cards of a consent: 0 explains, each agency has one, and the last one ends it."""

    consent: m.Consent
    agencies: list[m.Agency]
    bundles: Mapping[uuid.UUID, tuple[str, ...]]
    form: AnswerForm

    @property
    def last(self) -> int:
        """Return the number of the card that ends it."""
        return len(self.agencies) + 1

    def begins_at(self) -> int:
        """Return the first card with a question that has no answer yet; 0 where none has one."""
        open_ones = [
            number
            for number, agency in enumerate(self.agencies, start=1)
            if not all(self.form.answer_to(agency.id, b) for b in self.bundles[agency.id])
        ]
        answered = any(self.form[name].data for name in self.form.questions.values())
        return (open_ones or [self.last])[0] if answered else 0


@bp.route("/consents/<uuid:consent_id>/answers", methods=["GET", "POST"])
@permits(Action.SHARE)
def answers(consent_id: uuid.UUID) -> ResponseReturnValue:
    """Show one card after the other; three answers, nothing chosen before, resumed where it was."""
    consent = own_consent(consent_id)
    if is_answered(db.session, consent):
        return redirect(_after(consent))
    if consent.method == ON_SCREEN:
        lend(db.session, consent.id)
    screen = _screen(consent)
    step = _step(screen)
    screen.form.finishing = step == FINISH
    if not screen.form.validate_on_submit():
        card = _card_asked_for(screen)
        return _page(screen, card), screen.form.status
    return _finished(screen) if step == FINISH else _kept(screen, step)


def _after(consent: m.Consent) -> str:
    """Return where it goes on: who typed for somebody by phone or from paper holds the screen."""
    turned = consent.method == ON_SCREEN
    place = "consents.hand_back" if turned else "consents.show"
    return url_for(place, consent_id=consent.id)


def _step(screen: Screen) -> str:
    """Return which button was pressed; a form that says none ends if it holds an answer."""
    answered = screen.form.kept(request.form.keys())
    return request.form.get("step") or (FINISH if answered else NEXT)


def _screen(consent: m.Consent) -> Screen:
    agencies = asked_agencies(db.session, consent)
    now, birth = clock(db.session), birth_date_of(db.session, consent.case_id)
    # The longest anybody can mean; a card says where an agency's own limit is nearer.
    days = {
        months: last_day_for(now, months, "school", consent.giver_kind, birth) for months in MONTHS
    }
    filled: MultiDict[str, str] = MultiDict(draft_of(db.session, consent))
    for name, values in request.form.lists():
        filled.setlist(name, values)
    by_duty = slices_by_duty(db.session, consent.case_id, now)
    bundles = {a.id: bundles_to_ask(a.type, by_duty.get(a.id, ())) for a in agencies}
    form = answer_form(agencies, days, voice_of(consent.giver_kind), filled, by_duty)
    # Marked where it must be there; ``portal.services.consents.answer`` asks for it at the end.
    form.note.flags.required = consent.method == "oral" and consent.witness_id is None
    return Screen(consent, agencies, bundles, form)


def _card_asked_for(screen: Screen) -> int:
    """Return the card of the address or of the form that was sent; else where it goes on."""
    typed = request.form.get("card") or request.args.get("card", "")
    if typed.isascii() and typed.isdecimal() and len(typed) < len("100"):
        return min(int(typed), screen.last)
    return screen.last if request.method == "POST" else screen.begins_at()


def _kept(screen: Screen, step: str) -> ResponseReturnValue:
    """Keep what is on the card, and go on or put the screen away."""
    keep_draft(db.session, screen.consent, screen.form.kept(request.form.keys()))
    if step == STOP:
        return redirect(_after(screen.consent))
    following = min(_card_asked_for(screen) + 1, screen.last)
    return redirect(url_for("consents.answers", consent_id=screen.consent.id, card=following))


def _finished(screen: Screen) -> ResponseReturnValue:
    attempt(screen.form, lambda: answer(db.session, screen.consent, screen.form.answers()))
    if screen.form.errors:
        return _page(screen, screen.last), 422
    return redirect(_after(screen.consent))


def _page(screen: Screen, card: int) -> str:
    consent, kind = screen.consent, screen.consent.giver_kind
    people = people_of(db.session, consent.case_id)
    agency = screen.agencies[card - 1] if 0 < card < screen.last else None
    return render_template(
        "consents/answers.html",
        called=next((p.called for p in people if p.id == consent.giver_person_id), ""),
        screen=screen,
        card=card,
        agency=agency,
        limit=None if agency is None else longest_days("CONSENT", agency.type),
        short=SHORT_DAYS,
        bundles=screen.bundles,
        spoken=None if agency is None else (also_told(agency.type, kind), if_not(kind)),
        readers=who_reads(kind),
        promises=promises(kind, for_child=consent.for_person_id is not None),
        places=AGENCIES,
        leave_url=_after(consent),
    )


@bp.get("/consents/<uuid:consent_id>/hand-back")
@permits(Action.SHARE)
def hand_back(consent_id: uuid.UUID) -> ResponseReturnValue:
    """Thank the child and ask for the tablet; nothing of the case is on this page."""
    consent = own_consent(consent_id)
    return render_template(
        "consents/hand_back.html",
        consent=consent,
        answered=is_answered(db.session, consent),
    )
