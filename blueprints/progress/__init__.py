"""進捗確認: progress with a next date, closure, re-opening."""

from flask import Blueprint

bp = Blueprint("progress", __name__)

from blueprints.progress import views  # noqa: E402, F401  (the views bind themselves to bp)
