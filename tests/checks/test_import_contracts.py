from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.checks.files import ROOT

CONTRACTS = [
    ("panel/members/actions.py", "from panel import web", "nothing looks up"),
    ("panel/web/x.py", "from panel import api", "nothing looks up"),
    ("panel/strange/__init__.py", "", "nothing looks up"),
    ("provisioning/wire.py", "from provisioning import lab", "at the bottom lie the wire"),
    ("provisioning/strange.py", "", "at the bottom lie the wire"),
    ("provisioning/lab/x.py", "import panel", "Provisioning knows neither"),
    ("provisioning/lab/x.py", "import flask", "Provisioning knows neither"),
    ("panel/engine/x.py", "import paramiko", "Only sessions, of agents and of operators, speak SSH"),
    ("panel/mail/x.py", "import passlib", "hashes passwords"),
    ("panel/mail/x.py", "import dns.resolver", "read DNS"),
]
PACKAGES = ("panel", "panel/members", "panel/web", "panel/api", "panel/engine", "panel/mail", "provisioning")
MODULES = ("checks", "operator_session", "record_sets", "resource", "resources", "shards", "wire", "zone")


@pytest.mark.parametrize(("path", "line", "sentence"), CONTRACTS)
def test_a_contract_can_be_broken(tmp_path: Path, path: str, line: str, sentence: str) -> None:
    said = _lint(_house(tmp_path, {path: line}))
    assert "BROKEN" in said
    broken = said.split("Broken contracts")[1]
    assert sentence in " ".join(broken.split())


def test_an_empty_house_keeps_all_contracts(tmp_path: Path) -> None:
    assert " 0 broken" in _lint(_house(tmp_path, {}))


def _house(root: Path, extra: dict[str, str]) -> Path:
    (root / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text())
    files = {f"{package}/__init__.py": "" for package in (*PACKAGES, "provisioning/lab")}
    files |= {f"provisioning/{module}.py": "" for module in MODULES} | extra
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    return root


def _lint(root: Path) -> str:
    argv = [str(Path(sys.executable).parent / "lint-imports"), "--no-logo", "--no-cache"]
    done = subprocess.run(argv, cwd=root, capture_output=True, text=True, timeout=60, check=False)
    return done.stdout + done.stderr
