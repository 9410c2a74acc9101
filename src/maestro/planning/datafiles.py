"""Reading the planner's data files: strict, safe, and with the file named in every complaint."""

from pathlib import Path
from typing import Any

from maestro.domain.yaml_text import yaml_value
from maestro.errors import InvalidInput

DATA = Path(__file__).parent / "data"


def read_yaml(path: Path) -> Any:
    """The parsed document. Raises InvalidInput for an unreadable file, bad YAML or a key twice."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{path.name}: cannot be read: {error}") from error
    return yaml_value(text, name=path.name)


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
