"""Consent and sharing: asking, preview, giving, taking back, whom not to tell."""

from flask import Blueprint

bp = Blueprint("consents", __name__)

from blueprints.consents import (  # noqa: E402  (the views bind themselves to bp)
    answers,  # noqa: F401
    beside,  # noqa: F401
    denials,  # noqa: F401
    emergencies,  # noqa: F401
    ends,  # noqa: F401
    lawful,  # noqa: F401
    receipts,  # noqa: F401
    views,  # noqa: F401
)
