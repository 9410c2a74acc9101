"""Reading the planner's data files: strict, safe, and with the file named in every complaint."""

from pathlib import Path
from typing import Any

import yaml

from maestro.errors import InvalidInput

DATA = Path(__file__).parent / "data"


def read_yaml(path: Path) -> Any:
    """The parsed document. Raises InvalidInput for an unreadable file, bad YAML or a key twice."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{path.name}: cannot be read: {error}") from error
    try:
        return yaml.load(text, Loader=_StrictLoader)  # noqa: S506 - a SafeLoader
    except yaml.YAMLError as error:
        raise InvalidInput(f"{path.name}: not valid YAML: {error}") from error


def mapping(value: object, where: str) -> dict[str, Any]:
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise InvalidInput(f"{where}: expected a mapping with text keys, got {value!r}")
    return value


def words(value: object, where: str) -> tuple[str, ...]:
    """A list of texts, or one text of words divided by white space."""
    if isinstance(value, str):
        return tuple(value.split())
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return tuple(value)
    raise InvalidInput(f"{where}: expected a list of texts, got {value!r}")


class _StrictLoader(yaml.SafeLoader):
    """YAML lets a repeated key silently win over the first; here it is an error."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"key {key.value!r} stands twice", key.start_mark
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep)
