"""Machines that call the interface: made by the administrator, known by a secret, ended at once."""

import re
from base64 import b64encode
from collections.abc import Callable
from hashlib import sha256
from typing import Any

import pytest
from sqlalchemy import Engine, text

from portal.services.machines import SCOPES
from portal.unit import Portal
from tests.city import City
from tests.web import BASE, Browser, Page

Browse = Callable[[str], Browser]

TOKEN = {"grant_type": "client_credentials"}


class Machine:
    """A program that knows a client id and a secret, and keeps no cookie."""

    def __init__(self, app: Portal, client_id: str, secret: str) -> None:
        self.app, self.client_id, self.secret = app, client_id, secret

    def ask(self, **form: str) -> tuple[int, dict[str, Any]]:
        """Ask for a token."""
        pair = b64encode(f"{self.client_id}:{self.secret}".encode()).decode()
        return answered(
            self.app.test_client(use_cookies=False).post(
                "/api/token",
                data={**TOKEN, **form},
                headers={"Authorization": f"Basic {pair}"},
                base_url=BASE,
            )
        )

    def token(self, **form: str) -> str:
        """Return a token."""
        status, answer = self.ask(**form)
        assert status == 200, answer
        assert (answer["token_type"], answer["expires_in"]) == ("Bearer", 600)
        token: str = answer["access_token"]
        return token

    def who(self, token: str) -> tuple[int, dict[str, Any]]:
        """Ask who it is."""
        return answered(
            self.app.test_client(use_cookies=False).get(
                "/api/whoami", headers={"Authorization": f"Bearer {token}"}, base_url=BASE
            )
        )


def answered(response: Any) -> tuple[int, dict[str, Any]]:
    assert response.mimetype == "application/json"
    assert response.headers["Cache-Control"] == "no-store"
    return response.status_code, response.get_json()


def make(browse: Browse, town: City, name: str = "校務支援システム") -> tuple[Page, str, str]:
    """Let the administrator make a machine of the school; return the page, id and secret."""
    page = browse("admin").submit(
        "/machines/new",
        {"name": name, "agency": str(town.agencies["school"]), "scopes": ["whoami"]},
        200,
    )
    return page, *shown(page)


def shown(page: Page) -> tuple[str, str]:
    client_id = re.search(r"/machines/([0-9a-f-]{36})\"", page.text)
    secret = re.search(r"<code>([\w-]{43})</code>", page.text)
    assert client_id is not None
    assert secret is not None
    return client_id.group(1), secret.group(1)


@pytest.fixture
def machine(app: Portal, browse: Browse, town: City) -> Machine:
    """A machine of the school."""
    return Machine(app, *make(browse, town)[1:])


def test_a_machine_gets_a_token_and_says_who_it_is(machine: Machine, town: City) -> None:
    status, answer = machine.who(machine.token())
    assert status == 200
    until = answer.pop("valid_until")
    assert until.endswith("+00:00")
    assert answer == {
        "client_id": machine.client_id,
        "name": "校務支援システム",
        "agency_id": str(town.agencies["school"]),
        "agency": "見本第一小学校",
        "scopes": ["whoami"],
    }


def test_its_secret_is_shown_once_and_kept_as_a_hash(
    machine: Machine, browse: Browse, system: Engine
) -> None:
    page = browse("admin").get(f"/machines/{machine.client_id}")
    assert machine.secret not in page.text
    token = machine.token()
    with system.connect() as connection:
        (kept,) = connection.execute(text("SELECT secret_hash FROM machine_secrets")).one()
        (of_token,) = connection.execute(text("SELECT token_hash FROM machine_tokens")).one()
    assert bytes(kept) == sha256(machine.secret.encode()).digest()
    assert bytes(of_token) == sha256(token.encode()).digest()


def test_a_form_sent_twice_makes_one_machine_and_shows_no_secret_again(
    browse: Browse, town: City, system: Engine
) -> None:
    admin = browse("admin")
    form = admin.get("/machines/new").form("")
    values = {**form, "name": "二度", "agency": str(town.agencies["school"]), "scopes": "whoami"}
    assert "この画面だけに出ます" in admin.post("/machines/new", values, 200).words
    again = admin.post("/machines/new", values, 200)
    assert "すでに一度出ています" in again.words
    assert "<code>" not in again.text
    with system.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM machine_secrets")).scalar_one() == 1


@pytest.mark.parametrize(
    "scope", ["cases", "whoami cases", "openid", "*", "WHOAMI", "whoami,cases"]
)
def test_a_scope_that_is_unknown_or_foreign_is_refused_and_not_emptied(
    machine: Machine, scope: str, system: Engine
) -> None:
    status, answer = machine.ask(scope=scope)
    assert (status, answer["error"]) == (400, "invalid_scope")
    assert "access_token" not in answer
    with system.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM machine_tokens")).scalar_one() == 0
    assert machine.ask(scope="whoami")[1]["scope"] == "whoami"


def test_a_machine_may_be_allowed_only_what_is_on_the_list(browse: Browse, town: City) -> None:
    assert SCOPES == ("whoami",)
    values = {"name": "みほん", "agency": str(town.agencies["school"])}
    browse("admin").submit("/machines/new", {**values, "scopes": ["cases"]}, 422)
    browse("admin").submit("/machines/new", {**values, "scopes": []}, 422)


def test_a_token_needs_the_scope_of_what_it_asks(machine: Machine, system: Engine) -> None:
    token = machine.token()
    with system.begin() as connection:
        connection.execute(text("UPDATE machine_tokens SET scopes = '{other}'"))
    status, answer = machine.who(token)
    assert (status, answer["error"]) == (403, "insufficient_scope")


def test_unknown_and_wrong_are_told_apart_by_nothing(app: Portal, machine: Machine) -> None:
    answers = [
        Machine(app, client_id, secret).ask()
        for client_id, secret in (
            (machine.client_id, "wrong"),
            ("00000000-0000-4000-8000-000000000000", machine.secret),
            ("no id at all", machine.secret),
        )
    ]
    assert answers[0][0] == 401
    assert answers[0][1]["error"] == "invalid_client"
    assert answers == [answers[0]] * 3


def test_guessing_is_slowed_down(app: Portal, machine: Machine, system: Engine) -> None:
    guesser = Machine(app, machine.client_id, "a guess")
    assert [guesser.ask()[0] for _ in range(6)] == [401] * 5 + [429]
    with system.connect() as connection:
        doors = connection.execute(
            text("SELECT details->>'door' FROM audit_events WHERE event = 'session.refused'")
        ).scalars()
        assert list(doors) == ["token"] * 5


def test_other_grants_and_other_ways_to_show_a_secret_are_refused(
    app: Portal, machine: Machine
) -> None:
    for grant in ("password", "authorization_code", "refresh_token", ""):
        assert machine.ask(grant_type=grant)[1]["error"] == "unsupported_grant_type"
    in_the_form = {**TOKEN, "client_id": machine.client_id, "client_secret": machine.secret}
    response = app.test_client().post("/api/token", data=in_the_form, base_url=BASE)
    assert answered(response)[0] == 401


def test_without_a_good_token_nobody_is_anybody(app: Portal, machine: Machine) -> None:
    client = app.test_client()
    assert answered(client.get("/api/whoami", base_url=BASE))[0] == 401
    for token in ("", "made up", machine.secret):
        status, answer = machine.who(token)
        assert status == 401, answer


def test_a_person_is_no_machine_and_a_machine_no_person(
    app: Portal, browse: Browse, machine: Machine
) -> None:
    assert browse("admin").client.get("/api/whoami", base_url=BASE).status_code == 401
    headers = {"Authorization": f"Bearer {machine.token()}"}
    for url in ("/cases", "/machines", "/sign-ins"):
        assert app.test_client().get(url, base_url=BASE, headers=headers).status_code == 302


def test_a_new_secret_overlaps_with_the_old_one_and_then_stands_alone(
    app: Portal, browse: Browse, machine: Machine, system: Engine
) -> None:
    admin, url = browse("admin"), f"/machines/{machine.client_id}"
    page = admin.post(f"{url}/secrets", admin.get(url).form("/secrets"), 200)
    assert "あと7日使えます" in page.words
    renewed = Machine(app, *shown(page))
    old, new = machine.token(), renewed.token()
    # No third while two hold.
    page = admin.post(f"{url}/secrets", admin.get(url).form("/secrets"), 422)
    assert "まだ2つのシークレットが使えます" in page.words
    with system.begin() as connection:
        connection.execute(
            text("UPDATE machine_secrets SET valid_until = now() WHERE valid_until IS NOT NULL")
        )
    assert machine.ask()[0] == 401
    assert machine.who(old)[0] == 401, "a token ends with the secret it was given for"
    assert renewed.who(new)[0] == 200


def test_a_secret_is_ended_at_once(app: Portal, browse: Browse, machine: Machine) -> None:
    admin, url = browse("admin"), f"/machines/{machine.client_id}"
    token = machine.token()
    (way,) = re.findall(r'action="(/machine-secrets/[0-9a-f-]+/end)"', admin.get(url).text)
    admin.post(way)
    assert machine.who(token)[0] == 401
    assert machine.ask()[0] == 401


def test_a_machine_is_ended_at_once_and_for_good(browse: Browse, machine: Machine) -> None:
    admin, url = browse("admin"), f"/machines/{machine.client_id}"
    token = machine.token()
    assert machine.who(token)[0] == 200
    form = admin.get(url).form("/secrets")
    admin.submit(f"{url}/revoke", {})
    assert machine.who(token)[0] == 401
    assert machine.ask()[0] == 401
    assert "終わりました" in admin.get("/machines").words
    assert "このシステムは終わっています" in admin.post(f"{url}/secrets", form, 422).words


def test_the_administrator_sees_when_a_machine_last_came_in(
    browse: Browse, machine: Machine
) -> None:
    assert "まだありません" in browse("admin").get("/machines").words
    machine.token()
    assert "まだありません" not in browse("admin").get("/machines").words


def test_each_change_is_in_the_log_and_nobody_else_makes_one(
    browse: Browse, machine: Machine, system: Engine
) -> None:
    machine.token()
    browse("admin").submit(f"/machines/{machine.client_id}/revoke", {})
    with system.connect() as connection:
        log = connection.execute(
            text(
                "SELECT event, details->>'change' FROM audit_events"
                " WHERE event LIKE 'machine.%' ORDER BY happened_at"
            )
        ).all()
    assert [tuple(row) for row in log] == [
        ("machine.changed", "created"),
        ("machine.admitted", None),
        ("machine.changed", "revoked"),
    ]
    for person in ("director", "principal", "auditor"):
        browse(person).get("/machines", 403)
        browse(person).get(f"/machines/{machine.client_id}", 403)
