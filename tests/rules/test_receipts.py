"""Every receipt of the demo city is in the shape that the project promises."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from portal.vocabulary import codes
from tests.site import Site, Visitor

SCHEMA = Path(__file__).parents[2] / "docs" / "consent-receipt.schema.json"


@pytest.fixture(scope="module")
def shape() -> Draft202012Validator:
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def _counsellor(site: Site) -> Visitor:
    people = [p for p in site.staff() if p.label.startswith("center_counselor")]
    return site.at(people[0])


def _receipts(site: Site) -> list[tuple[str, dict[str, Any]]]:
    found = site.rows(
        "SELECT c.id FROM consents c WHERE c.kind = 'sharing' AND EXISTS"
        " (SELECT 1 FROM consent_items i WHERE i.consent_id = c.id) ORDER BY c.id"
    )
    counsellor = _counsellor(site)
    receipts = []
    for row in found:
        page = counsellor.get(f"/consents/{row.id}/receipt/data")
        assert page.status == 200
        assert page.response.headers["Content-Disposition"].startswith("attachment;")
        receipts.append((str(row.id), json.loads(page.text)))
    return receipts


def test_every_receipt_of_the_city_has_the_shape(site: Site, shape: Draft202012Validator) -> None:
    receipts = _receipts(site)
    assert len(receipts) > 5
    for record_id, receipt in receipts:
        problems = [f"{record_id}: {error.message}" for error in shape.iter_errors(receipt)]
        assert problems == []
        assert receipt["header"]["record_id"] == record_id
    # Some came with the register and some were asked here, by child and by guardian.
    methods = {receipt["processing"]["collection_method"] for _id, receipt in receipts}
    assert {"imported", "screen", "oral"} <= methods
    assert {receipt["header"]["given_by"] for _id, receipt in receipts} >= {"child", "guardian"}


def test_a_receipt_names_nobody(site: Site) -> None:
    everything = json.dumps([r for _id, r in _receipts(site)], ensure_ascii=False)
    counsellor = _counsellor(site)
    for name in ("あおい", "あおちゃん", "はるか", "見本 ゆうき", "ひな"):
        assert name not in everything
    # The control: the page that is printed for the person does.
    [row, *_others] = site.rows(
        "SELECT id FROM consents WHERE kind = 'sharing' AND method = 'screen' AND EXISTS"
        " (SELECT 1 FROM consent_items i WHERE i.consent_id = consents.id) ORDER BY id"
    )
    page = counsellor.get(f"/consents/{row.id}/receipt")
    assert "あおちゃん" in page.text or "はるか" in page.text
    assert page.tree is not None
    assert len(page.tree.xpath("//svg[contains(@class, 'qr')]")) == 1


def _without(receipt: dict[str, Any], *path: str) -> dict[str, Any]:
    spoilt = deepcopy(receipt)
    part = spoilt
    for name in path[:-1]:
        part = part[name]
    del part[path[-1]]
    return spoilt


def test_the_shape_finds_what_is_wrong(site: Site, shape: Draft202012Validator) -> None:
    [(_id, good), *_others] = _receipts(site)
    shape.validate(good)
    for path in (("header", "receipt_id"), ("processing", "withdrawal_method"), ("events",)):
        assert list(shape.iter_errors(_without(good, *path)))
    for change in (
        {"events": []},
        {"events": [{**good["events"][0], "event_state": "maybe"}]},
        {"events": [{**good["events"][0], "entity_id": "見本 ゆうき"}]},
        {"header": {**good["header"], "name": "あおい"}},
    ):
        assert list(shape.iter_errors({**good, **change}))


def test_the_shape_knows_the_codes_of_the_lists() -> None:
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))["properties"]
    event = schema["events"]["items"]["properties"]
    assert set(event["event_state"]["enum"]) == set(codes("consent_state"))
    header = schema["header"]["properties"]
    assert set(header["given_by"]["enum"]) == set(codes("consent_giver"))
    processing = schema["processing"]["properties"]
    assert set(processing["collection_method"]["enum"]) == set(codes("consent_method"))
