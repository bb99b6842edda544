"""How much may go or change at once without a person's approval: the node's own bound, whatever the panel says.

An approval is the digest of the plan that a person approved in the panel. The node cannot check who approved it; it
writes it into its own log. Figures are generous: they stop a runaway or a thief, not a school year's beginning.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from provisioning.agent.store import Transaction

REMOVED_SHARE_MAX = 0.20
REMOVED_COUNT_MIN = 50
HOUR = 3600
REMOVED_PER_HOUR = 2_000
PASSWORDS_PER_HOUR = 5_000
DROPPED_PER_HOUR = 5_000


class OverBounds(Exception):
    """The batch as a whole is refused and nothing of it was done; ``what`` is too much: `removed:KIND` or a pace."""

    def __init__(self, what: str, message: str) -> None:
        super().__init__(message)
        self.what = what


def require_within_bounds(
    tx: Transaction, removed: Mapping[str, int], paces: Mapping[str, int], count: Callable[[str], int]
) -> None:
    """Refuse a batch that removes too much, now or together with the last hour, or changes too many passwords.

    ``removed``: how many resources of each kind the batch removes; ``paces``: how often the bounded things happen in
    it; ``count`` tells how many of a kind are left. Raises OverBounds.
    """
    for kind, number in removed.items():
        recent = tx.pace(f"removed:{kind}", HOUR)
        _require_share(kind, number, number, REMOVED_COUNT_MIN, count)
        _require_share(kind, number, number + recent, REMOVED_PER_HOUR, count)
    for what, number in paces.items():
        if number and number + tx.pace(what, HOUR) > PASSWORDS_PER_HOUR:
            raise OverBounds(what, f"{what}: more than {PASSWORDS_PER_HOUR} within an hour need an approval")


def require_few_dropped(tx: Transaction, number: int) -> None:
    """Count foreign rows that are given up. Raises OverBounds where they are too many within an hour."""
    if number + tx.pace("dropped", HOUR) > DROPPED_PER_HOUR:
        raise OverBounds("dropped", f"more than {DROPPED_PER_HOUR} foreign rows given up within an hour")
    tx.note_pace("dropped", number)


def note(tx: Transaction, removed: Mapping[str, int], paces: Mapping[str, int]) -> None:
    """Count what was done without an approval."""
    for what, number in {**{f"removed:{kind}": number for kind, number in removed.items()}, **paces}.items():
        if number:
            tx.note_pace(what, number)


def _require_share(kind: str, now: int, gone: int, least: int, count: Callable[[str], int]) -> None:
    if now and gone >= least and gone > REMOVED_SHARE_MAX * (count(kind) + gone):
        raise OverBounds(f"removed:{kind}", f"{gone} removals of kind {kind} need an approval")
