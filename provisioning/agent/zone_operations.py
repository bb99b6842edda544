"""The requests about zones that only name servers answer; they read what Knot serves, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from provisioning.agent.adapters.dns import DnsAdapter
from provisioning.agent.batch import BadRequest
from provisioning.agent.looking import Operation
from provisioning.resources import check_zone_name

ZONES_MAX, SETS_MAX = 10_000, 100


def operations(adapter: DnsAdapter) -> dict[str, Operation]:
    """Name the requests answered here (`provisioning.wire`)."""
    return {
        "zones": lambda request: {"zones": adapter.zones(_names(request, ZONES_MAX))},
        "sets": lambda request: {"zones": adapter.sets(_names(request, SETS_MAX))},
    }


def _names(request: Mapping[str, Any], most: int) -> list[str]:
    names = request.get("names")
    if not isinstance(names, list) or len(names) > most:
        raise BadRequest("names")
    return [check_zone_name(name) for name in names]
