"""A program: fills a closed folder in FOLDER, counts what is there, and removes it.

python closed_folders.py FOLDER

Prints JSON: bytes counted, the host's folder's mode after that, and whether anything is left.
"""

import json
import sys
from pathlib import Path

from maestro.agents.sandboxes.folders import disk_use
from maestro.agents.sandboxes.sweep import remove_folder

SIZE = 100_000


def main(place: Path) -> None:
    host, tree = place / "host", place / "tree"
    host.mkdir()
    tree.mkdir()
    for number, mode in enumerate((0o333, 0o444, 0o000)):
        closed = tree / f"closed-{number}"
        closed.mkdir()
        (closed / "filler").write_bytes(b"x" * SIZE)
        (closed / "way-out").symlink_to(host)
        closed.chmod(mode)
    host.chmod(0o111)
    counted = disk_use([str(tree)])
    for closed in tree.iterdir():
        closed.chmod(0o333)
    remove_folder(tree)
    told = {"counted": counted, "host": host.stat().st_mode & 0o777, "left": tree.exists()}
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
