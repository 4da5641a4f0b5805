"""A small application with the face of the portal and no database, and a reader of its pages."""

from collections.abc import Iterator
from pathlib import Path
from xml.etree.ElementTree import Element

import html5lib
from flask import Flask, render_template_string
from flask_wtf.csrf import CSRFProtect

from portal.errors import init_errors
from portal.headers import init_headers
from portal.templating import init_templating

TEMPLATES = Path(__file__).resolve().parents[2] / "templates"

# The smallest page of each layout that has a script or a form of its own.
PAGES = {
    "/staff": """{% extends "layouts/staff.html" %}
        {% block title %}見本{% endblock %}{% block content %}<h1>見本</h1>{% endblock %}""",
    "/report": """{% extends "layouts/public.html" %}
        {% block title %}見本{% endblock %}{% block content %}<h1>見本</h1>{% endblock %}""",
    "/child/memo": """{% extends "layouts/child.html" %}
        {% block content %}<h1>こんにちは</h1>{% endblock %}""",
}


def faced_app(**config: object) -> Flask:
    """Return an application with templates, headers and error pages, and one page per layout."""
    app = Flask("portal", template_folder=str(TEMPLATES))
    app.config.update(SECRET_KEY="for tests only", TESTING=False, **config)
    CSRFProtect(app)
    init_templating(app)
    for path, source in PAGES.items():
        app.add_url_rule(path, path, lambda source=source: render_template_string(source))
    init_errors(app)
    init_headers(app)
    return app


def parsed(html: str) -> Element:
    """Return a page as a tree; a page that is not valid HTML fails the test that reads it."""
    parser = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False)
    tree: Element = parser.parse(html)
    return tree


def named(root: Element, attribute: str) -> Iterator[str]:
    """Yield each word of `attribute` in the tree."""
    for element in root.iter():
        yield from element.get(attribute, "").split()
