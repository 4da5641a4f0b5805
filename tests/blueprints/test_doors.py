"""From where an agency's people get in, and nobody locked out by a slip."""

import base64
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import pytest
from sqlalchemy import Engine, text

from portal import doors
from portal.config import Config
from portal.database import SystemSession
from portal.doors import Closed, Door, fingerprint
from portal.extensions import db
from portal.factory import create_app
from portal.installation import InstallationError, open_door
from portal.unit import Portal
from tests.blueprints.test_administration import one
from tests.city import City
from tests.web import BASE, Browser, Page, browser_of

Browse = Callable[[str], Browser]

DER = b"no real certificate, but bytes"
PRINT = hashlib.sha256(DER).hexdigest()
HEADER = f":{base64.b64encode(DER).decode()}:"
PEM = f"-----BEGIN CERTIFICATE-----\n{base64.encodebytes(DER).decode()}-----END CERTIFICATE-----\n"
CALL = "総務課 096-000-0000"
HERE, OFFICE = "127.0.0.1", "203.0.113.77"


# --- the rule -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "networks", "inside"),
    [
        ("192.0.2.7", ["192.0.2.0/24"], True),
        ("192.0.3.7", ["192.0.2.0/24"], False),
        ("192.0.2.7", ["10.0.0.0/8", "192.0.2.7/32"], True),
        ("2001:db8::1", ["2001:db8::/32"], True),
        ("2001:db9::1", ["2001:db8::/32"], False),
        ("2001:db8::1", ["192.0.2.0/24"], False),
        ("::ffff:192.0.2.7", ["192.0.2.0/24"], True),
        ("", ["0.0.0.0/0"], False),
        ("unknown", ["0.0.0.0/0"], False),
    ],
)
def test_an_address_lies_in_a_network_or_not(
    address: str, networks: list[str], *, inside: bool
) -> None:
    assert doors.is_within(address, networks) == inside


@pytest.mark.parametrize("header", [HEADER, quote(PEM), PEM.replace("\n", " ")])
def test_a_certificate_is_known_by_its_fingerprint(header: str) -> None:
    assert fingerprint(header) == PRINT


@pytest.mark.parametrize("header", [None, "", "::", ":%%%:", "あ", quote("-----BEGIN CERT")])
def test_what_is_no_certificate_is_none(header: str | None) -> None:
    assert fingerprint(header) is None


def test_each_limit_is_asked_alone_and_together() -> None:
    both = Door(["192.0.2.0/24"], [PRINT])
    assert Door().closed_to("", None) is None
    assert both.closed_to("192.0.2.1", PRINT) is None
    assert both.closed_to("192.0.3.1", PRINT) is Closed.NETWORK
    assert both.closed_to("192.0.2.1", None) is Closed.CERTIFICATE_MISSING
    assert both.closed_to("192.0.2.1", "0" * 64) is Closed.CERTIFICATE_UNKNOWN


# --- at the door --------------------------------------------------------------------------------


def limit(system: Engine, town: City, agency: str, networks: list[str], prints: list[str]) -> None:
    with system.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO doors (agency_id, networks, certificates, contact)"
                " VALUES (:agency, :networks, :prints, :call)"
            ),
            {
                "agency": town.agencies[agency],
                "networks": networks,
                "prints": prints,
                "call": CALL,
            },
        )


def test_who_comes_from_elsewhere_is_told_what_is_wrong_and_whom_to_call(
    browse: Browse, town: City, system: Engine
) -> None:
    nurse, officer = browse("nurse"), browse("officer")
    nurse.get("/")
    limit(system, town, "school", ["192.0.2.0/24"], [])
    page = nurse.get("/", 403)
    assert "職場のネットワークにつないで" in page.words
    assert CALL in page.words
    nurse.get(f"/cases/{town.case_id}", 403)
    # Other agencies are not concerned; leaving and changing places stays possible.
    officer.get("/")
    nurse.get("/switch")
    nurse.post("/sign-out")
    # The control: let in again, the same person gets in.
    with system.begin() as connection:
        connection.execute(text("UPDATE doors SET networks = ARRAY['127.0.0.0/8']"))
    browse("nurse").get("/")


def test_a_refusal_leaves_no_address(
    browse: Browse, town: City, system: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    limit(system, town, "school", ["192.0.2.0/24"], [])
    nurse = browse("nurse")
    page = from_(nurse, OFFICE)
    assert page.status == 403
    assert OFFICE not in page.text
    dump = str(one(system, "SELECT string_agg(a::text, ' ') FROM audit_events a"))
    assert "access.refused" in dump
    assert OFFICE not in dump + caplog.text


def from_(browser: Browser, address: str, path: str = "/", **headers: str) -> Page:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    response = browser.client.get(
        path, base_url=BASE, environ_base={"REMOTE_ADDR": address}, headers=named
    )
    return Page(response)


@pytest.fixture
def proxied(config: Config) -> Iterator[Portal]:
    """Return the application behind one proxy."""
    app = create_app(replace(config, proxies=1))
    yield app
    with app.app_context():
        db.engine.dispose()


def test_behind_a_proxy_its_word_for_the_address_counts_and_no_other(
    proxied: Portal, browse: Browse, town: City, system: Engine
) -> None:
    limit(system, town, "school", ["192.0.2.0/24"], [])
    nurse = browser_of(proxied, system, town, "nurse")
    secure: dict[str, Any] = {"X_Forwarded_Proto": "https"}
    assert from_(nurse, HERE, X_Forwarded_For="192.0.2.9", **secure).status == 200
    assert from_(nurse, HERE, X_Forwarded_For="192.0.3.9", **secure).status == 403
    # What the person wrote before the proxy added its own is not believed.
    forged = "192.0.2.9, 192.0.3.9"
    assert from_(nurse, HERE, X_Forwarded_For=forged, **secure).status == 403
    # Without a proxy nothing of it is.
    assert from_(browse("nurse"), HERE, X_Forwarded_For="192.0.2.9").status == 403


def test_a_certificate_counts_behind_a_proxy_alone(
    proxied: Portal, browse: Browse, town: City, system: Engine
) -> None:
    limit(system, town, "school", [], [PRINT])
    nurse = browser_of(proxied, system, town, "nurse")
    through: dict[str, Any] = {"X_Forwarded_For": "192.0.2.9", "X_Forwarded_Proto": "https"}
    assert from_(nurse, HERE, Client_Cert=HEADER, **through).status == 200
    page = from_(nurse, HERE, **through)
    assert (page.status, "証明書が届いていません" in page.words) == (403, True)
    other = f":{base64.b64encode(b'another').decode()}:"
    page = from_(nurse, HERE, Client_Cert=other, **through)
    assert (page.status, "証明書は登録されていません" in page.words) == (403, True)
    # Nobody stands in front: whoever sends the header wrote it.
    assert from_(browse("nurse"), HERE, Client_Cert=HEADER).status == 403


# --- the administrator's page -------------------------------------------------------------------


def door_of(town: City, agency: str) -> str:
    return f"/agencies/{town.agencies[agency]}/door"


def test_a_list_that_shuts_out_where_one_is_is_warned_of_first(
    browse: Browse, town: City, system: Engine
) -> None:
    admin, url = browse("admin"), door_of(town, "city_hall")
    values = {"networks": "192.0.2.0/24", "contact": CALL}
    page = admin.submit(url, values, 422)
    assert "まだ保存していません" in page.words
    assert page.form("/door")["networks"].strip() == "192.0.2.0/24"
    assert one(system, "SELECT count(*) FROM doors") == 0
    admin.get("/agencies")
    admin.post(url, {**page.form("/door"), "anyway": "y"})
    assert one(system, "SELECT networks FROM doors") == ["192.0.2.0/24"]
    admin.get("/agencies", 403)


def test_a_list_with_the_present_place_is_saved_and_changed(
    browse: Browse, town: City, system: Engine
) -> None:
    admin, url = browse("admin"), door_of(town, "school")
    values = {"networks": "127.0.0.1\n 192.0.2.7/24 ", "contact": CALL}
    form = admin.get(url).form("/door")
    admin.post(url, {**form, **values})
    assert one(system, "SELECT networks FROM doors") == ["127.0.0.1/32", "192.0.2.0/24"]
    # Somebody was sooner: both are shown, and nothing is lost.
    page = admin.post(url, {**form, **values, "contact": "別の課"}, 409)
    assert "別の課" in page.words
    assert CALL in page.words
    admin.post(url, page.form("/door"))
    assert one(system, "SELECT contact FROM doors") == "別の課"
    admin.submit(url, {"networks": "", "contact": ""})
    browse("nurse").get("/")
    assert "利用できる場所や端末" in browse("principal").get("/staff/changes").words


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"networks": "192.0.2.0/33", "contact": CALL}, "1行目"),
        ({"networks": "127.0.0.1\nわたしの家", "contact": CALL}, "2行目"),
        ({"networks": "127.0.0.1\n" * 51, "contact": CALL}, "50行まで"),
        ({"networks": "127.0.0.1", "contact": ""}, "連絡先"),
        ({"certificates": "abc", "contact": CALL}, "1行目"),
        ({"certificates": PRINT, "contact": CALL}, "PORTAL_PROXIES"),
    ],
)
def test_what_cannot_be_is_refused_and_kept_on_the_page(
    browse: Browse, town: City, system: Engine, values: dict[str, str], reason: str
) -> None:
    page = browse("admin").submit(door_of(town, "school"), values, 422)
    assert reason in page.words
    assert one(system, "SELECT count(*) FROM doors") == 0


@pytest.mark.parametrize("person", ["principal", "director", "nurse", "auditor"])
def test_doors_are_the_administrators(browse: Browse, town: City, person: str) -> None:
    browse(person).get(door_of(town, "school"), 403)


def test_whoever_runs_the_server_opens_a_door_again(
    browse: Browse, town: City, system: Engine
) -> None:
    limit(system, town, "city_hall", ["192.0.2.0/24"], [])
    admin = browse("admin")
    admin.get("/agencies", 403)
    with SystemSession(system) as session, session.begin():
        open_door(session, "みほん市総務課")
    admin.get("/agencies")
    with SystemSession(system) as session, session.begin(), pytest.raises(InstallationError):
        open_door(session, "見本第一小学校")
