"""Assertions that the tests of all entries share."""

from typing import Any

from httpx import Response


def refused(response: Response, status: int, pointer: str | None = None) -> None:
    """The answer is a problem with this status, and names the wrong value where one is given."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert problem["status"] == status
    assert problem["title"]
    assert problem["detail"]
    if pointer is not None:
        assert pointer in [error["pointer"] for error in problem["errors"]], problem


def listed(response: Response) -> list[Any]:
    """The ids of a page."""
    assert response.status_code == 200, response.text
    return [item["id"] for item in response.json()["items"]]
