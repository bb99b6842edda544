"""Knot's own checker of zone files: what it refuses the server would refuse too, and it says why."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from provisioning.agent.adapters.commands import CommandFailed, finish, start

# Where the file lay for the checker's eyes.
_PLACE = re.compile(r"file '[^']*', ")
# So many zones are read one by one, in a quarter of the time that knotc takes to start.
_SINGLY = 4
# Said of every zone that is refused, after what is wrong with it.
_SUMMARIES = ("zone loader, failed to load", "failed to check")


def check(contents: Mapping[str, bytes]) -> dict[str, str]:
    """Have zone files read; return Knot's words about those that the server would not serve, by name.

    Raises CommandFailed where the checker says nothing that names a zone.
    """
    if not contents:
        return {}
    with tempfile.TemporaryDirectory(prefix="cis-dns-") as folder:
        files = {name: f"{number}.zone" for number, name in enumerate(contents)}
        for name, file in files.items():
            Path(folder, file).write_bytes(contents[name])
        if len(files) <= _SINGLY:
            files = {name: file for name, file in files.items() if not _is_flawless(name, Path(folder, file))}
        return _check_all(files, folder) if files else {}


def _is_flawless(name: str, file: Path) -> bool:
    """Ask the quick checker, which also minds what the server only warns of (kzonecheck(1))."""
    return finish(start(["kzonecheck", "--origin", f"{name}.", str(file)]))[0] == 0


def _check_all(files: Mapping[str, str], folder: str) -> dict[str, str]:
    """Read all of them in one process, exactly as the server would (knotc(8), zone-check)."""
    configuration = Path(folder, "knot.conf")
    configuration.write_text(_scratch_configuration(files, folder))
    code, output, words = finish(start(["knotc", "-c", str(configuration), "zone-check"]))
    return {} if code == 0 else _words_by_zone(output.decode(errors="replace") + words, files)


def _words_by_zone(words: str, names: Iterable[str]) -> dict[str, str]:
    found: dict[str, list[str]] = {}
    known = {f"[{name}.]": name for name in names}
    for line in words.splitlines():
        level, mark, rest = [*line.split(" ", 2), "", ""][:3]
        if level == "error:" and mark in known and not rest.startswith(_SUMMARIES):
            found.setdefault(known[mark], []).append(rest)
    if not found:
        raise CommandFailed(words or "knotc zone-check failed")
    return {name: _PLACE.sub("", "; ".join(lines[:3]))[:500] for name, lines in found.items()}


def _scratch_configuration(files: Mapping[str, str], folder: str) -> str:
    """Return a configuration by which Knot's own checker reads these files, by zone name, as the daemon would."""
    lines = ["database:", f'  storage: "{folder}"', "template:", "  - id: default", f'    storage: "{folder}"', "zone:"]
    for name, file in files.items():
        lines += [f'  - domain: "{name}."', f'    file: "{file}"']
    return "\n".join(lines) + "\n"
