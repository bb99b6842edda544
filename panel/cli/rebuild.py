"""``cis nodes rebuild``: an empty host takes a lost node's place, and gets everything again.

The operator's part enrols the host as any other; the panel's part then pins it in the old one's place. What the node
held besides (mail) comes from its backup, afterwards.
"""

from __future__ import annotations

from typing import Any

import click

from panel.cli.attendance import Attended, attended
from panel.cli.enrolment import accept, found_by, from_networks, set_up
from panel.cli.name_servers import require_possible, servers_with
from panel.cli.operators import of_panel, operator_options
from panel.cli.output import as_json, print_json, say
from panel.cli.settings import load_settings
from provisioning.enroll import EnrolmentFailed, OperatorLogin, scan_host_key
from provisioning.ssh import SshError


@click.command()
@click.argument("name")
@click.option("--address", help="Where the panel reaches the new host.  [default: as before]")
@click.option("--port", type=click.IntRange(1, 65535), help="Port of its SSH server.  [default: as before]")
@operator_options
@from_networks
@click.option("--yes-fingerprint", metavar="SHA256:…", help="Go on without asking if its key has this fingerprint.")
@as_json
def rebuild(name: str, address: str | None, port: int | None, *, json_: bool, **options: Any) -> None:
    """Make an empty host the node NAME in the place of one that was lost, and have everything made on it again.

    Shows its host key's fingerprint and asks; compare it with what the host's own console says (ssh-keygen -lf).
    """
    settings = load_settings()
    public_key = of_panel(settings, "nodes", "key", name)["public_key"]
    try:
        with attended(settings, name) as held:
            place = _place(held, address, port)
            servers = servers_with(settings, name, place)
            told = servers.as_told_to(name) if servers else None
            number = held.rebuild(_enroll(held, place, public_key, options, told))
    except (SshError, EnrolmentFailed) as error:
        raise click.ClickException(str(error)) from error
    say(f"{name} is pinned anew; {number} resources are made on it again")
    if json_:
        print_json({"name": name, "resources": number, "repository": held.facts["repository"]})
    if servers is not None:
        servers.tell(OperatorLogin(options["operator_user"], options["operator_key"]), but=name)
    _say_what_is_left(name, held.facts["repository"])


def _place(held: Attended, address: str | None, port: int | None) -> dict[str, Any]:
    facts = held.facts
    place = {
        "address": address or facts["address"],
        "ssh_port": port or facts["ssh_port"],
        "hostname": facts["hostname"],
        "roles": facts["roles"],
    }
    require_possible(place)
    return place


def _enroll(
    held: Attended,
    place: dict[str, Any],
    public_key: str,
    options: dict[str, Any],
    told: dict[str, Any] | None,
) -> dict[str, Any]:
    host_key = scan_host_key(place["address"], place["ssh_port"])
    if f"{host_key.type} {host_key.base64}" == held.facts["host_key"]:
        say("It shows the key of the node that was there: is this really another, empty host?")
    accept(host_key, None, options["yes_fingerprint"])
    return place | found_by(host_key, set_up(place, host_key, public_key, options, told))


def _say_what_is_left(name: str, repository: str | None) -> None:
    if repository is None:
        return
    say("Its mail is not there yet. Open its backups on it, then bring the mail back:")
    say(f"  cis nodes backup-setup {name} --repository {repository} --password-file FILE")
    say(f"  cis nodes restore-mail-store {name}")
