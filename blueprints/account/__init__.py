"""Signing in and out, the second factor, whom one acts for, one's own sessions."""

from flask import Blueprint

bp = Blueprint("account", __name__)

from blueprints.account import (  # noqa: E402
    factors,  # noqa: F401
    links,  # noqa: F401
    sign_on,  # noqa: F401
    typing,  # noqa: F401
    views,  # noqa: F401  (the views bind themselves to bp)
)
