"""A panel whose node gets another agent: seen working before and after, and as it was where something is amiss."""

from __future__ import annotations

import json
import os
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import Context
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from panel.cli import cis
from panel.cli.running import RunningPanel
from provisioning.agent.build import build_zipapp
from tests.provisioning.test_upgrade import digest_of

PROGRAM = "/usr/local/lib/cis/agent.pyz"
OLD = "an older program"
SECONDS = 120.0


class Rollout:
    """The operator's terminal beside a running panel."""

    def __init__(self, panel: RunningPanel, folder: Path) -> None:
        self.panel = panel
        self.program = folder / "agent.pyz"
        self.digest = build_zipapp(self.program)[:12]

    def cis(self, *arguments: str) -> Result:
        """Run ``cis`` as root on the panel's host, as its operator does."""
        key = ("--operator-key", str(self.panel.lab.operator_key))
        environment = self.panel.environment() | {"LC_ALL": "en"}
        return Context().run(CliRunner(env=environment).invoke, cis, ["nodes", *arguments, *key])

    def node(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.panel.run_as_panel("node", "nodes", "show", "mail1", "--json"))
        return found

    def events(self) -> list[dict[str, Any]]:
        printed = self.panel.run_as_panel("events", "events", "list", "--tag", "nodes:agent", "--json")
        found: list[dict[str, Any]] = json.loads(printed)
        return found

    def installed(self) -> str:
        return self.panel.lab.exec("mail1", ["sha256sum", PROGRAM]).stdout.decode()[:12]

    def install(self, program: Path) -> str:
        """Put a program onto the node past everybody."""
        self.panel.lab.exec("mail1", ["sh", "-c", f"cat > {PROGRAM}"], stdin=program.read_bytes())
        return digest_of(program)[:12]

    def variant(self, path: Path, **replaced: str) -> Path:
        """The panel's own program under another digest, but for the modules that are ``replaced``."""
        with zipfile.ZipFile(self.program) as had, zipfile.ZipFile(path, "w") as now:
            for entry in had.namelist():
                if entry.removeprefix("provisioning/agent/").removesuffix("c").removesuffix(".py") not in replaced:
                    now.writestr(entry, had.read(entry))
            for module, source in replaced.items():
                now.writestr(f"provisioning/agent/{module}.py", source)
            now.writestr("variant", path.name)
        return path


def test_a_node_gets_the_panels_program_and_goes_on_serving(rollout: Rollout, tmp_path: Path) -> None:
    rollout.install(rollout.variant(tmp_path / "old"))

    done = rollout.cis("upgrade", "mail1", "--yes", "--json")

    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert (told["program"], [one["name"] for one in told["nodes"]], told["not"]) == (rollout.digest, ["mail1"], [])
    assert "resources seen from outside as before" in done.stderr
    assert rollout.installed() == rollout.digest == rollout.node()["agent_version"]
    _until(lambda: rollout.node()["lease"] is None, rollout)
    assert rollout.events()[0]["tag"] == "nodes:agent:upgrade"


def test_a_program_under_which_nothing_can_be_looked_at_is_taken_out_and_the_rest_left_alone(
    rollout: Rollout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = Path("provisioning/agent/adapters/mail_watch.py").read_text()
    blind = source.replace("    now = int(time.time())\n", "    raise RuntimeError\n", 1)
    broken = rollout.variant(tmp_path / "broken", **{"adapters/mail_watch": blind})

    @contextmanager
    def built() -> Iterator[tuple[Path, str]]:
        yield broken, digest_of(broken)

    monkeypatch.setattr("panel.cli.upgrade.built_program", built)
    done = rollout.cis("upgrade", "mail1", "--yes", "--json")

    assert done.exit_code == 1
    assert "stopped at mail1; 0 of 1 are done" in done.stderr
    assert json.loads(done.stdout) == {"program": digest_of(broken)[:12], "nodes": [], "not": ["mail1"]}
    assert rollout.installed() == rollout.digest == rollout.node()["agent_version"]


def test_the_earlier_program_comes_back_on_demand(rollout: Rollout, tmp_path: Path) -> None:
    old = rollout.install(rollout.variant(tmp_path / "old"))
    assert rollout.cis("upgrade", "mail1", "--yes").exit_code == 0

    done = rollout.cis("rollback-agent", "mail1", "--json")

    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["program"] == old
    assert rollout.installed() == old == rollout.node()["agent_version"]
    assert rollout.events()[0]["tag"] == "nodes:agent:rollback"
    assert rollout.cis("upgrade", "--all", "--yes").exit_code == 0


def _until(question: Callable[[], bool], rollout: Rollout) -> None:
    """Ask until the answer is yes: workers look at the node too, and hold it while they do."""
    end = time.monotonic() + SECONDS
    while not question():
        assert time.monotonic() < end, rollout.node()
        time.sleep(0.3)


@pytest.fixture
def rollout(running_panel: RunningPanel, tmp_path: Path) -> Rollout:
    assert os.geteuid() == 0
    return Rollout(running_panel, tmp_path)
