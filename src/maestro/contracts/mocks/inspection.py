"""`/__maestro/`: what a mock server tells about itself, and the little it lets be changed."""

from collections.abc import Callable, Mapping
from html import escape
from typing import Any
from urllib.parse import parse_qs

from maestro.contracts.mocks.bodies import read_json
from maestro.contracts.mocks.dispatch import INSPECTION, HostApplication
from maestro.contracts.mocks.faults import fault_of
from maestro.contracts.mocks.kinds import RunningBeside
from maestro.contracts.mocks.messages import (
    MockReply,
    MockRequest,
    Refused,
    accepted,
    dump,
    problem_reply,
)
from maestro.contracts.mocks.pact import pact_of
from maestro.contracts.mocks.recording import counted, line_of
from maestro.contracts.mocks.seeding import SeedData
from maestro.contracts.mocks.surface import Receive, Scope, Send
from maestro.contracts.mocks.wire import BodyRefused, read_body_of, request_of, send_reply
from maestro.contracts.openapi.parsing import parse
from maestro.domain.contract import Contract
from maestro.errors import InvalidInput

_MOST_CALLS = 1_000
"""Calls in one JSON answer; `calls.jsonl` has them all."""

Query = dict[str, str]


class Inspection:
    """The endpoints of one host."""

    def __init__(
        self,
        application: HostApplication,
        beside: Mapping[str, tuple[Contract, RunningBeside]],
        seeds: SeedData,
    ) -> None:
        """`beside` are the servers with a port of their own, by contract."""
        self._application = application
        self._beside = beside
        self._seeds = seeds
        self._readers: dict[str, Callable[[Query, MockRequest], MockReply]] = {
            "": self._overview,
            "routes": self._overview,
            "calls": self._calls,
            "calls.jsonl": self._lines,
            "pact": self._pact,
            "notes": self._notes,
            "spec": self._specs,
            "faults": self._faults,
            "seed-data": self._seed_data,
        }
        self._changers: dict[tuple[str, str], Callable[[Query, MockRequest], MockReply]] = {
            ("POST", "reset"): self._reset,
            ("POST", "faults"): self._add_fault,
            ("DELETE", "faults"): self._clear_faults,
            ("DELETE", "calls"): self._forget_calls,
            ("PUT", "seed-data"): self._load_seed_data,
            ("DELETE", "seed-data"): self._drop_seed_data,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI entry for every path below `/__maestro`."""
        if scope["type"] != "http":
            await receive()
            await send({"type": "websocket.close", "code": 1008})
            return
        request = request_of(scope)
        try:
            if b"content-length" in request.headers or b"transfer-encoding" in request.headers:
                request.body = await read_body_of(request, receive)
            reply = self._answer(request)
        except BodyRefused as error:
            reply = problem_reply(error.refused)
        except Refused as refused:
            reply = problem_reply(refused)
        await send_reply(send, request, reply)

    def _answer(self, request: MockRequest) -> MockReply:
        name = request.path.removeprefix(INSPECTION).strip("/")
        query = {key: values[-1] for key, values in parse_qs(request.query).items()}
        change = self._changers.get((request.method, name))
        if change is not None:
            return change(query, request)
        if name.startswith("spec/"):
            return self._spec(name.removeprefix("spec/"))
        read = self._readers.get(name)
        if read is None:
            known = ", ".join(sorted(filter(None, (*self._readers, "reset"))))
            raise Refused(404, f"{INSPECTION}/{name} is nothing; there are {known}")
        if request.method not in ("GET", "HEAD"):
            raise Refused(405, f"{request.method} is not allowed on {INSPECTION}/{name}")
        return read(query, request)

    def _overview(self, query: Query, request: MockRequest) -> MockReply:
        routes = [
            {
                "contract": mount.contract.id, "protocol": route.protocol, "method": route.method,
                "path": mount.prefix + route.path, "summary": route.summary,
            }
            for mount, route in self._application.routes()
        ]  # fmt: skip
        value = {
            "contracts": [
                _told(mount.contract, [root or "/" for root in mount.roots], mount.prefix)
                for mount in self._application.mounts
            ]
            + [_told(c, [f"port {server.port}"], "") for c, server in self._beside.values()],
            "routes": routes + self._beside_routes(),
            "consumers": self._application.consumers(),
            "calls": self._application.recorder.total,
            "notes": self._application.notes(),
        }  # fmt: skip
        kinds = ("application/json", "text/html")
        if accepted(request.header(b"accept"), kinds) == "text/html":
            return MockReply(status=200, body=_page(value), content_type="text/html; charset=utf-8")
        return _json(value)

    def _beside_routes(self) -> list[dict[str, Any]]:
        return [
            {
                "contract": name, "protocol": route.protocol, "method": route.method,
                "path": route.path, "summary": route.summary, "port": server.port,
            }
            for name, (_, server) in self._beside.items()
            for route in server.routes()
        ]  # fmt: skip

    def _calls(self, query: Query, request: MockRequest) -> MockReply:
        calls = self._chosen(query)
        shown = calls[-_MOST_CALLS:]
        lines = b",".join(line_of(call).rstrip() for call in shown)
        head = dump({"total": len(calls), "operations": counted(calls)})
        body = head[:-1] + b',"calls":[' + lines + b"]}"
        return MockReply(status=200, body=body, content_type="application/json")

    def _lines(self, query: Query, request: MockRequest) -> MockReply:
        body = b"".join(line_of(call) for call in self._chosen(query))
        return MockReply(status=200, body=body, content_type="application/jsonl")

    def _chosen(self, query: Query) -> list[Any]:
        return self._application.recorder.calls(
            consumer=query.get("consumer"), contract=query.get("contract")
        )

    def _pact(self, query: Query, request: MockRequest) -> MockReply:
        chosen = query.get("contract", self._names()[0])
        self._known(chosen)
        calls = self._application.recorder.calls(consumer=query.get("consumer"), contract=chosen)
        return _json(pact_of(calls, consumer=query.get("consumer", ""), provider=chosen))

    def _notes(self, query: Query, request: MockRequest) -> MockReply:
        return _json({"notes": self._application.notes()})

    def _specs(self, query: Query, request: MockRequest) -> MockReply:
        names = self._names()
        if len(names) == 1:
            return self._spec(names[0])
        return _json({name: f"{INSPECTION}/spec/{name}" for name in names})

    def _names(self) -> list[str]:
        return [*(mount.contract.id for mount in self._application.mounts), *self._beside]

    def _spec(self, contract: str) -> MockReply:
        self._known(contract)
        surface = self._application.surface(contract) or self._beside[contract][1]
        content_type, body = surface.specification()
        return MockReply(status=200, body=body, content_type=content_type)

    def _known(self, contract: str) -> None:
        if contract not in self._names():
            known = ", ".join(self._names())
            raise Refused(404, f"there is no contract {contract!r} here; there are {known}")

    def _reset(self, query: Query, request: MockRequest) -> MockReply:
        contract = query.get("contract")
        count = self._application.reset(consumer=query.get("consumer"), contract=contract)
        for name, (_, server) in self._beside.items():
            if contract in (None, name):
                server.reset()
                count += 1
        return _json({"reset": count})

    def _forget_calls(self, query: Query, request: MockRequest) -> MockReply:
        self._application.recorder.forget(consumer=query.get("consumer"))
        return MockReply(status=204)

    def _seed_data(self, query: Query, request: MockRequest) -> MockReply:
        return _json(self._seeds.document)

    def _load_seed_data(self, query: Query, request: MockRequest) -> MockReply:
        try:
            counts = self._seeds.load(parse(request.body, name="the seed data"))
        except InvalidInput as error:
            raise Refused(422, str(error)) from None
        self._application.known.forget()
        return _json({"entries": counts})

    def _drop_seed_data(self, query: Query, request: MockRequest) -> MockReply:
        self._seeds.load({})
        self._application.known.forget()
        return MockReply(status=204)

    def _faults(self, query: Query, request: MockRequest) -> MockReply:
        return _json({"faults": [fault.told() for fault in self._application.faults.waiting]})

    def _add_fault(self, query: Query, request: MockRequest) -> MockReply:
        try:
            fault = fault_of(read_json(request.body))
        except (ValueError, InvalidInput) as error:
            raise Refused(400, f"a fault is one JSON object: {error}") from None
        self._application.faults.add(fault)
        return _json(fault.told(), status=201)

    def _clear_faults(self, query: Query, request: MockRequest) -> MockReply:
        self._application.faults.waiting.clear()
        return MockReply(status=204)


def _told(contract: Contract, roots: list[str], below: str) -> dict[str, Any]:
    return {
        "id": contract.id, "name": contract.name, "kind": contract.kind.value,
        "version": contract.version, "roots": roots, "below": below,
        "specification": f"{INSPECTION}/spec/{contract.id}",
    }  # fmt: skip


def _json(value: Any, *, status: int = 200) -> MockReply:
    return MockReply(status=status, body=dump(value), content_type="application/json")


_STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem}"
    "table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.3rem .6rem;"
    "border-bottom:1px solid #8884}code{font:13px ui-monospace,monospace}"
    "@media(prefers-color-scheme:dark){body{background:#111;color:#ddd}a{color:#8bf}}"
)


def _page(value: dict[str, Any]) -> bytes:
    """The overview for people."""
    contracts = "".join(
        f"<li><a href='{escape(entry['specification'])}'>{escape(entry['name'])}</a> "
        f"{escape(entry['kind'])} {escape(entry['version'])} at "
        f"<code>{escape(', '.join(entry['roots']))}</code></li>"
        for entry in value["contracts"]
    )
    rows = "".join(
        f"<tr><td>{escape(route['protocol'])}<td>{escape(route['method'])}"
        f"<td><code>{escape(route['path'])}</code><td>{escape(route['summary'][:200])}"
        f"<td>{escape(route['contract'])}</tr>"
        for route in value["routes"]
    )
    notes = "".join(f"<li>{escape(note)}</li>" for note in value["notes"])
    links = " · ".join(
        f"<a href='{INSPECTION}/{name}'>{name}</a>"
        for name in ("calls", "calls.jsonl", "pact", "notes", "spec", "faults", "seed-data")
    )
    return (
        f"<!doctype html><html lang='en'><meta charset='utf-8'><title>Mock server</title>"
        f"<meta name='viewport' content='width=device-width'><style>{_STYLE}</style>"
        f"<h1>Mock server</h1><p>{value['calls']} calls so far. {links}</p><ul>{contracts}</ul>"
        f"{f'<h2>Notes</h2><ul>{notes}</ul>' if notes else ''}"
        f"<h2>Routes</h2><table><tr><th>Protocol<th>Method<th>Path<th>Summary<th>Contract</tr>"
        f"{rows}</table></html>"
    ).encode()
