"""A node in memory that keeps what it was given and can be asked for it; tests edit it behind its agent's back."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from provisioning.resources import FIELDS, KINDS, Gone, from_wire
from provisioning.shards import line_of, shard_digest, shard_of
from provisioning.ssh import AgentError
from tests.engine.fakes import FakeAgent

Key = tuple[str, str]


class KeepingAgent(FakeAgent):
    """``bodies``: what is on it, by kind and id. ``unserved``: what its daemon does not read."""

    def __init__(self) -> None:
        super().__init__()
        self.bodies: dict[Key, dict[str, Any]] = {}
        self.gone: dict[Key, int] = {}
        self.unserved: set[Key] = set()
        self.foreign: list[dict[str, str]] = []
        self.files: dict[str, bool] = {"postfix/main.cf": True}

    def edit(self, kind: str, id_: object, **values: Any) -> None:
        """Change fields of a row as somebody with an editor would."""
        self.bodies[kind, str(id_)] |= values

    def ops(self) -> list[str]:
        """What it was asked, in order."""
        return [message["op"] for message in self.requests]

    def _take(self, body: dict[str, Any]) -> dict[str, Any]:
        item = from_wire(body)
        key = (item.kind, item.id)
        newest = max(self.bodies.get(key, {}).get("generation", 0), self.gone.get(key, 0))
        told = {"kind": item.kind, "id": item.id, "generation": item.generation, "code": "", "message": ""}
        if item.generation < newest:
            return told | {"outcome": "refused", "code": "stale_generation", "message": f"generation {newest} is known"}
        if isinstance(item, Gone):
            self.bodies.pop(key, None)
            self.gone[key] = item.generation
        else:
            self.bodies[key] = {name: getattr(item, name) for name in ("id", "generation", *FIELDS[item.kind])}
        if self.requests[-1].get("repair"):
            self.unserved.discard(key)
        return told | {"outcome": "applied"}

    def _survey(self, _message: dict[str, Any]) -> dict[str, Any]:
        return {
            "kinds": {kind: self._shards(kind) for kind in KINDS},
            "foreign": self.foreign[:1000],
            "foreign_count": len(self.foreign),
            "files": self.files,
        }

    def _shards(self, kind: str) -> dict[str, Any]:
        shards: dict[str, list[str]] = defaultdict(list)
        for id_, body in self._rows(kind).items():
            line = line_of(kind, id_, *(body.get(name, "") for name in FIELDS[kind]))
            shards[shard_of(id_)].append(line + " unserved" if (kind, id_) in self.unserved else line)
        count, generations = len(self._rows(kind)), sum(body["generation"] for body in self._rows(kind).values())
        return {
            "count": count,
            "generations": generations,
            "shards": {name: shard_digest(some) for name, some in shards.items()},
        }

    def _keys(self, message: dict[str, Any]) -> dict[str, Any]:
        kind, shards = message["kind"], set(message["shards"])
        return {
            "items": {
                id_: {
                    "generation": body["generation"],
                    "digest": _digest(kind, body),
                    "name": str(body[FIELDS[kind][0]]),
                    "served": (kind, id_) not in self.unserved,
                }
                for id_, body in self._rows(kind).items()
                if shard_of(id_) in shards
            }
        }

    def _read(self, message: dict[str, Any]) -> dict[str, Any]:
        kind, rows = message["kind"], self._rows(message["kind"])
        return {"items": [{"do": "put", "kind": kind, **rows[id_]} for id_ in message["ids"] if id_ in rows]}

    def _known(self, message: dict[str, Any]) -> dict[str, Any]:
        gone = {id_: generation for (kind, id_), generation in self.gone.items() if kind == message["kind"]}
        return {"items": {id_: body["generation"] for id_, body in self._rows(message["kind"]).items()}, "gone": gone}

    def _drop(self, message: dict[str, Any]) -> dict[str, Any]:
        self._raise_fence(message)
        doomed = [(row["map"], row["key"]) for row in message["foreign"]]
        if any(".." in key for _, key in doomed):
            raise AgentError("bad_request", "key: syntax")
        dropped = [row for row in self.foreign if (row["map"], row["key"]) in doomed]
        self.foreign = [row for row in self.foreign if row not in dropped]
        return {"dropped": dropped}

    def _rows(self, kind: str) -> dict[str, dict[str, Any]]:
        return {id_: body for (name, id_), body in self.bodies.items() if name == kind}


def _digest(kind: str, body: dict[str, Any]) -> str:
    """The digest of a row as the agent makes it, also where no resource could hold what stands there."""
    row = object.__new__(KINDS[kind])
    for name, value in (dict.fromkeys(KINDS[kind].later, "") | body).items():
        object.__setattr__(row, name, value)
    return row.digest()
