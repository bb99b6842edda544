"""``cis zones``: records one by one or as a zone file, and the versions they were changed by."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import IO, Any

import click

from panel.cli.errors import with_rows
from panel.cli.following import waits
from panel.cli.lists import listed, print_list
from panel.cli.output import as_json, confirm, print_one, print_rows
from panel.cli.references import find_zone
from panel.cli.session import with_panel
from panel.cli.zone_output import changes_zone, follow_zone, tell_change
from panel.dns import actions
from panel.dns.content import Content, SetChange, diff
from panel.dns.holding import kept_sets, zone_content
from panel.dns.models import Zone
from panel.dns.previewing import preview_change
from panel.dns.versions import changes_of
from panel.dns.zonefile import read_zone, write_zone
from panel.kernel.access import Actor
from panel.kernel.errors import Invalid
from panel.shapes import orders
from panel.shapes import zones as shapes


@click.command()
@click.argument("zone")
@click.option("--type", "type_", help="Those of this type.")
@as_json
@with_panel
def records(actor: Actor, /, *, zone: str, type_: str | None, json_: bool) -> None:
    """List the records of ZONE."""
    row = find_zone(actor, zone)
    kept = kept_sets(row.id)
    sets = [one for one in zone_content(row).sets if type_ is None or one.type == type_.upper()]
    rows = [shapes.record_set(one, kept.get((one.name, one.type))) for one in sets]
    columns = {name: name for name in ("name", "ttl", "type", "values")}
    print_rows(rows, columns | {"kept by": "source"}, json_=json_)


@click.command("set")
@click.argument("zone")
@click.argument("name")
@click.argument("type", metavar="TYPE")
@click.argument("values", nargs=-1, required=True)
@click.option("--ttl", type=int, help="Seconds; as it is if not given, or 3600.")
@changes_zone
@waits
@as_json
@with_panel
def set_(actor: Actor, /, *, zone: str, wait: float, json_: bool, **given: Any) -> None:
    """Have the records of NAME and TYPE in ZONE be exactly VALUES, in the words of zone files."""
    done = actions.put_set(actor, zone_id=find_zone(actor, zone).id, **given)
    follow_zone(actor, done, wait=wait, json_=json_)


@click.command()
@click.argument("zone")
@click.argument("name")
@click.argument("type", metavar="TYPE")
@changes_zone
@waits
@as_json
@with_panel
def delete(actor: Actor, /, *, zone: str, wait: float, json_: bool, **given: Any) -> None:
    """Have no records of NAME and TYPE in ZONE."""
    done = actions.delete_set(actor, zone_id=find_zone(actor, zone).id, **given)
    follow_zone(actor, done, wait=wait, json_=json_)


@click.command("edit-file")
@click.argument("zone")
@click.argument("file", type=click.File("rb"), required=False)
@click.option("--yes", is_flag=True, help="Do not ask.")
@changes_zone
@waits
@as_json
@with_panel
def edit_file(
    actor: Actor, /, *, zone: str, file: IO[bytes] | None, yes: bool, expected_version: int | None, wait: float,
    json_: bool, **given: Any,
) -> None:  # fmt: skip
    """Edit the records of ZONE as a zone file, in the editor or from FILE; the difference is shown first."""
    row = find_zone(actor, zone, permission="dns:write")
    seen = row.version if expected_version is None else expected_version
    changes = _typed(row, file.read() if file else _edited(row))
    found = preview_change(actor, zone_id=row.id, changes=[_wanted(one) for one in changes])
    tell_change(found.changes, () if found.has_errors else found.remarks)
    if found.changes and not (yes or json_):
        confirm("Do it?")
    done = actions.change_zone(
        actor, zone_id=row.id, changes=[_wanted(one) for one in changes], expected_version=seen, **given
    )
    follow_zone(actor, done, wait=wait, json_=json_)


@click.command()
@click.argument("zone")
@click.argument("number", type=int, required=False)
@listed
@with_panel
def versions(actor: Actor, /, *, zone: str, number: int | None, **page: Any) -> None:
    """List the versions of ZONE, the newest first; with NUMBER show what that one changed."""
    zone_id = find_zone(actor, zone).id
    if number is not None:
        version = actions.get_version(actor, zone_id, number)
        if page["json_"]:
            print_one(shapes.whole_version(version), json_=True)
            return
        print_one(shapes.version(version), json_=False)
        tell_change(changes_of(version))
        return
    columns = {"number": "number", "at": "at", "by": "actor_name", "changed": "changed", "comment": "comment"}
    print_list(actions.zone_versions(actor, zone_id), shapes.version, columns, orders=orders.ZONE_VERSIONS,
               default="-number", page=page)  # fmt: skip


@click.command()
@click.argument("zone")
@click.argument("number", type=int)
@changes_zone
@waits
@as_json
@with_panel
def revert(actor: Actor, /, *, zone: str, number: int, wait: float, json_: bool, **given: Any) -> None:
    """Have ZONE hold what it held as of version NUMBER, as a new version; its serial goes on."""
    done = actions.revert_zone(actor, zone_id=find_zone(actor, zone).id, number=number, **given)
    follow_zone(actor, done, wait=wait, json_=json_)


def _edited(zone: Zone) -> bytes:
    """What somebody makes of the zone file; it is kept, so that nothing typed is lost where it is refused."""
    content = zone_content(zone)
    lines = write_zone(zone.name, content.soa, content.sets, 0).splitlines()
    with tempfile.NamedTemporaryFile("w", prefix="cis-zone-", suffix=".zone", delete=False) as draft:
        draft.write("\n".join([lines[0], "$TTL 3600", *lines[2:], ""]))
    click.edit(filename=draft.name)
    click.echo(f"kept in {draft.name}: cis zones edit-file {zone.name} {draft.name}", err=True)
    return Path(draft.name).read_bytes()


def _typed(zone: Zone, text: bytes) -> list[SetChange]:
    """What a zone file changes. Raises Invalid with every line at fault, ``type_soa`` for a start of its own."""
    with_rows()
    read = read_zone({"file": text}, main="file", origin=zone.name)
    faults = [Invalid(one.code, field="file", row=max(0, one.line - 1), **one.params) for one in read.refusals]
    if faults:
        raise Invalid(faults[0].code, field="file", errors=faults, **faults[0].params)
    if read.soa is not None:
        raise Invalid("type_soa", field="file")
    content = zone_content(zone)
    return diff(content, Content(content.name, content.soa, read.sets))


def _wanted(one: SetChange) -> Any:
    return actions.Wanted(name=one.name, type=one.type) if one.after is None else one.after
