"""Which adapters this node works with: those of the roles that set-up left on it, over one store."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from provisioning.agent import diagnose, zone_operations
from provisioning.agent.adapters import dns_rows, mail_rows, mail_use
from provisioning.agent.adapters.contract import Adapter
from provisioning.agent.adapters.dns import DnsAdapter
from provisioning.agent.adapters.dns_secondary import SecondaryAdapter
from provisioning.agent.adapters.mail import MailAdapter
from provisioning.agent.adapters.several import SeveralAdapters
from provisioning.agent.looking import Operation
from provisioning.agent.store import Store

_SCHEMAS = {"mail": (mail_rows.SCHEMA, mail_use.SCHEMA), "dns_primary": (dns_rows.SCHEMA,)}


def open_store() -> Store:
    """Open the node's store with the tables of its roles. Raises NotSetUp."""
    return Store(schema=[script for role in diagnose.roles() for script in _SCHEMAS.get(role, ())])


def adapter_of(store: Store) -> Adapter:
    """Return what serves the roles of this node; a secondary name server takes nothing from the panel."""
    adapters = _adapters(store)
    return adapters[0] if len(adapters) == 1 else SeveralAdapters(adapters)


def operations(store: Store) -> Mapping[str, Operation]:
    """Name the requests that only the roles of this node answer."""
    if "dns_primary" not in diagnose.roles():
        return {}
    return zone_operations.operations(DnsAdapter(store))


def verify(store: Store) -> dict[str, Any]:
    """Have every role compare its rows with its service, and return all they tell. Raises CommandFailed."""
    reports = [adapter.verify() for adapter in _adapters(store)]
    together: dict[str, Any] = {}
    for report in reports:
        together |= report
    daemons = [_daemons(report) for report in reports]
    together |= {"differing": sum(report["differing"] for report in reports)}
    return together | {"daemons": {name: runs for one in daemons for name, runs in one.items()}}


def _adapters(store: Store) -> list[MailAdapter | DnsAdapter | SecondaryAdapter]:
    roles = diagnose.roles()
    made: list[MailAdapter | DnsAdapter | SecondaryAdapter] = [MailAdapter(store)] if "mail" in roles else []
    made += [DnsAdapter(store)] if "dns_primary" in roles else []
    return [*made, SecondaryAdapter(store)] if "dns_secondary" in roles else made


def _daemons(report: Mapping[str, Any]) -> Mapping[str, bool]:
    found: Mapping[str, bool] = report.get("daemons", {})
    return found
