"""The weekly 支援方針会議: the centre's agenda and briefs, and what is before each expert."""

import uuid
from collections.abc import Callable
from typing import TypeVar

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import get_locale
from flask_babel import lazy_gettext as _l

from blueprints.coordination import bp
from blueprints.coordination.meeting_forms import (
    AdviceForm,
    BriefEditForm,
    BriefForm,
    DeclareForm,
    InviteForm,
    MeetingForm,
    PutOffForm,
    ReleaseForm,
)
from portal import models as m
from portal.auth import permits, standing
from portal.codes import number_of
from portal.database import ConflictError
from portal.extensions import db
from portal.forms import PortalForm
from portal.policy.permissions import Action, require
from portal.queries import meetings as found
from portal.queries.lawful import permitted_for
from portal.queries.reasons import Reason
from portal.services import meetings as deeds
from portal.services.contracts import unlinked_wishes
from portal.templating import today
from portal.unit import visible_or_404
from portal.vault import reveal
from portal.vocabulary import POLICY_MEETING

T = TypeVar("T")

# Whoever goes from brief to brief by keyboard begins at the paper, not at the head of each page.
MAIN = "main"
SENTENCES = {
    "brief_exists": _l("このケースの資料は、この会議にもうあります。"),
    "meeting_closed": _l("この会議は、もう終わっています。"),
    "meeting_kind": _l("会議の種類を選んでください。"),
    "never_tell_unlinked": _l(
        "「伝えてほしくない人」がだれか、まだ結びついていません。"
        "出席する専門家の中にその人がいないことを確かめてください。"
    ),
    "no_briefs": _l("専門家に資料を出すのは、支援方針会議だけです。"),
    "matters_left": _l(
        "残っている案件があります。持ち越す理由と、つぎに見る日を入力してください。"
    ),
    "put_off_day": _l("会議の日よりあとの日にしてください。"),
    "names_left": _l("登録された名前が残っています。見て確かめてから、専門家に出してください。"),
    "no_advice": _l("助言を入力してください。"),
    "no_expert": _l("この人は、いま外部専門家として登録されていません。"),
}


def law_name(basis: str) -> str:
    """Return the name of a legal basis in the language of the page."""
    return Reason("law", basis).name("en" if str(get_locale()) == "en" else "ja")


def _attempt(form: PortalForm, deed: Callable[[], T]) -> T | None:
    try:
        return deed()
    except deeds.RefusedBriefError as error:
        form.form_errors.append(str(SENTENCES[error.code]))
    return None


def _own_case(case_id: uuid.UUID) -> m.Case:
    case = visible_or_404(m.Case, case_id)
    require(standing(), Action.HOLD_MEETING, case)
    return case


# ------------------------------------------------------------------------------------- the centre


@bp.get("/meetings")
@permits(Action.HOLD_MEETING)
def meetings() -> ResponseReturnValue:
    """Show the meetings, the newest first."""
    rows = found.meetings_of_centre(db.session)
    return render_template("coordination/meetings.html", rows=rows)


@bp.route("/meetings/new", methods=["GET", "POST"])
@permits(Action.HOLD_MEETING)
def meeting_new() -> ResponseReturnValue:
    """Call a meeting."""
    form = MeetingForm(held_on=today())
    if not form.validate_on_submit():
        return render_template("coordination/meeting_new.html", form=form), form.status
    meeting = deeds.open_meeting(
        db.session,
        meeting_id=form.submission.data,
        held_on=form.held_on.data or today(),
        kind=form.kind.data,
    )
    return redirect(url_for("coordination.meeting", meeting_id=meeting.id))


@bp.get("/meetings/<uuid:meeting_id>")
@permits(Action.HOLD_MEETING)
def meeting(meeting_id: uuid.UUID) -> ResponseReturnValue:
    """Show the agenda: every open case, what became of it here, and who is invited."""
    row = visible_or_404(m.Meeting, meeting_id)
    experts = found.experts_for(db.session, row)
    form = InviteForm([expert for expert in experts if not expert.invited])
    return _meeting_page(row, experts, form)


def _meeting_page(row: m.Meeting, experts: list[found.ExpertRow], form: InviteForm) -> str:
    after = request.args.get("after", type=uuid.UUID)
    return render_template(
        "coordination/meeting.html",
        meeting=row,
        agenda=found.agenda_of(db.session, row, after=after),
        covered=found.coverage_of(db.session, row),
        experts=experts,
        permitted=permitted_for(db.session, row),
        law=law_name,
        form=form,
    )


@bp.post("/meetings/<uuid:meeting_id>/experts")
@permits(Action.HOLD_MEETING)
def meeting_invite(meeting_id: uuid.UUID) -> ResponseReturnValue:
    """Invite an expert by name."""
    row = visible_or_404(m.Meeting, meeting_id)
    experts = found.experts_for(db.session, row)
    form = InviteForm(experts)
    if form.validate():
        _attempt(form, lambda: deeds.invite(db.session, row, form.account.data))
    if not form.errors:
        return redirect(url_for("coordination.meeting", meeting_id=row.id))
    return _meeting_page(row, experts, form), 422


@bp.route("/meetings/<uuid:meeting_id>/close", methods=["GET", "POST"])
@permits(Action.HOLD_MEETING)
def meeting_close(meeting_id: uuid.UUID) -> ResponseReturnValue:
    """Close a meeting, with a reason and a day for what is left; no expert reads on from then."""
    row = visible_or_404(m.Meeting, meeting_id)
    covered = found.coverage_of(db.session, row)
    form = PutOffForm(row.held_on) if covered.left and row.kind == POLICY_MEETING else PortalForm()
    if form.validate_on_submit():
        rest = form.terms if isinstance(form, PutOffForm) else None
        _attempt(form, lambda: deeds.close_meeting(db.session, row, rest))
    if form.errors or row.closed_at is None:
        permitted = permitted_for(db.session, row)
        page = {"meeting": row, "covered": covered, "form": form, "permitted": permitted}
        return render_template("coordination/meeting_close.html", **page), form.status
    return redirect(url_for("coordination.meeting", meeting_id=row.id))


@bp.route("/meetings/<uuid:meeting_id>/cases/<uuid:case_id>/put-off", methods=["GET", "POST"])
@permits(Action.HOLD_MEETING)
def case_put_off(meeting_id: uuid.UUID, case_id: uuid.UUID) -> ResponseReturnValue:
    """Leave a case for a later meeting, with a reason and a day."""
    case = _own_case(case_id)
    return _put_off(visible_or_404(m.Meeting, meeting_id), case, case.reference)


@bp.route(
    "/meetings/<uuid:meeting_id>/consultations/<uuid:item_id>/put-off", methods=["GET", "POST"]
)
@permits(Action.HOLD_MEETING)
def consultation_put_off(meeting_id: uuid.UUID, item_id: uuid.UUID) -> ResponseReturnValue:
    """Leave a consultation without a case for a later meeting, with a reason and a day."""
    item = visible_or_404(m.InboxItem, item_id)
    return _put_off(visible_or_404(m.Meeting, meeting_id), item, number_of(item.thread_id))


def _put_off(row: m.Meeting, matter: m.Case | m.InboxItem, name: str) -> ResponseReturnValue:
    form = PutOffForm(row.held_on)
    if form.validate_on_submit():
        _attempt(form, lambda: deeds.put_off(db.session, row, matter, form.terms))
        if not form.errors:
            return redirect(url_for("coordination.meeting", meeting_id=row.id))
    page = {"meeting": row, "name": name, "form": form}
    return render_template("coordination/meeting_put_off.html", **page), form.status


@bp.post("/meetings/<uuid:meeting_id>/consultations/<uuid:item_id>/talked-over")
@permits(Action.HOLD_MEETING)
def consultation_talked_over(meeting_id: uuid.UUID, item_id: uuid.UUID) -> ResponseReturnValue:
    """Note that the meeting talked over a consultation without a case."""
    row, item = visible_or_404(m.Meeting, meeting_id), visible_or_404(m.InboxItem, item_id)
    try:
        deeds.talk_over(db.session, row, item)
    except deeds.RefusedBriefError as error:
        flash(SENTENCES[error.code], "error")
    return redirect(url_for("coordination.meeting", meeting_id=row.id))


@bp.get("/cases/<uuid:case_id>/brief")
@permits(Action.HOLD_MEETING)
def brief(case_id: uuid.UUID) -> ResponseReturnValue:
    """Show the briefs of a case, and the meetings it can be put before."""
    case = _own_case(case_id)
    papers = found.papers_of_case(db.session, case)
    return render_template("coordination/brief.html", case=case, papers=papers)


@bp.get("/cases/<uuid:case_id>/advice")
@permits(Action.COORDINATE)
def case_advice(case_id: uuid.UUID) -> ResponseReturnValue:
    """Show the advice that experts gave on a case."""
    case = _own_case(case_id)
    rows = found.advice_of_case(db.session, case)
    return render_template("coordination/brief_advice.html", case=case, rows=rows)


@bp.route("/meetings/<uuid:meeting_id>/cases/<uuid:case_id>/brief", methods=["GET", "POST"])
@permits(Action.HOLD_MEETING)
def brief_new(meeting_id: uuid.UUID, case_id: uuid.UUID) -> ResponseReturnValue:
    """Write the brief of a case for a meeting; nobody outside sees it before its release."""
    row, case = visible_or_404(m.Meeting, meeting_id), _own_case(case_id)
    form = BriefForm(parties=found.party_names(db.session, case))
    if form.validate_on_submit():
        place, key = (db.session, row, case, form.paper()), form.submission.data
        written = _attempt(form, lambda: deeds.write_brief(*place, brief_id=key))
        if written is not None:
            return redirect(url_for("coordination.brief_show", brief_id=written.id))
    page = {"case": case, "form": form, "conflict": None}
    return render_template("coordination/brief_edit.html", **page), form.status


@bp.get("/briefs/<uuid:brief_id>")
@permits(Action.HOLD_MEETING)
def brief_show(brief_id: uuid.UUID) -> ResponseReturnValue:
    """Show a brief as the experts will read it, with the names that are left in it."""
    return _brief_page(visible_or_404(m.Brief, brief_id), ReleaseForm())


def _brief_page(row: m.Brief, form: ReleaseForm) -> str:
    return render_template(
        "coordination/brief_show.html",
        case=_own_case(row.case_id),
        brief=row,
        meeting=visible_or_404(m.Meeting, row.meeting_id),
        parties=deeds.parties_of(db.session, row),
        question=reveal(db.session, row, "question"),
        text=reveal(db.session, row, "text"),
        names=deeds.names_in(db.session, row),
        advice=found.advice_on(db.session, [row]),
        unlinked=unlinked_wishes(db.session, row.case_id),
        following=found.brief_after(db.session, row),
        form=form,
    )


@bp.route("/briefs/<uuid:brief_id>/edit", methods=["GET", "POST"])
@permits(Action.HOLD_MEETING)
def brief_edit(brief_id: uuid.UUID) -> ResponseReturnValue:
    """Change a brief; whoever comes second is shown both texts and keeps the own."""
    row = visible_or_404(m.Brief, brief_id)
    case, form = _own_case(row.case_id), BriefEditForm(data=_filled(row))
    conflict = None
    if form.validate_on_submit():
        try:
            if _attempt(form, lambda: _changed(row, form)):
                return redirect(url_for("coordination.brief_show", brief_id=row.id))
        except ConflictError as lost:
            # What is sent next is meant against the text that is now shown.
            conflict, form.version.data = lost, row.version
    page = {"case": case, "form": form, "conflict": conflict}
    return render_template("coordination/brief_edit.html", **page), 409 if conflict else form.status


def _filled(row: m.Brief) -> dict[str, object]:
    return {
        "question": reveal(db.session, row, "question"),
        "text": reveal(db.session, row, "text"),
        "parties": reveal(db.session, deeds.parties_of(db.session, row), "names"),
        "version": row.version,
    }


def _changed(row: m.Brief, form: BriefEditForm) -> m.Brief:
    return deeds.change_brief(db.session, row, form.paper(), version=form.version.data)


@bp.post("/briefs/<uuid:brief_id>/release")
@permits(Action.HOLD_MEETING)
def brief_release(brief_id: uuid.UUID) -> ResponseReturnValue:
    """Put a brief before the invited experts."""
    row, form = visible_or_404(m.Brief, brief_id), ReleaseForm()
    _own_case(row.case_id)
    said = {
        "looked_through": bool(form.looked_through.data),
        "nobody_unlinked": bool(form.nobody_unlinked.data),
    }
    if form.validate():
        _attempt(form, lambda: deeds.release_brief(db.session, row, **said))
    if form.errors:
        return _brief_page(row, form), 422
    return redirect(url_for("coordination.brief_show", brief_id=row.id))


# ------------------------------------------------------------------------------------ the experts


@bp.get("/advice")
@permits(Action.ADVISE)
def briefs() -> ResponseReturnValue:
    """Show an expert what is before them: names to declare against first, then the briefs."""
    return render_template("coordination/briefs.html", rows=found.desk_of_expert(db.session))


@bp.route("/advice/parties/<uuid:parties_id>", methods=["GET", "POST"])
@permits(Action.ADVISE)
def declare(parties_id: uuid.UUID) -> ResponseReturnValue:
    """Show party names only, until the expert says whether there is a conflict."""
    parties, form = visible_or_404(m.BriefParty, parties_id), DeclareForm()
    if not form.validate_on_submit():
        names = reveal(db.session, parties, "names")
        page = {"parties": parties, "names": names, "form": form}
        return render_template("coordination/brief_declare.html", **page), form.status
    conflict, brief_id = form.conflict.data == "yes", parties.brief_id
    deeds.declare(db.session, parties, conflict=conflict)
    if conflict:
        return redirect(url_for("coordination.briefs"))
    return redirect(url_for("coordination.advise", brief_id=brief_id, _anchor=MAIN))


@bp.route("/advice/briefs/<uuid:brief_id>", methods=["GET", "POST"])
@permits(Action.ADVISE)
def advise(brief_id: uuid.UUID) -> ResponseReturnValue:
    """Show the brief to an expert without a conflict, and take advice or 了承（意見なし）."""
    row, form = visible_or_404(m.Brief, brief_id), AdviceForm()
    given = found.own_advice_on(db.session, row)
    if form.validate_on_submit() and (given or _attempt(form, lambda: _advised(row, form))):
        return redirect(url_for("coordination.advise", brief_id=row.id, _anchor=MAIN))
    return render_template(
        "coordination/brief_advise.html",
        brief=row,
        meeting=visible_or_404(m.Meeting, row.meeting_id),
        until=deeds.parties_of(db.session, row).valid_until,
        question=reveal(db.session, row, "question"),
        text=reveal(db.session, row, "text"),
        given=given,
        given_text=reveal(db.session, given, "text") if given else "",
        following=found.next_on_desk(db.session) if given else None,
        form=form,
    ), form.status


def _advised(row: m.Brief, form: AdviceForm) -> m.Advice:
    assent = form.assent.data == "assent"
    return deeds.give_advice(
        db.session,
        row,
        advice_id=form.submission.data,
        assent=assent,
        text="" if assent else form.text.data,
    )
