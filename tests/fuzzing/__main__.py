"""Have Schemathesis ask the API of a small panel for some seconds: ``python -m tests.fuzzing [SECONDS]``."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import threading
from pathlib import Path

from werkzeug.serving import make_server

from panel.identity import limits
from tests.api.program import small_program
from tests.checks.files import ROOT
from tests.programs import environment

HERE = Path(__file__).parent
SECONDS = 300
ENDS_THE_ASKER = "^/(tokens|users)"
"""Paths by which a program can take its own token or rights away, and would then be told nothing but that."""


def main(seconds: int) -> int:
    """Serve the panel, ask, and return Schemathesis' exit code: 0 where nothing was wrong."""
    limits._SPECIAL["token", "address"] = limits.Allowance(free=10**9, first=1, most=1)
    programs = environment(HERE / "schemathesis.lock", root=ROOT, progress=print)
    with tempfile.TemporaryDirectory() as folder, small_program(Path(folder)) as program:
        server = make_server("127.0.0.1", 0, program.world.app, threaded=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            url = f"http://127.0.0.1:{server.server_port}"
            return _ask(programs, url, program.tokens["admin"], seconds, folder=folder)
        finally:
            server.shutdown()


def _ask(programs: Path, url: str, token: str, seconds: int, *, folder: str) -> int:
    """``folder``: where it may leave what it remembers."""
    argv = [str(programs / "st"), "--config-file", str(HERE / "schemathesis.toml"), "run", f"{url}/api/v1/openapi.json"]
    argv += ["--header", f"Authorization: Bearer {token}", "--phases", "examples,coverage,fuzzing"]
    argv += ["--max-time", str(seconds), "--continue-on-failure", "--workers", "1"]
    argv += ["--exclude-path-regex", ENDS_THE_ASKER]
    return subprocess.run(argv, check=False, timeout=seconds + 600, stdin=subprocess.DEVNULL, cwd=folder).returncode


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else SECONDS))
