"""Run a service's own command, with what it shall read on stdin (never in its arguments) and a time limit."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence

SECONDS = 120.0
WORDS_MAX = 500
_ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"}


class CommandFailed(Exception):
    """The command failed, took too long or is missing; ``words`` are its own, cut to a line or two."""

    def __init__(self, words: str) -> None:
        super().__init__(words)
        self.words = words[:WORDS_MAX]


class Reading:
    """A command that runs beside us and may print much: into memory, so that it never waits for us to read."""

    def __init__(self, argv: Sequence[str]) -> None:
        self._name = argv[0]
        self._output = os.fdopen(os.memfd_create("output"), "rb")
        try:
            self._process = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=self._output, stderr=subprocess.PIPE, env=_ENVIRONMENT
            )
        except OSError as error:
            self._output.close()
            raise CommandFailed(f"{self._name}: {error.strerror}") from error

    def result(self) -> bytes:
        """Wait for its end and return what it printed. Raises CommandFailed as `run` does."""
        with self._output:
            code, _, words = finish(self._process)
            if code != 0 or words:
                raise CommandFailed(words or f"{self._name} ended with {code}")
            self._output.seek(0)
            return self._output.read()


def start(argv: Sequence[str]) -> subprocess.Popen[bytes]:
    """Start a command that reads stdin and does not fork a daemon."""
    try:
        return subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=_ENVIRONMENT
        )
    except OSError as error:
        raise CommandFailed(f"{argv[0]}: {error.strerror}") from error


def finish(process: subprocess.Popen[bytes], stdin: bytes = b"") -> tuple[int, bytes, str]:
    """Feed a started command and wait for it; return its exit code, output and words."""
    try:
        output, words = process.communicate(stdin, timeout=SECONDS)
    except subprocess.TimeoutExpired as error:
        process.kill()
        process.communicate()
        raise CommandFailed("no end within the time limit") from error
    return process.returncode, output, words.decode(errors="replace").strip()


def run(argv: Sequence[str], stdin: bytes = b"") -> bytes:
    """Run a command and return its output. Raises CommandFailed if it says anything on stderr or fails."""
    code, output, words = finish(start(argv), stdin)
    if code != 0 or words:
        raise CommandFailed(words or f"{argv[0]} ended with {code}")
    return output
