"""What a project depends on, directly or not: declared in its files, resolved where it would run.

Python packages are looked up in the environment of this interpreter, in which built software runs;
no index is asked and nothing is installed. What is declared but not to be found stays in the list
without a version: nobody can say anything about it, and that has to show.
"""

import json
import posixpath
import re
import tomllib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from maestro.domain.syntax import ONE_TREE_AT_A_TIME
from maestro.quality.evidence.tooling import SourceFile

_REQUIREMENTS = re.compile(
    r"(?:^|/)requirements(?:[-_.]\w+)*\.txt$|(?:^|/)requirements/[^/]+\.txt$"
)
_CONSTRAINTS = re.compile(r"(?:^|/)constraints(?:[-_.]\w+)*\.txt$")
_OPTION = re.compile(r"(--[\w-]+|-[a-zA-Z])[\s=]*(.*)")
_FILES = frozenset({"-r", "--requirement", "-c", "--constraint"})
_HARMLESS = frozenset(
    {
        "-i", "--index-url", "--extra-index-url", "--no-index", "-f", "--find-links", "--pre",
        "--trusted-host", "--no-binary", "--only-binary", "--prefer-binary", "--require-hashes",
        "--use-feature",
    }
)  # fmt: skip
"""Options that say where from, not what; no index is asked here."""
_COMMENT = re.compile(r"(?:^|\s)#.*")
_PIN = re.compile(r"===?\s*([\w.!+-]+)$")
_CLASSIFIERS = {
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD-3-Clause",
    "GNU Affero General Public License v3": "AGPL-3.0-only",
    "GNU Affero General Public License v3 or later (AGPLv3+)": "AGPL-3.0-or-later",
    "GNU General Public License (GPL)": "GPL-2.0-or-later",
    "GNU General Public License v2 (GPLv2)": "GPL-2.0-only",
    "GNU General Public License v2 or later (GPLv2+)": "GPL-2.0-or-later",
    "GNU General Public License v3 (GPLv3)": "GPL-3.0-only",
    "GNU General Public License v3 or later (GPLv3+)": "GPL-3.0-or-later",
    "GNU Lesser General Public License v3 (LGPLv3)": "LGPL-3.0-only",
    "GNU Library or Lesser General Public License (LGPL)": "LGPL-2.1-or-later",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
    "The Unlicense (Unlicense)": "Unlicense",
}


@dataclass(frozen=True, slots=True, order=True)
class Dependency:
    ecosystem: str
    """`pypi` or `npm`."""
    name: str
    version: str | None
    """None when it was not to be found."""
    licence: str | None
    """As the package says, an SPDX expression where possible; None when it says nothing."""

    @property
    def label(self) -> str:
        return f"{self.name} {self.version or '(no version known)'}"


def declares(file: SourceFile) -> bool:
    listed = _REQUIREMENTS.search(file.path) or _CONSTRAINTS.search(file.path)
    return bool(listed) or file.name in ("pyproject.toml", "package.json", "package-lock.json")


def dependencies(files: Sequence[SourceFile]) -> list[Dependency]:
    """Everything the declaring files need, each once, sorted.

    Raises:
        ValueError: a file cannot be read as what its name promises.
    """
    found: dict[tuple[str, str], Dependency] = {}
    paths = {file.path for file in files}
    wanted = [r for file in files for r in _python_requirements(file, paths)]
    for item in _closure(wanted, _constraints(files, paths)):
        found[item.ecosystem, item.name] = item
    locked = {file.path.rpartition("/")[0] for file in files if file.name == "package-lock.json"}
    for file in files:
        if file.name == "package-lock.json":
            packages = _locked(json.loads(file.text), file.path)
        elif file.name == "package.json" and file.path.rpartition("/")[0] not in locked:
            wanted = json.loads(file.text).get("dependencies", {})
            packages = (Dependency("npm", name, None, None) for name in wanted)
        else:
            continue
        found |= {(item.ecosystem, item.name): item for item in packages}
    return sorted(found.values(), key=lambda item: (item.ecosystem, item.name))


def _python_requirements(file: SourceFile, paths: Collection[str]) -> Iterator[Requirement]:
    if file.name == "pyproject.toml":
        try:
            written = tomllib.loads(file.text).get("project", {}).get("dependencies", [])
        except tomllib.TOMLDecodeError as error:
            raise ValueError(f"{file.path}: {error}") from error
    elif _REQUIREMENTS.search(file.path):
        written = list(_listed(file, paths))
    else:
        return
    yield from (_requirement(file, text) for text in written)


def _constraints(files: Sequence[SourceFile], paths: Collection[str]) -> dict[str, SpecifierSet]:
    """What may be taken of a package, by its name, wherever it is needed."""
    found: dict[str, SpecifierSet] = {}
    for file in files:
        if _CONSTRAINTS.search(file.path):
            for text in _listed(file, paths):
                item = _requirement(file, text)
                name = canonicalize_name(item.name)
                found[name] = found.get(name, SpecifierSet()) & item.specifier
    return found


def _listed(file: SourceFile, paths: Collection[str]) -> Iterator[str]:
    """The requirements of a file for pip; of its options, those that hide none are passed over.

    Raises:
        ValueError: an option names requirements that are not among the files.
    """
    for line in file.text.replace("\\\n", " ").splitlines():
        text = _COMMENT.sub("", line).strip()
        option = _OPTION.fullmatch(text)
        if option is None:
            if text:
                yield text.split(" --")[0]
        elif option.group(1) in _FILES:
            # Read on its own where it is called like what it is; anything else would go unseen.
            folder = posixpath.dirname(file.path)
            named = posixpath.normpath(posixpath.join(folder, option.group(2)))
            if named not in paths:
                raise ValueError(
                    f"{file.path}: {text!r} names {named!r}, which is not there or not called "
                    "requirements….txt or constraints….txt; nobody would look at it"
                )
        elif option.group(1) not in _HARMLESS:
            raise ValueError(
                f"{file.path}: nothing can be said of {text!r}; name packages with their versions"
            )


def _requirement(file: SourceFile, text: str) -> Requirement:
    try:
        return _parsed(text)
    except InvalidRequirement as error:
        raise ValueError(f"{file.path}: {text!r} is no requirement: {error}") from error


def _parsed(text: str) -> Requirement:
    with ONE_TREE_AT_A_TIME:
        return Requirement(text)


def _closure(
    wanted: Sequence[Requirement], constraints: Mapping[str, SpecifierSet]
) -> Iterator[Dependency]:
    waiting = [item for item in wanted if item.marker is None or item.marker.evaluate()]
    seen: set[tuple[str, frozenset[str]]] = set()
    named: set[str] = set()
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        extras = frozenset(requirement.extras)
        if (name, extras) in seen:
            continue
        seen.add((name, extras))
        requirement.specifier &= constraints.get(name, SpecifierSet())
        found = _installed(requirement)
        if name not in named:
            named.add(name)
            yield _dependency(name, found, requirement)
        if found is not None:
            waiting += _required_by(found, extras)


def _installed(requirement: Requirement) -> Distribution | None:
    try:
        found = distribution(requirement.name)
    except PackageNotFoundError:
        return None
    fits = requirement.specifier.contains(found.version, prereleases=True)
    return found if fits else None


def _required_by(found: Distribution, extras: frozenset[str]) -> Iterator[Requirement]:
    for text in found.requires or ():
        requirement = _parsed(text)
        applies = requirement.marker is None or any(
            requirement.marker.evaluate({"extra": extra}) for extra in ("", *extras)
        )
        if applies:
            yield requirement


def _dependency(name: str, found: Distribution | None, wanted: Requirement) -> Dependency:
    if found is None:
        pin = _PIN.search(str(wanted.specifier))
        return Dependency("pypi", name, pin.group(1) if pin else None, None)
    return Dependency("pypi", name, found.version, _licence(found))


def _licence(found: Distribution) -> str | None:
    """What the package's metadata says, the most exact field first."""
    metadata = found.metadata
    if "License-Expression" in metadata:
        return metadata["License-Expression"]
    last = [c.rpartition(" :: ")[2] for c in metadata.get_all("Classifier") or ()
            if c.startswith("License :: ")]  # fmt: skip
    known = [_CLASSIFIERS.get(name, name) for name in last if name != "OSI Approved"]
    if known:
        return " AND ".join(sorted(set(known)))
    text = metadata["License"].strip() if "License" in metadata else ""
    return text if text and "\n" not in text and text.upper() != "UNKNOWN" else None


def _locked(document: Mapping[str, Any], path: str) -> Iterator[Dependency]:
    packages = document.get("packages")
    if not isinstance(packages, Mapping):
        raise ValueError(f"{path} has no 'packages'; write it with npm 7 or later")
    for place, entry in packages.items():
        _, _, name = place.rpartition("node_modules/")
        if place and name and not entry.get("link"):
            yield Dependency("npm", name, entry.get("version"), entry.get("license"))
