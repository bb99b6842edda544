"""The client that the documentation offers does against a real panel what it says."""

from __future__ import annotations

import os
import subprocess
import uuid
from pathlib import Path

from panel.cli.running import RunningPanel
from tests.checks.files import ROOT

CLIENT = ROOT / "docs/how-to/cis_client.py"


def test_the_documented_client_makes_lists_and_imports_mailboxes(running_panel: RunningPanel, tmp_path: Path) -> None:
    mark = uuid.uuid4().hex[:8]
    made = _client(running_panel, "create", "miasto-koscian", f"klient.{mark}@info.wokiss.pl")
    assert made.returncode == 0, made.stderr
    assert f"klient.{mark}@info.wokiss.pl: active, http" in made.stdout
    file = tmp_path / "people.csv"
    file.write_text(f"address;quota_mb\nala.{mark}@info.wokiss.pl;2048\nola.{mark}@info.wokiss.pl;\n", "utf-8-sig")
    done = _client(running_panel, "import", "miasto-koscian", str(file))
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("http") == 2
    listed = _client(running_panel, "list", "miasto-koscian").stdout
    assert {f"{name}.{mark}@info.wokiss.pl" for name in ("ala", "ola", "klient")} <= set(listed.split())
    again = _client(running_panel, "import", "miasto-koscian", str(file))
    assert again.returncode == 1
    assert "row 1: address" in again.stderr


def _client(panel: RunningPanel, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "PYTHONIOENCODING": "utf-8", "CIS_URL": panel.facts["panel_url"],
                   "CIS_TOKEN": panel.facts["api_token"]}  # fmt: skip
    argv = ["/usr/bin/python3", str(CLIENT), *arguments]
    return subprocess.run(argv, env=environment, cwd="/", capture_output=True, text=True, timeout=120, check=False)
