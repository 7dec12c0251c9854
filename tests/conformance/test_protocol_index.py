"""What routing takes for granted about all services together, held against the installed botocore."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator

import orjson
import pytest

from opentrail.wire.models import Catalogue, Listing
from opentrail.wire.routing import SIGNING_NAMES, UNSIGNED_REST

CATALOGUE = Catalogue()


def _unsigned_rest() -> Iterator[tuple[str, str]]:
    for name, listing in CATALOGUE.listings.items():
        model = orjson.loads(gzip.decompress(listing.path.read_bytes()))
        if listing.protocols[0] in ("rest-json", "rest-xml"):
            for operation, described in model["operations"].items():
                if described.get("authtype") == "none" or described.get("auth") == ["smithy.api#noAuth"]:
                    yield name, operation


def test_every_rest_service_with_unsigned_operations_is_known() -> None:
    assert {name for name, _ in _unsigned_rest()} == set(UNSIGNED_REST)


@pytest.mark.parametrize("name", list(CATALOGUE.listings))
def test_a_listing_says_what_the_model_says(name: str) -> None:
    listing = CATALOGUE.listings[name]
    metadata = orjson.loads(gzip.decompress(listing.path.read_bytes()))["metadata"]
    assert isinstance(listing, Listing)
    assert listing.version == metadata["apiVersion"]
    assert listing.signing_name == metadata.get("signingName", metadata["endpointPrefix"])
    assert (listing.target or "") == metadata.get("targetPrefix", "").split(".")[-1]
    assert set(listing.protocols) >= set(metadata.get("protocols", [metadata["protocol"]]))


def test_signing_names_of_endpoint_rules_are_known() -> None:
    known = {listing.signing_name for listing in CATALOGUE.listings.values()} | SIGNING_NAMES.keys()
    unknown = set()
    for listing in CATALOGUE.listings.values():
        path = listing.path.with_name("endpoint-rule-set-1.json.gz")
        if path.exists():
            found = re.findall(r'"signingName": ?"([^"]+)"', json.dumps(orjson.loads(gzip.decompress(path.read_bytes()))))
            unknown |= set(found) - known
    assert not unknown
