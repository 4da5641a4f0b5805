"""Who belongs to a case, and the return codes of the child and its guardians."""

import uuid

from flask import abort, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from blueprints.support import bp
from blueprints.support.people_forms import CodeForm, GuardianForm, PersonForm
from portal import models as m
from portal.auth import config, permits, standing
from portal.extensions import db
from portal.policy.permissions import Action, require
from portal.queries.people import link_of, people_of
from portal.services.case_codes import KIND_OF_SUBJECT, NoCodeForThemError, give_code
from portal.services.cases import add_person
from portal.services.consents import birth_date_of
from portal.services.guardians import guardians_of, record_guardian
from portal.unit import visible_or_404


def own_case(case_id: uuid.UUID) -> m.Case:
    """Return a visible case of the own agency; another's, though visible, is refused."""
    case = visible_or_404(m.Case, case_id)
    require(standing(), Action.COORDINATE, case)
    return case


@bp.get("/cases/<uuid:case_id>/people")
@permits(Action.COORDINATE)
def people(case_id: uuid.UUID) -> ResponseReturnValue:
    """Show who belongs to the case, and who can be given a code."""
    case = own_case(case_id)
    return render_template(
        "support/people.html",
        case=case,
        people=people_of(db.session, case.id),
        born=birth_date_of(db.session, case.id),
        guardians={row.person_id: row for row in guardians_of(db.session, case.id)},
        with_code=tuple(KIND_OF_SUBJECT),
    )


@bp.route("/cases/<uuid:case_id>/people/new", methods=["GET", "POST"])
@permits(Action.COORDINATE)
def person(case_id: uuid.UUID) -> ResponseReturnValue:
    """Add a guardian, a brother or sister, or somebody else whose data the case holds."""
    case, form = own_case(case_id), PersonForm()
    if not form.validate_on_submit():
        return render_template("support/person.html", case=case, form=form), form.status
    add_person(
        db.session,
        case,
        person_id=form.submission.data,
        relationship_code=form.relationship.data or None,
        **form.names(),
    )
    return redirect(url_for("support.people", case_id=case.id))


@bp.route("/cases/<uuid:case_id>/people/<uuid:person_id>/code", methods=["GET", "POST"])
@permits(Action.COORDINATE)
def code(case_id: uuid.UUID, person_id: uuid.UUID) -> ResponseReturnValue:
    """Give the child or a guardian a code; the words are shown this once."""
    case, form = own_case(case_id), CodeForm()
    link = _link(case, person_id)
    words: tuple[str, ...] = ()
    if form.validate_on_submit():
        words = _given(case, link, form)
    status = 200 if words else form.status
    return render_template("support/code.html", case=case, form=form, words=words), status


@bp.route("/cases/<uuid:case_id>/people/<uuid:person_id>/guardian", methods=["GET", "POST"])
@permits(Action.COORDINATE)
def guardian(case_id: uuid.UUID, person_id: uuid.UUID) -> ResponseReturnValue:
    """Record whether and how a guardian answers for the child, or must neither ask nor know."""
    case = own_case(case_id)
    known = {row.person_id: row for row in guardians_of(db.session, case.id)}
    if _link(case, person_id).person_id not in known:
        abort(404)
    form = GuardianForm(obj=known[person_id])
    if form.validate_on_submit():
        record_guardian(
            db.session, case, person_id, record_id=form.submission.data, **form.record()
        )
        return redirect(url_for("support.people", case_id=case.id))
    rows = [row for row in people_of(db.session, case.id) if row.id == person_id]
    page = render_template("support/guardian.html", case=case, form=form, row=rows[0])
    return page, form.status


def _link(case: m.Case, person_id: uuid.UUID) -> m.CasePerson:
    """Return a person's place in this very case, or answer 404."""
    link = link_of(db.session, case.id, person_id)
    if link is None:
        abort(404)
    return link


def _given(case: m.Case, link: m.CasePerson, form: CodeForm) -> tuple[str, ...]:
    try:
        return give_code(
            db.session,
            config(),
            case,
            link,
            submission=form.submission.data,
            secret=form.secret.data,
        )
    except NoCodeForThemError:
        form.refuse()
        return ()
