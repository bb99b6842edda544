"""The requests that only read: what the node has, from what is there now and from nothing that was noted earlier."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any

from provisioning.agent import diagnose, placed
from provisioning.agent.adapters.contract import Adapter, Inspected
from provisioning.agent.base import account, program
from provisioning.agent.batch import BadRequest
from provisioning.agent.store import Store, Transaction
from provisioning.resources import COMPARED, FIELDS, Resource
from provisioning.shards import ShardDigest, line_of, shard_of

IDS_MAX = 100_000
FOREIGN_TOLD_MAX = 1_000
USE_SECONDS_MAX, USE_EVERY_MAX = 10.0, 86_400.0
# Stands at the end of the line of a resource that its service does not serve as it is.
_UNSERVED = " unserved"

Operation = Callable[[Mapping[str, Any]], dict[str, Any]]


class Looking:
    """Answers with rows as they are, also where somebody wrote into them what no resource may hold."""

    def __init__(self, store: Store, adapter: Adapter) -> None:
        self._store = store
        self._adapter = adapter

    def operations(self) -> dict[str, Operation]:
        """Name the requests answered here."""
        return {
            "state": self._state,
            "survey": self._survey,
            "keys": self._keys,
            "read": self._read,
            "known": self._known,
            "health": self._health,
            "use": self._use,
        }

    def _state(self, request: Mapping[str, Any]) -> dict[str, Any]:
        return {"items": self._adapter.state(self._kind(request), _ids(request))}

    def _survey(self, _request: Mapping[str, Any]) -> dict[str, Any]:
        with self._store.read() as tx:
            inspected = self._adapter.inspect(tx)
            kinds = {kind: self._shards(tx, kind, inspected) for kind in sorted(self._adapter.kinds)}
        return {
            "kinds": kinds,
            "foreign": [row._asdict() for row in inspected.foreign[:FOREIGN_TOLD_MAX]],
            "foreign_count": len(inspected.foreign),
            "files": placed.look([*self._adapter.files(), *account.files(), *program.files()]),
        }

    def _shards(self, tx: Transaction, kind: str, inspected: Inspected) -> dict[str, Any]:
        shards: defaultdict[str, ShardDigest] = defaultdict(ShardDigest)
        unserved = inspected.unserved[kind]
        for row in self._adapter.lines(tx, kind):
            id_ = row[1]
            text = line_of(*row)
            shards[shard_of(id_)].add(text + _UNSERVED if id_ in unserved else text)
        finished = {shard: digest.finish() for shard, digest in shards.items()}
        return {
            "count": sum(count for count, _ in finished.values()),
            "generations": sum(_whole(generation) for _, generation in self._adapter.generations(tx, kind)),
            "shards": {shard: digest for shard, (_, digest) in finished.items()},
        }

    def _keys(self, request: Mapping[str, Any]) -> dict[str, Any]:
        kind, shards = self._kind(request), _texts(request, "shards")
        with self._store.read() as tx:
            unserved = self._adapter.inspect(tx, kind).unserved[kind]
            ids = [id_ for id_, _ in self._adapter.generations(tx, kind, shards)]
            found = self._adapter.current(tx, [(kind, id_) for id_ in ids])
        return {
            "items": {
                resource.id: {
                    "generation": _whole(resource.generation),
                    "digest": resource.digest(),
                    "name": str(getattr(resource, FIELDS[kind][0])),
                    "served": resource.id not in unserved,
                }
                for resource in found.values()
            }
        }

    def _read(self, request: Mapping[str, Any]) -> dict[str, Any]:
        kind, ids = self._kind(request), _ids(request)
        with self._store.read() as tx:
            found = self._adapter.current(tx, [(kind, id_) for id_ in ids])
        return {"items": [{"do": "put", "kind": kind, **_body(resource)} for resource in found.values()]}

    def _known(self, request: Mapping[str, Any]) -> dict[str, Any]:
        kind = self._kind(request)
        with self._store.read() as tx:
            items = {id_: _whole(generation) for id_, generation in self._adapter.generations(tx, kind)}
            return {"items": items, "gone": tx.generations(kind)}

    def _health(self, _request: Mapping[str, Any]) -> dict[str, Any]:
        return diagnose.health(self._adapter.health())

    def _use(self, request: Mapping[str, Any]) -> dict[str, Any]:
        after = request.get("after")
        if type(after) is not int or after < 0:
            raise BadRequest("after")
        seconds, every = _seconds(request, "seconds", USE_SECONDS_MAX), _seconds(request, "every", USE_EVERY_MAX)
        return self._adapter.use(after, seconds=seconds, every=every)

    def _kind(self, request: Mapping[str, Any]) -> str:
        kind = request.get("kind")
        if not isinstance(kind, str) or kind not in self._adapter.kinds:
            raise BadRequest("kind")
        return kind


def _body(resource: Resource) -> dict[str, Any]:
    """All that a resource says, and of what is compared by its digest that too."""
    more = {name: getattr(resource, name) for name in ("id", "generation", *COMPARED[resource.kind])}
    return {name: _told(value) for name, value in (more | resource.plain()).items()}


def _ids(request: Mapping[str, Any]) -> list[str]:
    return _texts(request, "ids")


def _texts(request: Mapping[str, Any], name: str) -> list[str]:
    texts = request.get(name)
    if not isinstance(texts, list) or len(texts) > IDS_MAX or not all(isinstance(text, str) for text in texts):
        raise BadRequest(name)
    return texts


def _seconds(request: Mapping[str, Any], name: str, most: float) -> float:
    seconds = request.get(name)
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds <= most:
        raise BadRequest(name)
    return float(seconds)


def _whole(value: Any) -> int:
    return value if isinstance(value, int) else 0


def _told(value: Any) -> Any:
    """Return a value that JSON has; what a hand wrote into a row may be none."""
    return value if value is None or isinstance(value, str | int | list | dict) else repr(value)
