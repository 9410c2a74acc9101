"""Turns a template package and its context into files; hostile values stay values.

Every value that comes from a requirement goes through one of the quoting filters, so that a label
full of quotes, newlines or markup never ends a string, a comment or a tag.
"""

import html
import json
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from pathlib import Path, PurePosixPath

from jinja2 import BaseLoader, StrictUndefined, TemplateError, TemplateNotFound
from jinja2.sandbox import ImmutableSandboxedEnvironment

from maestro.agents.executors.offline.packages import TemplatePackage
from maestro.errors import InvalidInput, StepFailed

Context = Mapping[str, object]

SUFFIX = ".jinja"


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderedFile:
    path: str
    """Relative to the work tree, with `/`."""
    content: bytes
    executable: bool = False
    """True for files that start with `#!`."""


def render_package(package: TemplatePackage, context: Context) -> tuple[RenderedFile, ...]:
    """All files of the package, sorted by path.

    A `.jinja` file that renders to nothing but white space is left out, so a template can decide
    that its file is not wanted.

    Raises:
        StepFailed: a template is broken or asks for a value the view does not give.
        InvalidInput: a path leaves the work tree or two files claim the same path.
    """
    environment = _environment(package)
    rendered: dict[str, RenderedFile] = {}
    for segments, source in _walk(package.files, ()):
        for path, names in _expand("/".join(segments), context):
            content = _content(environment, package, segments, source, {**context, **names})
            if content is None:
                continue
            path = _contained(path.removesuffix(SUFFIX))
            if path in rendered:
                raise InvalidInput(f"template package {package.id!r} makes {path!r} twice")
            rendered[path] = RenderedFile(
                path=path, content=content, executable=content.startswith(b"#!")
            )
    return tuple(rendered[path] for path in sorted(rendered))


def write_files(root: Path, rendered: tuple[RenderedFile, ...]) -> None:
    """Writes the files below `root`; a link inside the tree that leads out of it is refused."""
    top = root.resolve()
    for file in rendered:
        target = top / _contained(file.path)
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.is_symlink() or not target.parent.resolve().is_relative_to(top):
            raise InvalidInput(f"{file.path!r} leads out of the work tree through a link")
        target.write_bytes(file.content)
        target.chmod(0o755 if file.executable else 0o644)


def expand_component(text: str, context: Context) -> str:
    """Replaces `@component_dir@`; used for paths and for the argv of checks."""
    return text.replace("@component_dir@", str(context["component_dir"]))


def _walk(
    folder: Traversable, above: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], Traversable]]:
    for entry in sorted(folder.iterdir(), key=lambda e: e.name):
        if entry.name == "__pycache__" or entry.name.endswith(".pyc"):
            continue
        if entry.is_dir():
            yield from _walk(entry, (*above, entry.name))
        else:
            yield (*above, entry.name), entry


def _expand(path: str, context: Context) -> Iterator[tuple[str, Context]]:
    """One path, or one per entity where the path names them."""
    path = expand_component(path, context)
    if "@entity@" not in path and "@entities@" not in path:
        yield path, {}
        return
    entities = context["entities"]
    if not isinstance(entities, list | tuple):
        raise InvalidInput(f"{path!r} needs the view to give a sequence 'entities'")
    for entity in entities:
        one = path.replace("@entity@", entity.name).replace("@entities@", entity.plural)
        yield one, {"entity": entity}


def _content(
    environment: ImmutableSandboxedEnvironment,
    package: TemplatePackage,
    segments: tuple[str, ...],
    source: Traversable,
    context: Context,
) -> bytes | None:
    if not source.name.endswith(SUFFIX):
        return source.read_bytes()
    name = "files/" + "/".join(segments)
    try:
        text = environment.get_template(name).render(context)
        return text.encode() if text.strip() else None
    except (TemplateError, UnicodeEncodeError) as error:
        raise StepFailed(
            f"template {package.id}/{name} could not be rendered: {error}; correct the template"
        ) from error


def _contained(path: str) -> str:
    pure = PurePosixPath(path)
    if pure.is_absolute() or not pure.parts or ".." in pure.parts or re.search(r"[\\\0]|@", path):
        raise InvalidInput(f"path {path!r} is not a plain path inside the work tree")
    return str(pure)


class _PackageLoader(BaseLoader):
    """Lets templates include and import other files of the same package."""

    def __init__(self, folder: Traversable) -> None:
        self._folder = folder

    def get_source(self, environment: object, template: str) -> tuple[str, str | None, None]:
        if ".." in PurePosixPath(template).parts or template.startswith("/"):
            raise TemplateNotFound(template)
        source = self._folder / template
        if not source.is_file():
            raise TemplateNotFound(template)
        return source.read_text(encoding="utf-8"), template, None


def _environment(package: TemplatePackage) -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(
        loader=_PackageLoader(package.folder),
        undefined=StrictUndefined,
        autoescape=False,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        pystr=python_text,
        docstring=docstring_text,
        line=one_line,
        jsstr=script_text,
        json=json_text,
        yamlstr=yaml_text,
        html=html_text,
        md=markdown_text,
        sh=shell_text,
    )
    return environment


# --- filters ------------------------------------------------------------------------------------


def python_text(value: object) -> str:
    """A Python literal, with double quotes round text."""
    if not isinstance(value, str):
        return repr(value)
    return '"' + repr('"' + value)[2:-1].replace("\\'", "'").replace('"', '\\"') + '"'


def docstring_text(value: object) -> str:
    """One line that can stand inside a triple-quoted Python string."""
    return one_line(value).replace("\\", "\\\\").replace('"', '\\"')


def one_line(value: object) -> str:
    """Everything on one line without control characters: safe behind `#` and `//`."""
    text = "".join(c if c.isprintable() else " " for c in str(value))
    return " ".join(text.split())


def script_text(value: object) -> str:
    """A JavaScript literal, safe inside a script element too."""
    return json_text(value).replace("</", "<\\/").replace("<!--", "<\\!--")


def json_text(value: object, indent: int | None = None) -> str:
    """JSON in ASCII, so that no line separator of any language is in it."""
    return json.dumps(value, indent=indent, allow_nan=False)


def yaml_text(value: object) -> str:
    """A double-quoted YAML scalar; also valid in TOML."""
    escaped = (
        f"\\{c}" if c in '"\\' else c if c.isprintable() else f"\\U{ord(c):08x}" for c in str(value)
    )
    return '"' + "".join(escaped) + '"'


def html_text(value: object) -> str:
    """Text or a quoted attribute of an HTML document."""
    return html.escape(str(value), quote=True)


def markdown_text(value: object) -> str:
    """One line of plain words in Markdown; markup in it shows as written."""
    return re.sub(r"([\\`*_{}\[\]()<>#+!|~&])", r"\\\1", one_line(value))


def shell_text(value: object) -> str:
    """One word of a POSIX shell command."""
    return shlex.quote(str(value))
