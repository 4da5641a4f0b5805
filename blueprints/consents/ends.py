"""Ends that nobody took back, each shown before it happens; and what an end cannot call back."""

import datetime as dt
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from wtforms import Field

from blueprints.consents import bp
from blueprints.consents.ends_forms import AuthorityForm, ConcealForm, DepartureForm, SchoolForm
from blueprints.consents.forms import ReadersForm
from blueprints.consents.views import own_case
from portal import models as m
from portal.auth import permits, standing
from portal.extensions import db
from portal.forms import PortalForm
from portal.policy.capacity import NO_AUTHORITY
from portal.policy.permissions import Action, require
from portal.queries.directory import all_agencies, names_of_staff, staff_of
from portal.queries.ends import (
    Loss,
    Shared,
    departed,
    losses,
    not_called_back,
    schools_that_read,
    shares_with,
)
from portal.queries.people import people_of
from portal.services import ends
from portal.services.concealment import conceal, concealments_of
from portal.services.denials import hide_from
from portal.services.guardians import guardians_of, record_guardian
from portal.services.readers import name_readers
from portal.unit import visible_or_404
from portal.vault import reveal

END, PREVIEW = "end", "preview"


def _step_of(
    case: m.Case,
    form: PortalForm,
    affected: Callable[[], Sequence[m.Grant]],
    end: Callable[[], int],
) -> list[Loss] | int | None:
    """Return how much ended, or what would end, or None while the form is not filled in."""
    if not form.validate_on_submit():
        return None
    return end() if request.form.get("step") == END else losses(db.session, case, affected())


def _ended(case: m.Case, count: int) -> ResponseReturnValue:
    flash(_("%(count)s件の共有を終わりにしました。", count=count), "success")
    return redirect(url_for("consents.index", case_id=case.id))


class EndWords(NamedTuple):
    """How a page of an end speaks: what it does, and what is said where there is nothing to end."""

    title: str
    lead: str
    nothing: str
    then: str


def _end_page(
    case: m.Case, form: PortalForm, chosen: Field, words: EndWords, found: list[Loss] | None
) -> ResponseReturnValue:
    page = render_template(
        "consents/ending.html", case=case, form=form, chosen=chosen, words=words, losses=found
    )
    return page, form.status


@bp.route("/cases/<uuid:case_id>/ends/school", methods=["GET", "POST"])
@permits(Action.SHARE)
def school_change(case_id: uuid.UUID) -> ResponseReturnValue:
    """Record that the child left a school: first what will no longer be seen, then the end."""
    case = own_case(case_id)
    form = SchoolForm(schools_that_read(db.session, case))
    found = _step_of(
        case,
        form,
        lambda: ends.grants_of_old_school(db.session, case, form.school.data),
        lambda: ends.change_school(db.session, case, form.school.data),
    )
    if isinstance(found, int):
        return _ended(case, found)
    words = EndWords(
        title=_("転校・卒園・卒業"),
        lead=_(
            "前の学校・園への共有を、すべて終わりにします。"
            "新しい学校に何が必要かは、あらためて本人に聞きます。"
        ),
        nothing=_("終わりにする共有がありません"),
        then=_("学校・園に共有しているときに、ここで終わりにできます。"),
    )
    return _end_page(case, form, form.school, words, found)


@bp.route("/cases/<uuid:case_id>/ends/authority", methods=["GET", "POST"])
@permits(Action.SHARE)
def authority_end(case_id: uuid.UUID) -> ResponseReturnValue:
    """Record that a guardian lost parental authority: what rests on that consent ends."""
    case = own_case(case_id)
    form = AuthorityForm(people_of(db.session, case.id))
    found = _step_of(
        case,
        form,
        lambda: ends.grants_of_guardian(db.session, case, form.person.data),
        lambda: _without_authority(case, form.person.data),
    )
    if isinstance(found, int):
        return _ended(case, found)
    words = EndWords(
        title=_("親権・監護の権限の喪失"),
        lead=_(
            "その人の同意にもとづく共有を、すべて終わりにします。法律にもとづく共有は変わりません。"
        ),
        nothing=_("保護者が登録されていません"),
        then=_("ケースの人に保護者を加えると、ここで選べます。"),
    )
    return _end_page(case, form, form.person, words, found)


def _without_authority(case: m.Case, person_id: uuid.UUID) -> int:
    """Record that a guardian has no parental authority; return how many grants end with it."""
    count = len(ends.grants_of_guardian(db.session, case, person_id))
    [known] = [row for row in guardians_of(db.session, case.id) if row.person_id == person_id]
    record_guardian(
        db.session,
        case,
        person_id,
        authority=NO_AUTHORITY,
        lives_with=known.lives_with,
        concerned=known.concerned,
        record_id=uuid.uuid4(),
    )
    return count


@bp.route("/cases/<uuid:case_id>/concealment", methods=["GET", "POST"])
@permits(Action.SHARE)
def concealment(case_id: uuid.UUID) -> ResponseReturnValue:
    """Set or lift 秘匿: where the child is goes to nobody but by a duty."""
    case = own_case(case_id)
    form = ConcealForm(concealed="yes" if case.concealed else "no")
    if form.validate_on_submit():
        wanted = form.concealed.data == "yes"
        conceal(db.session, case, concealed=wanted, reason=form.reason.data)
        return redirect(url_for("consents.index", case_id=case.id))
    history = [
        (row, reveal(db.session, row, "reason"), reveal(db.session, row, "lifted"))
        for row in concealments_of(db.session, case)
    ]
    staff = names_of_staff(db.session, case.owner_agency_id)
    page = {"case": case, "form": form, "history": history, "staff": staff}
    return render_template("consents/concealment.html", **page), form.status


@bp.route("/grants/<uuid:grant_id>/readers", methods=["GET", "POST"])
@permits(Action.SHARE)
def grant_readers(grant_id: uuid.UUID) -> ResponseReturnValue:
    """Change who of an agency reads a share; 「見せない人は」 is asked each time."""
    grant = visible_or_404(m.Grant, grant_id)
    case = own_case(grant.case_id)
    form = ReadersForm(staff_of(db.session, [grant.agency_id]))
    if form.validate_on_submit():
        hide_from(db.session, case, form.hidden(), reason=form.why_hidden.data)
        name_readers(db.session, grant, form.named())
        return redirect(url_for("cases.sights", case_id=case.id))
    agency = visible_or_404(m.Agency, grant.agency_id)
    page = render_template("consents/grant_readers.html", case=case, agency=agency, form=form)
    return page, form.status


@bp.get("/grants/<uuid:grant_id>/read")
@permits(Action.SHARE)
def not_called(grant_id: uuid.UUID) -> ResponseReturnValue:
    """「取り戻せないもの」: who had read what of a share until it ended."""
    grant = visible_or_404(m.Grant, grant_id)
    case = own_case(grant.case_id)
    found = not_called_back(db.session, case, grant)
    return render_template("consents/not_called_back.html", case=case, found=found)


@bp.route("/scheme", methods=["GET", "POST"])
@permits(Action.KEEP_SCHEME)
def scheme() -> ResponseReturnValue:
    """Show which agencies have left the scheme, and record that one leaves."""
    agencies, left = all_agencies(db.session), departed(db.session)
    # A second sending of the same form names an agency that has left by then.
    offered = agencies if request.method == "POST" else [a for a in agencies if a.id not in left]
    form = DepartureForm([each for each in offered if _foreign(each)])
    form.previewing = request.form.get("step") == PREVIEW
    if form.validate_on_submit():
        if form.previewing:
            return _scheme_page(form, agencies, left, shares_with(db.session, form.agency.data))
        count = ends.leave_scheme(db.session, form.agency.data, departure_id=form.submission.data)
        flash(_("%(count)s件の共有を終わりにしました。", count=count), "success")
        return redirect(url_for("consents.scheme"))
    return _scheme_page(form, agencies, left, None)


def _scheme_page(
    form: DepartureForm,
    agencies: Sequence[m.Agency],
    left: Mapping[uuid.UUID, dt.datetime],
    lost: Sequence[Shared] | None,
) -> ResponseReturnValue:
    rows = [(each, left[each.id]) for each in agencies if each.id in left]
    page = render_template("consents/scheme.html", form=form, departed=rows, lost=lost)
    return page, form.status


def _foreign(agency: m.Agency) -> bool:
    return agency.id != require(standing(), Action.KEEP_SCHEME).agency_id


@bp.post("/scheme/<uuid:agency_id>/return")
@permits(Action.KEEP_SCHEME)
def scheme_return(agency_id: uuid.UUID) -> ResponseReturnValue:
    """Record that an agency takes part again; what ended stays ended."""
    ends.return_to_scheme(db.session, agency_id)
    return redirect(url_for("consents.scheme"))
