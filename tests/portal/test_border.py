"""Between the portal and the network: whose word is taken for address, scheme and name."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask import request

from portal.config import Config
from portal.factory import create_app
from portal.unit import Portal

Make = Callable[..., Portal]
HTTPS = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.9"}
NAME = "portal.example.jp"


@pytest.fixture
def make(tmp_path: Path) -> Make:
    def _make(**settings: Any) -> Portal:
        config = Config.for_tests("postgresql://nowhere/portal", tmp_path)
        app = create_app(replace(config, hosts=(NAME,), **settings))
        # What a view would see, before any database is asked.
        app.before_request(lambda: f"{request.scheme} {request.remote_addr}")
        return app

    return _make


def asked(app: Portal, name: str = NAME, **headers: str) -> tuple[int, str]:
    written = {key.replace("_", "-"): value for key, value in headers.items()}
    answer = app.test_client().get("/accessibility", base_url=f"http://{name}", headers=written)
    assert "nonce-" in answer.headers["Content-Security-Policy"], "a refusal is dressed too"
    return answer.status_code, answer.get_data(as_text=True)


def test_without_a_proxy_no_forwarded_word_is_taken(make: Make) -> None:
    assert asked(make(), **HTTPS) == (200, "http 127.0.0.1")


def test_behind_one_proxy_its_last_word_is_taken(make: Make) -> None:
    app = make(proxies=1)
    assert asked(app, **HTTPS) == (200, "https 203.0.113.9")
    # Whoever writes the header themselves is only pushed to the left of it.
    forged = {**HTTPS, "X-Forwarded-For": "192.0.2.1, 203.0.113.9"}
    assert asked(app, **forged) == (200, "https 203.0.113.9")


def test_behind_two_proxies_the_word_of_the_first_is_taken(make: Make) -> None:
    passed = {"X-Forwarded-For": "192.0.2.1, 203.0.113.9, 10.0.0.2"}
    both = {"X-Forwarded-Proto": "https, https", **passed}
    assert asked(make(proxies=2), **both) == (200, "https 203.0.113.9")


@pytest.mark.parametrize(
    "headers", [{}, {**HTTPS, "X-Forwarded-Proto": "http"}, {"X-Forwarded-For": "203.0.113.9"}]
)
def test_what_did_not_come_by_tls_is_refused(make: Make, headers: dict[str, str]) -> None:
    status, page = asked(make(proxies=1), **headers)
    assert status == 400
    assert "<h1" in page


@pytest.mark.parametrize(
    "name", ["evil.example", f"{NAME}.evil.example", f"evil.{NAME}", "localhost"]
)
def test_another_name_is_not_answered(make: Make, name: str) -> None:
    status, page = asked(make(proxies=1), name, **HTTPS)
    assert status == 400
    assert "evil.example" not in page


def test_a_forwarded_name_is_not_taken(make: Make) -> None:
    status, _ = asked(make(proxies=1), **HTTPS, X_Forwarded_Host="evil.example")
    assert status == 200
