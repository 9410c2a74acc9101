import os
import subprocess

import pytest

from maestro.agents.sandboxes import tree


def test_descendants_are_found_through_several_generations() -> None:
    # A shell takes the input from what it puts into the background, unless it is told to keep it.
    script = "exec 3<&0; sh -c 'echo $$; read gone <&3; exit' & echo $!; wait"
    with subprocess.Popen(
        ["sh", "-c", f'sh -c "{script.replace(chr(36), chr(92) + chr(36))}"; exit'],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as top:
        assert top.stdout is not None
        assert top.stdin is not None
        deepest = {int(top.stdout.readline()), int(top.stdout.readline())}
        found = tree.descendants(os.getpid())
        assert {top.pid, *deepest} <= set(found)
        assert tree.threads(found) >= len(set(found))
        assert tree.resident(found) >= tree.proportional(found) > 0
        top.kill()
    assert tree.started_at(os.getpid()).isdigit()


def test_what_is_gone_counts_nothing() -> None:
    with subprocess.Popen(["true"]) as gone:
        gone.wait()
    assert tree.descendants(gone.pid) == []
    assert (tree.threads([gone.pid]), tree.resident([gone.pid])) == (0, 0)
    assert tree.proportional([gone.pid]) == 0
    with pytest.raises(OSError, match="No such"):
        tree.started_at(gone.pid)


def test_tasks_of_this_user_include_this_process() -> None:
    assert tree.tasks_of(os.getuid()) >= 1
    assert tree.tasks_of(3_999_999_999) == 0
