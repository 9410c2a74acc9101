"""Arguments that several commands share, and how they become constraints."""

import json
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, NoReturn

from cyclopts import Parameter

from maestro.delivery.given_files import given_text, text_from
from maestro.domain.models import EVERY_PERSONA
from maestro.domain.quality import Environment
from maestro.domain.requirement import Constraints, Preference
from maestro.domain.values import JsonValue, first_duplicate
from maestro.errors import InvalidInput, NotFound
from maestro.settings import Settings

MAX_FILE_BYTES = 10_000_000

RunArgument = Annotated[str, Parameter(help="Id of the run, as 'maestro runs list' shows it.")]
Grace = Annotated[
    float, Parameter(help="Seconds that steps get to end when the command is told to stop.")
]


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class StoreOptions:
    db: Annotated[
        str | None,
        Parameter(help="What keeps all runs: a SQLite file, or postgresql://user@host/name."),
    ] = None
    sandbox: Annotated[
        str | None, Parameter(help="'required' (default) or 'off': run built code unprotected.")
    ] = None

    def settings(self) -> Settings:
        return Settings.load(database=self.db, sandbox=self.sandbox)

    def existing_store(self) -> Settings:
        """For commands that only look at what is kept, or go on with it.

        Raises:
            NotFound: the file that `--db` names is not there. A mistyped name would otherwise
                become an empty database, whose audit log is whole and which has no runs.
        """
        settings = self.settings()
        if self.db is not None and settings.postgres_url is None and not settings.database.exists():
            raise NotFound(f"--db {self.db!r}: there is no such file; a build makes it")
        return settings

    def command(self, *words: str) -> str:
        """What to type, here or in another terminal, for a command on the same store."""
        if self.db is not None:
            settings = self.settings()
            words = (*words, "--db", settings.store_name)
        return shlex.join(("maestro", *words))


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class PlanOptions:
    prefer_parallel: Annotated[
        bool, Parameter(negative="", help="Only blueprints whose builders work side by side.")
    ] = False
    sequential: Annotated[
        bool, Parameter(negative="", help="Builders work one after the other.")
    ] = False
    quality_threshold: Annotated[
        float, Parameter(help="Least overall quality score (0 to 1) that passes the review.")
    ] = 0.8
    blueprint: Annotated[str | None, Parameter(help="Id of the blueprint to use.")] = None
    contract: Annotated[
        str | None,
        Parameter(help="Your own OpenAPI document, instead of designing one: a file or an id."),
    ] = None
    max_parallel: Annotated[int | None, Parameter(help="Most steps at work at once.")] = None
    allow_partial: Annotated[
        bool,
        Parameter(negative="", help="Succeed although parts of the requirement were not built."),
    ] = False
    environment: Annotated[
        str, Parameter(help="What it is meant for: development, staging or production.")
    ] = Environment.DEVELOPMENT.value

    def constraints(self, document: str | None = None, name: str | None = None) -> Constraints:
        """`document` is what `contract` stands for, and `name` what people call it."""
        if self.prefer_parallel and self.sequential:
            raise InvalidInput("--prefer-parallel and --sequential exclude each other; give one")
        preference = Preference.AUTO
        if self.prefer_parallel:
            preference = Preference.PARALLEL
        if self.sequential:
            preference = Preference.SEQUENTIAL
        return Constraints(
            preference=preference,
            quality_threshold=self.quality_threshold,
            blueprint=self.blueprint,
            max_parallel=self.max_parallel,
            allow_partial=self.allow_partial,
            environment=_environment(self.environment),
            contract=document,
            contract_name=name,
        )


def left(text: str) -> tuple[str, str]:
    """Whose work is left to workers, and which ones: `CAPABILITY` or `PERSONA=CAPABILITY`."""
    persona, mark, capability = text.rpartition("=")
    if not capability or (mark and not persona):
        raise InvalidInput(f"--capability {text!r}: write CAPABILITY or PERSONA=CAPABILITY")
    return persona or EVERY_PERSONA, capability


def _environment(name: str) -> Environment:
    try:
        return Environment(name)
    except ValueError:
        raise InvalidInput(
            f"--environment {name!r} is not one of {', '.join(Environment)}"
        ) from None


def most(limit: int) -> int:
    """A `--limit` that is one. Raises InvalidInput otherwise."""
    if limit < 1:
        raise InvalidInput(f"--limit must be at least 1, got {limit!r}")
    return limit


def requirement_text(argument: str) -> str:
    """The requirement: `-` reads standard input, an existing file is read, else it is the text.

    Raises:
        InvalidInput: a folder, a file that is not there or cannot be read, or no UTF-8 text.
    """
    if argument == "-":
        return text_from(sys.stdin.buffer, "REQUIREMENT '-'", MAX_FILE_BYTES)
    path = Path(argument)
    if argument and _is_there(path):
        if path.is_dir():
            raise InvalidInput(
                f"REQUIREMENT {argument!r} is a folder; name a file in it, or say in a sentence "
                "what is to be built"
            )
        return read_file(path, "REQUIREMENT")
    if path.suffix in (".txt", ".md") and not any(map(str.isspace, argument)):
        raise InvalidInput(f"REQUIREMENT file {argument!r} does not exist")
    return argument


def _is_there(path: Path) -> bool:
    try:
        path.stat()
    except (OSError, ValueError):  # also a text that is too long to name a file
        return False
    return True


def read_file(path: Path, option: str) -> str:
    """A text file of bounded size. Raises InvalidInput naming option, file and cause."""
    return given_text(path, option=option, most=MAX_FILE_BYTES)


def json_value(text: str, option: str) -> JsonValue:
    """The value of a JSON text; `@FILE` reads the file. Raises InvalidInput naming the option."""
    content = read_file(Path(text[1:]), option) if text.startswith("@") else text

    def constant(word: str) -> NoReturn:
        raise InvalidInput(f"{option}: {word} is not a number JSON has")

    def pairs(entries: list[tuple[str, JsonValue]]) -> JsonValue:
        twice = first_duplicate([key for key, _ in entries])
        if twice is not None:
            raise InvalidInput(f"{option}: the key {twice!r} occurs twice in one object")
        return dict(entries)

    try:
        value: JsonValue = json.loads(content, parse_constant=constant, object_pairs_hook=pairs)
    except json.JSONDecodeError as error:
        raise InvalidInput(
            f"{option} is not JSON: {error}; a text needs its quotes, e.g. '\"done\"'"
        ) from error
    except RecursionError:
        raise InvalidInput(f"{option} is nested too deep") from None
    return value
