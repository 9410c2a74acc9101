"""Recorded histories played again give the same bytes; `tests/histories/record.py` made them."""

import json
import typing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from playback import FOLDER, parse, play, random_history

from maestro.workflow.signals import Command, Signal

RECORDED = sorted(FOLDER.glob("*.json"))


@pytest.mark.parametrize("path", RECORDED, ids=[path.stem for path in RECORDED])
def test_a_recorded_history_gives_the_same_bytes(path: Path) -> None:
    recorded = path.read_bytes()
    assert play(parse(recorded.decode())).encode() == recorded, (
        f"the scheduler answers otherwise than in {path.name}; if that is wanted, write the "
        "histories anew with tests/histories/record.py and read the difference"
    )


def test_every_signal_and_command_is_in_a_history() -> None:
    found = set()
    for path in RECORDED:
        for move in json.loads(path.read_text())["moves"]:
            messages = [move["signal"]] if "signal" in move else []
            found |= {message["is"] for message in messages + move.get("commands", [])}
    kinds = (*typing.get_args(Signal), *typing.get_args(Command))
    assert found == {kind.__name__ for kind in kinds}


@settings(max_examples=100, deadline=None, derandomize=True)
@given(seed=st.integers(0, 2**32))
def test_the_same_signals_give_the_same_bytes(seed: int) -> None:
    history = random_history(seed, steps=8, moves=40)
    first = play(history)
    assert play(history) == first
    assert play(parse(first)) == first
