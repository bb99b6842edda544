"""``cis zones``: asking for zones, signing and removing them, and whose their names are."""

from __future__ import annotations

from typing import IO, Any

import click

from panel.cli.errors import with_rows
from panel.cli.following import waits
from panel.cli.lists import Columns, listed, print_list
from panel.cli.output import as_json, print_one, print_rows
from panel.cli.progress import wait_shown
from panel.cli.references import find_member, find_zone
from panel.cli.session import with_panel
from panel.cli.zone_batches import read_zones
from panel.cli.zone_files import axfr, export, import_
from panel.cli.zone_output import accepts, comments, follow_zone, shown
from panel.cli.zone_records import delete, edit_file, records, revert, set_, versions
from panel.dns import actions, proving
from panel.dns.faulty_rows import zones_in
from panel.dns.finding import zones_query
from panel.dns.models import Zone
from panel.dns.records.canonical import SOA_BOUNDS
from panel.dns.remarking import remarks_of
from panel.dns.templates import TEMPLATES
from panel.kernel.access import Actor
from panel.kernel.errors import NotFound
from panel.ledger.resources import RESOURCE_STATES
from panel.ledger.waiting import jobs_finished, settled_of
from panel.shapes import orders
from panel.shapes import zones as shapes
from panel.wording.domain_names import finding_words
from panel.wording.zone_lint import remark_words


@click.group()
def zones() -> None:
    """DNS zones. ZONE is an id or a name, NAME of records relative to it: www, or @ for the zone itself."""


@zones.command("list")
@click.argument("search", default="")
@click.option("--member", metavar="MEMBER")
@click.option("--state", type=click.Choice(RESOURCE_STATES))
@listed
@with_panel
def list_(actor: Actor, /, *, search: str, member: str | None, state: str | None, **page: Any) -> None:
    """List zones whose name holds SEARCH; removed ones only with --state."""
    member_id = None if member is None else find_member(actor, member).id
    query = zones_query(actor, search=search, member_id=member_id, state=state)
    columns: Columns = {
        "name": "name_unicode",
        "state": "state",
        "serial": "serial",
        "version": "version",
        "signed": lambda row: row["dnssec"]["enabled"],
        "seen": "seen_at",
        "id": "id",
    }

    def shape(zone: Zone) -> dict[str, Any]:
        return shapes.zone(zone, remarks_of([zone])[zone.id] if page["json_"] else None, remark_words)

    print_list(query, shape, columns, orders=orders.ZONES, default="name", page=page, searching=bool(search))


@zones.command()
@click.argument("zone")
@as_json
@with_panel
def show(actor: Actor, /, *, zone: str, json_: bool) -> None:
    """Show ZONE, and what looks wrong in it."""
    print_one(shown(actor, find_zone(actor, zone)), json_=json_)


@zones.command()
@click.argument("name")
@click.option("--member", metavar="MEMBER", help="Whose it is; else the association's own.")
@click.option("--template", type=click.Choice([one.code for one in TEMPLATES]), default="empty", show_default=True)
@click.option("--address", help="Of the site, where the template has one.")
@click.option("--address6", help="The same as IPv6.")
@click.option("--unsigned", is_flag=True, help="Without DNSSEC.")
@click.option("--reason", default="", help="Why it gets a name that was another member's not long ago.")
@comments
@accepts
@waits
@as_json
@with_panel
def create(
    actor: Actor, /, *, member: str | None, unsigned: bool, address: str | None, address6: str | None, wait: float,
    json_: bool, **given: Any,
) -> None:  # fmt: skip
    """Ask for the zone NAME."""
    values = {name: text for name, text in (("address", address), ("address6", address6)) if text is not None}
    member_id = None if member is None else find_member(actor, member).id
    done = actions.create_zone(actor, member_id=member_id, values=values, dnssec=not unsigned, **given)
    follow_zone(actor, done, wait=wait, json_=json_)


@zones.command()
@click.argument("file", type=click.File("rb"))
@click.option("--member", metavar="MEMBER", help="Whose they are, where the file does not say.")
@accepts
@waits
@as_json
@with_panel
def batch(
    actor: Actor, /, *, file: IO[bytes], member: str | None, accept_warnings: bool, wait: float, json_: bool
) -> None:
    """Ask for up to 10,000 zones, all or none, from FILE: CSV with name and optionally member,template,address.

    Or JSON as the API takes it.
    """
    with_rows()
    wanted = read_zones(actor, file.read(), member=member)
    with zones_in(many=True):
        made = actions.create_zones(actor, zones=wanted, accept_warnings=accept_warnings)
    ids, jobs = [one.zone.id for one in made], list({one.job.id for one in made if one.job})
    if wait and jobs:
        wait_shown(jobs_finished(jobs), wait, say="Zones", total=len(ids), done=lambda: settled_of(Zone, ids))
    rows = [{"id": str(one.zone.id), "name": one.zone.name, "held": one.zone.is_held} for one in made]
    print_rows(rows, {"name": "name", "waits for proof": "held", "id": "id"}, json_=json_)


@zones.command()
@click.argument("zone")
@waits
@as_json
@with_panel
def remove(actor: Actor, /, *, zone: str, wait: float, json_: bool) -> None:
    """Stop serving ZONE; it can be restored with its keys for some time."""
    follow_zone(actor, actions.remove_zone(actor, zone_id=find_zone(actor, zone).id), wait=wait, json_=json_)


@zones.command()
@click.argument("zone")
@waits
@as_json
@with_panel
def restore(actor: Actor, /, *, zone: str, wait: float, json_: bool) -> None:
    """Serve the removed ZONE again; its serial goes on."""
    follow_zone(actor, actions.restore_zone(actor, zone_id=find_zone(actor, zone).id), wait=wait, json_=json_)


@zones.command()
@click.argument("zone")
@click.argument("switch", type=click.Choice(["on", "off"]))
@click.option("--force", is_flag=True, help="Off at once, though the parent may still have a DS.")
@click.option("--reason", default="", help="Why it is forced; kept on record.")
@waits
@as_json
@with_panel
def dnssec(actor: Actor, /, *, zone: str, switch: str, force: bool, reason: str, wait: float, json_: bool) -> None:
    """Sign ZONE, or have it leave DNSSEC: it stays signed until the parent's DS is gone and forgotten."""
    zone_id = find_zone(actor, zone).id
    done = actions.set_dnssec(actor, zone_id=zone_id, enabled=switch == "on", force=force, reason=reason)
    follow_zone(actor, done, wait=wait, json_=json_)


def _soa() -> None:
    """Add the command that changes times: an option for each."""

    @click.argument("zone")
    @comments
    @waits
    @as_json
    @with_panel
    def soa(actor: Actor, /, *, zone: str, comment: str, wait: float, json_: bool, **times: int | None) -> None:
        """Change times in the SOA of ZONE, in seconds."""
        given = {name: value for name, value in times.items() if value is not None}
        done = actions.set_soa(actor, zone_id=find_zone(actor, zone).id, comment=comment, **given)
        follow_zone(actor, done, wait=wait, json_=json_)

    for name, (least, most) in SOA_BOUNDS.items():
        soa = click.option(f"--{name}", type=int, help=f"{least} to {most}.")(soa)
    zones.command()(soa)


@zones.command()
@click.argument("zone")
@click.argument("reason")
@as_json
@with_panel
def vouch(actor: Actor, /, *, zone: str, reason: str, json_: bool) -> None:
    """Say that the name of ZONE is its member's; REASON is kept on record."""
    proof = proving.vouch(actor, zone_id=find_zone(actor, zone).id, reason=reason)
    print_one(shapes.proof(proof, finding_words), json_=json_)


@zones.command()
@click.argument("zone")
@click.option("--look", is_flag=True, help="Look for it at once.")
@as_json
@with_panel
def proof(actor: Actor, /, *, zone: str, look: bool, json_: bool) -> None:
    """Show the record that is to show whose the name of ZONE is, and what was seen."""
    zone_id = find_zone(actor, zone).id
    found = proving.ask_now(actor, zone_id=zone_id) if look else proving.get_proof(actor, zone_id)
    if found is None:
        raise NotFound("not_found")
    print_one(shapes.proof(found, finding_words), json_=json_)


_soa()
for _command in (records, set_, delete, edit_file, versions, revert, import_, axfr, export):
    zones.add_command(_command)
