"""The OpenAPI document says what the API does, and its page needs no other host."""

import re
from collections.abc import Iterator

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import Case
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from starlette.testclient import TestClient

from playground.api.app import create_api
from playground.parts import Parts, make_parts
from playground.settings import Settings
from tests.making import queued
from tests.serving import api_of

LOCAL = "http://127.0.0.1"
EXPECTED = ["2xx", "4xx", 501]
"""All but server errors; 501 is what is not offered."""
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parts]:
    """A playground with a bit of everything."""
    folder = tmp_path_factory.mktemp("data")
    parts = make_parts(Settings(data_dir=folder, requests_per_minute=0))
    queued(parts)
    parts.pronunciation.create("Names", [])
    yield parts
    parts.speech_process.close()


def test_odd_requests_are_answered_as_the_document_says(filled: Parts) -> None:
    config = schemathesis.Config.from_dict({"checks": {"not_a_server_error": {"expected-statuses": EXPECTED}}})
    app = create_api(filled)
    schema = schemathesis.openapi.from_asgi("/openapi.json", app, config=config, headers={"Host": "127.0.0.1"})

    @given(case=schema.exclude(path_regex="/events$").as_strategy())
    @settings(max_examples=200, deadline=None, derandomize=True, database=None, suppress_health_check=[*HealthCheck])
    def ask(case: Case) -> None:
        case.call_and_validate(base_url=LOCAL, checks=CHECKS)

    ask()


@pytest.fixture
def api(parts: Parts) -> TestClient:
    return api_of(parts)


def test_the_page_of_the_document_asks_no_other_host(api: TestClient) -> None:
    page = api.get("/docs").text
    assert "SwaggerUIBundle" in page
    assert '"validatorUrl": null' in page
    addresses = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert len(addresses) == 3
    for address in addresses:
        assert address.startswith(LOCAL)
        assert api.get(address).status_code == 200


def test_every_answer_has_its_headers_in_the_document(api: TestClient) -> None:
    paths = api.get("/openapi.json").json()["paths"]
    answers = [
        answer for path in paths.values() for operation in path.values() for answer in operation["responses"].items()
    ]
    assert len(answers) > 90
    assert all("X-Request-Id" in answer["headers"] for _, answer in answers)
    assert all("Retry-After" in answer["headers"] for status, answer in answers if status == "4XX")
    assert {"200", "204", "4XX", "5XX"} >= {status for status, _ in answers}
