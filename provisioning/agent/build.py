"""Build the agent's program: one zip file that Python starts, the same bytes from the same sources.

Runs where the panel is; it is not part of the program itself.
"""

from __future__ import annotations

import hashlib
import importlib.util
import marshal
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

_PROVISIONING = Path(__file__).resolve().parents[1]
_SHARED = (
    "__init__.py",
    "checks.py",
    "record_sets.py",
    "resource.py",
    "resources.py",
    "shards.py",
    "wire.py",
    "zone.py",
)
# The oldest time a zip can hold: the program must not tell when it was built.
_TIME = (1980, 1, 1, 0, 0, 0)
_UNCHECKED_HASH = 0b01
_MAIN = """import runpy

runpy.run_module("provisioning.agent", run_name="__main__")
"""


def build_zipapp(target: Path, *, replace: Mapping[str, bytes] = MappingProxyType({})) -> str:
    """Write the program to ``target`` and return its SHA-256, hex. Modules keep their names inside.

    ``replace`` gives other contents for some of its files, by their path below `provisioning`: for tests, whose
    program stops or dies at a point.

    Beside each source stands its compiled form, which halves the start on a node whose Python is of the same
    version as ours; any other Python passes it over and reads the source.
    """
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        _add(archive, "__main__.py", _MAIN.encode())
        for path in _sources():
            name = f"provisioning/{path.relative_to(_PROVISIONING).as_posix()}"
            content = replace.get(path.relative_to(_PROVISIONING).as_posix(), path.read_bytes())
            _add(archive, name, content)
            if path.suffix == ".py":
                _add(archive, f"{name}c", _compiled(content, name))
    return hashlib.sha256(target.read_bytes()).hexdigest()


def _sources() -> Iterator[Path]:
    yield from (_PROVISIONING / name for name in _SHARED)
    for path in sorted((_PROVISIONING / "agent").rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts and path != Path(__file__).resolve():
            yield path


def _compiled(content: bytes, name: str) -> bytes:
    """The compiled form, not checked against the source (PEP 552): both come in one file.

    Written in marshal's second version, whose bytes do not depend on what else the building process holds in memory.
    """
    code = compile(content, name, "exec", dont_inherit=True, optimize=0)
    head = importlib.util.MAGIC_NUMBER + _UNCHECKED_HASH.to_bytes(4, "little") + importlib.util.source_hash(content)
    return head + marshal.dumps(code, 2)


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    entry = zipfile.ZipInfo(name, _TIME)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o644 << 16
    archive.writestr(entry, content)
