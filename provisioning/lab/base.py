"""The base file system below every lab host: Debian 12 with the packages a node needs, built once per machine.

It lies outside the checkout, keyed by what it is made of, so that clones share it and a changed list makes a
new one. Hosts never write to it.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from provisioning.lab.errors import LabError

RELEASE = "bookworm"
CACHE = Path("/var/cache/cis-lab")
HERE = Path(__file__).parent
_BUILD_SECONDS = 1800
_SUITE = re.compile(rf"{RELEASE}(-updates|-security)?")


def packages() -> list[str]:
    """The Debian packages of the base, as declared in packages.txt."""
    return (HERE / "packages.txt").read_text().split()


def ensure_base(progress: Callable[[str], None], *, cache: Path = CACHE) -> Path:
    """Return the folder of the base, building it first if this machine has none (one to two minutes).

    Two labs that start at once wait for one build. Raises LabError when mmdebstrap is missing or fails.
    """
    base = cache / f"base-{_key()}"
    if base.is_dir():
        return base
    cache.mkdir(parents=True, exist_ok=True)
    with _locked(cache / "build.lock"):
        if not base.is_dir():
            progress("Building the lab's base system (Debian 12), once on this machine: one to two minutes")
            _build(base, cache)
            progress(f"Base system ready: {base}")
    return base


def _key() -> str:
    parts = [RELEASE, *packages(), (HERE / "files/customize.sh").read_text()]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _build(base: Path, cache: Path) -> None:
    if not shutil.which("mmdebstrap"):
        raise LabError("mmdebstrap is missing: apt-get install mmdebstrap")
    for left_behind in cache.glob("build-*"):
        shutil.rmtree(left_behind, ignore_errors=True)
    work = Path(tempfile.mkdtemp(prefix="build-", dir=cache))
    try:
        _run_mmdebstrap(work / "root", _write_sources(work))
        (work / "root").rename(base)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _run_mmdebstrap(root: Path, sources: list[str]) -> None:
    # --mode=root, because the lab is root anyway; in a mount namespace, so that a killed build leaves no mount behind.
    private = ["unshare", "--mount", "--propagation=private"]
    # The hook is given as the path of a program and not as a line of shell: a checkout may lie under any name.
    hook = f"--customize-hook={HERE / 'files/customize.sh'}"
    command = [*private, "mmdebstrap", "--mode=root", "--variant=minbase", f"--include={','.join(packages())}", hook]
    environment = {"PATH": os.environ.get("PATH", os.defpath), "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}
    try:
        subprocess.run(
            [*command, RELEASE, str(root), *sources],
            check=True,
            timeout=_BUILD_SECONDS,
            stdin=subprocess.DEVNULL,
            env=environment,
        )
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        raise LabError("The base system could not be built: mmdebstrap's own words stand above") from error


def _write_sources(work: Path) -> list[str]:
    """Copy the Debian part of this machine's own apt sources: other vendors' packages have no place on a node."""
    written = []
    for number, path in enumerate(_source_files()):
        if parts := _debian_parts(path):
            copy = work / f"{number}{path.suffix}"
            copy.write_text("\n\n".join(parts) + "\n")
            written.append(str(copy))
    if not written:
        raise LabError(f"This machine's apt sources name no {RELEASE}: the lab's hosts are made of Debian 12 packages")
    return written


def _source_files() -> list[Path]:
    folder = Path("/etc/apt/sources.list.d")
    return [Path("/etc/apt/sources.list"), *sorted(folder.glob("*.list")), *sorted(folder.glob("*.sources"))]


def _debian_parts(path: Path) -> list[str]:
    text = path.read_text() if path.is_file() else ""
    if path.suffix == ".sources":
        return [part for part in re.split(r"\n\s*\n", text.strip()) if _stanza_is_ours(part)]
    return [line for line in text.splitlines() if _line_is_ours(line)]


def _stanza_is_ours(stanza: str) -> bool:
    suites = re.search(r"^Suites:(.*)$", stanza, re.MULTILINE)
    return suites is not None and all(_SUITE.fullmatch(suite) for suite in suites.group(1).split())


def _line_is_ours(line: str) -> bool:
    words = re.sub(r"\[.*?\]", "", line.partition("#")[0]).split()
    return (
        len(words) >= 3 and words[0] == "deb" and not words[1].startswith("cdrom:") and bool(_SUITE.fullmatch(words[2]))
    )
