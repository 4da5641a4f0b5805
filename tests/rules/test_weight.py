"""No page weighs more than 100 kB (``tests.weighing`` says what is counted)."""

from __future__ import annotations

from flask import Response, make_response

from tests.site import STRANGER, Person, Site
from tests.weighing import MOST, TAKES_GZIP, Scales


def weighed(site: Site, people: list[Person]) -> list[tuple[int, str]]:
    """Return what the pages of some people weigh, the heaviest first."""
    scales = Scales(site.app)
    return sorted(
        (
            (scales.weigh(url, page), f"{url} for {person.label}")
            for person in people
            for url, page in site.at(person).walk(each=2)
            if page.status == 200 and page.tree is not None
        ),
        reverse=True,
    )


def test_no_page_is_heavier_than_a_hundred_kilobytes(site: Site) -> None:
    found = weighed(site, site.one_of_each())
    heavy = [f"{weight:,} bytes: {page}" for weight, page in found if weight > MOST]
    assert not heavy, "\n".join(heavy)
    assert len(found) > 200


def test_a_heavy_page_and_a_heavy_style_would_be_found(site: Site) -> None:
    url = "/accessibility"
    page = site.at(STRANGER).get(url)
    names = {each.partition("?")[0] for each in Scales(site.app).brought(url, page)}
    assert {"/static/portal.css", "/static/portal.js", "/static/icons/select.svg"} <= names
    assert Scales(site.app).weigh(url, page) > len(page.response.get_data())

    def planted() -> Response:
        return make_response(f"<!doctype html><title>x</title><h1>x</h1>{'あ' * (MOST // 3)}")

    site.app.view_functions["account.accessibility"] = planted
    weight, heaviest = weighed(site, [STRANGER])[0]
    assert weight > MOST
    assert url in heaviest


def test_no_page_is_compressed(site: Site) -> None:
    """How long a compressed page is would tell of what it says."""
    asked = [
        site.at(person).get(url, headers=TAKES_GZIP)
        for person in (STRANGER, site.one_of_each()[0])
        for url in ("/accessibility", "/sign-in", "/", "/cases", "/nowhere")
    ]
    assert {page.status for page in asked} >= {200, 302, 404}
    assert {page.response.content_encoding for page in asked} == {None}
