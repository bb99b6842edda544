from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from provisioning.agent.adapters.mail_claims import settle
from provisioning.agent.store import Key

keys = st.integers(0, 7).map(lambda number: ("mailbox", str(number)))
addresses = st.sampled_from("abcdef")
held = st.dictionaries(addresses, keys, max_size=6).map(
    lambda found: {address: key for address, key in found.items() if list(found.values()).count(key) == 1}
)


@given(st.dictionaries(keys, addresses), held, st.sets(keys), st.sets(keys))
def test_nobody_ends_up_with_anothers_address(
    wanted: dict[Key, str], holders: dict[str, Key], leaving: set[Key], refused: set[Key]
) -> None:
    wanted = {key: address for key, address in wanted.items() if key not in leaving}
    lost = settle(wanted, holders, leaving, refused)
    final = {key: address for address, key in holders.items() if key not in leaving}
    final |= {key: address for key, address in wanted.items() if key not in lost and key not in refused}
    assert len(set(final.values())) == len(final)


@given(st.dictionaries(keys, addresses), held)
def test_nobody_loses_for_no_reason(wanted: dict[Key, str], holders: dict[str, Key]) -> None:
    lost = settle(wanted, holders, ())
    stay = {address for address, key in holders.items() if key not in wanted or key in lost}
    won = {wanted[key] for key in wanted if key not in lost}
    assert all(wanted[key] in stay | won for key in lost)


def test_two_swap_and_three_rotate() -> None:
    a, b, c = (("mailbox", name) for name in "abc")
    assert settle({a: "2", b: "1"}, {"1": a, "2": b}, ()) == {}
    assert settle({a: "2", b: "3", c: "1"}, {"1": a, "2": b, "3": c}, ()) == {}


def test_a_refusal_travels_on_to_who_waited_for_the_address() -> None:
    a, b, outsider = (("mailbox", name) for name in "abx")
    assert settle({a: "9", b: "1"}, {"1": a, "2": b, "9": outsider}, ()) == {a: outsider, b: a}


def test_who_holds_it_comes_before_who_asks_for_it() -> None:
    a, b = (("mailbox", name) for name in "ab")
    assert settle({b: "1", a: "1"}, {"1": a}, ()) == {b: a}


def test_what_leaves_frees_its_address() -> None:
    a, b = (("mailbox", name) for name in "ab")
    assert settle({b: "1"}, {"1": a}, {a}) == {}
