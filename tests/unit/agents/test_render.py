"""Files come only from templates and only below the root; hostile values stay values."""

import ast
import json
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from maestro.agents.executors.offline.interpreters import node_binary
from maestro.agents.executors.offline.packages import TemplatePackage, load_packages
from maestro.agents.executors.offline.render import (
    RenderedFile,
    docstring_text,
    html_text,
    json_text,
    markdown_text,
    one_line,
    python_text,
    render_package,
    script_text,
    shell_text,
    write_files,
    yaml_text,
)
from maestro.domain.entities import Entity
from maestro.errors import InvalidInput, StepFailed

HOSTILE = (
    "plain",
    'it\'s "quoted"',
    "'single'",
    "\\",
    "ends in \\",
    "\\'",
    '\\"',
    '"""',
    "'''",
    "two\nlines\r\n# comment",
    "*/ alert(1) /*",
    "</script><script>alert(1)</script>",
    "<!-- x -->",
    "{{ 7 * 7 }} {% raw %}",
    "$(touch /tmp/x) `id` ${HOME}",
    "nul \0 bell \a escape \x1b",
    "\u2028\u2029\x85\ufeff\u202e",
    "日本 😀",
)
MANIFEST = """
id: demo
name: Demo
summary: Something
persona: backend_developer
provides: [rest_api]
view: demo
"""


def package(folder: Path, files: dict[str, str]) -> TemplatePackage:
    root = folder / "packages" / "demo"
    (root / "files").mkdir(parents=True)
    (root / "template.yaml").write_text(MANIFEST)
    for path, text in files.items():
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
    return load_packages(folder / "packages")[0]


def context(**more: object) -> dict[str, object]:
    return {"component_dir": "backend", "entities": (), **more}


@pytest.mark.parametrize("text", HOSTILE)
def test_text_in_python_is_the_same_text(text: str) -> None:
    assert ast.literal_eval(python_text(text)) == text
    assert python_text(text).startswith('"')


@pytest.mark.parametrize("text", HOSTILE)
def test_text_in_a_docstring_ends_nothing(text: str) -> None:
    source = f'"""{docstring_text(text)}"""\nx = 1  # {one_line(text)}\n'
    tree = ast.parse(source)
    assert [type(node).__name__ for node in tree.body] == ["Expr", "Assign"]
    assert ast.get_docstring(tree, clean=False) == one_line(text)


@pytest.mark.parametrize("text", HOSTILE)
def test_text_in_yaml_and_json_is_the_same_text(text: str) -> None:
    assert yaml.safe_load(f"key: {yaml_text(text)}") == {"key": text}
    assert json.loads(json_text(text)) == text
    assert json_text(text).isascii()


def test_text_in_javascript_is_the_same_text() -> None:
    literals = ",".join(script_text(text) for text in HOSTILE)
    assert "</script" not in literals
    assert "<!--" not in literals
    program = f"process.stdout.write(JSON.stringify([{literals}]))"
    done = subprocess.run([node_binary(), "-e", program], capture_output=True, check=True)
    assert json.loads(done.stdout) == list(HOSTILE)


@pytest.mark.parametrize("text", [text for text in HOSTILE if "\0" not in text])
def test_text_in_a_shell_command_is_one_word(text: str) -> None:
    shell = shutil.which("sh")
    assert shell is not None
    done = subprocess.run(
        [shell, "-c", f"printf %s {shell_text(text)}"], capture_output=True, check=True
    )
    assert done.stdout.decode() == text


def test_markup_characters_show_as_written() -> None:
    assert html_text("<a href='x\">&") == "&lt;a href=&#x27;x&quot;&gt;&amp;"
    assert markdown_text("# a\n[x](y) <b>|`") == r"\# a \[x\](y) \<b\>\|\`".replace("(y)", r"\(y\)")


def test_templates_are_rendered_and_other_files_copied(tmp_path: Path) -> None:
    made = package(
        tmp_path,
        {
            "files/@component_dir@/a.txt.jinja": "{{ word }}\n{% if empty %}x{% endif %}",
            "files/left-out.txt.jinja": "{% if empty %}x{% endif %}\n",
            "files/run": "#!/bin/sh\n{{ word }}\n",
            "files/empty.txt": "",
        },
    )
    rendered = render_package(made, context(word="{{ 7 * 7 }}", empty=False))
    assert [(f.path, f.content, f.executable) for f in rendered] == [
        ("backend/a.txt", b"{{ 7 * 7 }}\n", False),
        ("empty.txt", b"", False),
        ("run", b"#!/bin/sh\n{{ word }}\n", True),
    ]


def test_one_file_per_entity(tmp_path: Path) -> None:
    made = package(
        tmp_path,
        {
            "macros/m.jinja": "{% macro shout(text) %}{{ text | upper }}{% endmacro %}",
            "files/@entities@/@entity@.txt.jinja": (
                '{% import "macros/m.jinja" as m %}{{ m.shout(entity.name) }}'
            ),
        },
    )
    entities = [Entity(name=n, plural=f"{n}s", fields=()) for n in ("cat", "dog")]
    rendered = render_package(made, context(entities=tuple(entities)))
    assert {f.path: f.content for f in rendered} == {
        "cats/cat.txt": b"CAT",
        "dogs/dog.txt": b"DOG",
    }


@pytest.mark.parametrize(
    ("template", "complaint"),
    [
        ("{{ missing }}", "'missing' is undefined"),
        ("{{ ''.__class__.__mro__ }}", "unsafe"),
        ("{% for %}", "demo/files/a.txt.jinja"),
        ('{% include "../template.yaml" %}', "template.yaml"),
        ("\ud800", "surrogates"),
    ],
)
def test_broken_templates_fail_loudly(tmp_path: Path, template: str, complaint: str) -> None:
    source = template if template.isascii() else "{{ word }}"
    made = package(tmp_path, {"files/a.txt.jinja": source})
    with pytest.raises(StepFailed, match=complaint):
        render_package(made, context(word=template))


@pytest.mark.parametrize("folder", ["../outside", "/outside", "a\\b", "a\0b"])
def test_no_path_leaves_the_work_tree(tmp_path: Path, folder: str) -> None:
    made = package(tmp_path, {"files/@component_dir@/a.txt": "x"})
    with pytest.raises(InvalidInput, match="not a plain path"):
        render_package(made, {"component_dir": folder, "entities": ()})
    with pytest.raises(InvalidInput, match="not a plain path"):
        write_files(tmp_path / "tree", (RenderedFile(path=f"{folder}/a", content=b""),))


def test_two_files_may_not_claim_one_path(tmp_path: Path) -> None:
    made = package(tmp_path, {"files/a.txt": "x", "files/a.txt.jinja": "y"})
    with pytest.raises(InvalidInput, match="twice"):
        render_package(made, context())


def test_links_out_of_the_tree_are_refused(tmp_path: Path) -> None:
    tree, outside = tmp_path / "tree", tmp_path / "outside"
    tree.mkdir()
    outside.mkdir()
    (tree / "folder").symlink_to(outside)
    (tree / "file").symlink_to(outside / "file")
    for path in ("folder/a", "file"):
        with pytest.raises(InvalidInput, match="through a link"):
            write_files(tree, (RenderedFile(path=path, content=b"x"),))
    assert list(outside.iterdir()) == []


def test_scripts_are_executable(tmp_path: Path) -> None:
    files = (RenderedFile(path="a/run", content=b"#!", executable=True),)
    write_files(tmp_path, files)
    write_files(tmp_path, files)
    assert (tmp_path / "a/run").stat().st_mode & 0o777 == 0o755
