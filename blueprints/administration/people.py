"""How one person of an agency signs in: invited, at work, or helped when something is lost."""

import uuid

from flask import abort, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from blueprints.administration import bp
from blueprints.administration.staff import acting
from portal import models as m
from portal import single_sign_on as sso
from portal.auth import permits
from portal.extensions import db
from portal.policy.permissions import ADMINISTRATOR, Action, keeps
from portal.policy.terms import clock
from portal.queries import administration as lists
from portal.queries import staff as queries
from portal.queries.sign_on import links_of
from portal.services.administration import without_password
from portal.services.issuers import end_link
from portal.services.notices import invitations_of
from portal.unit import visible_or_404


@bp.post("/staff/<uuid:membership_id>/links/<uuid:issuer_link_id>/end")
@permits(Action.KEEP_STAFF)
def end_link_of(membership_id: uuid.UUID, issuer_link_id: uuid.UUID) -> ResponseReturnValue:
    """Take somebody's link to a sign-on away; what it opened ends at the next request."""
    place = kept_place(membership_id)
    visible_or_404(m.IssuerLink, issuer_link_id, m.IssuerLink.account_id == place.account_id)
    end_link(db.session, issuer_link_id)
    flash(_("つながりを外しました。そこから入ったサインインは終わっています。"), "success")
    return redirect(url_for("administration.person", membership_id=membership_id))


@bp.get("/staff/<uuid:membership_id>/sign-in")
@permits(Action.KEEP_STAFF)
def person(membership_id: uuid.UUID) -> ResponseReturnValue:
    """Show how somebody of an agency signs in, and the ways to help."""
    place = kept_place(membership_id)
    (account,) = [place.account_id]
    name, email = lists.profiles_of(db.session, [account]).get(account, ("", ""))
    return render_template(
        "administration/person.html",
        place=place,
        agency=visible_or_404(m.Agency, place.agency_id),
        name=name,
        email=email,
        outside=account in without_password(db.session, [account]),
        invitation=invitations_of(db.session, [account]).get(account),
        now=clock(db.session),
        links=links_of(db.session, account),
        issuers={each.id: each.name for each in sso.offered(db.session)},
        reset=next((row for row in queries.resets(db.session) if row.account_id == account), None),
        resettable=not place.manager or acting().role == ADMINISTRATOR,
    )


def kept_place(membership_id: uuid.UUID) -> m.Membership:
    """Return a membership of an agency whose people the viewer keeps, or answer 404.

    The own one is refused (403): nobody keeps oneself.
    """
    keeper, place = acting(), visible_or_404(m.Membership, membership_id)
    if not keeps(keeper, place.agency_id):
        abort(404)
    if place.account_id == db.session.info["viewer"].account_id:
        abort(403)
    return place
