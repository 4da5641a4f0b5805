"""The sign-ons of two houses for tests, and people who sign in there (``tests/provider.mjs``)."""

import json
import platform
import shutil
import socket
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import requests
from lxml import html

from tests.web import BASE

_ROOT = Path(__file__).parents[1]
# Node's names for the machines that npm has a Node.js of.
_MACHINES = {"x86_64": "x64", "aarch64": "arm64"}


@dataclass
class House:
    """The sign-on of one organisation: where it is, and who is known there."""

    name: str
    people: dict[str, dict[str, Any]]
    # Whether the token says nothing but who it is, and the rest is asked for (OpenID Connect §5.4).
    thin: bool = False
    portal: str = BASE
    issuer_id: uuid.UUID = field(default_factory=uuid.uuid4)
    client_secret: str = "a secret of the house and the portal"
    # Known once the house is open (``open_houses``).
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    @property
    def back(self) -> str:
        return f"{self.portal}/sign-on/{self.issuer_id}/back"

    @property
    def client_id(self) -> str:
        return f"portal-at-{self.name}"

    def trick(self, **kind: Any) -> None:
        """Let the house misbehave from now on; without arguments it behaves again."""
        requests.post(f"{self.url}/test/trick", json=kind, timeout=10).raise_for_status()

    def sign_in(self, address: str, login: str) -> str:
        """Go where the portal sent the browser, sign in, and return where the house sends it."""
        with requests.Session() as browser:
            page = browser.get(address, allow_redirects=False, timeout=10)
            while page.is_redirect:
                there = urljoin(page.url, page.headers["Location"])
                if there.startswith(self.portal):
                    return there
                page = browser.get(there, allow_redirects=False, timeout=10)
                if not page.is_redirect and html.fromstring(page.text).forms:
                    page = browser.post(
                        page.url, data={"login": login}, allow_redirects=False, timeout=10
                    )
        message = f"{self.name} sends nobody back: {page.status_code} {page.text[:500]}"
        raise AssertionError(message)

    def described(self) -> dict[str, Any]:
        client = {
            "client_id": self.client_id,
            "client_secret": self.client_secret,
            "redirect_uris": [self.back],
            "post_logout_redirect_uris": [f"{self.portal}/sign-in"],
        }
        return {
            "thin": self.thin,
            "clients": [client],
            "people": self.people,
        }


def staff(
    email: str, *, verified: bool = True, groups: tuple[str, ...] = (), **factors: Any
) -> dict[str, Any]:
    """Return what a house knows of somebody."""
    claims = {"email": email, "email_verified": verified, "groups": list(groups)}
    return {"claims": claims, **factors}


def node() -> str:
    """Return the Node.js that came with the tests' packages, or else the machine's."""
    package = _ROOT / "node_modules" / f"node-linux-{_MACHINES.get(platform.machine())}"
    own = package / "bin" / "node"
    found = str(own) if own.exists() else shutil.which("node")
    assert found is not None, "run: make node"
    return found


@contextmanager
def closed_port() -> Iterator[int]:
    """Hold a port that nobody listens on, and nobody else can take, for as long as the block."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


@contextmanager
def open_houses(*houses: House) -> Iterator[None]:
    """Run the providers of some houses for as long as the block lasts."""
    process = subprocess.Popen(
        [node(), str(_ROOT / "tests" / "provider.mjs")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=_ROOT,
    )
    with process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps([house.described() for house in houses]) + "\n")
        process.stdin.flush()
        told = process.stdout.readline()
        assert told, "the providers did not start"
        for house, port in zip(houses, json.loads(told), strict=True):
            house.port = port
        try:
            yield
        finally:
            process.stdin.close()
            process.wait(timeout=10)
