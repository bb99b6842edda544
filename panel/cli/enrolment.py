"""``cis nodes enroll``: the operator's part and the panel's part, kept apart.

The operator's part runs as whoever called, with the operator's own key, and loads no application. The panel's part runs
as the panel's user in programs of its own (``cis nodes key`` and ``cis nodes record``), which never see that key.
"""

from __future__ import annotations

import hmac
import json
import re
import socket
import sys
from collections.abc import Callable
from typing import IO, Any, ParamSpec

import click
from flask import current_app
from sqlalchemy import select

from config import Settings
from panel.cli.exit_codes import FAILED
from panel.cli.name_servers import PRIMARY, SECONDARY, require_possible, servers_with
from panel.cli.operators import of_panel, operator_options
from panel.cli.output import as_json, confirm, print_json, say
from panel.cli.panel_key import ensure_panel_key
from panel.cli.session import with_panel
from panel.cli.settings import load_settings
from panel.kernel.access import Actor, require
from panel.kernel.db import db
from panel.ledger.nodes import Node, record_enrolment
from provisioning.enroll import Enrolled, EnrolmentFailed, HostKey, OperatorLogin, scan_host_key
from provisioning.enroll import enroll as enroll_host
from provisioning.ssh import SshError

P = ParamSpec("P")
ROLES = ("mail", PRIMARY, SECONDARY)
_STRANGER = "another machine, or one in between."
_NAME = re.compile(r"[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?")


def from_networks(command: Callable[P, None]) -> Callable[P, None]:
    """The option that says from where the node will take the panel's key."""
    return click.option(
        "--from",
        "sources",
        multiple=True,
        metavar="NETWORK",
        help="From where the panel's key is accepted; repeatable.  [default: this host's address towards it]",
    )(command)


@click.command()
@click.argument("name")
@click.option("--address", required=True, help="Where the panel reaches it.")
@click.option("--port", default=22, show_default=True, type=click.IntRange(1, 65535), help="Port of its SSH server.")
@click.option("--hostname", help="Its full host name, as its mail server says it.  [default: NAME]")
@click.option("--roles", required=True, help=f"What it serves, separated by commas: {', '.join(ROLES)}.")
@operator_options
@from_networks
@click.option(
    "--yes-fingerprint", metavar="SHA256:…", help="Go on without asking if the host key has this fingerprint."
)
@as_json
def enroll(name: str, address: str, port: int, roles: str, *, json_: bool, **options: Any) -> None:
    """Make a host the node NAME, or bring a node up to date.

    Shows its host key's fingerprint and asks; compare it with what the host's own console says (ssh-keygen -lf).
    """
    if not _NAME.fullmatch(name):
        raise click.BadParameter("small letters, digits and hyphens", param_hint="NAME")
    place = {
        "address": address,
        "ssh_port": port,
        "hostname": options["hostname"] or name,
        "roles": list(_read_roles(roles)),
    }
    require_possible(place)
    settings = load_settings()
    known = of_panel(settings, "nodes", "key", name)
    servers = servers_with(settings, name, place)
    try:
        host_key = scan_host_key(address, port)
        accept(host_key, known["host_key"], options["yes_fingerprint"])
        enrolled = set_up(place, host_key, known["public_key"], options, servers.as_told_to(name) if servers else None)
    except (SshError, EnrolmentFailed) as error:
        raise click.ClickException(str(error)) from error
    of_panel(settings, "nodes", "record", name, given=json.dumps(place | found_by(host_key, enrolled)))
    say(f"{name} is enrolled, agent {enrolled.agent_version}")
    if json_:
        print_json({"name": name, **place, **found_by(host_key, enrolled)})
    if servers is not None and not servers.tell(_operator(options), but=name):
        sys.exit(FAILED)


@click.command(hidden=True)
@click.argument("name")
@with_panel
def key(actor: Actor, /, *, name: str) -> None:
    """Print the panel's public key, and the host key pinned for NAME: what the operator's part needs."""
    require(actor, "nodes:write", staff=True)
    settings: Settings = current_app.config["CIS"]
    pinned = db.session.scalar(select(Node.host_key).where(Node.name == name))
    print_json({"public_key": ensure_panel_key(settings.below_data(settings.panel_key)), "host_key": pinned})


@click.command(hidden=True)
@click.argument("name")
@click.argument("found", type=click.File(), default="-")
@with_panel
def record(actor: Actor, /, *, name: str, found: IO[str]) -> None:
    """Record what the operator's part found out about the node NAME, in JSON on standard input."""
    node = record_enrolment(actor, name=name, **json.load(found))
    print_json({"id": str(node.id)})


def _read_roles(text: str) -> tuple[str, ...]:
    roles = tuple(role.strip() for role in text.split(",") if role.strip())
    if not roles or not set(roles) <= set(ROLES):
        raise click.BadParameter(f"one or more of {', '.join(ROLES)}", param_hint="--roles")
    return roles


def set_up(
    place: dict[str, Any],
    host_key: HostKey,
    public_key: str,
    options: dict[str, Any],
    told: dict[str, Any] | None = None,
) -> Enrolled:
    """Make the host at ``place`` a node, with the operator's key that the options name.

    ``told``: what it is to know of all name servers, where it becomes one.
    """
    address, port = place["address"], place["ssh_port"]
    return enroll_host(
        address,
        port,
        host_key,
        operator=_operator(options),
        panel_public_key=public_key,
        panel_source_networks=options["sources"] or (_own_address(address, port),),
        roles=tuple(place["roles"]),
        hostname=place["hostname"],
        progress=lambda line: say(f"  {line}"),
        name_servers=told,
    )


def accept(host_key: HostKey, pinned: str | None, expected: str | None) -> None:
    """Go on only with a host key that a person, or an earlier enrolment, vouches for."""
    shown = f"{host_key.type} {host_key.base64}"
    say(f"The host shows the {host_key.type} key {host_key.fingerprint}")
    if pinned is not None:
        if not hmac.compare_digest(pinned, shown):
            raise click.ClickException(
                "This is another key than the one pinned for this node: another machine, or one in between."
            )
        return
    if expected is not None:
        if not hmac.compare_digest(expected, host_key.fingerprint):
            raise click.ClickException(f"This is not {expected}: {_STRANGER}")
        return
    confirm("Is this what the host's own console says?")


def found_by(host_key: HostKey, enrolled: Enrolled) -> dict[str, Any]:
    """What the panel records of an enrolled host, besides where it is."""
    return {
        "host_key": f"{host_key.type} {host_key.base64}",
        "fingerprint": host_key.fingerprint,
        "certificate": enrolled.certificate_pem,
        "agent_version": enrolled.agent_version,
        "release": enrolled.release,
        "versions": enrolled.services,
    }


def _operator(options: dict[str, Any]) -> OperatorLogin:
    return OperatorLogin(options["operator_user"], options["operator_key"])


def _own_address(address: str, port: int) -> str:
    """This host's address as ``address`` sees it."""
    family, kind, _, _, place = socket.getaddrinfo(address, port, type=socket.SOCK_DGRAM)[0]
    with socket.socket(family, kind) as probe:
        probe.connect(place)
        return str(probe.getsockname()[0])
