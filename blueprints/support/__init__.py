"""直接支援: the child is met, and what came of it."""

from flask import Blueprint

bp = Blueprint("support", __name__)

from blueprints.support import people, views  # noqa: E402, F401  (the views bind themselves to bp)
