"""A copy of the project in which one text stands otherwise."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from tests.checks.files import ROOT
from tests.mutations.guards import Guard

PARTS = ("panel", "provisioning", "tests", "migrations", "templates", "translations", "config.py", "wsgi.py",
         "pyproject.toml")  # fmt: skip
TESTS_FAILED = 1
"""How pytest ends when tests ran and some failed; what could not even be collected ends otherwise."""


class Tree:
    """Links to all files of the project, but for the one that is changed and changed back."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for part in PARTS:
            if (ROOT / part).is_dir():
                shutil.copytree(
                    ROOT / part, folder / part, copy_function=_link, ignore=shutil.ignore_patterns("vendor")
                )
            else:
                _link(ROOT / part, folder / part)

    def take_out(self, guard: Guard) -> None:
        """Put ``guard``'s replacement in the place of its text."""
        path = self.folder / guard.path
        text = path.read_text()
        path.unlink()
        path.write_text(text.replace(guard.text, guard.without))

    def put_back(self, guard: Guard) -> None:
        """Have the file as it is."""
        path = self.folder / guard.path
        path.unlink()
        _link(ROOT / guard.path, path)


def _link(source: str | Path, target: str | Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system
        shutil.copy2(source, target)
