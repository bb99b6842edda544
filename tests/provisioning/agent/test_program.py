"""The agent's program as it is shipped: one file, Debian's Python, isolated from everything else."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from provisioning.agent import diagnose
from provisioning.agent.build import build_zipapp
from tests.checks.files import ROOT


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("program") / "agent.pyz"
    build_zipapp(path)
    return path


def test_it_runs_on_the_standard_library_alone_and_knows_which_it_is(program: Path) -> None:
    done = run(program, "version")
    digest = hashlib.sha256(program.read_bytes()).hexdigest()
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{digest[:12]}\n", "")


def test_out_of_its_sources_it_says_so() -> None:
    assert diagnose.AGENT_VERSION == "source"


def test_what_else_a_process_holds_in_memory_changes_nothing_in_the_program(program: Path, tmp_path: Path) -> None:
    """Whoever builds it, a command or a web server with everything loaded, must tell the same identity."""
    building = "import sys, pathlib; from provisioning.agent.build import build_zipapp; "
    others = "import panel.app, email.mime.text, json, sqlite3, ssl, wsgiref.simple_server; "
    argv = [sys.executable, "-c", f"{others}{building}build_zipapp(pathlib.Path(sys.argv[1]))", str(tmp_path / "a.pyz")]
    subprocess.run(argv, cwd=ROOT, check=True, timeout=60)
    assert (tmp_path / "a.pyz").read_bytes() == program.read_bytes()


def test_the_same_sources_make_the_same_program_and_a_replaced_part_another(program: Path, tmp_path: Path) -> None:
    digest = hashlib.sha256(program.read_bytes()).hexdigest()
    assert build_zipapp(tmp_path / "again.pyz") == digest
    part = b"def reach(point): pass\n"
    assert build_zipapp(tmp_path / "other.pyz", replace={"agent/points.py": part}) != digest
    with zipfile.ZipFile(tmp_path / "other.pyz") as archive:
        assert archive.read("provisioning/agent/points.py") == part


@pytest.mark.parametrize("arguments", [(), ("serve", "me"), ("sh",), ("--help",)])
def test_anything_else_is_a_mistake_in_usage(program: Path, arguments: tuple[str, ...]) -> None:
    done = run(program, *arguments)
    assert done.returncode == 2
    assert done.stderr.startswith("usage: ")


@pytest.mark.parametrize("command", ["serve", "verify"])
def test_without_a_set_up_it_says_so_in_a_line(program: Path, command: str) -> None:
    if Path("/var/lib/cis").exists():
        pytest.skip("this machine is itself a node")
    done = run(program, command)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "was this node enrolled?" in done.stderr


def run(program: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    argv = ["/usr/bin/python3", "-I", "-S", str(program), *arguments]
    return subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False, cwd="/", input="")
