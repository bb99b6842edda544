"""What all tests share: real hosts and a browser."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from panel.cli.running import RunningPanel
from provisioning.lab import Lab, LabState
from tests.nodes import EnrolledNode, enroll_lab_node, free_lab_name
from tests.panels import fresh_panel

ROOT = Path(__file__).resolve().parents[1]
CHROMIUM = "/usr/bin/chromium"
CHROMIUM_ARGUMENTS = [
    "--headless",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """The lab of the tests, freshly made: one node `mail1`, not enrolled."""
    _require_root()
    with free_lab_name(ROOT / "var/lab") as name:
        lab = Lab(ROOT, name, progress=print)
        lab.destroy()
        lab.up()
        yield lab
        lab.destroy()


@pytest.fixture(scope="session")
def lab_state(lab: Lab) -> LabState:
    return lab.state()


@pytest.fixture(scope="session")
def mail1(lab_state: LabState, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EnrolledNode]:
    """The lab's mail node, enrolled; `mail1.session()` speaks with its agent."""
    node = enroll_lab_node(lab_state, "mail1", tmp_path_factory.mktemp("panel") / "panel_ed25519")
    yield node
    node.sessions.close()


@pytest.fixture(scope="session")
def running_panel() -> Iterator[RunningPanel]:
    """A whole panel with a lab of its own: web, worker and `mail1`; `facts` holds address, administrator and token."""
    _require_root()
    with fresh_panel("test-panel") as panel:
        yield panel


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """One browser for all tests; each test opens its own context, which is a fresh profile."""
    with sync_playwright() as playwright:
        arguments = CHROMIUM_ARGUMENTS + (["--no-sandbox"] if os.geteuid() == 0 else [])
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield browser
        browser.close()


def _require_root() -> None:
    if os.geteuid() != 0:
        pytest.fail("this test needs root: its nodes are real hosts in network namespaces (use sudo make test)")
