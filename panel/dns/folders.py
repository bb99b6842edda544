"""Many zone files at once, as they lie in an old server's folder: each judged by itself, all or the good ones taken."""

from __future__ import annotations

import re
import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal

from panel.dns.changing import replace_sets
from panel.dns.content import Content, diff
from panel.dns.holding import zone_content
from panel.dns.importing import read_files, with_our_servers, zone_named
from panel.dns.judging import judged
from panel.dns.making import BATCH_MAX, NewZone, make_zones
from panel.dns.models import Zone
from panel.dns.owning import zone_name
from panel.dns.servers import default_soa
from panel.dns.zonefile import ReadZone
from panel.kernel.access import Actor, require, require_kind
from panel.kernel.db import unit_of_work
from panel.kernel.errors import Conflict, PanelError
from panel.members.actions import require_members

FILES_MAX = 10_000
Would = Literal["create", "change", "unchanged", "refused"]

_INCLUDE = re.compile(rb"^\$INCLUDE[ \t]+\"?([^\s\";]+)", re.IGNORECASE | re.MULTILINE)
_ORIGIN = re.compile(rb"^\$ORIGIN[ \t]+([^\s;]+)\.(?=[\s;]|$)", re.IGNORECASE | re.MULTILINE)
_SOA = re.compile(rb"^([^\s;$@]+)\.[ \t]+(?:\S+[ \t]+){0,2}SOA[ \t]", re.IGNORECASE | re.MULTILINE)
_AROUND = re.compile(r"^(?:db|pri|master|zone)\.|\.(?:zone|db|hosts|dns|txt|json|conf)$")


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What became of a file, or would. ``fault``: why it is *refused*; ``refused``: how many of its lines were."""

    file: str
    name: str
    would: Would
    sets: int = 0
    refused: int = 0
    fault: PanelError | None = None


def import_folder(
    actor: Actor,
    *,
    member_id: uuid.UUID | None,
    files: Mapping[str, bytes],
    only_good: bool = False,
    our_servers: bool = False,
    accept_warnings: bool = False,
    dry_run: bool = False,
    comment: str = "",
) -> list[Verdict]:
    """Take over all zones of a folder (path → content) at once; a second time nothing changes.

    Files that others include are no zones. A zone's name is what its file says, else that of the file. With anything
    refused nothing is taken, unless ``only_good``. Nothing either with ``dry_run``. Raises OverLimit, Conflict.
    """
    require_kind(actor, "zones")
    require(actor, "dns:write", member_id, staff=member_id is None)
    if member_id is not None:
        require_members([member_id])
    if len(files) > FILES_MAX:
        raise Conflict("files_many", field="file", most=FILES_MAX)
    folder = _Folder(actor, member_id, files, our_servers=our_servers, accept_warnings=accept_warnings)
    found = folder.judge()
    good = [one for one in found if one.verdict.would in ("create", "change")]
    if good and not dry_run and (only_good or len(good) == len(found) - _unchanged(found)):
        folder.take(good, comment=comment)
    return [one.verdict for one in found]


def zone_files(files: Mapping[str, bytes]) -> list[str]:
    """The files that are zones: not those that others include."""
    included = {name.decode("utf-8", "replace") for body in files.values() for name in _INCLUDE.findall(body)}
    return sorted(name for name in files if name not in included)


def name_in(file: str, body: bytes) -> str:
    """The zone's name by its file: its first origin or the owner of its SOA, else the file's own name."""
    said = [one for one in (_ORIGIN.search(body), _SOA.search(body)) if one is not None]
    if said:
        return min(said, key=lambda one: one.start())[1].decode("ascii", "replace").lower()
    return _AROUND.sub("", _AROUND.sub("", PurePosixPath(file).name.lower()))


@dataclass(frozen=True, kw_only=True)
class _Judged:
    verdict: Verdict
    content: Content | None = None
    zone: Zone | None = None
    serial: int = 0


@dataclass(frozen=True)
class _Folder:
    """The files of somebody's old server, and how they are to be taken."""

    actor: Actor
    member_id: uuid.UUID | None
    files: Mapping[str, bytes]
    our_servers: bool
    accept_warnings: bool

    def judge(self) -> list[_Judged]:
        """What would become of each file that is a zone. Of two for one zone the later is refused."""
        found: list[_Judged] = []
        names: set[str] = set()
        for file in zone_files(self.files):
            one = self._judged(file, names)
            names.add(one.verdict.name)
            found.append(one)
        return found

    def take(self, good: Sequence[_Judged], *, comment: str) -> None:
        """Make the new zones, and the others hold what their files say; all or none."""
        with unit_of_work():
            new = [self._new(one, one.content, comment) for one in good if one.zone is None and one.content is not None]
            for start in range(0, len(new), BATCH_MAX):
                make_zones(self.actor, new[start : start + BATCH_MAX], accept_warnings=True)
            for one in good:
                if one.zone is not None and one.content is not None:
                    replace_sets(
                        self.actor,
                        zone_id=one.zone.id,
                        sets=one.content.sets,
                        soa=one.content.soa,
                        comment=comment,
                        expected_version=one.zone.version,
                        accept_warnings=True,
                    )

    def _judged(self, file: str, names: Collection[str]) -> _Judged:
        name = name_in(file, self.files[file])
        read: ReadZone | None = None
        try:
            name = zone_name(name)
            if name in names:
                raise Conflict("zone_twice", field="file", name=name)
            zone = zone_named(self.actor, self.member_id, name)
            read = read_files(self.files, main=file, origin=name)
            if read.refused:
                raise Conflict("import_refusals", field="file", count=read.refused)
            return self._compared(file, read, name, zone)
        except PanelError as error:
            count = 0 if read is None else read.refused
            return _Judged(verdict=Verdict(file=file, name=name, would="refused", refused=count, fault=error))

    def _compared(self, file: str, read: ReadZone, name: str, zone: Zone | None) -> _Judged:
        before = None if zone is None else zone_content(zone)
        soa = read.soa or (default_soa() if before is None else before.soa)
        content = Content(name, soa, read.sets)
        content = with_our_servers(content) if self.our_servers else content
        judged(content, before=before, accept_warnings=self.accept_warnings)
        would: Would = "create" if before is None else "change"
        if before is not None and before.soa == content.soa and not diff(before, content):
            would = "unchanged"
        verdict = Verdict(file=file, name=name, would=would, sets=len(content.sets))
        return _Judged(verdict=verdict, content=content, zone=zone, serial=read.serial or 0)

    def _new(self, one: _Judged, content: Content, comment: str) -> NewZone:
        return NewZone(
            member_id=self.member_id,
            name=content.name,
            sets=content.sets,
            soa=content.soa,
            serial_floor=one.serial,
            comment=comment,
        )


def _unchanged(found: Sequence[_Judged]) -> int:
    return sum(one.verdict.would == "unchanged" for one in found)
