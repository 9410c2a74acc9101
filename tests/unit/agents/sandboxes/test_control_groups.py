"""Where groups are looked for, and what is written into them; plain folders stand for the kernel's.

That the kernel then limits is shown where it does: tests/integration/test_sandbox_attacks.py.
"""

from pathlib import Path

import pytest

from maestro.agents.sandboxes.control_groups import ControlGroup, Home, TreeLimits, home_in

LIMITS = TreeLimits(memory_bytes=1 << 20, processes=7, cpus=1.5)


def _mount(point: Path, kind: str, options: str = "rw") -> str:
    return f"31 23 0:28 / {point} rw,relatime - {kind} {kind} {options}\n"


def _folder(path: Path, shared_out: str) -> Path:
    path.mkdir(parents=True)
    (path / "cgroup.subtree_control").write_text(shared_out)
    return path


def test_version_one_has_a_folder_per_controller(tmp_path: Path) -> None:
    for name in ("memory/a/b", "pids", "cpu,cpuacct"):
        (tmp_path / name).mkdir(parents=True)
    mounts = "".join(
        _mount(tmp_path / name, "cgroup", f"rw,{name}")
        for name in ("memory", "pids", "cpu,cpuacct")
    )
    home = home_in("8:memory:/a/b\n7:pids:/\n2:cpu,cpuacct:/\n0::/\n", mounts)
    assert home == Home(
        False,
        {
            "memory": str(tmp_path / "memory/a/b"),
            "pids": str(tmp_path / "pids"),
            "cpu": str(tmp_path / "cpu,cpuacct"),
        },
    )


def test_memory_and_processes_are_both_needed(tmp_path: Path) -> None:
    (tmp_path / "memory").mkdir()
    mounts = _mount(tmp_path / "memory", "cgroup", "rw,memory")
    assert home_in("8:memory:/\n", mounts) is None


def test_version_two_below_the_own_group(tmp_path: Path) -> None:
    _folder(tmp_path / "mine", "cpu memory pids")
    home = home_in("0::/mine\n", _mount(tmp_path, "cgroup2"))
    assert home is not None
    assert home.unified
    assert set(home.folders.values()) == {str(tmp_path / "mine")}


def test_version_two_beside_a_leaf(tmp_path: Path) -> None:
    """The kernel refuses to share out what a group with processes has."""
    _folder(tmp_path / "maestro", "cpu memory pids")
    (tmp_path / "maestro" / "leaf").mkdir()
    home = home_in("0::/maestro/leaf\n", _mount(tmp_path, "cgroup2"))
    assert home == Home(True, dict.fromkeys(("cpu", "memory", "pids"), str(tmp_path / "maestro")))


def test_version_two_without_controllers(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    assert home_in("0::/mine\n", _mount(tmp_path, "cgroup2")) is None


@pytest.mark.parametrize(
    ("unified", "written"),
    [
        (True, {"memory.max": "1048576", "memory.oom.group": "1", "pids.max": "7",
                "cpu.max": "150000 100000"}),
        (False, {"memory.limit_in_bytes": "1048576", "pids.max": "7",
                 "cpu.cfs_quota_us": "150000"}),
    ],
)  # fmt: skip
def test_what_is_written(unified: bool, written: dict[str, str], tmp_path: Path) -> None:
    home = Home(unified, dict.fromkeys(("memory", "pids", "cpu"), str(tmp_path)))
    group = ControlGroup(home, "one")
    group.make(LIMITS)
    group.join()
    found = {path.name: path.read_text() for path in (tmp_path / "one").iterdir()}
    assert found == {**written, "cgroup.procs": "0"}


@pytest.mark.parametrize(
    ("unified", "name", "text", "out"),
    [
        (True, "memory.events", "low 0\noom 3\noom_kill 2\n", True),
        (True, "memory.events", "low 0\noom 3\noom_kill 0\n", False),
        (False, "memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n", True),
        (False, "memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 0\n", False),
    ],
)
def test_who_ran_out_of_memory(
    unified: bool, name: str, text: str, out: bool, tmp_path: Path
) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / name).write_text(text)
    group = ControlGroup(Home(unified, {"memory": str(tmp_path)}), "one")
    assert group.ran_out_of_memory() is out


def test_a_group_that_cannot_be_limited_is_not_left(tmp_path: Path) -> None:
    home = Home(True, {"memory": str(tmp_path), "pids": str(tmp_path / "nowhere")})
    with pytest.raises(OSError, match="nowhere"):
        ControlGroup(home, "one").make(LIMITS)
    assert list(tmp_path.iterdir()) == []
