"""A typed client in TypeScript: declarations beside JavaScript that runs as it is."""

import json
from collections.abc import Iterator

from maestro.contracts.exports.client_contract import (
    ClientContract,
    needed_credentials,
    read_client,
    template,
)
from maestro.contracts.exports.client_names import camel, one_line
from maestro.contracts.exports.client_operations import ClientFunction
from maestro.contracts.exports.client_types import ClientType
from maestro.contracts.exports.project import ExportedProject
from maestro.domain.contract import Contract

_TYPES = frozenset({
    "ApiError", "Array", "Binary", "Blob", "Client", "ClientOptions", "Error", "Object", "Problem",
    "Promise", "RequestOptions", "Response", "String", "Number", "Boolean", "Symbol", "Function",
    "Uint8Array", "AbortSignal", "Transport",
})  # fmt: skip
_METHODS = frozenset({
    "baseUrl", "call", "constructor", "credentials", "delete", "fetch", "headers", "hasOwnProperty",
    "isPrototypeOf", "prototype", "then", "toString", "valueOf",
})  # fmt: skip
_PLAIN = {
    "any": "unknown", "null": "null", "boolean": "boolean", "integer": "number",
    "number": "number", "string": "string", "binary": "Binary",
}  # fmt: skip


def typescript_client(contract: Contract) -> ExportedProject:
    """A package with a method per operation, which `tsc --strict` finds no fault with.

    Raises:
        InvalidInput: no OpenAPI contract, or one without a usable operation.
    """
    client = read_typescript_client(contract)
    example = "\n".join(_example(client)) + "\n"
    values = {
        "distribution": json.dumps(client.package.replace("_", "-")),
        "version": json.dumps(contract.version),
        "description": json.dumps(f"Client of {client.title}"),
    }
    told = {
        "title": client.title,
        "contract": contract.id,
        "version": contract.version,
        "example": example,
        "rows": [_row(function) for function in client.functions],
    }
    folder = "typescript-client"
    files = {
        "package.json": template(f"{folder}/package.json.jinja", values),
        "tsconfig.json": template(f"{folder}/tsconfig.json.jinja", {}),
        "README.md": template(f"{folder}/README.md.jinja", told),
        "example.mts": example.replace(
            f'"{client.package.replace("_", "-")}"', '"./index.mjs"'
        ).encode(),
        "index.mjs": ("\n".join(_code(client)) + "\n").encode(),
        "index.d.mts": ("\n".join(_declarations(client)) + "\n").encode(),
        "runtime.mjs": template(f"{folder}/runtime.mjs.jinja", {}),
        "runtime.d.mts": template(f"{folder}/runtime.d.mts.jinja", {}),
    }
    return ExportedProject(files=files)


def read_typescript_client(contract: Contract) -> ClientContract:
    """The contract with names of JavaScript. Raises InvalidInput as `typescript_client` does."""
    return read_client(
        contract,
        spell=camel,
        reserved_types=_TYPES,
        reserved=(_METHODS, frozenset({"body"})),
        inline_objects=True,
    )


def _code(client: ClientContract) -> Iterator[str]:
    yield f"// Operations of {client.title}."
    yield ""
    yield 'import { ApiError, Transport } from "./runtime.mjs";'
    yield ""
    yield "export { ApiError };"
    yield ""
    yield f"const schemes = new Map({_js([*client.schemes.items()])});"
    yield ""
    yield "const operations = {"
    for function in client.functions:
        yield f"  {function.name}: {_js(_operation(function))},"
    yield "};"
    yield ""
    yield "export class Client extends Transport {"
    for function in client.functions:
        yield f"  {function.name}(values, options) {{"
        yield f"    return this._call(operations.{function.name}, schemes, values, options);"
        yield "  }"
        yield ""
    yield "}"


def _operation(function: ClientFunction) -> dict[str, object]:
    return {
        "method": function.method,
        "path": function.path,
        "parameters": [
            {
                "key": p.key,
                "name": p.name,
                "in": p.location,
                "style": p.style,
                "explode": p.explode,
                "json": p.is_json,
            }
            for p in function.parameters
        ],
        "bodyForm": function.body_form,
        "bodyMedia": function.body_media,
        "accept": function.accept,
        "security": function.security,
    }


def _js(value: object) -> str:
    return json.dumps(value)  # ASCII only, so no line separator can end a line


def _declarations(client: ClientContract) -> Iterator[str]:
    yield f"// Types and operations of {client.title}."
    yield ""
    yield 'import type { Binary, ClientOptions, RequestOptions } from "./runtime.mjs";'
    yield ""
    yield 'export { ApiError } from "./runtime.mjs";'
    yield 'export type { Binary, ClientOptions, Problem, RequestOptions } from "./runtime.mjs";'
    for name, made in client.named.items():
        yield ""
        if client.descriptions.get(name):
            yield _comment(client.descriptions[name], "")
        yield f"export type {name} = {_type(made)};"
    yield ""
    yield _comment(f"{client.title}. Every method rejects with ApiError unless it succeeds.", "")
    yield "export declare class Client {"
    yield "  constructor(baseUrl: string, options?: ClientOptions);"
    for function in client.functions:
        yield ""
        told = one_line(function.summary) or f"{function.method} {one_line(function.path)}"
        yield _comment(told, "  ")
        yield (
            f"  {function.name}({_arguments(function)}, options?: RequestOptions): "
            f"Promise<{_type(function.result)}>;"
        )
    yield "}"


def _arguments(function: ClientFunction) -> str:
    members = [f"{p.key}: {_type(p.type)}" for p in function.needed]
    if function.body is not None:
        mark = "" if function.body_required else "?"
        members.append(f"body{mark}: {_or_undefined(function.body, function.body_required)}")
    members += [f"{p.key}?: {_type(p.type)} | undefined" for p in function.optional]
    needed = bool(function.needed) or function.body_required
    return (
        f"values{'' if needed else '?'}: {{ {'; '.join(members)} }}" if members else "values?: {}"
    )


def _or_undefined(made: ClientType, required: bool) -> str:
    return _type(made) if required else f"{_type(made)} | undefined"


def _type(made: ClientType) -> str:
    if made.kind == "named":
        return made.name
    if made.kind == "literal":
        return " | ".join(dict.fromkeys(json.dumps(value) for value in made.values))
    if made.kind == "array":
        return f"Array<{_type(made.members[0])}>"
    if made.kind == "map":
        return f"{{ [key: string]: {_type(made.members[0])} }}"
    if made.kind == "union":
        return " | ".join(dict.fromkeys(_type(member) for member in made.members))
    if made.kind == "object":
        members = [
            f"{json.dumps(entry.name)}{'' if entry.required else '?'}: {_type(entry.type)}"
            for entry in made.fields
        ]
        return f"{{ {'; '.join(members)} }}"
    return _PLAIN[made.kind]


def _comment(text: str, indent: str) -> str:
    return f"{indent}/** {one_line(text).replace('*/', '* /')} */"


def _example(client: ClientContract) -> Iterator[str]:
    ranked = sorted(
        client.functions, key=lambda f: (f.method != "GET", len(f.needed), f.body_required)
    )
    first = ranked[0]
    yield f'import {{ ApiError, Client }} from "{client.package.replace("_", "-")}";'
    yield ""
    credentials = dict.fromkeys(needed_credentials(client), "...")
    options = f", {{ credentials: {_js(credentials)} }}" if credentials else ""
    yield f"const client = new Client({_js(client.address)}{options});"
    needed = bool(first.needed) or first.body_required
    call = f'Parameters<Client["{first.name}"]>[0]'
    if needed:
        yield f"export async function example(values: {call}): Promise<unknown> {{"
    else:
        yield "export async function example(): Promise<unknown> {"
    yield "  try {"
    yield f"    return await client.{first.name}({'values' if needed else ''});"
    yield "  } catch (error) {"
    yield "    if (error instanceof ApiError) return error.problem;"
    yield "    throw error;"
    yield "  }"
    yield "}"


def _row(function: ClientFunction) -> dict[str, str]:
    given = f"{{ {', '.join(function.told)} }}" if function.told else ""
    return {
        "call": f"{function.name}({given})",
        "request": one_line(f"{function.method} {function.path}").replace("|", "\\|"),
        "result": _type(function.result).replace("|", "\\|"),
    }
