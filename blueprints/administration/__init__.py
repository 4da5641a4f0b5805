"""Agencies, accounts and who works where; teams and grants for a manager."""

from flask import Blueprint

bp = Blueprint("administration", __name__)

from blueprints.administration import (  # noqa: E402
    accounts,  # noqa: F401
    agencies,  # noqa: F401
    covers,  # noqa: F401
    doors,  # noqa: F401
    invitations,  # noqa: F401
    issuers,  # noqa: F401
    machines,  # noqa: F401
    moves,  # noqa: F401
    people,  # noqa: F401
    resets,  # noqa: F401
    roles,  # noqa: F401
    sign_in_rules,  # noqa: F401
    staff,  # noqa: F401
    team,  # noqa: F401  (the views bind themselves to bp)
)
