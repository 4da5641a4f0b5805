"""The child's and the guardian's own pages, opened by a return code and a secret word."""

from flask import Blueprint

bp = Blueprint("child", __name__)

from blueprints.child import sharing, views  # noqa: E402, F401  (the views bind themselves to bp)
