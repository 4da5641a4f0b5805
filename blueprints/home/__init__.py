"""What waits for me; and the health check."""

from flask import Blueprint

bp = Blueprint("home", __name__)

from blueprints.home import views  # noqa: E402, F401  (the views bind themselves to bp)
