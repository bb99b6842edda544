"""What the engine asks of an adapter."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from provisioning.agent.store import Key, Transaction
from provisioning.resources import Item, Resource


@dataclass(frozen=True, slots=True)
class Verdict:
    """Why a resource did not become what was wanted. *refused* for good, *failed* for now."""

    outcome: Literal["refused", "failed"]
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Late:
    """A verdict found only after the commit, about a resource of an earlier or of this batch."""

    key: Key
    batch: str
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Staged:
    """What staging came to: the refused ones, and how often each thing happened whose pace is bounded."""

    refused: dict[Key, Verdict]
    paces: dict[str, int] = field(default_factory=dict)


class Adapter(Protocol):
    """One service. All that changes rows happens inside the engine's transaction, all the rest in ``finish``."""

    @property
    def kinds(self) -> frozenset[str]:
        """Name the kinds of resources this adapter serves."""

    def current(self, tx: Transaction, keys: Iterable[Key]) -> dict[Key, Resource]:
        """Read what is there now."""

    def count(self, tx: Transaction, kind: str) -> int:
        """Count what is there of a kind."""

    def stage(self, tx: Transaction, batch: str, changes: Sequence[Item], before: Mapping[Key, Resource]) -> Staged:
        """Write the rows of all changes that the service will take, and queue what has to follow the commit."""

    def finish(self) -> list[Late]:
        """Do all that is queued, also what an earlier agent left undone; what fails stays queued."""

    def prepare(self) -> None:
        """Get ready for the next batch while nobody waits."""

    def watch(self, tx: Transaction, watch: Mapping[str, Any]) -> None:
        """Prepare probes. Raises InvalidResource."""

    def state(self, kind: str, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Read resources from the real service."""

    def verify(self) -> dict[str, Any]:
        """Compare the store with what the service reads; ``differing`` counts what is not as it should be."""
