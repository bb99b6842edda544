"""Knot's own checker of zone files: what it refuses the server would refuse too, and it says why."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from provisioning.agent.adapters.commands import CommandFailed, finish, start

# Where the file lay for the checker's eyes.
_PLACE = re.compile(r"file '[^']*', ")
# Said of every zone that is refused, after what is wrong with it.
_SUMMARIES = ("zone loader, failed to load", "failed to check")


def check(contents: Mapping[str, bytes]) -> dict[str, str]:
    """Have Knot's own checker read zone files; return its words about those it would not serve, by name.

    One process reads all of them. Raises CommandFailed where it says nothing that names a zone.
    """
    if not contents:
        return {}
    with tempfile.TemporaryDirectory(prefix="cis-dns-") as folder:
        files = {name: f"{number}.zone" for number, name in enumerate(contents)}
        for name, file in files.items():
            Path(folder, file).write_bytes(contents[name])
        configuration = Path(folder, "knot.conf")
        configuration.write_text(_scratch_configuration(files, folder))
        code, output, words = finish(start(["knotc", "-c", str(configuration), "zone-check"]))
    if code == 0:
        return {}
    return _words_by_zone(output.decode(errors="replace") + words, files)


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
