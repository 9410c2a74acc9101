"""Runs the tests of a service under coverage: `python -I suite_session.py REPORTS`, in its folder.

Ends with pytest's status. What measures is loaded before the service's folders are looked in, so
that no module of the service can stand in for a part of it.
"""

import sys
from pathlib import Path

import coverage
import pytest


class ServiceFolders:
    """A plugin: from the moment conftest files are read, the service's modules can be imported."""

    @pytest.hookimpl(tryfirst=True)
    def pytest_load_initial_conftests(self) -> None:
        folder = Path.cwd()
        sys.path[:0] = [str(folder), str(folder / "src")]


def main(reports: Path) -> int:
    measured = coverage.Coverage(
        data_file=str(reports / "data"), config_file=str(reports / "rules"), source=["."]
    )
    options = [
        "-q", "--disable-plugin-autoload", "-p", "anyio.pytest_plugin", "-p", "no:cacheprovider",
        "-c", str(reports / "pytest.ini"), "--rootdir=.", f"--junitxml={reports / 'junit.xml'}",
        "tests",
    ]  # fmt: skip
    measured.start()
    try:
        return int(pytest.main(options, plugins=[ServiceFolders()]))
    finally:
        measured.stop()
        measured.save()


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
