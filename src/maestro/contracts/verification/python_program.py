"""A program for the sandbox: imports a built module, looks at it and calls it.

    python -I program.py JOB_FILE RESULT_FILE

It knows Python's own library and the text of the interfaces' runtime that is put before it. Results
are JSON lines, written as they come, so that a module that ends the process is seen to do so.
"""

import dataclasses
import importlib
import inspect
import json
import os
import signal
import sys
from types import FrameType
from typing import Any, NoReturn

from maestro.contracts.mocks.interfaces.runtime import _build, _faults, _plain

_TEXT = 300
_ANYTHING = (Exception, SystemExit, KeyboardInterrupt)
"""A module that strangers wrote may raise whatever it likes; it is what we came to see."""


class _TooLong(BaseException):
    """A call is over its time."""


class _Trial:
    def __init__(self, job: dict[str, Any], results: int) -> None:
        self._job = job
        self._results = results
        self._module: Any = None
        self._owners: dict[str, Any] = {}
        self._hung: set[tuple[str, str]] = set()

    def run(self) -> None:
        sys.path[:0] = self._job["paths"]
        try:
            self._module = importlib.import_module(self._job["module"])
        except _ANYTHING as error:
            self._tell({"import_error": _told(error)})
            return
        self._tell({"imported": True, "mock": hasattr(self._module, self._job["marker"])})
        for owner, methods in self._job["owners"].items():
            self._find(owner, methods)
        for number, call in enumerate(self._job["calls"]):
            place = (call["owner"], call["method"])
            if call["owner"] in self._owners and place not in self._hung:
                self._tell({"begin": number})
                told = self._call(call)
                self._tell({"call": number, **told})
                if "too_long" in told:
                    self._hung.add(place)
        self._tell({"end": True})

    def _find(self, owner: str, methods: list[str]) -> None:
        found = self._module if not owner else self._candidate(owner, methods)
        if found is None:
            self._tell({"owner": owner, "missing": True})
            return
        if inspect.isclass(found):
            try:
                found = found()
            except _ANYTHING as error:
                self._tell({"owner": owner, "construct_error": _told(error)})
                return
        self._owners[owner] = found
        for name in methods:
            self._tell({"owner": owner, "method": name, **_look(found, name)})

    def _candidate(self, owner: str, methods: list[str]) -> Any:
        """What is called like the interface, else the one class that has all of its methods."""
        named = getattr(self._module, owner, None)
        if named is not None and not getattr(named, "_is_protocol", False):
            return named
        classes = [
            entry
            for entry in vars(self._module).values()
            if inspect.isclass(entry)
            and entry.__module__ == self._module.__name__
            and not getattr(entry, "_is_protocol", False)
            and all(hasattr(entry, name) for name in methods)
        ]
        return classes[0] if classes else None

    def _call(self, call: dict[str, Any]) -> dict[str, Any]:
        definitions = self._job["definitions"]
        schemas = call["schemas"]
        try:
            given = [_build(s, v, definitions, self._module) for s, v in call["positional"]]
            named = {
                name: _build(schemas.get(name, {}), value, definitions, self._module)
                for name, value in call["named"].items()
            }
        except (AttributeError, KeyError, TypeError, ValueError, ArithmeticError) as error:
            return {"types_error": _told(error)}
        signal.setitimer(signal.ITIMER_REAL, self._job["call_seconds"])
        try:
            target = getattr(self._owners[call["owner"]], call["method"])
            made = target if call["property"] else target(*given, **named)
            if inspect.isawaitable(made):
                import asyncio  # noqa: PLC0415 - slow, and most modules do without

                made = asyncio.run(_awaited(made))
            told = {"returns": _plain(made), "faults": _faults(call["returns"], made, definitions)}
        except _TooLong:
            told = {"too_long": True}
        except _ANYTHING as error:
            told = {"raised": [entry.__name__ for entry in type(error).__mro__], **_told(error)}
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
        return told

    def _tell(self, line: dict[str, Any]) -> None:
        os.write(self._results, (json.dumps(line, default=str) + "\n").encode())


async def _awaited(made: Any) -> Any:
    return await made


def _told(error: BaseException) -> dict[str, str]:
    return {"error": type(error).__name__, "text": str(error)[:_TEXT]}


def _look(found: Any, name: str) -> dict[str, Any]:
    """How a method is written."""
    static = inspect.getattr_static(found, name, None)
    if isinstance(static, property):
        return {"is_property": True}
    entry = getattr(found, name, None)
    if entry is None and static is None and not _is_field(found, name):
        return {"missing": True}
    if not callable(entry):
        return {"is_property": True}
    try:
        signature = inspect.signature(entry)
    except (TypeError, ValueError):
        return {"no_signature": True}
    return {
        "is_async": inspect.iscoroutinefunction(entry),
        "returns": _annotation(signature.return_annotation),
        "parameters": [
            {
                "name": parameter.name,
                "kind": parameter.kind.name,
                "default": None
                if parameter.default is inspect.Parameter.empty
                else {"value": _plain(parameter.default)},
                "annotation": _annotation(parameter.annotation),
            }
            for parameter in signature.parameters.values()
        ],
    }


def _is_field(found: Any, name: str) -> bool:
    return dataclasses.is_dataclass(found) and name in {f.name for f in dataclasses.fields(found)}


def _annotation(annotation: Any) -> str:
    if annotation is inspect.Signature.empty:
        return ""
    return annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)


def _over(signum: int, frame: FrameType | None) -> NoReturn:
    raise _TooLong


def main() -> None:
    with open(sys.argv[1], encoding="utf-8") as file:  # noqa: PTH123 - nothing of ours is there
        job = json.load(file)
    signal.signal(signal.SIGALRM, _over)
    _Trial(job, os.open(sys.argv[2], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)).run()


if __name__ == "__main__":
    main()
