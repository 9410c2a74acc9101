"""The tools a model is given: all of them end at the work tree and the sandbox."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from maestro.agents.executors.llm.accepted import like
from maestro.agents.executors.llm.checking import OwnChecks, failures
from maestro.agents.executors.llm.craft import Craft
from maestro.agents.executors.llm.programs import run_in_tree
from maestro.agents.executors.llm.prompts import contract_text, served_contracts
from maestro.agents.executors.llm.proposing import Proposals
from maestro.agents.executors.llm.replies import without_fence
from maestro.agents.executors.llm.session import CallSession
from maestro.agents.executors.llm.tree import (
    MAX_SHOWN_CHARACTERS,
    WorkTree,
    joined,
    shortened,
)
from maestro.agents.executors.offline.interpreters import resolve
from maestro.domain.models import JournaledCall, ToolCall, ToolOutcome, ToolSpec
from maestro.domain.quotation import one_line
from maestro.domain.values import JsonObject, JsonValue
from maestro.domain.work import Assignment, question_key
from maestro.errors import InvalidInput, NoAgentAvailable, QuestionAsked
from maestro.ports import Sandbox

FINISH = "finish"
ASK = "ask_question"
PROPOSE = "propose_amendment"
_COMMAND_SECONDS = 120.0
_MAX_READ_CHARACTERS = 60_000
"""Of what is read on purpose, more is shown than of what a program prints."""
_READING = frozenset({"read_file", "read_contract", "read_example", "read_accepted"})
_REQUEST = """
import json, sys, urllib.error, urllib.request
method, url, body = sys.argv[1:4]
data = body.encode() if body else None
request = urllib.request.Request(url, data=data, method=method)
request.add_header("content-type", "application/json")
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
try:
    reply = opener.open(request, timeout=20)
except urllib.error.HTTPError as error:
    reply = error
print(reply.status, reply.headers.get("content-type", ""))
print(reply.read(20000).decode("utf-8", "replace"))
"""


def _spec(name: str, description: str, **properties: JsonValue) -> ToolSpec:
    required = [key for key, schema in properties.items() if not schema.pop("optional", False)]
    schema = {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }
    return ToolSpec(name=name, description=description, schema=schema)


def _text(limit: int, description: str = "", *, optional: bool = False) -> dict[str, JsonValue]:
    made: dict[str, JsonValue] = {"type": "string", "maxLength": limit, "optional": optional}
    return {**made, "description": description} if description else made


def tool_specs() -> tuple[ToolSpec, ...]:
    path = "path inside the work tree"
    return (
        _spec("list_files", "List the files of the work tree."),
        _spec("read_file", "Read a file.", path=_text(300, path)),
        _spec("search_files", "Find the lines that hold a text.", text=_text(200)),
        _spec(
            "write_file",
            "Write a whole file.",
            path=_text(300, path),
            content=_text(200_000, "the whole file"),
        ),
        _spec(
            "edit_file",
            "Replace a text that occurs exactly once in a file.",
            path=_text(300, path),
            old=_text(20_000),
            new=_text(20_000),
        ),
        _spec(
            "run_command",
            "Run a program in the sandbox; {python} and {node} are there.",
            argv={
                "type": "array",
                "items": {"type": "string", "maxLength": 2000},
                "minItems": 1,
                "maxItems": 50,
            },
            cwd=_text(300, "folder, by default the root", optional=True),
        ),
        _spec("run_tests", "Run the checks that decide whether the work is accepted."),
        _spec(
            "call_api",
            "Send a request to a consumed API.",
            contract=_text(128),
            method={"enum": ["GET", "POST", "PUT", "PATCH", "DELETE"]},
            path=_text(1000, "below the API's address, e.g. /items?limit=5"),
            body=_text(20_000, "JSON", optional=True),
        ),
        _spec("read_contract", "Read a contract's specification.", contract=_text(128)),
        _spec("read_example", "Read a file of the worked example.", path=_text(300)),
        _spec("read_accepted", "Read what was accepted earlier.", path=_text(300)),
        _spec(
            PROPOSE,
            "Propose another version of a contract you provide or consume; decided after your "
            "work, so go on with the contract as it is.",
            contract=_text(128),
            specification=_text(200_000, "the whole of it, as JSON like read_contract shows it"),
            reason=_text(1000, "what cannot be done without the change"),
        ),
        _spec(ASK, "Stop and ask a person.", question=_text(1000)),
        _spec(FINISH, "Hand in the work.", summary=_text(1000)),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Toolbox:
    assignment: Assignment
    craft: Craft
    tree: WorkTree
    session: CallSession
    checks: OwnChecks
    sandbox: Sandbox
    proposals: Proposals

    async def use(self, call: ToolCall) -> ToolOutcome:
        """What comes of a call; a wrong one tells the model why. Raises QuestionAsked."""
        try:
            given = self._arguments(call)
            text, failed = await self._dispatch(call.name, given), False
        except (InvalidInput, NoAgentAvailable) as error:
            text, failed = str(error), True
        most = _MAX_READ_CHARACTERS if call.name in _READING else MAX_SHOWN_CHARACTERS
        shown = shortened(text, most) or "(nothing)"
        return ToolOutcome(call_id=call.id, name=call.name, text=shown, failed=failed)

    def _arguments(self, call: ToolCall) -> JsonObject:
        spec = next((spec for spec in tool_specs() if spec.name == call.name), None)
        if spec is None:
            known = ", ".join(spec.name for spec in tool_specs())
            raise InvalidInput(f"there is no tool {call.name[:80]!r}; there are: {known}")
        if not isinstance(call.arguments, Mapping):
            raise InvalidInput(f"the arguments of {call.name!r} are not a JSON object")
        properties = spec.schema["properties"]
        unknown = sorted(set(call.arguments) - set(properties))
        missing = sorted(set(spec.schema["required"]) - set(call.arguments))
        if unknown or missing:
            raise InvalidInput(
                f"{call.name!r} takes {', '.join(properties) or 'nothing'}; missing: "
                f"{', '.join(missing) or 'none'}, unknown: {', '.join(unknown) or 'none'}"
            )
        for name, value in call.arguments.items():
            _check(name, value, properties[name])
        return call.arguments

    async def _dispatch(self, name: str, given: JsonObject) -> str:
        actions: Mapping[str, Callable[[JsonObject], Awaitable[str]]] = {
            "run_command": self._run,
            "run_tests": self._tests,
            "call_api": self._call,
            ASK: self._ask,
        }
        if name in actions:
            return await actions[name](given)
        if name in ("write_file", "edit_file", PROPOSE):
            # Also when the journal has the answer: the tree and the proposals are new.
            await asyncio.to_thread(self._change, name, given)
        result = await self.session.act(
            JournaledCall.TOOL,
            name,
            dict(given),
            lambda: asyncio.to_thread(self._quick, name, given),
        )
        return str(result)

    def _quick(self, name: str, given: JsonObject) -> JsonValue:
        """What only looks at the tree, or changes it in a way that can be done again."""
        if name == "list_files":
            return joined(self.tree.files())
        if name == "read_file":
            return self.tree.read(str(given["path"]))
        if name == "search_files":
            return joined(self.tree.search(str(given["text"])))
        if name == "read_contract":
            return self._contract(str(given["contract"]))
        if name == "read_example":
            return self._example(str(given["path"]))
        if name == "read_accepted":
            return self._accepted(str(given["path"]))
        return "done"

    def _change(self, name: str, given: JsonObject) -> None:
        if name == PROPOSE:
            named, text = str(given["contract"]), without_fence(str(given["specification"]))
            self.proposals.add(named, text, str(given["reason"]))
            return
        path = str(given["path"])
        if name == "write_file":
            self.tree.write(path, without_fence(str(given["content"])))
        else:
            self.tree.edit(path, str(given["old"]), str(given["new"]))

    def _contract(self, name: str) -> str:
        text = contract_text(self.assignment, name)
        if text is None:
            raise InvalidInput(f"no contract {name[:80]!r} concerns you")
        return text

    def _example(self, path: str) -> str:
        for task in self.craft.tasks:
            if path in (task.example_path, task.path):
                return task.example
        raise InvalidInput(f"the worked example has no file {path[:120]!r}")

    def _accepted(self, path: str) -> str:
        tasks = [task for task in self.craft.tasks if task.path == path]
        found = [file for task in tasks for file in like(self.assignment, task)]
        if not found:
            raise InvalidInput(f"no accepted work has a file like {path[:120]!r}")
        return "\n\n".join(f"{file.path}:\n{file.text}" for file in found)

    async def _ask(self, given: JsonObject) -> str:
        """The answer, once somebody gave it. Raises QuestionAsked before that."""
        question, persona = str(given["question"]), self.assignment.persona
        answer = self.assignment.answers.get(question_key(question))
        if answer is None:
            raise QuestionAsked(
                question,
                f"the {persona.name.lower()} asks: {one_line(question)}",
                reasons=self.assignment.feedback,
            )

        async def action() -> JsonValue:
            return f"answer: {answer}"

        return str(await self.session.act(JournaledCall.TOOL, ASK, dict(given), action))

    async def _tests(self, given: JsonObject) -> str:
        async def action() -> JsonValue:
            return "asked for"

        await self.session.act(JournaledCall.TOOL, "run_tests", {}, action)
        results = await self.checks.run()
        wrong = failures(results)
        return "every check holds" if not wrong else "failed:\n" + "\n".join(wrong)

    async def _run(self, given: JsonObject) -> str:
        argv = resolve(tuple(str(word) for word in given["argv"]))
        cwd = str(given.get("cwd") or ".")
        return await self._in_sandbox("run_command", given, argv, cwd)

    async def _call(self, given: JsonObject) -> str:
        name, path = str(given["contract"]), str(given["path"])
        served: dict[str, str] = {one.contract.id: one.url for one in self.assignment.consumes}
        if name not in served_contracts(self.assignment):
            known = ", ".join(served_contracts(self.assignment)) or "none"
            raise InvalidInput(f"no API {name[:80]!r} is served to you; served: {known}")
        if not path.startswith("/") or not path.isprintable() or " " in path:
            raise InvalidInput(f"path {path[:120]!r} must begin with '/' and hold no blanks")
        words = (str(given["method"]), served[name] + path, str(given.get("body") or ""))
        return await self._in_sandbox(
            "call_api", given, resolve(("{python}", "-c", _REQUEST, *words))
        )

    async def _in_sandbox(
        self, name: str, given: JsonObject, argv: tuple[str, ...], cwd: str = "."
    ) -> str:
        async def program() -> JsonValue:
            outcome = await self.sandbox.run(
                argv,
                cwd=cwd,
                timeout=_COMMAND_SECONDS,
                env=self.checks.environment(),
                reach=self.checks.reach(),
            )
            ended = "timed out" if outcome.timed_out else f"exit status {outcome.exit_code}"
            said = shortened(f"{outcome.stdout}\n{outcome.stderr}".strip())
            return f"{ended}\n{said}"

        what = json.loads(json.dumps(given))
        return str(
            await run_in_tree(self.tree, self.session, JournaledCall.TOOL, name, what, program)
        )


def _check(name: str, value: JsonValue, schema: JsonObject) -> None:
    if "enum" in schema:
        if value not in schema["enum"]:
            raise InvalidInput(f"{name} must be one of {', '.join(schema['enum'])}")
    elif schema["type"] == "array":
        fits = isinstance(value, list) and 1 <= len(value) <= schema["maxItems"]
        most = schema["items"]["maxLength"]
        if not fits or not all(_is_text(word, most) for word in value):
            raise InvalidInput(
                f"{name} must be a list of 1 to {schema['maxItems']} texts of at most {most} "
                "characters each"
            )
    elif not _is_text(value, schema["maxLength"]):
        raise InvalidInput(f"{name} must be a text of at most {schema['maxLength']} characters")


def _is_text(value: JsonValue, most: int) -> bool:
    """Without what no file and no program takes: NUL, and halves of characters."""
    if not isinstance(value, str) or len(value) > most or "\x00" in value:
        return False
    return not any("\ud800" <= character <= "\udfff" for character in value)
