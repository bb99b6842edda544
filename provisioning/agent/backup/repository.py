"""Where a node's backups go: a restic repository over SFTP, opened with a password and a key that never leave the node.

All of it lies in /etc/cis/backup, which only root reads. restic(1), "SFTP"; restic's own shell-like splitting of
``sftp.command`` meets values of a fixed syntax only.
"""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

HOME = Path("/etc/cis/backup")
PASSWORD, KEY, KNOWN_HOSTS, PLACE = (HOME / name for name in ("password", "key", "known_hosts", "repository.json"))
CACHE = Path("/var/cache/cis-restic")
RESTIC = "/usr/bin/restic"
WORDS_MAX = 500
_OUTPUT_BYTES_MAX = 16 * 1024 * 1024
_USER = re.compile(r"[a-z_][a-z0-9_-]{0,31}")
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.:-]{0,251}[A-Za-z0-9])?")
_FOLDER = re.compile(r"/?[A-Za-z0-9_][A-Za-z0-9_.-]*(?:/[A-Za-z0-9_][A-Za-z0-9_.-]*){0,15}")


class BackupFailed(Exception):
    """Nothing was saved or brought back. ``code`` is stable, the text holds restic's own words.

    Codes: ``not_set_up``, ``running`` (another run is at it), ``repository`` (cannot be opened or written),
    ``password`` (the repository has another one), ``no_snapshot``, ``no_mail`` (the snapshot has none of it),
    ``over_quota``, ``service`` (Dovecot does not take it).
    """

    def __init__(self, code: str, words: str) -> None:
        super().__init__(words[:WORDS_MAX])
        self.code = code


@dataclass(frozen=True, slots=True)
class Repository:
    """An account and a folder on the backup host. Raises ValueError naming the field that is none."""

    user: str
    host: str
    port: int
    folder: str

    def __post_init__(self) -> None:
        for name, pattern in (("user", _USER), ("host", _HOST), ("folder", _FOLDER)):
            value = getattr(self, name)
            if not isinstance(value, str) or not pattern.fullmatch(value):
                raise ValueError(name)
        if type(self.port) is not int or not 1 <= self.port <= 65535:
            raise ValueError("port")

    def argv(self, *arguments: str) -> list[str]:
        """Restic with its repository; ``arguments`` follow."""
        ssh = (
            f"ssh -F /dev/null -i {KEY} -o UserKnownHostsFile={KNOWN_HOSTS} -o GlobalKnownHostsFile=/dev/null"
            " -o IdentitiesOnly=yes -o BatchMode=yes -o StrictHostKeyChecking=yes -o ConnectTimeout=20"
            f" -o ServerAliveInterval=15 -p {self.port} {self.user}@{self.host} -s sftp"
        )
        place = f"sftp:{self.user}@{self.host}:{self.folder}"
        options = ["-r", place, "-o", f"sftp.command={ssh}", "--password-file", str(PASSWORD)]
        return [RESTIC, *options, "--cache-dir", str(CACHE), *arguments]

    def run(self, *arguments: str, timeout: float) -> str:
        """Run restic and return what it printed. Raises BackupFailed ``repository``, ``password``, in its own words."""
        code, printed, words = run_quietly(self.argv(*arguments), timeout=timeout)
        if code != 0:
            why = "password" if "wrong password" in words else "repository"
            raise BackupFailed(why, words or f"restic ended with {code}")
        return printed

    def to_json(self) -> str:
        """The form in which `load` reads it."""
        return json.dumps(asdict(self))


def load() -> Repository:
    """The node's repository. Raises BackupFailed ``not_set_up``."""
    try:
        return Repository(**json.loads(PLACE.read_text()))
    except FileNotFoundError as error:
        raise BackupFailed("not_set_up", "no backup is set up on this node: cis nodes backup-setup") from error
    except (ValueError, TypeError) as error:
        raise BackupFailed("not_set_up", f"{PLACE} cannot be read") from error


def run_quietly(argv: Sequence[str], *, timeout: float) -> tuple[int, str, str]:
    """Run a program to its end; return its exit code, what it printed and its last words. Output goes to files.

    A process that restic leaves behind would hold a pipe open for ever. Raises BackupFailed when time runs out.
    """
    with tempfile.TemporaryFile() as printed, tempfile.TemporaryFile() as words:
        try:
            code = subprocess.run(
                argv, stdin=subprocess.DEVNULL, stdout=printed, stderr=words, env=ENVIRONMENT, timeout=timeout,
                check=False,
            ).returncode  # fmt: skip
        except FileNotFoundError as error:
            raise BackupFailed("not_set_up", f"{argv[0]} is missing") from error
        except subprocess.TimeoutExpired as error:
            raise BackupFailed("repository", f"{argv[0]} did not end within {timeout:.0f} s") from error
        printed.seek(0)
        return code, printed.read(_OUTPUT_BYTES_MAX).decode(errors="replace"), last_words(words)


def last_words(stream: Any) -> str:
    """The last words that a program wrote into a file, printable and on one line."""
    stream.seek(0, 2)
    stream.seek(max(0, stream.tell() - 4 * WORDS_MAX))
    text = stream.read().decode(errors="replace")
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())[-WORDS_MAX:]


ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "LC_ALL": "C.UTF-8",
    "RESTIC_PROGRESS_FPS": "0.5",
}
