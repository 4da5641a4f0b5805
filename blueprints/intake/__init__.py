"""権利侵害把握: every consultation and report, the desks that take them, acceptance."""

from flask import Blueprint

bp = Blueprint("intake", __name__)

from blueprints.intake import views  # noqa: E402, F401  (the views bind themselves to bp)
