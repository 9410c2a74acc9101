"""What the operations files need to know: services, their folders and ports, and the page."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from maestro.domain.contract import ContractKind
from maestro.domain.contract_paths import readable_paths
from maestro.domain.work import Assignment

FIRST_PORT = 8000
DESIGNED_BASE_PATH = "/api"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunnableService:
    """A service of the integrated application as it is started."""

    name: str
    folder: str
    offset: int
    """Its port is the first port plus this."""
    base_path: str
    """Prefix of its API's paths."""

    @property
    def port(self) -> int:
        """Its port when the application starts at the first port."""
        return FIRST_PORT + self.offset

    @property
    def url(self) -> str:
        """Base address of its API then."""
        return f"http://127.0.0.1:{self.port}{self.base_path}"

    @property
    def health_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/api/health"

    @property
    def host_name(self) -> str:
        return self.name.replace("_", "-")


def operations_view(assignment: Assignment) -> Mapping[str, object]:
    """One service serves the page itself; several get one port each, after the page's port."""
    page = has_page(assignment)
    services = runnable_services(assignment)
    several = len(services) > 1
    separate_page = page and several
    ports = [FIRST_PORT] if separate_page else []
    return {
        "services": services,
        "several": several,
        "has_page": page,
        "separate_page": separate_page,
        "page_from_backend": page and not several,
        "base_path": base_path(assignment),
        "foreign": assignment.constraints.contract is not None,
        "first_port": FIRST_PORT,
        "load_paths": () if several else _load_paths(assignment),
        "ports": tuple(ports + [service.port for service in services]),
        "image": _slug(assignment.domain.title),
        "run_summary": _run_summary(services, page),
    }


def runnable_services(assignment: Assignment) -> tuple[RunnableService, ...]:
    """Every component with an API, in the order of its contracts."""
    names = list(
        dict.fromkeys(c.component for c in assignment.contracts if c.kind is ContractKind.REST)
    )
    names = names or [service.name for service in assignment.domain.services] or ["backend"]
    several = len(names) > 1
    first = 1 if several and has_page(assignment) else 0
    return tuple(
        RunnableService(
            name=name,
            folder=f"services/{name}" if several else "backend",
            offset=first + index,
            base_path=base_path(assignment),
        )
        for index, name in enumerate(names)
    )


def base_path(assignment: Assignment) -> str:
    """Prefix of the API's paths: `/api`, or the path of the first server of a foreign document."""
    if assignment.constraints.contract is None:
        return DESIGNED_BASE_PATH
    for contract in assignment.contracts:
        if contract.kind is ContractKind.REST:
            return _server_path(contract.specification)
    return DESIGNED_BASE_PATH


def _server_path(document: Mapping[str, Any]) -> str:
    if "basePath" in document:  # OpenAPI 2.0
        return str(document["basePath"]).rstrip("/")
    servers = document.get("servers") or [{}]
    url = str(servers[0].get("url") or "")
    for name, variable in (servers[0].get("variables") or {}).items():
        url = url.replace(f"{{{name}}}", str(variable.get("default", "")))
    return urlsplit(url).path.rstrip("/")


def _load_paths(assignment: Assignment) -> tuple[str, ...]:
    """What can be asked of the one service at any time; somebody else's document may have
    operations that are not built.
    """
    if assignment.constraints.contract is not None:
        return ()
    return tuple(
        base_path(assignment) + path
        for contract in assignment.contracts
        for path in readable_paths(contract)
    )


def has_page(assignment: Assignment) -> bool:
    """Whether a page is part of the application."""
    page = any(contract.kind is ContractKind.PAGE for contract in assignment.contracts)
    consumed = any(
        contract.kind is ContractKind.REST and "frontend_developer" in contract.consumers
        for contract in assignment.contracts
    )
    return page or (assignment.domain.has_page and (consumed or not assignment.contracts))


def _run_summary(services: tuple[RunnableService, ...], page: bool) -> str:
    if len(services) == 1:
        served = "The service in backend/ answers the API"
        return f"{served} and delivers the page in frontend/." if page else f"{served}."
    names = ", ".join(service.name for service in services)
    if page:
        return (
            f"The page gets the port that is asked for; the services {names} get the ports after "
            "it."
        )
    return f"The services {names} get the port that is asked for and those after it."


def _slug(title: str) -> str:
    """A name that container tools accept."""
    words = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")
    return words[:60].strip("-") or "application"
