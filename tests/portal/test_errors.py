from http import HTTPStatus

import pytest
from flask import Flask, abort, request
from flask.testing import FlaskClient
from werkzeug.exceptions import TooManyRequests

from portal.errors import PAGES, ErrorPage
from tests.portal.pages import PAGES as SAMPLE_PAGES
from tests.portal.pages import faced_app, parsed

STATUSES = (400, 401, 403, 404, 405, 409, 413, 422, 429, 500, 503)
TYPED = "保健室に来て、朝ごはんを食べていないと話した。"


class LostError(Exception):
    """A refusal that another room defines."""


class MoreThanLostError(LostError):
    """A kind of it."""


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> Flask:
    monkeypatch.setitem(PAGES, LostError, ErrorPage(409, "errors/409.html"))
    app = faced_app(MAX_CONTENT_LENGTH=10_000)
    app.add_url_rule("/fails/<int:code>", "fails", abort, methods=["GET", "POST"])
    app.add_url_rule("/child/fails/<int:code>", "child_fails", abort, methods=["GET", "POST"])

    @app.get("/raises/<name>")
    def raises(name: str) -> str:
        raise {"lost": MoreThanLostError(), "many": TooManyRequests(retry_after=60)}[name]

    @app.post("/writes")
    def writes() -> str:
        return request.form["text"]

    return app


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    app.config["WTF_CSRF_ENABLED"] = False
    return app.test_client()


@pytest.mark.parametrize("status", STATUSES)
def test_each_status_has_a_page_with_one_heading_and_a_way_on(
    client: FlaskClient, status: int
) -> None:
    response = client.get(f"/fails/{status}")
    page = parsed(response.text)
    assert response.status_code == status
    assert len(page.findall(".//h1")) == 1
    way_on = "/sign-in" if status == 401 else "/"
    assert page.find(f".//main//a[@href='{way_on}']") is not None
    assert page.find(".//title").text.startswith(page.find(".//h1").text)


def test_a_status_without_a_page_of_its_own_keeps_its_number(client: FlaskClient) -> None:
    assert client.get("/fails/418").status_code == HTTPStatus.IM_A_TEAPOT
    assert client.get("/fails/502").status_code == HTTPStatus.BAD_GATEWAY
    assert "こちらの不具合です" in client.get("/fails/502").text


@pytest.mark.parametrize("status", [*STATUSES, 418, 502])
def test_each_error_of_a_child_offers_the_way_out_first(client: FlaskClient, status: int) -> None:
    page = parsed(client.get(f"/child/fails/{status}").text)
    links = page.findall(".//a")
    assert links[0].get("href") == "/child/leave"
    assert page.find(".//title").text == "おてんきメモ"
    numbers = {link.get("href") for link in links}
    expected = ("110", "119", "189", "0120078310", "0120997777")
    assert {f"tel:{number}" for number in expected} <= numbers


def test_whoever_cannot_send_a_report_is_told_whom_to_phone(client: FlaskClient) -> None:
    assert "189" in client.get("/report/nothing").text
    assert "189" not in client.get("/reports").text


def test_what_is_absent_and_what_is_hidden_are_the_same_bytes(app: Flask) -> None:
    app.config["WTF_CSRF_ENABLED"] = False
    bodies = {
        app.test_client().get("/fails/404").data,
        app.test_client().get("/cases/7b2c0c2e").data,
        app.test_client().get("/cases/7b2c0c2e?q=%E3%81%82&lang=ja").data,
        app.test_client().post("/fails/404", data={"text": TYPED}).data,
    }
    assert len(bodies) == 1
    # The comparison has teeth: an ordinary page, with its nonce, differs from itself.
    client = app.test_client()
    assert client.get("/staff").data != client.get("/staff").data


def test_a_page_not_found_echoes_nothing(client: FlaskClient) -> None:
    text = client.get("/%3Cscript%3Ecanary?name=canary", headers={"Referer": "canary"}).text
    assert "canary" not in text
    assert "<script" not in text


def test_a_form_grown_too_old_gives_back_what_was_typed(app: Flask) -> None:
    response = app.test_client().post("/writes", data={"text": TYPED, "csrf_token": "x"})
    assert response.status_code == HTTPStatus.BAD_REQUEST
    area = parsed(response.text).find(".//textarea")
    assert area is not None
    assert area.text == TYPED


@pytest.mark.parametrize("status", [401, 403, 409, 422, 429, 500, 503])
def test_no_refusal_loses_what_was_typed(client: FlaskClient, status: int) -> None:
    for path in (f"/fails/{status}", f"/child/fails/{status}"):
        assert TYPED in client.post(path, data={"text": TYPED}).text


@pytest.mark.parametrize(
    "name", ["password", "new_password", "csrf_token", "secret_word", "return_code", "submission"]
)
def test_secrets_are_not_given_back(client: FlaskClient, name: str) -> None:
    secret = "correct horse battery staple"
    assert secret not in client.post("/fails/409", data={name: secret}).text
    # The sabotage arm: the same value under another name does come back.
    assert secret in client.post("/fails/409", data={"text": secret}).text


def test_markup_that_was_typed_comes_back_as_text(client: FlaskClient) -> None:
    response = client.post("/fails/409", data={"text": "</textarea><script>alert(1)</script>"})
    assert "<script>alert" not in response.text
    assert "&lt;script&gt;" in response.text


def test_a_form_too_large_to_read_is_a_page_and_not_a_failure(client: FlaskClient) -> None:
    response = client.post("/writes", data={"text": "あ" * 10_000})
    assert response.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    assert "大きすぎます" in response.text


def test_exceptions_of_other_rooms_and_their_kinds_have_their_page(client: FlaskClient) -> None:
    response = client.get("/raises/lost")
    assert response.status_code == HTTPStatus.CONFLICT
    assert "先に変更しました" in response.text


def test_headers_that_belong_to_the_answer_are_kept(client: FlaskClient) -> None:
    assert client.get("/raises/many").headers["Retry-After"] == "60"
    assert "GET" in client.put("/staff").headers["Allow"]


def test_a_page_about_a_failure_needs_nothing_that_may_have_failed(app: Flask) -> None:
    @app.context_processor
    def needs_the_database() -> dict[str, str]:
        raise RuntimeError

    # The sabotage arm: an ordinary page does need it.
    client = app.test_client()
    assert client.get("/staff").status_code == HTTPStatus.INTERNAL_SERVER_ERROR
    assert client.get("/fails/503").status_code == HTTPStatus.SERVICE_UNAVAILABLE
    assert "うまく動きませんでした" in client.get("/staff").text


@pytest.mark.parametrize("path", SAMPLE_PAGES)
def test_the_layouts_are_valid_html(client: FlaskClient, path: str) -> None:
    assert len(parsed(client.get(path).text).findall(".//h1")) == 1
