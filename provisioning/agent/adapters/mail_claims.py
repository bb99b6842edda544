"""Who gets which address when many change at once. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from provisioning.agent.store import Key


def settle(
    wanted: Mapping[Key, str], holders: Mapping[str, Key], leaving: Collection[Key], refused: Collection[Key] = ()
) -> dict[Key, Key]:
    """Find the wants that cannot be met; return for each who holds the address.

    ``wanted``: what each put asks for, in order. ``holders``: who has these addresses now. ``leaving``: resources
    that are removed. ``refused``: puts refused already, which therefore keep what they have. Two resources may swap.
    Whoever holds an address and still wants it comes first, then the first to ask.
    """
    lost: dict[Key, Key] = {}
    while True:
        more = _conflicts(wanted, holders, leaving, {*refused, *lost})
        if not more:
            return lost
        lost |= more


def _conflicts(
    wanted: Mapping[Key, str], holders: Mapping[str, Key], leaving: Collection[Key], out: Collection[Key]
) -> dict[Key, Key]:
    live = {key: address for key, address in wanted.items() if key not in out}
    taken = {
        address: key for address, key in holders.items() if key not in leaving and live.get(key, address) == address
    }
    lost: dict[Key, Key] = {}
    for key, address in live.items():
        holder = taken.setdefault(address, key)
        if holder != key:
            lost[key] = holder
    return lost
