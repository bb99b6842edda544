"""Contents, what differs between them, and back."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from panel.dns.content import Content, SetChange, apply, diff, undone
from panel.kernel.errors import Conflict
from provisioning.record_sets import RecordSet, Soa

SOA = Soa(
    mname="ns1.example.", rname="a.example.", refresh=14_400, retry=3600, expire=1_209_600, minimum=3600, ttl=3600
)
_VALUES = st.sets(st.integers(1, 4).map(lambda number: f"192.0.2.{number}"), min_size=1)
_SETS = st.dictionaries(
    st.tuples(st.sampled_from(["@", "a", "b.a", "*.a"]), st.sampled_from(["A", "TYPE65280"])),
    st.tuples(st.sampled_from([60, 3600]), _VALUES),
)


def a_set(name: str, type_: str, ttl: int, values: set[str]) -> RecordSet:
    texts = values if type_ == "A" else {rf"\# 1 0{value[-1]}" for value in values}
    return RecordSet(name, type_, ttl, tuple(sorted(texts)))


CONTENTS = _SETS.map(lambda sets: Content("gmina.example", SOA, tuple(a_set(*key, *one) for key, one in sets.items())))


@given(CONTENTS, CONTENTS)
@settings(max_examples=150, deadline=None)
def test_the_difference_leads_from_the_one_to_the_other_and_back(old: Content, new: Content) -> None:
    changes = diff(old, new)
    assert apply(old, changes) == new
    assert apply(new, undone(changes)) == old
    assert (changes == []) == (old == new)
    assert len({(one.name, one.type) for one in changes}) == len(changes)


def test_only_what_differs_is_a_change_be_it_the_ttl_alone() -> None:
    same, other = a_set("a", "A", 60, {"192.0.2.1"}), a_set("b", "A", 60, {"192.0.2.1"})
    old = Content("gmina.example", SOA, (other, same))
    new = Content("gmina.example", SOA, (same, replace(other, ttl=3600)))
    assert old.sets == (same, other)
    assert diff(old, new) == [SetChange("b", "A", other, replace(other, ttl=3600))]


def test_a_change_of_what_is_no_longer_so_is_refused() -> None:
    before, after = a_set("a", "A", 60, {"192.0.2.1"}), a_set("a", "A", 60, {"192.0.2.2"})
    change = SetChange("a", "A", before, after)
    for present in ((), (after,), (replace(before, ttl=3600),)):
        with pytest.raises(Conflict) as refused:
            apply(Content("gmina.example", SOA, present), [change])
        assert refused.value.params == {"name": "a", "type": "A"}


def test_what_contradicts_itself_cannot_be_said() -> None:
    one = a_set("a", "A", 60, {"192.0.2.1"})
    with pytest.raises(ValueError, match="two sets"):
        Content("gmina.example", SOA, (one, replace(one, ttl=3600)))
    with pytest.raises(ValueError, match="another set"):
        SetChange("b", "A", None, one)
    with pytest.raises(ValueError, match="nothing changes"):
        SetChange("a", "A", one, one)
