"""What is refused before a channel is looked for."""

import pytest

from maestro.contracts.mocks.events.exchange import check_path
from maestro.contracts.mocks.messages import Refused


@pytest.mark.parametrize("path", [b"/%FF%FE", b"/a/\xff"])
def test_paths_whose_bytes_are_no_text(path: bytes) -> None:
    with pytest.raises(Refused) as refused:
        check_path({"raw_path": path})
    assert refused.value.status == 400


def test_other_paths() -> None:
    check_path({"raw_path": b"/caf%C3%A9/%EF%BF%BD"})
    check_path({"path": "/"})
