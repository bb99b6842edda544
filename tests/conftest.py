"""What all tests share: real hosts, real databases and a browser."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect, sync_playwright
from sqlalchemy import create_engine

from panel.cli.running import RunningPanel
from panel.kernel.db import Base
from provisioning.lab import NAME_SERVERS, Lab, LabState
from tests import quicker, servers
from tests.groups import group_of, longest_first
from tests.nodes import EnrolledNode, NameServers, enroll_lab_node, enrolled_name_servers, free_lab_name
from tests.panels import fresh_panel

quicker.remember()

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

EXPECTED_MS = 60_000
"""How long a page may take to show what is expected of it where much else runs on the machine; 5 s is Playwright's."""

LONGEST_VALUE = 200
"""Of so many characters a value may still be part of a test's name; one of megabytes was, a hundred times in a run."""


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
def name_servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NameServers]:
    """Two hosts of a lab of their own, enrolled: `ns1` with Knot, `ns2` with BIND; each test leaves no zone behind."""
    _require_root()
    with free_lab_name(ROOT / "var/lab", first="test-dns") as name:
        lab = Lab(ROOT, name, fleet=NAME_SERVERS, progress=print)
        lab.destroy()
        lab.up()
        with enrolled_name_servers(lab, tmp_path_factory.mktemp("panel")) as servers:
            yield servers
        lab.destroy()


@pytest.fixture(scope="session")
def running_panel() -> Iterator[RunningPanel]:
    """A whole panel with a lab of its own: web, worker and `mail1`; `facts` holds address, administrator and token."""
    _require_root()
    with fresh_panel("test-panel") as panel:
        yield panel


@pytest.hookimpl
def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run what is tested over a database on each make, and what is marked ``one_database`` on SQLite only."""
    makes = ["sqlite"] if metafunc.definition.get_closest_marker("one_database") else ["sqlite", "postgresql"]
    for fixture in ("database_url", "empty_database_url"):
        if fixture in metafunc.fixturenames:
            metafunc.parametrize(fixture, makes, indirect=True)


@pytest.hookimpl
def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name a value that is too long to be read by its length: each process tells all names, and each report one."""
    return f"{argname}-of-{len(val)}" if isinstance(val, str | bytes) and len(val) > LONGEST_VALUE else None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep tests that share a panel or a lab in one process, where several run; begin with those that take longest."""
    for item in items:
        group = group_of(item)
        if group is not None:
            item.add_marker(pytest.mark.xdist_group(group))
    if getattr(config.option, "loadgroup", False):  # what xdist tells its processes
        items[:] = longest_first(items)


@pytest.fixture
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A new database's URL, once of each make: tests that ask for it prove their rule on both."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'panel.sqlite'}"
        return
    cluster: servers.Cluster = request.getfixturevalue("postgresql")
    with cluster.database(template=request.getfixturevalue("postgresql_template")) as name:
        yield cluster.url(name)


@pytest.fixture
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The same without any table."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'panel.sqlite'}"
        return
    cluster: servers.Cluster = request.getfixturevalue("postgresql")
    with cluster.database() as name:
        yield cluster.url(name)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[servers.Cluster]:
    with servers.postgresql() as cluster:
        yield cluster


@pytest.fixture(scope="session")
def postgresql_template(postgresql: servers.Cluster) -> Iterator[str]:
    """A database with the panel's empty tables, from which those of tests are copied."""
    with postgresql.database() as name:
        engine = create_engine(postgresql.url(name))
        Base.metadata.create_all(engine)
        engine.dispose()
        yield name


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    with servers.redis_server() as url:
        yield url


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """One browser for all tests; each test opens its own context, which is a fresh profile."""
    with sync_playwright() as playwright:
        arguments = CHROMIUM_ARGUMENTS + (["--no-sandbox"] if os.geteuid() == 0 else [])
        expect.set_options(timeout=EXPECTED_MS)
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield browser
        browser.close()


def _require_root() -> None:
    if os.geteuid() != 0:
        pytest.fail("this test needs root: its nodes are real hosts in network namespaces (use sudo make test)")
