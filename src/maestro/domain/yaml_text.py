"""YAML text to JSON values, for documents of any kind: strict, within limits, with places.

Read from YAML's events, without recursion and without constructing Python objects. Plain scalars
follow the YAML 1.2 core schema, so that `no` and `2030-01-15` are texts; keys become texts. Aliases
may be used; what they unfold to is counted.
"""

import re
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import yaml

from maestro.domain.values import JsonValue
from maestro.errors import InvalidInput

Pointer = tuple[str | int, ...]
"""The keys and indexes on the way to a value."""

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_INTEGER = re.compile(r"[-+]?[0-9]+")
_HEX_OR_OCTAL = re.compile(r"0x[0-9a-fA-F]+|0o[0-7]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_WORDS = {"": None, "~": None, "null": None, "Null": None, "NULL": None} | {
    word: word.lower() == "true" for word in ("true", "True", "TRUE", "false", "False", "FALSE")
}
_TEXT_STARTS = frozenset("abcdeghijklmopqrsuvwxyzABCDEGHIJKLMOPQRSUVWXYZ/#@$(")
"""None of them begins a number, a truth or a null."""
_TAGS = ("str", "int", "float", "bool", "null", "seq", "map", "timestamp")


class Spot(NamedTuple):
    """Counted from one."""

    line: int
    column: int


@dataclass(frozen=True, slots=True, kw_only=True)
class YamlRules:
    """What a kind of document may contain."""

    depth: int
    values: int
    """After all aliases are written out."""
    digits: int = 4300
    """Of one whole number; Python itself reads no more."""
    hex_and_octal: bool = False
    """Whether `0x1F` and `0o17` are numbers; they are texts otherwise."""
    merge_keys: bool = False
    """Whether `<<` adds another mapping's entries; it is a key like others otherwise."""
    text_keys: bool = False
    """Whether plain keys that stand for no text, like `1`, `true` or `<<`, are refused."""
    not_finite: bool = False
    """Whether `.inf` and `.nan` are read; they are refused otherwise."""
    spots: bool = True
    """Whether to note where everything stands."""


@dataclass(frozen=True, slots=True)
class YamlText:
    """What a text says, and where. What an alias stands for has only the alias's spot."""

    value: JsonValue = None
    keys: dict[Pointer, Spot] = field(default_factory=dict)
    """Where the key of a mapping's entry stands."""
    values: dict[Pointer, Spot] = field(default_factory=dict)
    """Where a value begins; has no `()` when the text holds no document."""


class YamlFault(Exception):
    """Why a text is refused; who reads the document says it in the document's own terms."""

    def __init__(self, problem: str, spot: Spot | None, *, malformed: bool = False) -> None:
        super().__init__(problem)
        self.problem = problem
        self.spot = spot
        self.malformed = malformed
        """It is not YAML at all."""


class YamlKeyTwice(YamlFault):
    def __init__(self, key: str, spot: Spot, first: Spot | None) -> None:
        super().__init__(f"the key {key!r} occurs twice in one mapping", spot)
        self.key = key
        self.first = first
        """None where spots are not noted."""


def read_yaml_text(text: str, rules: YamlRules) -> YamlText:
    """Raises:
    YamlFault: malformed, several documents, keys that are no text or stand twice, a tag that
        JSON has nothing for, an alias without or within its anchor, or a limit is passed.
    """
    reader = _Reader(rules)
    try:
        for event in yaml.parse(text, Loader=_Loader):
            reader.take(event)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        spot = Spot(mark.line + 1, mark.column + 1) if mark else None
        raise YamlFault(str(error.problem), spot, malformed=True) from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise YamlFault(str(error).partition("\n")[0], None, malformed=True) from None
    return YamlText(reader.result, reader.keys, reader.values)


_ORDINARY = YamlRules(depth=100, values=500_000, merge_keys=True, spots=False)


def yaml_value(text: str, *, name: str) -> JsonValue:
    """What a file of our own kind says.

    Raises:
        InvalidInput: malformed, a key twice or more than anybody writes; names file and line.
    """
    try:
        return read_yaml_text(text, _ORDINARY).value
    except YamlFault as fault:
        place = f", line {fault.spot.line}, column {fault.spot.column}" if fault.spot else ""
        problem = f"is not YAML: {fault.problem}" if fault.malformed else fault.problem
        raise InvalidInput(f"{name}{place}: {problem}") from None


class _Container:
    """An open mapping or sequence while its events arrive."""

    __slots__ = ("anchor", "key", "merges", "pointer", "start", "value")

    def __init__(
        self, value: dict[str, Any] | list[Any], anchor: str | None, start: int, pointer: Pointer
    ) -> None:
        self.value = value
        self.anchor = anchor
        self.start = start
        self.pointer = pointer
        self.key: str | None = None
        self.merges: list[dict[str, Any]] = []


class _Reader:
    """Builds values from YAML events with a stack of its own."""

    def __init__(self, rules: YamlRules) -> None:
        self.result: JsonValue = None
        self.keys: dict[Pointer, Spot] = {}
        self.values: dict[Pointer, Spot] = {}
        self._rules = rules
        self._open: list[_Container] = []
        self._anchors: dict[str, tuple[Any, int]] = {}
        self._count = 0
        self._documents = 0

    def take(self, event: yaml.Event) -> None:
        if type(event) is yaml.ScalarEvent:
            self._scalar(event)
        elif isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
            self._start(event)
        elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            self._end()
        elif isinstance(event, yaml.AliasEvent):
            self._alias(event)
        elif isinstance(event, yaml.DocumentStartEvent):
            self._documents += 1
            if self._documents > 1:
                raise YamlFault("several YAML documents in one file; keep one", _spot(event))

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        self._grow(event, 1)
        top = self._open[-1] if self._open else None
        if top is not None and top.key is None and type(top.value) is dict:
            self._set_key(event)
            return
        if self._rules.spots:
            self._note(event)
        value = self._scalar_value(event)
        if event.anchor:
            self._anchors[event.anchor] = (value, 1)
        self._put(value)

    def _scalar_value(self, event: yaml.ScalarEvent) -> JsonValue:
        text: str = event.value
        tag = event.tag
        if tag is not None:
            _check_tag(event)
        quoted = not event.implicit[0] or event.style in ('"', "'", "|", ">")
        if quoted and tag in (None, "!", "tag:yaml.org,2002:str"):
            return text
        if text[:1] in _TEXT_STARTS:
            return text  # as most plain texts do
        if _NOT_FINITE.fullmatch(text):
            if not self._rules.not_finite:
                raise YamlFault(f"{text!r} is not a number JSON has", _spot(event))
            return float(text.replace(".", ""))
        if len(text) > self._rules.digits and _INTEGER.fullmatch(text):
            raise YamlFault(f"a number of {len(text)} digits", _spot(event))
        return _core_scalar(text, self._rules.hex_and_octal)

    def _start(self, event: yaml.MappingStartEvent | yaml.SequenceStartEvent) -> None:
        if event.tag is not None:
            _check_tag(event)
        self._grow(event, 1)
        if self._at_key():
            raise YamlFault("a mapping or list used as a key; keys are text", _spot(event))
        if len(self._open) >= self._rules.depth:
            raise YamlFault(f"nested deeper than {self._rules.depth} levels", _spot(event))
        self._note(event)
        value: dict[str, Any] | list[Any]
        value = {} if isinstance(event, yaml.MappingStartEvent) else []
        self._open.append(_Container(value, event.anchor, self._count, self._here()))

    def _end(self) -> None:
        done = self._open.pop()
        if isinstance(done.value, dict):
            for merged in done.merges:
                done.value = {**merged, **done.value}
        if done.anchor:
            self._anchors[done.anchor] = (done.value, self._count - done.start + 1)
        self._put(done.value)

    def _alias(self, event: yaml.AliasEvent) -> None:
        if self._at_key():
            raise YamlFault("an alias used as a key; keys are text", _spot(event))
        known = self._anchors.get(str(event.anchor))
        if known is None:
            raise YamlFault(f"alias *{event.anchor} has no finished anchor before it", _spot(event))
        self._grow(event, known[1])
        self._note(event)
        self._put(known[0])

    def _at_key(self) -> bool:
        top = self._open[-1] if self._open else None
        return top is not None and isinstance(top.value, dict) and top.key is None

    def _set_key(self, event: yaml.ScalarEvent) -> None:
        top, key = self._open[-1], event.value
        if self._rules.text_keys:
            self._check_key(event)
        if key in top.value:
            raise YamlKeyTwice(key, _spot(event), self.keys.get((*top.pointer, key)))
        top.key = key
        if self._rules.spots:
            self.keys[(*top.pointer, key)] = _spot(event)

    def _check_key(self, event: yaml.ScalarEvent) -> None:
        read = self._scalar_value(event)
        merge = read == "<<" and event.implicit[0]
        if merge or not isinstance(read, str) or not read.strip():
            raise YamlFault(f"expected a text as key, got {read!r}", _spot(event))

    def _note(self, event: yaml.Event) -> None:
        if self._rules.spots:
            self.values[self._here()] = _spot(event)

    def _here(self) -> Pointer:
        """Where the value that begins now will stand; not kept where nobody asks for spots."""
        if not self._open or not self._rules.spots:
            return ()
        top = self._open[-1]
        return (*top.pointer, len(top.value) if isinstance(top.value, list) else str(top.key))

    def _put(self, value: Any) -> None:
        if not self._open:
            self.result = value
            return
        top = self._open[-1]
        if isinstance(top.value, list):
            top.value.append(value)
            return
        key = str(top.key)
        top.key = None
        if self._rules.merge_keys and key == "<<" and isinstance(value, dict | list):
            among = value if isinstance(value, list) else [value]
            top.merges += [merged for merged in among if isinstance(merged, dict)]
        else:
            top.value[key] = value

    def _grow(self, event: yaml.Event, amount: int) -> None:
        self._count += amount
        if self._count > self._rules.values:
            problem = f"more than {self._rules.values} values with aliases written out"
            raise YamlFault(problem, _spot(event))


def _core_scalar(text: str, hex_and_octal: bool) -> str | int | float | bool | None:
    """What a plain scalar stands for in the core schema, `.inf` and `.nan` apart."""
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    if hex_and_octal and _HEX_OR_OCTAL.fullmatch(text):
        return int(text, 0)
    return float(text) if _FLOAT.fullmatch(text) else text


def _check_tag(event: Any) -> None:
    tag = event.tag or "!"
    if tag != "!" and tag.removeprefix("tag:yaml.org,2002:") not in _TAGS:
        raise YamlFault(f"the tag {tag!r} stands for nothing JSON has", _spot(event))


def _spot(event: yaml.Event) -> Spot:
    mark = event.start_mark
    return Spot(mark.line + 1, mark.column + 1) if mark else Spot(1, 1)
