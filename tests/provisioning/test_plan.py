from __future__ import annotations

import uuid
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioning.plan import Had, Key, NeedsApproval, make_plan, require_safe
from provisioning.resources import Alias, Gone, Item, Mailbox, MailDomain

KINDS = ("mail_domain", "mailbox", "alias")
ids = st.integers(1, 12).map(lambda number: str(uuid.UUID(int=number)))
generations = st.integers(1, 4)


def make_item(kind: str, id: str, generation: int, variant: int) -> Item:  # the wire's own word
    if variant > 2:
        return Gone(kind=kind, id=id, generation=generation, purge=variant == 4)
    if kind == "mail_domain":
        return MailDomain(id=id, generation=generation, name=f"d{variant}.test")
    if kind == "alias":
        return Alias(id=id, generation=generation, address=f"a{variant}@d.test", target="jan@d.test")
    values = {"id": id, "generation": generation, "login": "waiting", "password_hash": None}
    return Mailbox(**values, address=f"m{variant}@d.test", quota_mb=100)  # type: ignore[arg-type]  # a dict loses types


items = st.builds(make_item, st.sampled_from(KINDS), ids, generations, st.integers(0, 4))
wants = st.lists(items, unique_by=lambda item: (item.kind, item.id), max_size=20)
puts = items.filter(lambda item: not isinstance(item, Gone))
haves = st.lists(puts, unique_by=lambda item: (item.kind, item.id), max_size=20).map(
    lambda found: {(item.kind, item.id): Had(item.generation, item.digest()) for item in found}  # type: ignore[union-attr]  # no Gone
)


@given(wants, haves)
def test_after_the_plan_nothing_is_left_to_do(wanted: list[Item], had: dict[Key, Had]) -> None:
    for change in make_plan(wanted, had):
        key = (change.item.kind, change.item.id)
        if isinstance(change.item, Gone):
            had.pop(key, None)
        else:
            had[key] = Had(change.item.generation, change.item.digest())
    assert not [change for change in make_plan(wanted, had) if change.verb not in {"remove", "purge"}]


@given(wants, haves)
def test_only_what_is_wanted_changes(wanted: list[Item], had: dict[Key, Had]) -> None:
    planned = make_plan(wanted, had).items
    assert set(planned) <= set(wanted)
    assert len(planned) == len(set(planned))


@given(wants, haves)
def test_every_removal_is_sent(wanted: list[Item], had: dict[Key, Had]) -> None:
    planned = make_plan(wanted, had)
    assert {item for item in wanted if isinstance(item, Gone)} <= set(planned.items)


@given(wants, haves)
def test_domains_come_first_and_go_last_and_addresses_are_freed_before_taken(
    wanted: list[Item], had: dict[Key, Had]
) -> None:
    steps = [(isinstance(change.item, Gone), change.item.kind) for change in make_plan(wanted, had)]
    order = [
        (True, "alias"),
        (True, "mailbox"),
        (False, "mail_domain"),
        (False, "mailbox"),
        (False, "alias"),
        (True, "mail_domain"),
    ]
    assert steps == sorted(steps, key=order.index)


@given(wants, haves, st.randoms())
def test_the_digest_knows_content_not_the_order_it_came_in(
    wanted: list[Item], had: dict[Key, Had], chance: object
) -> None:
    digest = make_plan(wanted, had).digest
    chance.shuffle(wanted)  # type: ignore[attr-defined]  # hypothesis' Random
    assert make_plan(wanted, had).digest == digest


@given(wants, haves)
def test_another_plan_has_another_digest(wanted: list[Item], had: dict[Key, Had]) -> None:
    plan = make_plan(wanted, had)
    if plan:
        assert make_plan([item for item in wanted if item != plan.items[0]], had).digest != plan.digest


@given(removed=st.integers(0, 120), total=st.integers(0, 600))
def test_much_is_more_than_a_fifth_and_at_least_fifty(removed: int, total: int) -> None:
    plan = make_plan((_gone(number) for number in range(removed)), {})
    if removed < 50 or removed <= 0.2 * total:
        require_safe(plan, {"mailbox": total})
        return
    with pytest.raises(NeedsApproval) as error:
        require_safe(plan, {"mailbox": total})
    told = error.value
    assert (told.kind, told.removed, told.total, told.digest) == ("mailbox", removed, total, plan.digest)


def test_an_approval_is_for_one_plan_only() -> None:
    plan = make_plan((_gone(number) for number in range(60)), {})
    other = make_plan((_gone(number) for number in range(61)), {})
    require_safe(plan, {"mailbox": 100}, approved_digest=plan.digest)
    with pytest.raises(NeedsApproval):
        require_safe(other, {"mailbox": 100}, approved_digest=plan.digest)


def test_counts_are_by_kind_and_verb() -> None:
    plan = make_plan([_gone(1), _gone(2), make_item("alias", str(uuid.UUID(int=3)), 1, 0)], {})
    assert plan.counts() == Counter({("mailbox", "remove"): 2, ("alias", "create"): 1})


def _gone(number: int) -> Gone:
    return Gone(kind="mailbox", id=str(uuid.UUID(int=number)), generation=1)
