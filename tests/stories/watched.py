"""Somebody at a real browser whose every page is looked at, with keys to plug into the machine."""

import re
from typing import Any

from playwright.sync_api import BrowserContext

from tests.browser.conftest import Judge
from tests.second_factor import next_code
from tests.stories.people import ChromiumPerson

# Its address, its status and how many forms it has: pages that are alike are looked at once.
Kind = tuple[str, int, int]
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class WatchedPerson(ChromiumPerson):
    """A person at a real browser; axe judges each kind of page once and a picture is kept."""

    def __init__(self, context: BrowserContext, address: str) -> None:
        super().__init__(context, address)
        self.context = context
        # A house's sign-on stands at another port of this machine.
        self.eyes = Judge(self.tab, address.rpartition(":")[0])
        self._looked: set[Kind] = set()

    def opens(self, path: str) -> None:
        super().opens(path)
        self.look()

    def sends(self, **answers: str | list[str]) -> None:
        super().sends(**answers)
        self.look()

    def presses(self, words: str) -> None:
        super().presses(words)
        self.look()

    def touches(self, words: str) -> None:
        super().touches(words)
        self.look()

    def follows(self, pattern: str) -> None:
        """Touch the one link whose path matches, wherever on the page it stands."""
        links = self.tab.locator("main a, .site-nav a")
        hrefs = links.evaluate_all("links => links.map(link => link.getAttribute('href') || '')")
        found = {href for href in hrefs if re.fullmatch(pattern, href.partition("#")[0])}
        assert len(found) == 1, f"{len(found)} links for {pattern!r}: {sorted(found)}"
        with self.tab.expect_navigation():
            links.nth(hrefs.index(found.pop())).click()
        self.taps += 1
        self.look()

    def look(self) -> None:
        where = _ID.sub("", self.path)
        kind = (where, self.status, self.tab.locator("form").count())
        # A house's own page is not ours to judge.
        if where.startswith("/") and kind not in self._looked:
            self._looked.add(kind)
            self.eyes.look(f"story {where} {self.status} {kind[2]}")

    def proves(self, email: str) -> None:
        """Prove it once more, where a weighty step asks for it."""
        assert self.status == 403
        self.sees("もう一度、本人を確かめます")
        self.sends(step_up_code=next_code(email))

    def finds_nothing_beyond(self, path: str) -> None:
        """Ask for a page before the second factor, and stand before it again."""
        self.opens(path)
        assert self.path == "/second-factor"

    def signs_out(self) -> None:
        """Sign out by the folded part that says who one is."""
        self.tab.locator("details.account summary").click()
        self.presses("サインアウト")


class SecurityKey:
    """A key that holds passkeys, which its owner plugs into a machine and takes out again."""

    def __init__(self) -> None:
        self.credentials: list[dict[str, Any]] = []

    def plugged_into(self, person: WatchedPerson) -> "Plugged":
        """Return the key in the machine of a window, for as long as a block lasts."""
        return Plugged(self, person)


class Plugged:
    """A security key in a machine: Chromium's virtual authenticator, touched whenever it asks."""

    def __init__(self, key: SecurityKey, person: WatchedPerson) -> None:
        self.key = key
        self.machine = person.context.new_cdp_session(person.tab)
        self.machine.send("WebAuthn.enable")

    def __enter__(self) -> None:
        made = self.machine.send(
            "WebAuthn.addVirtualAuthenticator",
            {
                "options": {
                    "protocol": "ctap2",
                    "transport": "usb",
                    "hasResidentKey": True,
                    "hasUserVerification": True,
                    "isUserVerified": True,
                }
            },
        )
        self.slot = {"authenticatorId": made["authenticatorId"]}
        for credential in self.key.credentials:
            self.machine.send("WebAuthn.addCredential", {**self.slot, "credential": credential})

    def __exit__(self, *_failed: object) -> None:
        held = self.machine.send("WebAuthn.getCredentials", self.slot)
        self.key.credentials = held["credentials"]
        self.machine.send("WebAuthn.removeVirtualAuthenticator", self.slot)
        self.machine.detach()
