"""Consent and sharing: asking, preview, giving, taking back, whom not to tell."""

from flask import Blueprint

bp = Blueprint("consents", __name__)

from blueprints.consents import denials, views  # noqa: E402, F401  (the views bind themselves to bp)
