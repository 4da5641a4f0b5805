"""Static files go out compressed; pages never do."""

import gzip

import pytest
from flask.testing import FlaskClient

from portal.headers import init_headers
from portal.unit import Portal
from tests.web import BASE
from tests.weighing import TAKES_GZIP

STYLE = "/static/portal.css"


@pytest.fixture
def client() -> FlaskClient:
    app = Portal("portal")
    init_headers(app)
    return app.test_client()


def test_a_style_goes_out_compressed_to_a_browser_that_takes_it(client: FlaskClient) -> None:
    with client.get(STYLE, base_url=BASE) as plain:
        whole = plain.get_data()
        assert plain.content_encoding is None
    with client.get(STYLE, base_url=BASE, headers=TAKES_GZIP) as packed:
        assert packed.content_encoding == "gzip"
        assert packed.content_length == len(packed.get_data()) < len(whole) // 3
        assert gzip.decompress(packed.get_data()) == whole
        # What lies between must not give one browser what another took.
        assert packed.headers["Vary"] == plain.headers["Vary"] == "Accept-Encoding"
        assert packed.headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize("refusal", ["identity", "gzip;q=0", "br"])
def test_whoever_does_not_take_it_gets_the_file_as_it_is(client: FlaskClient, refusal: str) -> None:
    with client.get(STYLE, base_url=BASE, headers={"Accept-Encoding": refusal}) as plain:
        assert plain.content_encoding is None


def test_what_a_browser_has_already_is_not_sent_again(client: FlaskClient) -> None:
    with client.get(STYLE, base_url=BASE, headers=TAKES_GZIP) as packed:
        known = {"If-None-Match": packed.headers["ETag"]}
    with client.get(STYLE, base_url=BASE, headers=TAKES_GZIP | known) as again:
        assert again.status_code == 304
        assert again.get_data() == b""


def test_a_part_of_a_file_is_a_part_of_the_file_as_it_is(client: FlaskClient) -> None:
    asked = TAKES_GZIP | {"Range": "bytes=0-9"}
    with client.get(STYLE, base_url=BASE, headers=asked) as part:
        assert part.status_code == 206
        assert part.content_encoding is None
        assert len(part.get_data()) == 10


def test_a_file_that_is_not_there_is_not_there(client: FlaskClient) -> None:
    assert client.get("/static/none.css", base_url=BASE, headers=TAKES_GZIP).status_code == 404
