"""What waits for me, what I was told of and whom an alarm rings; and the health check."""

from flask import Blueprint

bp = Blueprint("home", __name__)

from blueprints.home import (  # noqa: E402
    duty,  # noqa: F401
    notifications,  # noqa: F401
    views,  # noqa: F401  (the views bind themselves to bp)
)
