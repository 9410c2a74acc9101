"""Single replies held against a document, without any server."""

import json
import shlex
import subprocess
import sys
from dataclasses import replace
from typing import Any

import pytest

from maestro.contracts.openapi.document import from_object
from maestro.contracts.verification.trials.api import ApiUnderTest
from maestro.contracts.verification.trials.replies import reply_findings
from maestro.contracts.verification.trials.wire import Answer, Asking
from maestro.domain.contract import Severity

DOCUMENT = {
    "openapi": "3.1.0",
    "info": {"title": "Things", "version": "1"},
    "paths": {
        "/things/{id}": {
            "get": {
                "parameters": [
                    {"name": "id", "in": "path", "required": True, "schema": {"type": "integer"}}
                ],
                "responses": {
                    "200": {
                        "description": "One.",
                        "headers": {
                            "X-Version": {"required": True, "schema": {"type": "integer"}},
                            "X-Note": {"schema": {"type": "string", "maxLength": 3}},
                        },
                        "content": {
                            "application/json": {
                                "schema": {
                                    "type": "object",
                                    "required": ["id"],
                                    "properties": {
                                        "id": {"type": "integer"},
                                        "at": {"type": "string", "format": "date-time"},
                                    },
                                }
                            }
                        },
                    },
                    "404": {
                        "description": "None.",
                        "content": {"application/problem+json": {"schema": {"type": "object"}}},
                    },
                },
            },
            "delete": {
                "parameters": [
                    {"name": "id", "in": "path", "required": True, "schema": {"type": "integer"}}
                ],
                "responses": {"204": {"description": "Gone."}},
            },
        }
    },
}
GOOD = {"content-type": "application/json; charset=utf-8", "x-version": "3"}


@pytest.fixture
def api() -> ApiUnderTest:
    return ApiUnderTest(from_object(DOCUMENT))


def reply(
    api: ApiUnderTest,
    status: int,
    body: Any = None,
    *,
    method: str = "GET",
    headers: dict[str, str] | None = None,
    content: bytes | None = None,
    inside: bool = True,
) -> Answer:
    operation = next(o for o in api.operations if o.method == method)
    raw = content if content is not None else b"" if body is None else json.dumps(body).encode()
    return Answer(
        asking=Asking(operation=operation, path="/things/1", inside=inside),
        url="http://127.0.0.1:1/things/1",
        sent_headers={},
        status=status,
        headers=GOOD if headers is None else headers,
        content=raw,
    )


@pytest.mark.parametrize(
    ("given", "rules"),
    [
        ({"status": 200, "body": {"id": 1}}, []),
        ({"status": 200, "body": {"id": 1, "at": "2026-03-01T10:00:00Z"}}, []),
        ({"status": 200, "body": {"id": 1, "at": "2026-03-01 10:00"}}, ["schema"]),
        ({"status": 200, "body": {"id": "1"}}, ["schema"]),
        ({"status": 200, "body": {}}, ["schema"]),
        ({"status": 200, "content": b"{"}, ["schema"]),
        ({"status": 200, "content": b""}, ["body"]),
        ({"status": 200, "body": {"id": 1}, "headers": {"content-type": "application/json"}},
         ["headers"]),
        ({"status": 200, "body": {"id": 1}, "headers": {**GOOD, "x-version": "x"}}, ["headers"]),
        ({"status": 200, "body": {"id": 1}, "headers": {**GOOD, "x-note": "long"}}, ["headers"]),
        ({"status": 200, "body": {"id": 1}, "headers": {**GOOD, "content-type": "text/html"}},
         ["media"]),
        ({"status": 200, "body": {"id": 1}, "headers": {"x-version": "3"}}, ["media"]),
        ({"status": 201, "body": {"id": 1}}, ["status"]),
        ({"status": 500}, ["failure"]),
        ({"status": 409}, ["status"]),
        ({"status": 405}, ["status"]),
        ({"status": 405, "inside": False}, []),
        ({"status": 415, "inside": False}, []),
        ({"status": 409, "inside": False}, ["status"]),
        ({"status": 404, "body": {"status": 404},
          "headers": {"content-type": "application/problem+json"}}, []),
        ({"status": 404, "body": {"status": 400},
          "headers": {"content-type": "application/problem+json"}}, ["problem"]),
        ({"status": 204, "method": "DELETE", "headers": {}}, []),
        ({"status": 200, "method": "DELETE", "headers": {}}, ["status"]),
        ({"status": 404, "method": "DELETE", "headers": {}}, []),  # nothing is said of errors
    ],
)  # fmt: skip
def test_what_is_said_of_a_reply(
    api: ApiUnderTest, given: dict[str, Any], rules: list[str]
) -> None:
    named = {
        "schema": "response_schema_conformance",
        "body": "response_body_missing",
        "headers": "response_headers_conformance",
        "media": "content_type_conformance",
        "status": "status_code_conformance",
        "failure": "not_a_server_error",
        "problem": "problem_details",
    }
    found = list(reply_findings(api, reply(api, **given)))
    assert [f.rule for f in found] == [named[rule] for rule in rules]
    assert all(f.severity is Severity.ERROR for f in found)


def test_a_refusal_that_was_not_documented_is_a_hint(api: ApiUnderTest) -> None:
    (found,) = reply_findings(api, reply(api, 422, inside=False))
    assert found.severity is Severity.WARNING
    (found,) = reply_findings(api, reply(api, 422))
    assert found.severity is Severity.ERROR


@pytest.mark.parametrize(("inside", "rules"), [(False, []), (True, ["content_type_conformance"])])
def test_default_does_not_speak_of_what_never_reached_the_operation(
    inside: bool, rules: list[str]
) -> None:
    """A framework answers a path with an encoded slash by itself, in its own form."""
    document = json.loads(json.dumps(DOCUMENT))
    responses = document["paths"]["/things/{id}"]["get"]["responses"]
    del responses["404"]
    responses["default"] = {
        "description": "Else.",
        "content": {"application/json": {"schema": {"type": "object"}}},
    }
    api = ApiUnderTest(from_object(document, name="things"))
    made = reply(api, 404, inside=inside, headers={"content-type": "text/html"}, content=b"no")
    assert [finding.rule for finding in reply_findings(api, made)] == rules


def test_the_curl_line_says_all_of_the_request(api: ApiUnderTest) -> None:
    plain = reply(api, 200, {"id": 1})
    asking = replace(plain.asking, content=b'{"name": "it\'s"}')
    shown = replace(plain, asking=asking, sent_headers={"x-api-key": "k"}).curl()
    assert shown.startswith("curl -i -X GET -H 'x-api-key: k' --data-raw ")
    assert shown.endswith(" http://127.0.0.1:1/things/1")
    assert shlex.split(shown)[-2] == '{"name": "it\'s"}'


@pytest.mark.parametrize(
    "content",
    [b'{"name": "' + b"x" * 9000 + b'"}', b"\xff\xfe{}", b"[" * 3000 + b"]" * 3000],
)
def test_long_and_odd_bodies_are_told_as_what_makes_them(api: ApiUnderTest, content: bytes) -> None:
    plain = reply(api, 200, {"id": 1})
    shown = replace(plain, asking=replace(plain.asking, content=content)).curl()
    assert len(shown) < 300
    words = shlex.split(shown)
    assert words[:2] == ["python3", "-c"]
    assert words[3:5] == ["|", "curl"]
    made = subprocess.run([sys.executable, "-c", words[2]], capture_output=True, check=True)
    assert made.stdout == content
