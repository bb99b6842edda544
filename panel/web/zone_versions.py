"""Pages of a zone's versions: the list, one with what it changed, two compared, one put back."""

from __future__ import annotations

import uuid

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from panel.dns import actions
from panel.dns.models import Zone, ZoneVersion
from panel.dns.previewing import preview_revert
from panel.dns.versions import changes_of
from panel.kernel.errors import NotFound
from panel.kernel.i18n import _
from panel.web.forms.zones import ChangeForm
from panel.web.lists import asked
from panel.web.session import actor, permission
from panel.web.zone_steps import in_steps
from provisioning.record_sets import Soa

area = Blueprint("zone_versions", __name__, url_prefix="/dns/zones/<uuid:zone_id>/versions")


@area.get("")
@permission("dns:read")
def show_list(zone_id: uuid.UUID) -> ResponseReturnValue:
    """The versions of a zone, the newest first."""
    zone = actions.get_zone(actor(), zone_id)
    listing = asked().read(
        actions.zone_versions(actor(), zone_id), sorts={"number": ZoneVersion.number}, default="-number"
    )
    return render_template("zones/versions.html", zone=zone, listing=listing, count=_count)


@area.get("/<int:number>")
@permission("dns:read")
def show(zone_id: uuid.UUID, number: int) -> ResponseReturnValue:
    """What one version changed."""
    zone, version = actions.get_zone(actor(), zone_id), actions.get_version(actor(), zone_id, number)
    soa = version.settings.get("soa")
    return render_template(
        "zones/version.html", zone=zone, version=version, changes=changes_of(version),
        soa=None if soa is None else (_soa(soa[0]), _soa(soa[1])),
        settings={name: sides for name, sides in version.settings.items() if name != "soa"},
    )  # fmt: skip


@area.get("/compare")
@permission("dns:read")
def compare(zone_id: uuid.UUID) -> ResponseReturnValue:
    """What differs between ``?old=`` and ``?new=``."""
    zone = actions.get_zone(actor(), zone_id)
    old, new = sorted((_asked("old", max(1, zone.version - 1)), _asked("new", zone.version)))
    compared = actions.compare_versions(actor(), zone_id, old=old, new=new)
    return render_template("zones/compare.html", zone=zone, compared=compared, old=old, new=new)


@area.route("/<int:number>/revert", methods=["GET", "POST"])
@permission("dns:write")
def revert(zone_id: uuid.UUID, number: int) -> ResponseReturnValue:
    """The records as of a version, as a new version."""
    zone, form = _zone(zone_id), ChangeForm()
    if number < 1 or number > zone.version:
        raise NotFound("not_found")
    return in_steps(
        zone_id, zone, form, page=None, heading=_("Put version %(number)s back", number=number),
        preview=lambda: preview_revert(actor(), zone_id=zone_id, number=number),
        save=lambda version, sure: actions.revert_zone(
            actor(), zone_id=zone_id, number=number, comment=form.comment.text, expected_version=version,
            accept_warnings=sure,
        ),
    )  # fmt: skip


def _zone(zone_id: uuid.UUID) -> Zone:
    return actions.get_zone(actor(), zone_id, permission="dns:write")


def _asked(name: str, default: int) -> int:
    text = request.args.get(name, "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else default


def _soa(plain: dict[str, object]) -> Soa:
    return Soa(**plain)  # type: ignore[arg-type]  # as it was kept


def _count(version: ZoneVersion) -> int:
    return len(version.changes) + len(version.settings)
