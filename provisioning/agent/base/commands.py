"""Run the host's own programs during set-up."""

from __future__ import annotations

import subprocess
import tempfile

from provisioning.agent.base.errors import SetupFailed

_ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "LC_ALL": "C.UTF-8",
    "DEBIAN_FRONTEND": "noninteractive",
}
_WORDS_MAX = 2000


def run(argv: list[str], *, stdin: bytes = b"", timeout: float = 60) -> str:
    """Run a program and return what it said. Raises SetupFailed with its own words if it fails or takes too long."""
    code, words = attempt(argv, stdin=stdin, timeout=timeout)
    if code != 0:
        raise SetupFailed("command", f"{argv[0]} ended with {code}: {words[-_WORDS_MAX:].strip()}")
    return words


def attempt(argv: list[str], *, stdin: bytes = b"", timeout: float = 60) -> tuple[int, str]:
    """Run a program that may well fail; return its exit code and its words.

    Output goes to a file and not through a pipe: a daemon the program leaves behind would hold a pipe open.
    """
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as given:
        given.write(stdin)
        given.seek(0)
        try:
            code = subprocess.run(
                argv, stdin=given, stdout=output, stderr=output, env=_ENVIRONMENT, timeout=timeout, check=False
            ).returncode
        except FileNotFoundError as error:
            raise SetupFailed("command", f"{argv[0]} is missing") from error
        except subprocess.TimeoutExpired as error:
            raise SetupFailed("command", f"{argv[0]} did not end within {timeout:.0f} s") from error
        output.seek(0)
        return code, output.read().decode(errors="replace")
