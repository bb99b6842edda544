"""What commands about zones share: their options, how a change is shown, and how its end is waited for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

import click

from panel.cli.errors import remark_line
from panel.cli.following import follow
from panel.cli.output import print_one, say
from panel.dns.actions import Changed, get_zone
from panel.dns.committing import COMMENT_MOST
from panel.dns.content import SetChange
from panel.dns.lint import Remark
from panel.dns.models import Zone
from panel.dns.proving import get_proof
from panel.dns.remarking import remarks_of
from panel.dns.settling import zone_settled
from panel.kernel.access import Actor
from panel.shapes import zones as shapes
from panel.wording.domain_names import finding_words
from panel.wording.zone_lint import remark_words
from provisioning.record_sets import RecordSet

Command = TypeVar("Command", bound=Callable[..., Any])

accepts = click.option("--accept-warnings", is_flag=True, help="Do it in spite of warnings.")
comments = click.option("--comment", default="", help=f"Why, kept with the version; at most {COMMENT_MOST} characters.")
_version = click.option(
    "--version", "expected_version", type=int, help="Only if this is the newest version; else it ends with 5."
)


def changes_zone(command: Command) -> Command:
    """Give a command the options of a change; they are named as the actions take them."""
    return comments(accepts(_version(command)))


def shown(actor: Actor, zone: Zone) -> Mapping[str, Any]:
    """A zone as the API shows it."""
    proof = get_proof(actor, zone.id)
    told = None if proof is None else shapes.proof(proof, finding_words)
    return shapes.zone(zone, remarks_of([zone])[zone.id], remark_words) | {"proof": told}


def follow_zone(actor: Actor, done: Changed, *, wait: float, json_: bool) -> None:
    """Print the zone as it is after at most ``wait`` seconds, and beside it what the lint says."""
    for remark in done.remarks:
        click.echo(remark_line(remark), err=True)
    zone_id = done.zone.id
    if done.zone.is_held:
        print_one(shown(actor, get_zone(actor, zone_id)), json_=json_)
        click.echo("not served before its name is shown to be the member's: cis zones proof", err=True)
        return
    follow(lambda: shown(actor, get_zone(actor, zone_id)), zone_settled(zone_id), wait=wait, json_=json_)


def tell_change(changes: Iterable[SetChange], remarks: Iterable[Remark] = (), *, soa: bool = False) -> None:
    """Show a difference as lines that go (-) and come (+), and what the lint says of it."""
    if soa:
        say("~ @ SOA")
    for one in changes:
        for mark, side in (("-", one.before), ("+", one.after)):
            for line in () if side is None else _lines(side):
                say(f"{mark} {line}")
    for remark in remarks:
        click.echo(remark_line(remark), err=True)


def _lines(one: RecordSet) -> Iterable[str]:
    return (f"{one.name} {one.ttl} {one.type} {value}" for value in one.values)
