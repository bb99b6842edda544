"""Zones on their way in and out: shown first, then taken over; what was exported changes nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select, update

from panel.dns.actions import change_zone, create_zone, zone_content
from panel.dns.content import Content
from panel.dns.exporting import export_zone, plain_zone, zone_file_of
from panel.dns.folders import import_folder, name_in
from panel.dns.importing import (
    forget_import,
    forget_zone_imports,
    get_preview,
    preview_files,
    preview_transfer,
    take_over,
)
from panel.dns.imports import ZoneImport
from panel.dns.models import Zone, ZoneVersion
from panel.dns.records import canonical_set
from panel.dns.transferring import Key, transfer
from panel.dns.zonefile import read_zone, write_zone
from panel.kernel.access import SYSTEM
from panel.kernel.db import db, unit_of_work, utcnow
from panel.kernel.errors import Conflict, Invalid, NotAllowed, NotFound, PanelError
from provisioning.record_sets import RecordSet, Soa
from tests import servers
from tests.dns.worlds import ZONE, a, zone_of
from tests.worlds import World, actor

KEY = Key(name="move", algorithm="hmac-sha256", secret="c2VjcmV0IG9mIHRoZSBvbGQgc2VydmVy")
FILE = b"""$TTL 1h
@ IN SOA ns1.wokiss.pl. host 2026112301 3600 900 1209600 300
  NS ns1.wokiss.pl.
  NS ns2.wokiss.pl.
  A 192.0.2.80 ; strona
www A 192.0.2.80
"""
WILD = r"""$TTL 3600
@ IN SOA ns1 host.koscian.pl. 2026010107 3600 900 1209600 300
 NS ns1
 NS ns.example.org.
 MX 10 mail
 TXT "v=spf1 mx -all"
ns1 A 192.0.2.1
 AAAA 2001:db8::1
* 600 A 192.0.2.9
txt 60 IN TXT "a b" "c\"d;e" "\000\255" ( "z"
 "w" )
u TYPE65280 \# 4 0a000001
mail 1h30m A 192.0.2.25
_sip._tcp SRV 0 0 5060 mail
web HTTPS 1 . alpn=h2,h3 ipv4hint=192.0.2.1
caa CAA 128 issue "letsencrypt.org; validationmethods=dns-01"
loc LOC 52 5 0.000 N 16 39 0.000 E 80.00m 1m 10000m 10m
n NAPTR 100 50 "s" "SIP+D2U" "" _sip._udp
tlsa._tcp TLSA 3 1 1 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
host SSHFP 4 2 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
sub NS ns.example.org.
sub DS 12345 13 2 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
alias CNAME www.example.org.
tree DNAME example.net.
uri URI 10 1 "https://koscian.pl/"
\@we\.ird A 192.0.2.4
$GENERATE 1-3 pc$ A 192.0.2.${100,3,d}
"""


def test_a_file_is_shown_as_a_difference_and_then_taken_over(world: World) -> None:
    own = world.member_admin(world.koscian)
    zone = zone_of(world.koscian, ZONE, a("@", "192.0.2.80"), a("old", "192.0.2.9")).zone
    preview = preview_files(own, member_id=world.koscian.id, name="Koscian.PL.", files={"koscian.zone": FILE})
    assert [(one.name, one.type, one.before is None, one.after is None) for one in preview.changes] == [
        ("old", "A", False, True),
        ("www", "A", True, False),
    ]
    assert (preview.soa, preview.is_elsewhere, preview.is_unchanged, preview.row.refusals) == (True, False, False, [])
    with pytest.raises(NotFound):
        get_preview(world.member_admin(world.smigiel), preview.row.id)
    with pytest.raises(NotAllowed):
        take_over(actor("member_editor", world.koscian), import_id=preview.row.id)
    changed = take_over(own, import_id=preview.row.id, accept_warnings=True, comment="From the old server")
    assert changed.version is not None
    assert (changed.zone.id, changed.version.number, changed.version.comment) == (zone.id, 2, "From the old server")
    assert [one.name for one in zone_content(changed.zone).sets] == ["@", "@", "www"]
    with pytest.raises(NotFound):
        take_over(own, import_id=preview.row.id)
    again = preview_files(own, member_id=world.koscian.id, name=ZONE, files={"koscian.zone": FILE})
    assert again.is_unchanged
    change_zone(SYSTEM, zone_id=zone.id, changes=[a("new", "192.0.2.7")], accept_warnings=True)
    with pytest.raises(Conflict, match="stale"):
        take_over(own, import_id=again.row.id)
    forget_import(own, import_id=again.row.id)
    preview_files(own, member_id=world.koscian.id, name=ZONE, files={"koscian.zone": FILE})
    with unit_of_work():
        db.session.execute(update(ZoneImport).values(created_at=utcnow() - timedelta(days=8)))
    forget_zone_imports(SYSTEM)
    assert db.session.scalar(select(func.count(ZoneImport.id))) == 0


@pytest.mark.one_database
def test_what_is_refused_is_told_and_left_out_only_if_somebody_says_so(world: World) -> None:
    bad = FILE + b"ftp A 192.0.2.300\nbip A 192.0.2.81\n"
    preview = preview_files(SYSTEM, member_id=world.koscian.id, name="nowa.pl", files={"a": bad})
    assert [(one["file"], one["line"]) for one in preview.row.refusals] == [("a", 7)]
    with pytest.raises(Conflict, match="import_refusals"):
        take_over(SYSTEM, import_id=preview.row.id)
    zone = take_over(SYSTEM, import_id=preview.row.id, only_good=True, accept_warnings=True).zone
    assert (zone.name, zone.serial_floor, zone.state) == ("nowa.pl", 2026112301, "pending")
    assert [one.name for one in zone_content(zone).sets] == ["@", "@", "bip", "www"]
    with pytest.raises(Conflict, match="name_others"):
        preview_files(SYSTEM, member_id=world.smigiel.id, name="nowa.pl", files={"a": FILE})
    with pytest.raises(Invalid, match="required"):
        preview_files(SYSTEM, member_id=world.koscian.id, name="inna.pl", files={})
    outside = preview_files(
        world.member_admin(world.koscian), member_id=world.koscian.id, name="x.pl", files={"a": FILE}
    )
    taken = take_over(world.member_admin(world.koscian), import_id=outside.row.id, accept_warnings=True).zone
    assert taken.held == "unproven"


@pytest.mark.one_database
def test_a_zone_comes_from_its_old_server_record_for_record_and_goes_on_from_its_serial(world: World) -> None:
    world.app.config["CIS"] = replace(world.app.config["CIS"], outgoing_allowed="127.0.0.0/8")
    with servers.named({ZONE: WILD}, key=(KEY.name, KEY.secret)) as port:

        def look(key: Key | None, name: str = ZONE, server: str = "127.0.0.1") -> str:
            try:
                preview_transfer(SYSTEM, member_id=world.koscian.id, name=name, server=server, key=key, port=port)
            except PanelError as error:
                return error.code
            return ""

        assert look(None) == "axfr_refused"
        assert look(replace(KEY, name="other")) == "axfr_key_refused"
        assert look(replace(KEY, secret="AAAA")) == "axfr_key_refused"
        assert look(replace(KEY, secret="???")) == "axfr_key_bad"
        assert look(KEY, "inna.pl") == "axfr_absent"
        assert look(KEY, server="10.0.0.1") == "axfr_forbidden"
        assert look(KEY, server=world.node.address) == "axfr_forbidden"
        preview = preview_transfer(
            SYSTEM, member_id=world.koscian.id, name=ZONE, server="127.0.0.1", key=KEY, port=port
        )
        before = transfer(world.app.config["CIS"], ZONE, "127.0.0.1", key=KEY, port=port)
    assert (preview.row.refusals, preview.row.notes, preview.is_elsewhere) == ([], [], True)
    zone = take_over(SYSTEM, import_id=preview.row.id, accept_warnings=True).zone
    assert zone.serial_floor == 2026010107
    ours = export_zone(SYSTEM, zone_id=zone.id).text
    with servers.named({ZONE: ours}) as port:
        after = transfer(world.app.config["CIS"], ZONE, "127.0.0.1", port=port)
    assert _records(after) == _records(before)
    assert len(_records(after)) == 26
    read = read_zone({"file": WILD.encode()}, main="file", origin=ZONE)
    assert read.sets == zone_content(zone).sets


@pytest.mark.one_database
def test_an_export_goes_in_again_and_changes_nothing(world: World) -> None:
    wild = read_zone({"a": WILD.encode()}, main="a", origin=ZONE)
    zone = create_zone(SYSTEM, member_id=world.koscian.id, name=ZONE, sets=wild.sets, accept_warnings=True).zone
    for form in ("zone", "json"):
        file = export_zone(world.member_admin(world.koscian), zone_id=zone.id, form=form)
        assert file.file_name == f"{ZONE}.{form}"
        files = {file.file_name: file.text.encode()}
        preview = preview_files(SYSTEM, member_id=world.koscian.id, name=ZONE, files=files)
        assert (preview.is_unchanged, preview.row.refusals) == (True, []), form
        assert take_over(SYSTEM, import_id=preview.row.id).version is None
        (verdict,) = import_folder(SYSTEM, member_id=world.koscian.id, files=files)
        assert (verdict.would, verdict.fault) == ("unchanged", None)
    assert db.session.scalar(select(func.count(ZoneVersion.id))) == 1
    with pytest.raises(NotFound):
        export_zone(world.member_admin(world.smigiel), zone_id=zone.id)


LABELS = st.from_regex(r"[a-z0-9_]([a-z0-9_-]{0,8}[a-z0-9_])?|\\(000|032|064|200|255)", fullmatch=True)
NAMES = st.one_of(st.just("@"), st.just("*"), st.lists(LABELS, min_size=1, max_size=3).map(".".join))
TEXTS = st.binary(max_size=40).map(
    lambda octets: (
        '"' + "".join(chr(one) if 32 <= one < 127 and one not in b'"\\' else f"\\{one:03d}" for one in octets) + '"'
    )
)
VALUES = {
    "A": st.ip_addresses(v=4).map(str),
    "AAAA": st.ip_addresses(v=6).map(str),
    "TXT": TEXTS,
    "MX": st.builds("{} {}.example.pl.".format, st.integers(0, 65535), st.from_regex("[a-z]{1,9}", fullmatch=True)),
    "TYPE65280": st.binary(min_size=1, max_size=20).map(lambda octets: f"\\# {len(octets)} {octets.hex()}"),
}
SETS = st.sampled_from(sorted(VALUES)).flatmap(
    lambda type_: st.builds(
        lambda name, ttl, values: canonical_set(name, type_, ttl, sorted(values), ZONE),
        NAMES,
        st.integers(60, 604_800),
        st.sets(VALUES[type_], min_size=1, max_size=3),
    )
)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(SETS, max_size=8, unique_by=lambda one: (one.name, one.type)))
def test_whatever_a_zone_holds_comes_back_from_both_exports(sets: list[RecordSet]) -> None:
    soa = Soa(mname="ns1.wokiss.pl.", rname="a\\046b.wokiss.pl.", refresh=1, retry=2, expire=3, minimum=4, ttl=60)
    content = Content(ZONE, soa, tuple(sets))
    for file in (write_zone(ZONE, soa, sets, 7).encode(), zone_file_of(plain_zone(content, 7), origin=ZONE)):
        assert file is not None
        read = read_zone({"a": file}, main="a", origin=ZONE)
        assert (read.refusals, read.sets, read.soa, read.serial) == ((), content.sets, soa, 7)


@pytest.mark.one_database
def test_a_folder_is_taken_whole_or_what_is_good_of_it_and_twice_is_once(world: World) -> None:
    def take(*, only_good: bool = False, dry_run: bool = False) -> list[tuple[str, str, str]]:
        found = import_folder(
            SYSTEM, member_id=world.koscian.id, files=files, accept_warnings=True, only_good=only_good, dry_run=dry_run
        )
        return [(one.name, one.would, one.fault.code if one.fault else "") for one in found]

    files = {
        "db.jeden.pl": FILE,
        "dwa.zone": b"$ORIGIN dwa.pl.\n" + FILE + b"$INCLUDE inc/hosts\n",
        "inc/hosts": b"ftp A 192.0.2.21\n",
        "trzy.pl.zone": FILE.replace(b"@ IN", b"trzy.pl. IN") + b"x A nowhere\n",
        "zz.pl.db": b"$ORIGIN jeden.pl.\n" + FILE,
        "gov.pl": FILE,
    }
    expected = [
        ("jeden.pl", "create", ""),
        ("dwa.pl", "create", ""),
        ("gov.pl", "refused", "name_public_suffix"),
        ("trzy.pl", "refused", "import_refusals"),
        ("jeden.pl", "refused", "zone_twice"),
    ]
    assert take() == expected
    assert db.session.scalar(select(func.count(Zone.id))) == 0
    assert take(only_good=True, dry_run=True) == expected
    assert take(only_good=True) == expected
    assert sorted(db.session.scalars(select(Zone.name))) == ["dwa.pl", "jeden.pl"]
    assert [one[1] for one in take()][:2] == ["unchanged", "unchanged"]
    files = {"db.jeden.pl": FILE + b"nowy A 192.0.2.5\n", "dwa.pl": files["dwa.zone"], "inc/hosts": files["inc/hosts"]}
    assert take() == [("jeden.pl", "change", ""), ("dwa.pl", "unchanged", "")]
    assert [one[1] for one in take()] == ["unchanged", "unchanged"]
    assert name_in("x/y/master.koscian.pl.txt", b"@ IN SOA a b 1 2 3 4 5") == "koscian.pl"


def _records(file: bytes) -> list[str]:
    """The records of a transfer but its SOA, in an order of their own; TXT is told in one way only."""
    return sorted(line for line in file.decode().splitlines() if " SOA " not in line)
