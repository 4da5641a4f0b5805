"""Cases: the list, the case itself by slice, posts, one's own agency's records."""

from flask import Blueprint

from blueprints.cases.words import whose, why

bp = Blueprint("cases", __name__)
bp.context_processor(lambda: {"whose": whose, "why": why})

from blueprints.cases import sights, views  # noqa: E402, F401  (the views bind themselves to bp)
