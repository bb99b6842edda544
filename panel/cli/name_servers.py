"""``cis nodes name-servers``: name servers know each other, by address and by one key for all of an installation.

The key is made from a secret of the panel's and kept nowhere else on its side. It goes from the panel's part to the
operator's by a pipe, and on to the hosts on standard input.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import ipaddress
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
from flask import current_app
from sqlalchemy import select

from config import Settings
from panel.cli.operators import of_panel, operator_options
from panel.cli.output import as_json, print_json, say
from panel.cli.session import with_panel
from panel.cli.settings import load_settings
from panel.kernel.access import Actor, require
from panel.kernel.db import db
from panel.kernel.secrets import ensure_secret
from panel.ledger.nodes import Node
from provisioning.enroll import EnrolmentFailed, HostKey, OperatorLogin, tell_name_servers
from provisioning.ssh import SshError

PRIMARY, SECONDARY = "dns_primary", "dns_secondary"
_SECRET = Path("keys/name_servers")


@click.command("name-servers")
@operator_options
@as_json
def name_servers(operator_user: str, operator_key: Path, *, json_: bool) -> None:
    """Tell every name server of all the others, and the key by which they know each other.

    Enrolment does so itself. Again by hand: where one of them could not be reached then, or the key shall be another.
    """
    servers = known_servers(load_settings())
    all_told = servers.tell(OperatorLogin(operator_user, operator_key))
    if json_:
        print_json({"name_servers": [one["name"] for one in servers.nodes], "all_told": all_told})
    if not all_told:
        raise click.ClickException("not all name servers could be told; the others know each other")


@dataclass(frozen=True)
class Servers:
    """All name servers of the installation, as the panel knows them, and the secret of their key."""

    nodes: tuple[Mapping[str, Any], ...]
    key: str = field(repr=False)

    def with_node(self, name: str, place: Mapping[str, Any]) -> Servers:
        """The same with the node ``name`` at ``place``, which is about to be one."""
        others = (one for one in self.nodes if one["name"] != name)
        return Servers((*others, {"name": name, **place}), self.key)

    def as_told_to(self, name: str) -> dict[str, Any]:
        """What set-up of the node ``name`` takes (`provisioning.agent.base.name_servers`)."""
        found = {role: [_place(one) for one in self.nodes if role in one["roles"]] for role in (PRIMARY, SECONDARY)}
        return {"own": name, "key": self.key, "primaries": found[PRIMARY], "secondaries": found[SECONDARY]}

    def tell(self, operator: OperatorLogin, *, but: str = "") -> bool:
        """Tell all of them of all of them, besides the node ``but``; return whether all could be told."""
        told = [_tell(one, self.as_told_to(one["name"]), operator) for one in self.nodes if one["name"] != but]
        return all(told)


def known_servers(settings: Settings) -> Servers:
    """What the panel's part knows of them."""
    known = of_panel(settings, "nodes", "name-servers-known")
    return Servers(tuple(known["nodes"]), known["key"])


def servers_with(settings: Settings, name: str, place: Mapping[str, Any]) -> Servers | None:
    """All name servers, with the node ``name`` at ``place``; None where it becomes none."""
    return known_servers(settings).with_node(name, place) if {PRIMARY, SECONDARY} & set(place["roles"]) else None


def require_possible(place: Mapping[str, Any]) -> None:
    """Raise BadParameter unless a name server could be made there."""
    wanted = {PRIMARY, SECONDARY} & set(place["roles"])
    if len(wanted) > 1:
        raise click.BadParameter("a host is a primary or a secondary name server, not both", param_hint="--roles")
    try:
        if wanted:
            ipaddress.ip_address(place["address"])
    except ValueError as error:
        raise click.BadParameter("name servers know each other by address: give one", param_hint="--address") from error


@click.command("name-servers-known", hidden=True)
@with_panel
def known_(actor: Actor) -> None:
    """Print all name servers and their key, in JSON: what the operator's part needs. Never on a terminal."""
    require(actor, "nodes:write", staff=True)
    if sys.stdout.isatty():
        raise click.ClickException("this holds a secret: it is for programs")
    settings: Settings = current_app.config["CIS"]
    nodes = db.session.scalars(select(Node).order_by(Node.name))
    print_json({"key": _transfer_key(settings), "nodes": [_facts(node) for node in nodes if _serves_zones(node)]})


def _tell(one: Mapping[str, Any], name_servers: Mapping[str, Any], operator: OperatorLogin) -> bool:
    try:
        tell_name_servers(
            one["address"],
            one["ssh_port"],
            HostKey(*one["host_key"].split()),
            operator=operator,
            name_servers=name_servers,
            progress=lambda line: say(f"  {line}"),
        )
    except (SshError, EnrolmentFailed) as error:
        click.echo(f"{one['name']} could not be told: {error}. Later: cis nodes name-servers", err=True)
        return False
    say(f"{one['name']} knows all name servers")
    return True


def _place(one: Mapping[str, Any]) -> dict[str, str]:
    return {"name": one["name"], "address": one["address"]}


def _transfer_key(settings: Settings) -> str:
    secret = ensure_secret(settings.below_data(_SECRET))
    return base64.b64encode(hmac.digest(secret.encode(), b"transfers", hashlib.sha256)).decode()


def _serves_zones(node: Node) -> bool:
    return bool({PRIMARY, SECONDARY} & set(node.roles))


def _facts(node: Node) -> dict[str, Any]:
    told = {field: getattr(node, field) for field in ("name", "address", "ssh_port", "host_key")}
    return told | {"roles": list(node.roles)}
