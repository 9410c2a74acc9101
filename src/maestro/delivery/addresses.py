"""The names under which services are told each other's addresses."""

import re


def address_variable(component: str) -> str:
    """Environment variable that carries the base URL of a component's API."""
    return "API_URL_" + re.sub(r"[^A-Z0-9]", "_", component.upper())
