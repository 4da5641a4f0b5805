"""The interface for machines: JSON, under OAuth 2.0; so far only who is calling."""

from flask import Blueprint

bp = Blueprint("api", __name__, url_prefix="/api")

from blueprints.api import views  # noqa: E402, F401  (the views bind themselves to bp)
