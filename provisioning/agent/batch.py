"""One batch, from the panel's JSON to outcomes: what is stale, what is there already, what has to change."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from provisioning.agent.adapters.contract import Verdict
from provisioning.agent.store import Key, Tombstone
from provisioning.resources import Gone, InvalidResource, Item, Resource, from_wire

ITEMS_MAX = 100_000
_BATCH_ID = re.compile(r"[A-Za-z0-9-]{8,64}")
_DIGEST = re.compile(r"[0-9a-f]{64}")


class BadRequest(Exception):
    """The request is not of the form agreed on; its text says where, without values."""


@dataclass(frozen=True, slots=True)
class Batch:
    """A request that was read. ``unreadable`` holds the outcomes of items that are none."""

    id: str
    fence: int
    items: tuple[Item, ...]
    unreadable: tuple[dict[str, Any], ...]
    watch: Mapping[str, Any] | None
    approved: str | None
    repair: bool


@dataclass(frozen=True, slots=True)
class Decided:
    """What is to be done with each item of a batch before any service was asked."""

    changes: tuple[Item, ...]
    settled: dict[Key, str]
    refused: dict[Key, Verdict]


def read_batch(request: Mapping[str, Any]) -> Batch:
    """Read an ``apply`` request; an item that is none is refused by itself. Raises BadRequest."""
    batch, approved, watch, bodies = (request.get(name) for name in ("batch", "approved", "watch", "items"))
    repair = request.get("repair", False)
    if not isinstance(batch, str) or not _BATCH_ID.fullmatch(batch):
        raise BadRequest("batch")
    if approved is not None and not (isinstance(approved, str) and _DIGEST.fullmatch(approved)):
        raise BadRequest("approved")
    if watch is not None and not isinstance(watch, dict):
        raise BadRequest("watch")
    if not isinstance(repair, bool):
        raise BadRequest("repair")
    if not isinstance(bodies, list) or len(bodies) > ITEMS_MAX:
        raise BadRequest("items")
    items, unreadable = _read_items(bodies)
    return Batch(batch, read_fence(request), tuple(items.values()), tuple(unreadable), watch, approved, repair)


def read_fence(request: Mapping[str, Any]) -> int:
    """Read the lease's fencing token. Raises BadRequest."""
    fence = request.get("fence")
    if type(fence) is not int or not 0 <= fence < 2**62:
        raise BadRequest("fence")
    return fence


def decide(
    items: Iterable[Item],
    had: Mapping[Key, Resource],
    tombstones: Mapping[Key, Tombstone],
    held: Mapping[Key, str],
    *,
    repair: bool = False,
) -> Decided:
    """Sort items into changes, those that are so already (``settled``), and those older than what is known.

    What was rolled back on the node (``held``) is refused unless it comes as it is. With ``repair`` what seems to be
    so is a change too, and nothing is held.
    """
    changes: list[Item] = []
    settled: dict[Key, str] = {}
    refused: dict[Key, Verdict] = {}
    for item in items:
        key = (item.kind, item.id)
        newest = max(_generation(had.get(key)), _generation(tombstones.get(key)))
        if item.generation < newest or _revives(item, tombstones.get(key)):
            refused[key] = Verdict("refused", "stale_generation", f"generation {newest} is known here")
        elif key in held and not repair and not _leaves(item, had.get(key)):
            refused[key] = Verdict("refused", "rolled_back", f"{held[key]} put it back on this node")
        elif not repair and _is_so(item, had.get(key), tombstones.get(key)):
            settled[key] = "unchanged"
        else:
            changes.append(item)
    return Decided(tuple(changes), settled, refused)


def outcome(item: Item, result: str, verdict: Verdict | None = None) -> dict[str, Any]:
    """Build the outcome of one item as it goes over the wire."""
    return {
        "kind": item.kind,
        "id": item.id,
        "generation": item.generation,
        "outcome": verdict.outcome if verdict else result,
        "code": verdict.code if verdict else "",
        "message": verdict.message if verdict else "",
    }


def _read_items(bodies: list[Any]) -> tuple[dict[Key, Item], list[dict[str, Any]]]:
    items: dict[Key, Item] = {}
    unreadable = []
    for body in bodies:
        try:
            item = from_wire(body)
        except InvalidResource as error:
            unreadable.append(_unreadable(body, error))
            continue
        if (item.kind, item.id) in items:
            raise BadRequest("items: a resource stands there twice")
        items[item.kind, item.id] = item
    return items, unreadable


def _unreadable(body: object, error: InvalidResource) -> dict[str, Any]:
    values = body if isinstance(body, dict) else {}
    names = {"kind": str, "id": str, "generation": int}
    told = {name: values[name] if type(values.get(name)) is kind else None for name, kind in names.items()}
    return {**told, "outcome": "refused", "code": "invalid", "message": f"{error.field}: {error.code}"}


def _generation(known: Resource | Tombstone | None) -> int:
    # A generation that somebody edited into what is no number binds nobody.
    return known.generation if known is not None and isinstance(known.generation, int) else 0


def _revives(item: Item, tombstone: Tombstone | None) -> bool:
    """Tell whether a put is of the very generation that was removed."""
    return not isinstance(item, Gone) and tombstone is not None and item.generation == tombstone.generation


def _leaves(item: Item, had: Resource | None) -> bool:
    """Tell whether an item wants of a resource what is there, whatever its generation."""
    if isinstance(item, Gone):
        return had is None
    return had is not None and had.digest() == item.digest()


def _is_so(item: Item, had: Resource | None, tombstone: Tombstone | None) -> bool:
    if isinstance(item, Gone):
        same = tombstone is not None and tombstone.generation == item.generation
        return had is None and same and (not item.purge or (tombstone is not None and tombstone.purged))
    return had is not None and had.generation == item.generation and had.digest() == item.digest()
