"""What clients in every language need to know of an OpenAPI contract."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import jinja2

from maestro.contracts.exports.client_names import Names, one_line, snake
from maestro.contracts.exports.client_operations import ClientFunction, functions
from maestro.contracts.exports.client_types import ClientType, ClientTypes, without_circles
from maestro.contracts.openapi import from_object, operations
from maestro.contracts.openapi.pointers import follow
from maestro.domain.contract import Contract, SpecificationFormat
from maestro.errors import InvalidInput

_TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientContract:
    """One contract, ready to be written as source code."""

    contract: Contract
    title: str
    package: str
    """snake_case, after the contract's id."""
    address: str
    functions: tuple[ClientFunction, ...]
    named: Mapping[str, ClientType]
    descriptions: Mapping[str, str]
    schemes: Mapping[str, tuple[str, str, str]]
    """Security scheme -> kind (`apiKey`, `basic` or `bearer`), location and name."""


def read_client(
    contract: Contract,
    *,
    spell: Callable[[str], str],
    reserved_types: frozenset[str],
    reserved: tuple[frozenset[str], frozenset[str]],
    inline_objects: bool,
) -> ClientContract:
    """Gathers functions and types.

    Args:
        contract: an OpenAPI contract.
        spell: makes a name of the language out of any text.
        reserved_types: names types must not have.
        reserved: names functions and parameters must not have.
        inline_objects: the language can write objects where they are used.

    Raises:
        InvalidInput: no OpenAPI contract, or one without a usable operation.
    """
    if contract.format is not SpecificationFormat.OPENAPI:
        raise InvalidInput(
            f"contract {contract.id!r} is {contract.format.value}; clients are made from OpenAPI"
        )
    document = from_object(contract.specification, name=contract.id)
    types = ClientTypes(
        document=document, names=Names(reserved_types), inline_objects=inline_objects
    )
    made = functions(operations(document), types, spell, reserved)
    if not made:
        raise InvalidInput(
            f"contract {contract.id!r} has no usable operation; `maestro contracts lint` tells why"
        )
    return ClientContract(
        contract=contract,
        title=one_line(document.title),
        package=f"{snake(contract.id)}_client",
        address=f"http://127.0.0.1:8000{document.base_path}",
        functions=made,
        named=without_circles(types.named),
        descriptions=types.descriptions,
        schemes=_schemes(document.root),
    )


def _schemes(root: Mapping[str, object]) -> dict[str, tuple[str, str, str]]:
    components = root.get("components")
    listed = components.get("securitySchemes") if isinstance(components, Mapping) else None
    found = {}
    for name, entry in listed.items() if isinstance(listed, Mapping) else ():
        try:
            scheme = follow(root, entry, where=f"/components/securitySchemes/{name}")
        except InvalidInput:
            continue
        if not isinstance(scheme, Mapping):
            continue
        if scheme.get("type") == "apiKey":
            place = str(scheme.get("in")), str(scheme.get("name"))
            found[str(name)] = ("apiKey", *place)
        else:
            basic = str(scheme.get("scheme")).lower() == "basic"
            found[str(name)] = ("basic" if basic else "bearer", "header", "authorization")
    return found


def template(path: str, values: Mapping[str, object]) -> bytes:
    """A file out of one of our templates."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - source code and Markdown, every value is spelled before
    )
    return environment.get_template(path).render(values).encode()


def needed_credentials(client: ClientContract) -> tuple[str, ...]:
    """Schemes of the first way into each operation, in the order they are first needed."""
    ways = (function.security[0] for function in client.functions if function.security)
    return tuple(dict.fromkeys(name for way in ways for name in way))
