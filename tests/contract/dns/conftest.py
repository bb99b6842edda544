from __future__ import annotations

from collections.abc import Iterator

import pytest

from provisioning.resources import Gone
from tests.contract.node import AgentUnderTest
from tests.nodes import NameServers


@pytest.fixture(scope="module")
def ns1(name_servers: NameServers) -> Iterator[AgentUnderTest]:
    """The agent of the primary name server; a module's zones go with it."""
    agent = AgentUnderTest(name_servers.lab, name_servers.primary)
    yield agent
    known = agent.ask(op="known", kind="zone")["items"]
    gone = [Gone(kind="zone", id=id_, generation=generation + 1, purge=True) for id_, generation in known.items()]
    agent.make(*gone, approved="0" * 64, repair=True)  # also what a test rolled back


@pytest.fixture(autouse=True)
def _no_foreign_row_is_left(ns1: AgentUnderTest) -> Iterator[None]:
    """Instead of what stands above: these tests need no mail node."""
    yield
    if ns1.planted:
        ns1.ask(op="drop", fence=ns1.fence, foreign=ns1.planted)
        ns1.planted.clear()
