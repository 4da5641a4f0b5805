"""The duty list of the centre: whom an alarm rings, and who comes next."""

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from blueprints.home import bp
from blueprints.home.forms import DutyForm
from portal.auth import permits
from portal.extensions import db
from portal.policy.permissions import Action
from portal.policy.terms import on_call
from portal.queries.directory import account_names
from portal.services.administration import RefusedError
from portal.services.notifications import duty_list, set_duty_list


@bp.route("/duty-list", methods=["GET", "POST"])
@permits(Action.APPROVE)
def duty() -> ResponseReturnValue:
    """Put the people of the centre in the order in which an alarm rings them."""
    centre = db.session.info["viewer"].agency_id
    people = on_call(db.session, centre)
    names = account_names(db.session, people)
    listed = [place.account_id for place in duty_list(db.session, centre)]
    form = DutyForm({key: names[key] for key in people}, listed)
    if form.validate_on_submit():
        try:
            set_duty_list(db.session, form.account_ids, before=form.listed_before)
        except RefusedError:
            form.form_errors.append(
                _("ほかの人が先に変えました。いまの順番を見て、やりなおしてください。")
            )
        else:
            flash(_("当番の順番を決めました。"), "success")
            return redirect(url_for("home.notifications"))
    return render_template("home/duty.html", form=form), form.status
