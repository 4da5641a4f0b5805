"""Machines that call the interface: made, given another secret, ended. None of them sees a case."""

import uuid

from flask import redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from blueprints.administration import bp
from blueprints.administration.forms import attempt
from blueprints.administration.sign_on_forms import SCOPE_NAMES, MachineForm, SecretForm
from portal import models as m
from portal.auth import permits
from portal.extensions import db
from portal.forms import PortalForm
from portal.policy.permissions import Action
from portal.policy.terms import clock
from portal.queries import administration as lists
from portal.queries import sign_on as rows
from portal.services import machines as services
from portal.unit import visible_or_404


@bp.get("/machines")
@permits(Action.ADMINISTER)
def machines() -> ResponseReturnValue:
    """List the machines, with when each last came in."""
    return render_template("administration/machines.html", machines=rows.machines(db.session))


@bp.route("/machines/new", methods=["GET", "POST"])
@permits(Action.ADMINISTER)
def new_machine() -> ResponseReturnValue:
    """Make a machine; its secret is shown this once."""
    form = MachineForm()
    made: list[str | None] = [None]
    form.agency.choices = lists.agency_choices(db.session)
    valid = form.validate_on_submit()
    status = attempt(form, lambda: _add_machine(form, made)) if valid else form.status
    if status is not None:
        return render_template("administration/new_machine.html", form=form), status
    return _secret_page(form.submission.data, made[0], renewed=False)


@bp.get("/machines/<uuid:machine_client_id>")
@permits(Action.ADMINISTER)
def machine(machine_client_id: uuid.UUID) -> ResponseReturnValue:
    """Show a machine and its secrets, never a secret itself."""
    return _machine_page(visible_or_404(m.MachineClient, machine_client_id), SecretForm(), 200)


@bp.post("/machines/<uuid:machine_client_id>/secrets")
@permits(Action.ADMINISTER)
def renew_machine_secret(machine_client_id: uuid.UUID) -> ResponseReturnValue:
    """Give a machine another secret, shown this once; the one before holds a week more."""
    found, form = visible_or_404(m.MachineClient, machine_client_id), SecretForm()
    made: list[str | None] = [None]
    valid = form.validate_on_submit()
    status = attempt(form, lambda: _renew(found.id, form, made)) if valid else form.status
    if status is not None:
        return _machine_page(found, form, status)
    return _secret_page(found.id, made[0], renewed=True)


@bp.post("/machine-secrets/<uuid:machine_secret_id>/end")
@permits(Action.ADMINISTER)
def end_machine_secret(machine_secret_id: uuid.UUID) -> ResponseReturnValue:
    """End one secret now."""
    client_id = services.end_secret(db.session, machine_secret_id)
    return redirect(url_for("administration.machine", machine_client_id=client_id))


@bp.route("/machines/<uuid:machine_client_id>/revoke", methods=["GET", "POST"])
@permits(Action.ADMINISTER)
def revoke_machine(machine_client_id: uuid.UUID) -> ResponseReturnValue:
    """End a machine for good: its next call is refused."""
    found, form = visible_or_404(m.MachineClient, machine_client_id), PortalForm()
    if not form.validate_on_submit():
        return render_template("administration/machine_revoke.html", form=form, client=found)
    services.revoke(db.session, found.id)
    return redirect(url_for("administration.machine", machine_client_id=found.id))


def _add_machine(form: MachineForm, made: list[str | None]) -> None:
    made[0] = services.add_machine(
        db.session,
        form.submission.data,
        uuid.UUID(form.agency.data),
        form.name.data,
        form.scopes.data or [],
    )


def _renew(client_id: uuid.UUID, form: SecretForm, made: list[str | None]) -> None:
    made[0] = services.renew_secret(db.session, client_id, form.submission.data)


def _secret_page(client_id: uuid.UUID, secret: str | None, *, renewed: bool) -> ResponseReturnValue:
    return render_template(
        "administration/machine_secret.html",
        client_id=client_id,
        secret=secret,
        renewed=renewed,
        token_url=url_for("api.token", _external=True),
    )


def _machine_page(found: m.MachineClient, form: SecretForm, status: int) -> ResponseReturnValue:
    page = render_template(
        "administration/machine.html",
        form=form,
        client=found,
        agency=visible_or_404(m.Agency, found.agency_id),
        secrets=rows.secrets_of(db.session, found.id),
        scope_names=SCOPE_NAMES,
        now=clock(db.session),
    )
    return page, status
