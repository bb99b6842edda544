from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from provisioning.lab import Lab
from tests.checks.files import ROOT
from tests.faults.host import NAME, Host
from tests.faults.installation import Installation, installed
from tests.faults.workers import Workers, starting_workers
from tests.nodes import enroll_lab_node, free_lab_name


@pytest.fixture(scope="session")
def faulty_host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """A lab of its own, since what happens to its node is not for others to meet."""
    with free_lab_name(ROOT / "var/lab", first="test-faults") as name:
        lab = Lab(ROOT, name, progress=print)
        lab.destroy()
        try:
            state = lab.up()
            node = enroll_lab_node(state, NAME, tmp_path_factory.mktemp("panel") / "panel_ed25519")
            host = Host(lab, node)
            host.put_faulty_agent()
            host.answer_at_once()
            yield host
            node.sessions.close()
        finally:
            lab.destroy()


@pytest.fixture(scope="session")
def processes() -> Iterator[Workers]:
    with starting_workers() as workers:
        yield workers


@pytest.fixture
def panel(tmp_path: Path, faulty_host: Host, processes: Workers) -> Iterator[Installation]:
    """A panel on SQLite, without a worker yet."""
    with installed(tmp_path, faulty_host, processes) as panel:
        yield panel
