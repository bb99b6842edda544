"""The contract of every kind, once more for zones: on a real Knot, which a real BIND follows."""

from __future__ import annotations

import pytest

from tests.contract.dns_zones import ZoneKind
from tests.contract.node import AgentUnderTest
from tests.contract.test_every_kind import *  # noqa: F403  # pytest collects what stands here: all of its tests

pytestmark = pytest.mark.filterwarnings("default::ResourceWarning")  # a killed agent leaves its socket to the collector


@pytest.fixture(scope="module")
def kind(ns1: AgentUnderTest) -> ZoneKind:
    """Zones, in place of the kinds of a mail node."""
    return ZoneKind(ns1)
