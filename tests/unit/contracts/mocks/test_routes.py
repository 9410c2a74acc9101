"""Which template a path falls under."""

import pytest

from maestro.contracts.mocks.routes import Routes

TEMPLATES = (
    "/a", "/a/{id}", "/a/mine", "/a/{id}/b", "/a/{id}.{kind}", "/{x}/{y}/b", "/a/{id}/{rest}/c",
    "/p%20q", "/",
)  # fmt: skip
ROUTES = Routes([("GET", path, path) for path in TEMPLATES])


@pytest.mark.parametrize(
    ("path", "template", "arguments"),
    [
        ("/a", "/a", {}),
        ("/", "/", {}),
        ("/a/mine", "/a/mine", {}),
        ("/a/7", "/a/{id}", {"id": "7"}),
        ("/a/7.json", "/a/{id}.{kind}", {"id": "7", "kind": "json"}),
        ("/a/mine/b", "/a/{id}/b", {"id": "mine"}),
        ("/c/d/b", "/{x}/{y}/b", {"x": "c", "y": "d"}),
        ("/a/x%2Fy", "/a/{id}", {"id": "x/y"}),
        ("/a/%C3%A4", "/a/{id}", {"id": "ä"}),
        ("/a/mine/z/c", "/a/{id}/{rest}/c", {"id": "mine", "rest": "z"}),
    ],
)
def test_more_literal_templates_win(path: str, template: str, arguments: dict[str, str]) -> None:
    for _ in range(2):  # the second time it is remembered
        match = ROUTES.find(path)
        assert match is not None
        assert (match.methods, match.arguments) == ({"GET": template}, arguments)


@pytest.mark.parametrize("path", ["", "a", "/a/", "/b", "/a//b", "/a/7/d", "/a" * 5_000])
def test_what_has_no_template(path: str) -> None:
    assert ROUTES.find(path) is None


def test_bytes_that_are_no_text() -> None:
    with pytest.raises(UnicodeDecodeError):
        ROUTES.find("/a/%FF")


def test_the_same_place_may_have_several_names() -> None:
    routes = Routes([("GET", "/a/{id}", 1), ("PUT", "/a/{name}", 2), ("GET", "/a/{other}", 3)])
    match = routes.find("/a/7")
    assert match is not None
    assert match.methods == {"GET": 1, "PUT": 2}
    assert match.arguments == {"id": "7", "name": "7", "other": "7"}
