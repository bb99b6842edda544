"""The requests about zones that only name servers answer: what Knot serves, and that a parent has what it should."""

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
        "changes": lambda request: {"zones": adapter.changes(_serials(request))},
        "ds_seen": lambda request: {"zones": adapter.confirm_ds(_names(request, SETS_MAX))},
    }


def _serials(request: Mapping[str, Any]) -> dict[str, int | None]:
    """The names to be told of, each with the serial since which; null: only what there is now."""
    since = request.get("names")
    if not isinstance(since, dict) or len(since) > SETS_MAX:
        raise BadRequest("names")
    if not all(serial is None or (type(serial) is int and 0 <= serial < 2**32) for serial in since.values()):
        raise BadRequest("names")
    return {check_zone_name(name): serial for name, serial in since.items()}


def _names(request: Mapping[str, Any], most: int) -> list[str]:
    names = request.get("names")
    if not isinstance(names, list) or len(names) > most:
        raise BadRequest("names")
    return [check_zone_name(name) for name in names]
