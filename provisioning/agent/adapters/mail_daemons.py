"""Whether Postfix and Dovecot run, by the process that each names in its own file."""

from __future__ import annotations

from pathlib import Path

_MASTERS = {
    "postfix": (Path("/var/spool/postfix/pid/master.pid"), "master"),
    "dovecot": (Path("/run/dovecot/master.pid"), "dovecot"),
}


def running() -> dict[str, bool]:
    """Tell of each daemon whether its process is there."""
    return {name: _runs(file, process) for name, (file, process) in _MASTERS.items()}


def _runs(file: Path, process: str) -> bool:
    try:
        return Path(f"/proc/{int(file.read_text())}/comm").read_text().strip() == process
    except (OSError, ValueError):
        return False
