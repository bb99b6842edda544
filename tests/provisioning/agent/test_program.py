"""The agent's program as it is shipped: one file, Debian's Python, isolated from everything else."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from provisioning.agent.build import build_zipapp
from provisioning.agent.diagnose import AGENT_VERSION


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("program") / "agent.pyz"
    build_zipapp(path)
    return path


def test_it_runs_on_the_standard_library_alone(program: Path) -> None:
    done = run(program, "version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{AGENT_VERSION}\n", "")


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
