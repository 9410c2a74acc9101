"""The whole payload against every mechanism of this host, as the caller and as a plain user."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ordinary_user import as_ordinary_user

from maestro.agents.sandboxes.confinement import Confinement
from maestro.agents.sandboxes.control_groups import find_home
from maestro.agents.sandboxes.probe import ATTACKS, QUICK, _host, attacked
from maestro.ports.sandboxes import CAPABILITIES

REPORT = Path(__file__).parents[1] / "support" / "attack_report.py"
HARMLESS_UNCONFINED = (
    "write_outside", "write_home", "write_tmp", "write_shm", "symlink_escape", "read_secret",
    "connect_tcp", "fast_open", "send_datagram", "connect_abstract", "connect_unix",
    "bind_unnamed", "bind_unspecified", "bind_racing", "reuse_connected", "reuse_bound",
    "listen_unbound", "send_from_pair", "limit_others", "read_environments", "trace_host",
    "signal_host", "trace_self", "plant_set_user_id",
)  # fmt: skip


def _report(argv: list[str]) -> dict[str, Any]:
    ended = subprocess.run(argv, capture_output=True, text=True, timeout=110, check=False)
    assert ended.returncode == 0, ended.stderr[-2000:]
    found: dict[str, Any] = json.loads(ended.stdout)
    return found


def test_there_are_more_than_twenty_and_they_cover_what_is_promised() -> None:
    assert len(ATTACKS) >= 20
    assert set(ATTACKS.values()) == set(CAPABILITIES) - {"wall"}
    assert {ATTACKS[name] for name in QUICK} == set(ATTACKS.values())


@pytest.mark.bubblewrap
@pytest.mark.parametrize("ordinary", [False, True], ids=["caller", "ordinary-user"])
@pytest.mark.parametrize("mechanism", ["bubblewrap", "landlock"])
def test_every_attack_is_contained(mechanism: str, ordinary: bool) -> None:
    """With control groups where they can be had, and without them."""
    argv = [sys.executable, str(REPORT), mechanism]
    found = _report(as_ordinary_user(argv) if ordinary else argv)
    user = found.pop("user")
    assert user != 0 or not ordinary
    for name in found:
        assert (found[name]["succeeded"], found[name]["untold"]) == ([], []), found[name]
        assert found[name]["missing"] == []
    grouped = find_home() is not None and (not ordinary or os.geteuid() != 0)
    levels = {"bubblewrap": "L3" if grouped else "L2", "landlock": "L1"}
    assert found[mechanism]["level"] == levels[mechanism]


def test_a_signal_that_was_sent_is_noticed_before_the_end_is_told(tmp_path: Path) -> None:
    """On a busy machine the end of a process is told long after it."""

    async def scenario() -> tuple[bool, int | None, bool]:
        async with _host(tmp_path) as host:
            before = await host.victim_answers()
            os.kill(host.victim.pid, signal.SIGTERM)
            told = host.victim.returncode
            return before, told, await host.victim_answers()

    assert asyncio.run(scenario()) == (True, None, False)


def test_without_a_sandbox_the_attacks_succeed() -> None:
    """Otherwise it would say nothing that they fail inside."""
    findings = asyncio.run(attacked(Confinement(mechanism="off"), HARMLESS_UNCONFINED))
    assert set(findings.succeeded) >= set(HARMLESS_UNCONFINED)
    assert not findings.held & {"fs_write", "fs_read", "net_none", "host_processes", "syscalls"}
