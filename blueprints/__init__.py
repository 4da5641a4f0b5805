"""The areas of the portal, after the five functions of the centre itself (seed Ⅳ)."""

from importlib import import_module

from flask import Flask

AREAS = (
    "account",
    "home",
    "intake",
    "cases",
    "coordination",
    "support",
    "progress",
    "consents",
    "child",
    "administration",
    "oversight",
    "api",
)


def register_blueprints(app: Flask) -> None:
    """Register every area; each is a package with one blueprint named ``bp``."""
    for area in AREAS:
        app.register_blueprint(import_module(f"blueprints.{area}").bp)
