"""Every route, known by nothing but its rule: who is let in, and that what is hidden is not there.

A page that is new today is swept today. `tests/data/routes.txt` keeps what is served, to whom: run
this file as a module to write it anew, and read the difference.
"""

import ast
import re
import uuid
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select
from werkzeug.routing import Rule

from portal import auth, models
from portal.config import Config
from portal.database import SystemSession
from portal.extensions import csrf
from portal.factory import create_app
from portal.policy.permissions import Action, Standing, allows
from tests.site import STRANGER, Person, Site, Visitor
from tests.web import Page

ROOT = Path(__file__).parents[2]
KEPT = ROOT / "tests" / "data" / "routes.txt"
MUTATING = ("POST", "PUT", "PATCH", "DELETE")
# Rows that any request may add, whatever it was for.
LOGS = frozenset({"audit_events", "sessions", "throttle_counts"})


# --- what is served -----------------------------------------------------------------------------


def views(app: Flask) -> list[Rule]:
    """Return the rules of all views, by their paths."""
    rules = (rule for rule in app.url_map.iter_rules() if rule.endpoint != "static")
    return sorted(rules, key=lambda rule: (rule.rule, sorted(rule.methods or ())))


def action_of(app: Flask, endpoint: str) -> Action | None:
    action: Action | None = getattr(app.view_functions[endpoint], "portal_action", None)
    return action


def described(app: Flask) -> list[str]:
    """Return one line for each rule: methods, path, endpoint, and for whom it is."""
    return [
        " ".join(
            [
                ",".join(sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})),
                rule.rule.replace(" ", ""),
                rule.endpoint,
                "public"
                if rule.endpoint in auth.PUBLIC
                else str(action_of(app, rule.endpoint) or "NOBODY"),
            ]
        )
        for rule in views(app)
    ]


def public_endpoints() -> set[str]:
    """Return the endpoints that the kept list calls public."""
    lines = (line.split(" ") for line in KEPT.read_text(encoding="utf-8").splitlines())
    return {endpoint for _, _, endpoint, whom in lines if whom == "public"}


def test_no_route_comes_or_goes_unnoticed(site: Site) -> None:
    kept = KEPT.read_text(encoding="utf-8").splitlines()
    now = described(site.app)
    assert now == kept, (
        "Routes changed. If that is meant, run: .venv/bin/python -m tests.rules.test_routes\n"
        + "\n".join(sorted(set(now) ^ set(kept)))
    )


def test_each_public_endpoint_exists(site: Site) -> None:
    assert site.app.view_functions.keys() >= auth.PUBLIC


def test_each_view_says_whom_it_is_for(site: Site) -> None:
    def unsaid(app: Flask) -> set[str]:
        return {
            rule.endpoint
            for rule in views(app)
            if (action_of(app, rule.endpoint) is None) != (rule.endpoint in auth.PUBLIC)
        }

    assert not unsaid(site.app), "mark each view with @permits(Action.…), or name it in PUBLIC"
    site.app.add_url_rule("/planted", "planted", lambda: "")
    assert unsaid(site.app) == {"planted"}


def marks(source: str) -> Iterator[tuple[str, int]]:
    """Yield each routed function of a module and how many deeds it is marked with."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef):
            calls = [each.func for each in node.decorator_list if isinstance(each, ast.Call)]
            if any(isinstance(f, ast.Attribute) and f.attr in _ROUTING for f in calls):
                names = [f.id if isinstance(f, ast.Name) else f.attr for f in calls]  # type: ignore[attr-defined]
                yield node.name, names.count("permits")


_ROUTING = ("route", "get", "post", "put", "patch", "delete")


def test_no_view_is_marked_twice() -> None:
    counted = [
        (f"{path.parent.name}.{name}", count)
        for path in sorted((ROOT / "blueprints").rglob("*.py"))
        for name, count in marks(path.read_text(encoding="utf-8"))
    ]
    assert len(counted) > 20
    for endpoint, count in counted:
        assert count == (0 if endpoint in auth.PUBLIC else 1), f"{endpoint} has {count} @permits"
    planted = "@bp.get('/x')\n@permits(Action.POST)\n@permits(Action.VISIT)\ndef x(): pass"
    assert list(marks(planted)) == [("x", 2)]


# A code is typed as text on purpose: a link on paper is no id.
UNTYPED = {("intake.report", "slug")}
_PATH = re.compile(r"(/(<[a-z(), _]+:[a-z_]+>|<[a-z_]+>|[a-z0-9]+(-[a-z0-9]+)*))*/?")


def odd_paths(app: Flask) -> list[str]:
    """Return the rules with an argument of no type, or a path that is not in kebab-case."""
    found = []
    for rule in views(app):
        for name, converter in rule._converters.items():
            kind = type(converter).__name__
            typed = kind in ("UUIDConverter", "AnyConverter", "IntegerConverter")
            if not typed and (rule.endpoint, name) not in UNTYPED:
                found.append(f"{rule.rule}: {name} has no type")
        if not _PATH.fullmatch(rule.rule):
            found.append(f"{rule.rule}: write it in kebab-case")
    return found


def test_paths_are_typed_and_in_kebab_case(site: Site) -> None:
    assert not odd_paths(site.app)
    site.app.add_url_rule("/planted_page/<name>", "planted", lambda name: name)
    assert len(odd_paths(site.app)) == 2


# --- addresses ----------------------------------------------------------------------------------

# Arguments whose table has another name.
TABLES = {"item_id": "inbox_items", "public_id": "sessions", "wish_id": "never_tells"}


def table_of(argument: str) -> str:
    """Return the table whose ids an argument such as ``case_id`` means."""
    stem = argument.removesuffix("_id")
    plurals = (f"{stem}s", f"{stem.removesuffix('y')}ies", stem)
    for name in sorted(models.Base.metadata.tables, key=len):
        ends = name in plurals or any(name.endswith(f"_{plural}") for plural in plurals)
        if name == TABLES.get(argument) or (ends and argument not in TABLES):
            return name
    pytest.fail(f"say in TABLES of {__name__} whose ids {argument} means")


def samples(site: Site, rule: Rule) -> list[dict[str, str]]:
    """Return values for the arguments of a rule: of a row and its case, and of another case."""
    choices = {name: _choices(site, rule, name) for name in sorted(rule.arguments)}
    own = {name: found[0] for name, found in choices.items()}
    swapped = {name: found[-1] for name, found in choices.items()}
    for name in choices:
        if "case_id" in choices and name != "case_id" and name.endswith("_id"):
            own["case_id"] = _case_of(site, name, own[name]) or own["case_id"]
    return [own, swapped] if swapped != own else [own]


def _choices(site: Site, rule: Rule, name: str) -> list[str]:
    converter = rule._converters[name]
    if type(converter).__name__ == "AnyConverter":
        return sorted(converter.items)
    if type(converter).__name__ != "UUIDConverter":
        return [row[0] for row in site.rows("SELECT report_slug FROM agencies") if row[0]]
    columns = models.Base.metadata.tables[table_of(name)].c
    key = columns.public_id if name == "public_id" else columns.id
    order = columns.opened_at if name == "public_id" else key
    with site.system.connect() as connection:
        found = connection.execute(select(key).order_by(order)).scalars().all()
    return [str(each) for each in found] or [str(uuid.uuid4())]


def _case_of(site: Site, name: str, key: str) -> str | None:
    columns = models.Base.metadata.tables[table_of(name)].c
    if "case_id" not in columns:
        return None
    with site.system.connect() as connection:
        # A consultation may be of no case yet.
        of_row = select(columns.case_id).where(
            columns.id == uuid.UUID(key), columns.case_id.is_not(None)
        )
        return next((str(each) for each in connection.execute(of_row).scalars()), None)


def absent(values: Mapping[str, str]) -> dict[str, str]:
    """Return the same arguments with ids of nothing."""
    return {
        name: str(uuid.uuid4()) if name.endswith("_id") else value for name, value in values.items()
    }


def address(site: Site, rule: Rule, values: Mapping[str, str]) -> str:
    url = site.build(rule, values)
    assert url is not None, f"{rule.rule} does not take {values}"
    return url


def methods_of(rule: Rule) -> list[str]:
    return sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})


def ask(visitor: Visitor, method: str, url: str, token: str) -> Page:
    return visitor.ask(method, url, data={"csrf_token": token} if method != "GET" else None)


def form_token(visitor: Visitor) -> str:
    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', visitor.get("/sign-in").text)
    assert found is not None
    return found.group(1)


def plain(page: Page) -> tuple[int, str, dict[str, str]]:
    """Return a page, its headers included, without what chance puts into it."""
    headers = {
        name: re.sub(r"nonce-[\w-]+", "nonce-", value)
        for name, value in page.response.headers.items()
        if name not in ("Date", "Set-Cookie")
    }
    return page.status, re.sub(r'(nonce|value)="[^"]*"', r'\1=""', page.text), headers


def fingerprint(site: Site) -> dict[str, str]:
    """Return a digest of every table but the logs."""
    return {
        name: site.rows(
            f"SELECT md5(coalesce(string_agg(t::text, '' ORDER BY t::text), '')) FROM {name} t"  # noqa: S608
        )[0][0]
        for name in models.Base.metadata.tables
        if name not in LOGS
    }


def changed_since(site: Site, before: Mapping[str, str]) -> list[str]:
    """Return which tables changed."""
    return [f"{name} changed" for name, now in fingerprint(site).items() if now != before[name]]


def someone(site: Site, role: str) -> Person:
    """Return the first person of a role."""
    return next(person for person in site.staff() if person.label.startswith(f"{role} of "))


# --- nobody -------------------------------------------------------------------------------------


def opened_to_strangers(site: Site) -> list[str]:
    """Return what answers somebody who is not signed in, though the kept list says otherwise."""
    stranger = site.at(STRANGER)
    token, found = form_token(stranger), []
    for rule in views(site.app):
        if rule.endpoint in public_endpoints():
            continue
        for method in methods_of(rule):
            page = ask(stranger, method, address(site, rule, samples(site, rule)[0]), token)
            to_sign_in = page.location.split("?")[0] in ("/sign-in", "/child/")
            if page.status not in (401, 404) and not (page.status == 302 and to_sign_in):
                found.append(f"{method} {rule.rule}: {page.status}")
    return found


def test_nothing_opens_to_strangers(
    new_site: Callable[[], Site], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not opened_to_strangers(new_site())
    monkeypatch.setattr(auth.guard, "PUBLIC", auth.PUBLIC | {"account.switch"})
    assert any("/switch" in line for line in opened_to_strangers(new_site()))


# --- forged requests ----------------------------------------------------------------------------

# Nobody signs in before telling of a concern: these act for nobody, so that a forger gains nothing,
# and a form that lay open for a day must not be lost for want of a token.
_REFUSED = {"child.start": 422, "intake.report": 422}


def forged(site: Site, person: Person) -> list[str]:
    """Return the mutating requests that a page elsewhere could make somebody's browser send."""
    visitor, stolen = site.at(person), form_token(site.at(STRANGER))
    before, found = fingerprint(site), []
    for rule in views(site.app):
        for method in sorted(set(methods_of(rule)) & set(MUTATING)):
            url = address(site, rule, samples(site, rule)[0])
            refused = _REFUSED.get(rule.endpoint, 400)
            for kind, options in (
                ("no token", {"data": {}}),
                ("a token of somebody else", {"data": {"csrf_token": stolen}}),
                ("plain text", {"data": "csrf_token=x", "content_type": "text/plain"}),
                ("an override", {"data": {}, "headers": {"X-HTTP-Method-Override": "GET"}}),
            ):
                if visitor.ask(method, url, **options).status != refused:
                    found.append(f"{method} {rule.rule} with {kind}")
    return found + changed_since(site, before)


def test_no_form_is_taken_without_its_token(new_site: Callable[[], Site]) -> None:
    site = new_site()
    for role in ("center_director", "sysadmin"):
        assert not forged(site, someone(site, role))
    planted = new_site()
    view = csrf.exempt(lambda: "")
    planted.app.add_url_rule("/planted", "account.planted", view, methods=["POST"])
    assert len(forged(planted, someone(planted, "sysadmin"))) == 4


# --- somebody else's ----------------------------------------------------------------------------

# Name, type of the agency, role; every one of them with everything a role allows and no matter.
FOREIGNERS = (
    ("another centre's director", "support_center", "center_director"),
    ("another school's nurse", "school", "school_nurse"),
    ("another division's officer", "ward_welfare", "ward_worker"),
    ("another police station's liaison", "police", "police_liaison"),
    ("another NPO's worker", "npo", "npo_worker"),
    ("another cafeteria's watcher", "cafeteria", "watcher"),
    ("another lawyer", "expert_lawyer", "expert"),
)


def foreigners(site: Site) -> list[tuple[Person, Standing | None]]:
    """Add agencies that have nothing to do with anything, and return their people.

    The last is a child with a thread of its own and no case.
    """
    made: list[tuple[Person, Standing | None]] = []
    with SystemSession(site.system) as session, session.begin():
        ago = session.scalar(select(func.portal_clock())) - timedelta(hours=1)
        for label, kind, role in FOREIGNERS:
            agency, account = models.Agency(type=kind, name=label), models.Account()
            team = models.Team(agency_id=agency.id, name=label, is_default=True)
            rows = (
                models.Membership(agency_id=agency.id, role=role, manager=True),
                models.TeamMember(team_id=team.id),
            )
            session.add_all([agency, account])
            session.flush()
            session.add(team)
            session.flush()
            year = session.scalar(select(func.fiscal_year()))
            session.add(models.Pledge(account_id=account.id, fiscal_year=year))
            for row in rows:
                row.account_id, row.valid_from = account.id, ago
                session.add(row)
            standing = Standing(role, manager=True, agency_type=kind, agency_id=agency.id)
            made.append((Person(label, account.id, agency.id), standing))
        thread = models.Thread(kind="child")
        session.add(thread)
        made.append((Person("another child", thread=thread.id), None))
    return made


def told_to_foreigners(site: Site, rules: list[Rule]) -> list[str]:
    """Return each request by which somebody without any matter learns that a row is there.

    What is hidden must be the very page that is shown for what does not exist, to the byte. Whoever
    may not do a thing at all is told so, whatever the row. Staff have no way into the pages of
    visitors, nor visitors into theirs: the sweep of strangers is theirs.
    """
    site.open_session(someone(site, "school_nurse"))
    # Chosen before the foreigners come, whose own rows are not hidden from them.
    tried = {id(rule): samples(site, rule) for rule in rules}
    people = foreigners(site)
    before, found = fingerprint(site), []
    for person, standing in people:
        visitor = site.at(person)
        token = form_token(visitor)
        for rule in rules:
            action = action_of(site.app, rule.endpoint)
            if (action is Action.VISIT) == (standing is None):
                allowed = standing is None or (action is not None and allows(standing, action))
                told = _told(site, visitor, token, rule, tried[id(rule)], 404 if allowed else 403)
                found += [f"{person.label}: {line}" for line in told]
    return found + changed_since(site, before)


def _told(  # noqa: PLR0917
    site: Site, visitor: Visitor, token: str, rule: Rule, tried: list[dict[str, str]], expected: int
) -> Iterator[str]:
    for method in methods_of(rule):
        if expected == 403:
            # Whoever is refused by role is refused before any row is looked for.
            page = ask(visitor, method, address(site, rule, tried[0]), token)
            if page.status != 403:
                yield f"{method} {rule.rule}: {page.status}"
            continue
        nothing = ask(visitor, method, address(site, rule, absent(tried[0])), token)
        for values in tried:
            page = ask(visitor, method, address(site, rule, values), token)
            if page.status != 404 or plain(page) != plain(nothing):
                yield f"{method} {rule.rule}: {page.status}"


def with_ids(app: Flask) -> list[Rule]:
    """Return the rules with an id, but for what everybody may ask, such as where to sign on."""
    closed = (rule for rule in views(app) if rule.endpoint not in auth.PUBLIC)
    return [rule for rule in closed if any(name.endswith("_id") for name in rule.arguments)]


def test_what_is_hidden_is_not_there(new_site: Callable[[], Site]) -> None:
    site = new_site()
    assert not told_to_foreigners(site, with_ids(site.app))
    # Each left one line in the log, hidden and absent alike, with nothing of any case.
    events = site.rows(
        "SELECT event, viewer, case_id, thread_id, details->>'status' AS status FROM audit_events"
        " WHERE agency_id IN (SELECT id FROM agencies WHERE name = ANY (:names))",
        names=[label for label, _, _ in FOREIGNERS],
    )
    assert {tuple(event) for event in events} == {
        ("access.refused", "staff", None, None, "403"),
        ("access.refused", "staff", None, None, "404"),
    }


def test_a_page_that_tells_of_a_hidden_row_would_be_found(new_site: Callable[[], Site]) -> None:
    site = new_site()
    known = {row[0] for row in site.rows("SELECT id FROM cases")}

    @auth.permits(Action.READ_CASES)
    def planted(case_id: uuid.UUID) -> Any:
        # It shows no row; it only answers otherwise where there is one.
        return "<h1>x</h1>", 403 if case_id in known else 404

    site.app.add_url_rule("/planted/<uuid:case_id>", "planted", planted)
    rules = [rule for rule in with_ids(site.app) if rule.endpoint == "planted"]
    assert any("/planted/" in line for line in told_to_foreigners(site, rules))


def test_a_deed_that_is_not_ones_own_is_refused_on_a_visible_case(site: Site) -> None:
    nurse = someone(site, "school_nurse")
    visitor = site.at(nurse)
    token = form_token(visitor)
    assert nurse.agency is not None
    standing = Standing("school_nurse", manager=False, agency_type="school", agency_id=nurse.agency)
    cases = [str(row[0]) for row in site.rows("SELECT id FROM cases ORDER BY id")]
    case_id = next(each for each in cases if visitor.get(f"/cases/{each}").status == 200)
    refused = 0
    for rule in views(site.app):
        action = action_of(site.app, rule.endpoint)
        if "case_id" not in rule.arguments or action is None or allows(standing, action):
            continue
        for method in methods_of(rule):
            values = {**samples(site, rule)[0], "case_id": case_id}
            page = ask(visitor, method, address(site, rule, values), token)
            assert page.status == 403, f"{method} {rule.rule}: {page.status}"
            refused += 1
    assert refused > 5


if __name__ == "__main__":
    made = create_app(Config.for_tests("postgresql://nowhere/portal", ROOT / "instance"))
    KEPT.write_text("".join(f"{line}\n" for line in described(made)), encoding="utf-8")
