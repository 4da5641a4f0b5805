"""Signing in and out, the second factor, whom one acts for, one's own sessions."""

from flask import Blueprint

bp = Blueprint("account", __name__)

from blueprints.account import factors, views  # noqa: E402, F401  (the views bind themselves to bp)
