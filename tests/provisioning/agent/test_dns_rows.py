from __future__ import annotations

from pathlib import Path

import dns.dnssec
import dns.name
import dns.rdata
import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioning.agent.adapters import dns_rows
from provisioning.agent.adapters.dns_reading import ds_of, wire_name
from provisioning.agent.adapters.dns_render import zone_file
from provisioning.agent.adapters.several import SeveralAdapters
from provisioning.agent.rollback import Step
from provisioning.agent.store import Store
from provisioning.agent.undo import Image
from provisioning.record_sets import RecordSet, Soa, in_order
from provisioning.resources import Zone, to_wire

ID = "018f4a5e-0000-7000-8000-000000000001"
SOA = Soa(mname="ns1.cis.test.", rname="root.cis.test.", refresh=1, retry=2, expire=3, minimum=4, ttl=5)
WWW = RecordSet("www", "A", 300, ("192.0.2.1", "192.0.2.2"))
ZONE = Zone(id=ID, generation=1, name="koscian.test", soa=SOA, records=(WWW,), dnssec=True, serial_floor=7)
KEY = "257 3 13 mdsswUyr3DPW132mOi8V9xESWE8jTo0dxCjjnopKl+GqJxpVXckHAeF+KkxLbxILfDLUT0rAK9iUzy1L53eKGQ=="


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store", schema=[dns_rows.SCHEMA], create=True)


def test_a_zone_comes_back_from_its_row_with_the_same_digest(store: Store) -> None:
    with store.write() as tx:
        dns_rows.write(tx, [ZONE], {})
        (row,) = dns_rows.rows(tx)
    assert (row.zone(), row.zone().serial_floor) == (ZONE, 7)
    assert row.content() == ZONE.content
    assert zone_file(row).decode().splitlines() == [
        "$ORIGIN koscian.test.",
        f"@ 5 IN SOA ns1.cis.test. root.cis.test. {row.first} 1 2 3 4",
        "www 300 IN A 192.0.2.1",
        "www 300 IN A 192.0.2.2",
    ]


@pytest.mark.parametrize("column", ["soa", "records", "name", "updates"])
def test_a_row_that_somebody_edited_is_told_as_it_is(store: Store, column: str) -> None:
    with store.write() as tx:
        dns_rows.write(tx, [ZONE], {})
        tx.connection.execute(f"UPDATE zone SET {column} = 'x y'")  # noqa: S608  # a column of the test's own
        (row,) = dns_rows.rows(tx)
    zone = row.zone()
    assert zone.digest() != ZONE.digest()
    assert to_wire(zone)[column] == "x y"


def test_a_name_goes_on_from_where_it_was_whatever_id_it_has(store: Store) -> None:
    with store.write() as tx:
        dns_rows.write(tx, [ZONE], {})
        dns_rows.delete(tx, [ID])
        dns_rows.note_past(tx, [(ID, 2**32 - 1)])
        other = ID.replace("0001", "0002")
        dns_rows.write(tx, [Zone.read({**_plain(), "id": other, "serial_floor": 0})], {})
        (row,) = dns_rows.rows(tx)
    assert dns_rows.after(row.first, 2**32 - 1)
    assert dns_rows.first_serial(1_800_000_000, 4_000_000_000 - 2**31 + 2**30) > 0


@given(now=st.integers(1, 2**33), floor=st.integers(1, 2**32 - 1))
def test_a_first_serial_is_above_its_floor_and_never_nought(now: int, floor: int) -> None:
    serial = dns_rows.first_serial(now, floor)
    assert 0 < serial < 2**32
    assert dns_rows.after(serial, floor)


def test_a_ds_record_is_made_of_a_key_as_others_make_it() -> None:
    name = "\\000a.koscian.test"
    key = dns.rdata.from_text("IN", "DNSKEY", KEY)
    assert ds_of(name, KEY) == str(dns.dnssec.make_ds(dns.name.from_text(name), key, "SHA256"))
    assert wire_name(name) == dns.name.from_text(name).to_wire()


def test_a_rollback_tells_which_sets_come_and_go() -> None:
    now = Zone.read(
        {**_plain(), "records": [one.plain() for one in in_order([WWW, RecordSet("b", "A", 1, ("192.0.2.1",))])]}
    )
    step = Step(Image("zone", ID, "changed", None, None), now, ZONE)
    assert str(step) == "zone koscian.test: records: -b/A"


def test_a_node_without_roles_takes_nothing(store: Store) -> None:
    several = SeveralAdapters([])
    assert (several.kinds, several.measures, several.finish(), several.files()) == (frozenset(), False, [], [])
    with store.read() as tx:
        assert several.inspect(tx).foreign == ()
    assert several.use(3, seconds=0, every=0)["mark"] == 3


def _plain() -> dict[str, object]:
    return {"id": ID, "generation": 2, **ZONE.plain()}
