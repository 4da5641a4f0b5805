"""What a page weighs on the line for whoever opens it for the first time, with nothing in a cache.

Counted is the page itself, which is never compressed, and every style, script, picture and font
that it and its style name, as they go to a browser that takes gzip.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from urllib.parse import urljoin

from portal.unit import Portal
from tests.web import BASE, Page

MOST = 100_000
TAKES_GZIP = {"Accept-Encoding": "gzip"}
_NAMED = re.compile(r"url\(\s*[\"']?([^\"')]+)")


class Scales:
    """Weighs pages of one application; what they bring along is fetched once and kept."""

    def __init__(self, app: Portal) -> None:
        self._client = app.test_client()
        self._fetched: dict[str, tuple[int, str]] = {}

    def weigh(self, url: str, page: Page) -> int:
        """Return the bytes of a page with everything that a browser fetches for it."""
        bytes_of_page = len(page.response.get_data())
        return bytes_of_page + sum(self._fetch(each)[0] for each in self.brought(url, page))

    def brought(self, url: str, page: Page) -> set[str]:
        """Return the addresses of what a browser fetches for a page."""
        waiting, found = [urljoin(url, each) for each in _named(page)], set[str]()
        while waiting:
            address = waiting.pop()
            if address not in found:
                found.add(address)
                style = self._fetch(address)[1]
                waiting += [urljoin(address, each) for each in _NAMED.findall(style)]
        return found

    def _fetch(self, url: str) -> tuple[int, str]:
        """Return what something weighs on the line, and its text where it is a style."""
        if url not in self._fetched:
            with self._client.get(url, base_url=BASE, headers=TAKES_GZIP) as served:
                assert served.status_code == 200, url
                bytes_served = served.get_data()
            plain = gzip.decompress(bytes_served) if served.content_encoding else bytes_served
            style = plain.decode() if served.mimetype == "text/css" else ""
            self._fetched[url] = len(bytes_served), style
        return self._fetched[url]


def _named(page: Page) -> Iterator[str]:
    assert page.tree is not None
    for element in page.tree.iter("link", "script", "img", "source", "iframe", "object", "use"):
        address = element.get("href") or element.get("src") or element.get("data")
        if address and not address.startswith(("#", "data:")):
            yield address
