"""What `maestro doctor` says about the sandbox."""

import asyncio
from pathlib import Path

from maestro.cli.doctor import _sandbox
from maestro.ports.sandboxes import CAPABILITIES
from maestro.settings import Settings


def test_the_sandbox_in_force_with_every_capability(tmp_path: Path) -> None:
    settings = Settings.load({"MAESTRO_DATA": str(tmp_path)}, sandbox="off")
    check, told = asyncio.run(_sandbox(settings))
    assert check.detail.startswith("L0 off: ")
    assert "missing: fs_write" in check.detail
    assert (told["level"], told["mechanism"]) == ("L0", "off")
    capabilities = told["capabilities"]
    assert isinstance(capabilities, dict)
    assert list(capabilities) == list(CAPABILITIES)
    assert not capabilities["fs_write"]
    assert capabilities["tree_kill"]
