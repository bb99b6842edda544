"""What we write is read as what it was: by us, by BIND, by Knot; and BIND reads a wild file as we do."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from panel.dns.content import Content
from panel.dns.records import canonical_set
from panel.dns.zonefile import read_zone, write_zone
from provisioning.lab.base import ensure_base
from provisioning.record_sets import RecordSet, Soa
from tests.dns.records.samples import SAMPLES, VALUES
from tests.dns.zones import content

ZONE = "gmina.example"
START = Soa(
    mname="ns1.example.", rname=r"jan\046kowalski.example.", refresh=14_400, retry=60, expire=90_000, minimum=60, ttl=60
)
_NAMES = st.sampled_from(["@", "a", "*", "_a._b.c", r"a\.b\032\059", "0/25", "in", "3600", "$TTL", "żółw"])
_SETS = st.lists(st.tuples(_NAMES, st.integers(60, 604_800), VALUES), max_size=6)

Program = Callable[..., str]


@pytest.fixture(scope="session")
def program() -> Program:
    """A program of the lab's base system, run from there with the libraries beside it."""
    base = ensure_base(print)

    def run(name: str, *arguments: str, text: str) -> str:
        loader = [str(base / "lib64/ld-linux-x86-64.so.2"), "--library-path", str(base / "usr/lib/x86_64-linux-gnu")]
        argv = [*loader, str(base / "usr/bin" / name), *arguments]
        done = subprocess.run(argv, input=text, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


@given(_SETS, st.integers(0, 2**32 - 1))
@settings(max_examples=120, deadline=None)
def test_an_export_imported_is_what_was_exported(drawn: list[tuple[str, int, tuple[str, str]]], serial: int) -> None:
    sets = {(one.name, one.type): one for one in (_a_set(*row) for row in drawn)}
    zone = Content(ZONE, START, (*sets.values(),))
    read = read_zone({"zone": write_zone(ZONE, START, zone.sets, serial).encode()}, main="zone", origin=ZONE)
    assert (read.refusals, read.notes) == ((), ())
    assert (read.sets, read.soa, read.serial) == (zone.sets, START, serial)


def test_bind_and_knot_read_what_we_write(program: Program, tmp_path: Path) -> None:
    zone = _all_types()
    written = write_zone(ZONE, zone.soa, zone.sets, 7)
    compiled = program(
        "named-compilezone", "-q", "-k", "ignore", "-i", "none", "-o", "-", ZONE, "/dev/stdin", text=written
    )
    read = read_zone({"zone": compiled.encode()}, main="zone", origin=ZONE)
    assert read.refusals == ()
    assert read.sets == zone.sets
    file = tmp_path / "zone"
    file.write_text(written)
    program("kzonecheck", "-o", ZONE, str(file), text="")


def test_bind_reads_a_wild_file_as_we_do(program: Program) -> None:
    wild = (Path(__file__).parent / "wild.zone").read_bytes().decode("latin-1")
    ours = read_zone({"zone": wild.encode("latin-1")}, main="zone", origin=ZONE)
    compiled = program(
        "named-compilezone", "-q", "-k", "ignore", "-i", "none", "-o", "-", ZONE, "/dev/stdin", text=wild
    )
    theirs = read_zone({"zone": compiled.encode()}, main="zone", origin=ZONE)
    assert (ours.refusals, theirs.refusals) == ((), ())
    assert ours.sets == theirs.sets
    assert (ours.soa, ours.serial) == (theirs.soa, theirs.serial)


def _a_set(name: str, ttl: int, drawn: tuple[str, str]) -> RecordSet:
    return canonical_set(name, drawn[0], ttl, [drawn[1]], ZONE)


def _all_types() -> Content:
    """Every sample at a name of its own, as a server would take them: an alias alone, nothing below a cut."""
    servers = content("ns1 A 192.0.2.53")
    sets = [
        canonical_set(f"n{row}", type_, 60 + row, [text], ZONE)
        for row, (type_, text, _) in enumerate(SAMPLES)
        if type_ != "DS"
    ]
    return Content(ZONE, servers.soa, (*servers.sets, *sets))
