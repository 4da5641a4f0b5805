"""専門職トータルコーディネート: actions of agencies, the weekly meeting and its briefs."""

from flask import Blueprint

bp = Blueprint("coordination", __name__)

from blueprints.coordination import actions, meetings  # noqa: E402, F401  (the views bind themselves to bp)
