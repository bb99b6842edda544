from __future__ import annotations

from collections.abc import Iterator

import pytest

from provisioning.lab import Lab
from provisioning.probes.mail import MailProbe
from provisioning.resources import Mailbox
from tests.contract.kinds import KINDS, KindUnderTest, ensure_domain, mailbox
from tests.contract.mail_client import PASSWORD, hash_of
from tests.contract.node import AgentUnderTest
from tests.nodes import EnrolledNode


@pytest.fixture(scope="session")
def agent(lab: Lab, mail1: EnrolledNode) -> AgentUnderTest:
    return AgentUnderTest(lab, mail1)


@pytest.fixture(autouse=True)
def _no_foreign_row_is_left(agent: AgentUnderTest) -> Iterator[None]:
    yield
    if agent.planted:
        agent.ask(op="drop", fence=agent.fence, foreign=agent.planted)
        agent.planted.clear()


@pytest.fixture(scope="session", params=KINDS, ids=lambda kind: kind.name)
def kind(request: pytest.FixtureRequest, agent: AgentUnderTest) -> KindUnderTest:
    kind: type[KindUnderTest] = request.param
    return kind(agent)


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


@pytest.fixture(scope="session")
def password_hash() -> str:
    return hash_of(PASSWORD)


@pytest.fixture
def reader(mail: AgentUnderTest, password_hash: str) -> Mailbox:
    """A mailbox whose holder can sign in with PASSWORD."""
    box = mailbox(login="open", password_hash=password_hash)
    mail.make(box)
    return box
