"""権利侵害把握: every consultation and report, the desks that take them, acceptance."""

from flask import Blueprint

from blueprints.intake.words import basis_words

bp = Blueprint("intake", __name__)
bp.context_processor(lambda: {"basis_words": basis_words})

from blueprints.intake import views  # noqa: E402, F401  (the views bind themselves to bp)
