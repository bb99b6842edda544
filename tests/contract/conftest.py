from __future__ import annotations

from collections.abc import Iterator

import pytest

from provisioning.lab import Lab
from provisioning.probes.mail import MailProbe
from tests.contract.kinds import KINDS, KindUnderTest, ensure_domain
from tests.contract.node import AgentUnderTest
from tests.nodes import EnrolledNode


@pytest.fixture(scope="session")
def agent(lab: Lab, mail1: EnrolledNode) -> AgentUnderTest:
    return AgentUnderTest(lab, mail1)


@pytest.fixture(scope="session", params=KINDS, ids=lambda kind: kind.name)
def kind(request: pytest.FixtureRequest, agent: AgentUnderTest) -> KindUnderTest:
    return request.param(agent)


@pytest.fixture(scope="session")
def mail(agent: AgentUnderTest) -> AgentUnderTest:
    """The agent of a node that accepts mail for the tests' domain."""
    ensure_domain(agent)
    return agent


@pytest.fixture
def probe(mail: AgentUnderTest) -> Iterator[MailProbe]:
    probe = MailProbe(mail.target)
    yield probe
    probe.close()
