"""Programs that are no part of the panel, each in a virtual environment that is made from its lock file."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

INSTALL_SECONDS = 1200


def environment(lock: Path, *, root: Path, progress: Callable[[str], None]) -> Path:
    """Make the environment of a lock file, unless it is there; return the folder of its programs."""
    name = lock.stem
    digest = hashlib.sha256(lock.read_bytes()).hexdigest()
    folder = root / "var/programs" / name
    stamp = folder / "made-from"
    if not stamp.exists() or stamp.read_text() != digest:
        progress(f"installing {name} from its lock file (a minute or two)")
        shutil.rmtree(folder, ignore_errors=True)
        _run("/usr/bin/python3", "-m", "venv", str(folder))
        quiet = ("--quiet", "--no-input", "--disable-pip-version-check")
        _run(str(folder / "bin/pip"), "install", *quiet, "--require-hashes", "--requirement", str(lock))
        stamp.write_text(digest)
    return folder / "bin"


def _run(*argv: str) -> None:
    subprocess.run(argv, check=True, stdin=subprocess.DEVNULL, timeout=INSTALL_SECONDS)
