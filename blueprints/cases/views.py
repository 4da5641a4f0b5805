"""The list of cases, a case by slice, posts, and the own agency's records."""

import uuid
from collections.abc import Collection

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from blueprints.cases import bp
from blueprints.cases.forms import (
    HearForm,
    PostForm,
    QuickForm,
    ReferenceForm,
    RetractForm,
    SearchForm,
)
from portal import models as m
from portal.auth import permits, standing
from portal.extensions import db
from portal.policy.permissions import Action, allows
from portal.queries.actions import actions_of_case
from portal.queries.cases import case_by_reference, count_cases, list_cases
from portal.queries.directory import agency_names
from portal.queries.glance import read_glance
from portal.queries.notifications import hearers
from portal.queries.own_records import list_own_records
from portal.queries.paging import read_cursor
from portal.queries.retractions import read_entry, read_retraction
from portal.queries.search import schools
from portal.queries.search import search as search_cases
from portal.queries.sheet import read_sheet, read_subjects
from portal.services.cases import finish_task
from portal.services.entries import hear as hear_by_phone
from portal.services.entries import (
    hearable,
    post_entry,
    take_back_entry,
    usual_place,
    writable,
    writable_with,
)
from portal.services.looks import last_look, look_at
from portal.services.once import already
from portal.unit import visible_or_404
from portal.vocabulary import WATCHER, codes

# What else there is about a case: label, endpoint, the deed it leads to.
WAYS = (
    (_l("同意と共有"), "consents.index", Action.SHARE),
    (_l("緊急度・判断"), "support.assessment", Action.COORDINATE),
    (_l("面談・訪問・同行"), "support.index", Action.COORDINATE),
    (_l("ケースの人と、もどってくる言葉"), "support.people", Action.COORDINATE),
    (_l("このケースの相談"), "intake.of_case", Action.COORDINATE),
    (_l("電話で聞き取りを書く"), "cases.hear", Action.COORDINATE),
    (_l("進捗確認・終結"), "progress.check", Action.COORDINATE),
    (_l("だれに何が見えるか"), "cases.sights", Action.READ_LOG),
    (_l("だれが見たか"), "oversight.case_log", Action.READ_LOG),
)


# The filter of the list that keeps the cases one works on.
MINE = "mine"


@bp.get("/cases")
@permits(Action.READ_CASES)
def index() -> ResponseReturnValue:
    """Show the cases one may see, fifty at a time; the police open one by its reference."""
    if not allows(standing(), Action.LIST_CASES):
        return render_template("cases/open.html", form=ReferenceForm())
    status, whose = _kept("status", codes("case_status")), _kept("whose", [MINE])
    at_centre = allows(standing(), Action.COORDINATE)
    at = read_cursor(request.args.get("at"))
    return render_template(
        "cases/index.html",
        page=list_cases(db.session, at, status, mine=at_centre and whose == MINE),
        total=count_cases(db.session),
        status=status,
        whose=whose,
        at_centre=at_centre,
        statuses=codes("case_status"),
    )


def _kept(name: str, choices: Collection[str]) -> str | None:
    """Return what a filter of the address keeps, None where it keeps all or knows no such word."""
    said = request.args.get(name)
    return said if said in choices else None


@bp.route("/cases/search", methods=["GET", "POST"])
@permits(Action.LIST_CASES)
def search() -> ResponseReturnValue:
    """Find cases by number, name or code; by POST, so that no name stands in any address."""
    acting = standing()
    at_centre = acting is not None and acting.at_centre
    form = SearchForm(schools(db.session) if at_centre else (), at_centre=at_centre)
    if not form.validate_on_submit():
        return render_template("cases/search.html", form=form, found=None), form.status
    found = search_cases(db.session, form.wanted, read_cursor(form.at.data))
    return render_template("cases/search.html", form=form, found=found)


@bp.post("/cases/open")
@permits(Action.READ_CASES)
def open_one() -> ResponseReturnValue:
    """Go to the case of a reference; a hidden one and none at all get the same answer."""
    form = ReferenceForm()
    case_id = case_by_reference(db.session, form.reference.data) if form.validate() else None
    if case_id is not None:
        return redirect(url_for("cases.show", case_id=case_id))
    if not form.errors:
        form.reference.errors = [
            _("この番号で見られるケースはありません。センターに確かめてください。")
        ]
    return render_template("cases/open.html", form=form), 422


@bp.get("/cases/<uuid:case_id>")
@permits(Action.READ_CASES)
def show(case_id: uuid.UUID) -> ResponseReturnValue:
    """Show a case by slice, each entry with why one may see it."""
    case = visible_or_404(m.Case, case_id)
    look, cursor = last_look(db.session, case), read_cursor(request.args.get("older"))
    sheet = read_sheet(db.session, case, cursor, since=look.since)
    places = writable_with(db.session, case, sheet.subjects, sheet.grants)
    usual = usual_place(db.session, places, sheet.child_id)
    actions = actions_of_case(db.session, case)
    look_at(db.session, case)
    return render_template(
        "cases/show.html",
        sheet=sheet,
        typed=look.typed,
        actions=actions,
        quick=None if usual is None else QuickForm(slice=usual[0], subject=usual[1]),
        seen=_seen(),
        may_post=bool(places),
        ways=_ways(case),
        may_open_in_emergency=allows(standing(), Action.OPEN_IN_EMERGENCY),
    )


def _seen() -> list[str]:
    """Return what a watcher says with one tap (domain.md §1); nobody else has such words."""
    acting = standing()
    watches = acting is not None and acting.role == WATCHER
    return [_("来ました"), _("来ませんでした")] if watches else []


def _ways(case: m.Case) -> list[tuple[str, str]]:
    return [
        (str(text), url_for(endpoint, case_id=case.id))
        for text, endpoint, action in WAYS
        if allows(standing(), action)
    ]


@bp.get("/cases/<uuid:case_id>/glance")
@permits(Action.READ_CASES)
def glance(case_id: uuid.UUID) -> ResponseReturnValue:
    """Show a case as a picture: who did something when, what is due, who is silent."""
    case = visible_or_404(m.Case, case_id)
    return render_template("cases/glance.html", case=case, found=read_glance(db.session, case))


@bp.get("/cases/<uuid:case_id>/visible")
@permits(Action.READ_CASES)
def still_visible(case_id: uuid.UUID) -> ResponseReturnValue:
    """Answer, for a page that stands open, whether the case may still be seen."""
    visible_or_404(m.Case, case_id)
    return "", 204


@bp.route("/cases/<uuid:case_id>/entries/new", methods=["GET", "POST"])
@permits(Action.POST)
def post(case_id: uuid.UUID) -> ResponseReturnValue:
    """Write into a slice of a case."""
    case = visible_or_404(m.Case, case_id)
    subjects, places = read_subjects(db.session, case), writable(db.session, case)
    told = hearers(db.session, case)
    form = PostForm(places, subjects, told, slice=request.args.get("slice"))
    if not form.validate_on_submit():
        return render_template("cases/post.html", case=case, form=form), form.status
    post_entry(
        db.session,
        case,
        entry_id=form.submission.data,
        slice_=form.slice.data,
        subject_id=form.subject.data,
        text=form.text.data,
        tell=form.asked,
    )
    flash(_("記録しました。"), "success")
    return redirect(url_for("cases.show", case_id=case.id))


@bp.route("/cases/<uuid:case_id>/entries/heard", methods=["GET", "POST"])
@permits(Action.COORDINATE)
def hear(case_id: uuid.UUID) -> ResponseReturnValue:
    """Write down what an agency told by phone, as its own record."""
    case = visible_or_404(m.Case, case_id)
    places = hearable(db.session, case)
    form = HearForm(places, agency_names(db.session, places), read_subjects(db.session, case))
    if not form.validate_on_submit():
        return render_template("cases/hear.html", case=case, form=form), form.status
    hear_by_phone(db.session, case, **form.heard)
    flash(_("その機関の記録として書きました。"), "success")
    return redirect(url_for("cases.show", case_id=case.id))


@bp.route("/cases/<uuid:case_id>/entries/<uuid:entry_id>/retract", methods=["GET", "POST"])
@permits(Action.POST)
def retract(case_id: uuid.UUID, entry_id: uuid.UUID) -> ResponseReturnValue:
    """Take a wrong post back at once, and say it right."""
    case, form = visible_or_404(m.Case, case_id), RetractForm()
    if form.is_submitted() and already(db.session, m.Retraction, form.submission.data):
        return _to_retraction(case, form)
    entry = visible_or_404(m.Entry, entry_id, m.Entry.case_id == case.id)
    if not form.validate_on_submit():
        row = read_entry(db.session, case, entry)
        return render_template("cases/retract.html", case=case, row=row, form=form), form.status
    take_back_entry(
        db.session,
        case,
        entry,
        retraction_id=form.submission.data,
        reason=form.reason.data,
        successor_id=form.successor.data,
        corrected=form.text.data,
    )
    return _to_retraction(case, form)


def _to_retraction(case: m.Case, form: RetractForm) -> ResponseReturnValue:
    flash(_("取り消しました。"), "success")
    there = url_for("cases.retracted", case_id=case.id, retraction_id=form.submission.data)
    return redirect(there)


@bp.get("/cases/<uuid:case_id>/retractions/<uuid:retraction_id>")
@permits(Action.READ_CASES)
def retracted(case_id: uuid.UUID, retraction_id: uuid.UUID) -> ResponseReturnValue:
    """Show what was taken back and why, and to the owner who may have read it."""
    case = visible_or_404(m.Case, case_id)
    found = visible_or_404(m.Retraction, retraction_id, m.Retraction.case_id == case.id)
    return render_template(
        "cases/retracted.html", case=case, found=read_retraction(db.session, case, found)
    )


@bp.post("/cases/<uuid:case_id>/tasks/<uuid:task_id>/done")
@permits(Action.COORDINATE)
def task_done(case_id: uuid.UUID, task_id: uuid.UUID) -> ResponseReturnValue:
    """Note that a task of the owner is done."""
    case = visible_or_404(m.Case, case_id)
    task = visible_or_404(m.Task, task_id, m.Task.case_id == case.id)
    finish_task(db.session, case, task)
    flash(_("済みにしました。"), "success")
    return redirect(url_for("cases.show", case_id=case.id))


@bp.get("/own-records")
@permits(Action.READ_OWN_RECORDS)
def own_records() -> ResponseReturnValue:
    """Show what the own agency wrote, and nothing of the cases it was written into."""
    page = list_own_records(db.session, read_cursor(request.args.get("at")))
    return render_template("cases/own_records.html", page=page)
