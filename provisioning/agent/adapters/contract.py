"""What the engine asks of an adapter."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol

from provisioning.agent.placed import ConfigFile
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


class Foreign(NamedTuple):
    """What a service serves and nobody wanted: a row of one of its maps, or whatever it calls them."""

    map: str
    key: str
    value: str


@dataclass(frozen=True, slots=True)
class Inspected:
    """Rows against what the service really reads: ids of rows it does not serve as they are, by kind, and the rest."""

    unserved: Mapping[str, Collection[str]]
    foreign: Sequence[Foreign] = ()


class Adapter(Protocol):
    """One service. All that changes rows happens inside the engine's transaction, all the rest in ``finish``."""

    @property
    def kinds(self) -> frozenset[str]:
        """Name the kinds of resources this adapter serves."""

    @property
    def measures(self) -> bool:
        """Tell whether its resources hold something that is measured (`use`)."""

    def current(self, tx: Transaction, keys: Iterable[Key]) -> dict[Key, Resource]:
        """Read what is there now."""

    def count(self, tx: Transaction, kind: str) -> int:
        """Count what is there of a kind."""

    def stage(
        self, tx: Transaction, batch: str, changes: Sequence[Item], before: Mapping[Key, Resource], *, repair: bool
    ) -> Staged:
        """Write the rows of all changes that the service will take, and queue what has to follow the commit.

        With ``repair`` everything that belongs to a change follows, also where nothing seems to differ.
        """

    def finish(self) -> list[Late]:
        """Do all that is queued, also what an earlier agent left undone; what fails stays queued.

        Passes the point *reload* when its service knows of the changes and the queue still holds them.
        """

    def prepare(self) -> None:
        """Get ready for the next batch while nobody waits."""

    def watch(self, tx: Transaction, watch: Mapping[str, Any]) -> None:
        """Prepare probes. Raises InvalidResource."""

    def state(self, kind: str, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Read resources from the real service."""

    def lines(self, tx: Transaction, kind: str) -> Iterator[tuple[Any, ...]]:
        """Read all rows of a kind as `shards.line_of` takes them: kind, id, then `resources.FIELDS`.

        Whatever somebody wrote into them is given as it is; only the id is text for certain.
        """

    def generations(
        self, tx: Transaction, kind: str, shards: Collection[str] | None = None
    ) -> Iterator[tuple[str, Any]]:
        """Read id and generation of the rows of a kind, of all or of these shards."""

    def inspect(self, tx: Transaction, kind: str | None = None) -> Inspected:
        """Read whole what the service reads for this kind, or all, and compare it with the rows. Raises CommandFailed.

        Nothing that was noted earlier is trusted: no time, no size, no mark of the agent's own.
        """

    def drop(self, foreign: Collection[tuple[str, str]], tell: Callable[[Sequence[Foreign]], None]) -> list[Foreign]:
        """Take away what nobody wanted, named by map and key; return what was there, ``tell`` it before.

        Raises CommandFailed.

        Raises InvalidResource if a name is none of the kind that stands there; what is not foreign stays.
        """

    def of_own(self, foreign: Collection[tuple[str, str]]) -> list[tuple[str, str]]:
        """Choose the foreign rows whose map this adapter knows."""

    def files(self) -> list[ConfigFile]:
        """Name the service's configuration files as set-up writes them."""

    def health(self) -> dict[str, Any]:
        """Tell what `health` tells of this service, and under ``folders`` where its data lies."""

    def use(self, after: int, *, seconds: float, every: float) -> dict[str, Any]:
        """Read on for ``seconds`` how much each resource holds, and tell what is news above the mark ``after``.

        A round through all of them begins ``every`` seconds after the last one at the earliest.
        """
