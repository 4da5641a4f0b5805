"""Every route, for everybody, with every kind of answer: the header set, guarded cookies, no-store.

`tests.site.faults` says what no answer may be. Each address is asked for as it is, for nothing, by
a method it does not take and without a token, so that each kind of refusal comes up.
"""

from collections import Counter
from collections.abc import Callable, Iterator

from flask import Response, make_response

from tests.rules.test_routes import absent, address, form_token, samples, someone, views
from tests.site import LEAVING, STRANGER, Person, Site, Visitor, faults
from tests.web import Page

WRONG_METHOD = "PATCH"
# A child's page, an asked-for report, a page of staff, and one of nobody.
ROLES = ("center_director", "school_nurse", "sysadmin", "audit_officer")


def people(site: Site) -> list[Person]:
    child = next(person for person in site.visitors() if person.label == "visitor (child)")
    return [STRANGER, child, *(someone(site, role) for role in ROLES)]


def answers(site: Site) -> Iterator[tuple[str, Page]]:
    """Yield what was asked and what came back, for every route and person."""
    for person in people(site):
        visitor = site.at(person)
        token = form_token(visitor)
        for rule in views(site.app):
            own = samples(site, rule)[0]
            methods = rule.methods or set()
            for name, page in _asked(visitor, address(site, rule, own), methods, token):
                yield f"{person.label}: {name} {rule.rule}", page
            if "GET" in methods and absent(own) != own:
                nothing = address(site, rule, absent(own))
                yield f"{person.label}: GET {rule.rule} of nothing", visitor.get(nothing)
            if rule.endpoint in LEAVING:
                visitor.sign_in()
                token = form_token(visitor)


def _asked(visitor: Visitor, url: str, methods: set[str], token: str) -> Iterator[tuple[str, Page]]:
    if "GET" in methods:
        yield "GET", visitor.get(url)
    if "POST" in methods:
        yield "POST without a token", visitor.ask("POST", url)
        yield "POST", visitor.ask("POST", url, data={"csrf_token": token})
    if visitor.person.stranger:
        yield WRONG_METHOD, visitor.ask(WRONG_METHOD, url)


def test_every_answer_of_every_route_is_dressed_and_never_kept(site: Site) -> None:
    statuses: Counter[int] = Counter()
    nonces: Counter[str] = Counter()
    wrong: list[str] = []
    for asked, page in answers(site):
        statuses[page.status] += 1
        nonces[page.response.headers["Content-Security-Policy"]] += 1
        wrong += [f"{asked}: {fault}" for fault in faults(page)]
    assert not wrong, "\n".join(wrong[:20])
    assert {200, 302, 400, 401, 403, 404, 405, 422} <= statuses.keys(), statuses
    # A nonce is for one answer.
    assert set(nonces.values()) == {1}


def test_an_answer_without_its_headers_or_guards_would_be_found(
    new_site: Callable[[], Site],
) -> None:
    site = new_site()

    def planted() -> Response:
        response = make_response("<!doctype html><title>x</title><h1>x</h1>")
        response.set_cookie("plain", "x")
        return response

    site.app.view_functions["account.accessibility"] = planted
    page = site.at(STRANGER).get("/accessibility")
    assert [fault for fault in faults(page) if "cookie" in fault]
    del page.response.headers["X-Frame-Options"]
    page.response.headers["Cache-Control"] = "public"
    assert len(faults(page)) == 3
