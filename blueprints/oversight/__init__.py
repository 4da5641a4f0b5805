"""Who read what, for the audit officer."""

from flask import Blueprint

bp = Blueprint("oversight", __name__)

from blueprints.oversight import views  # noqa: E402, F401  (the views bind themselves to bp)
