"""直接支援: the child is met, and what came of it."""

from flask import Blueprint

bp = Blueprint("support", __name__)

from blueprints.support import (  # noqa: E402  (the views bind themselves to bp)
    birth_dates,  # noqa: F401
    people,  # noqa: F401
    views,  # noqa: F401
)
