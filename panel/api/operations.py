"""What the API offers, as a registry: each operation with its address, permission, fields and answer.

The same registry makes the routes, the documentation, and the tests that walk over all of them.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from panel.api.deprecation import Deprecation
from panel.api.fields import Field, Shape
from panel.kernel.access import PERMISSIONS, Actor


@dataclass(frozen=True, kw_only=True)
class Ask:
    """A request as an operation gets it: read, typed, nothing unknown in it."""

    path: Mapping[str, Any]
    query: Mapping[str, Any]
    body: Mapping[str, Any]

    @property
    def id(self) -> uuid.UUID:
        """The id in the address."""
        found: uuid.UUID = self.path["id"]
        return found


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What goes back. ``etag``: the version shown; ``file``: bytes instead of JSON, with their media type and name.

    Answers that may wait have ``settled`` (whether the nodes are done) and ``again`` (the answer as it is by then)
    instead.
    """

    body: Any = None
    status: int = 200
    location: str | None = None
    etag: str | None = None
    file: tuple[bytes, str, str] | None = field(default=None, repr=False)
    settled: Callable[[], bool] | None = None
    again: Callable[[], Answer] | None = None

    def now(self) -> Answer:
        """The answer as it is at this moment."""
        return self if self.again is None else self.again()


def accepted(job: dict[str, Any]) -> Answer:
    """The answer to what a job will do: 202, with the job's shape and where to follow it (RFC 9110 15.3.3)."""
    return Answer(body=job, status=202, location=f"/api/v1/jobs/{job['id']}")


Handler = Callable[[Actor, Ask], Answer]


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One method on one address below ``/api/v1``.

    ``permission`` None: every good token may; ``staff``: the permission must be held on the whole association.
    ``upload``: a file comes as multipart, with the fields of ``form`` beside it. ``answer``: the body's JSON Schema;
    ``files``: media type → schema instead, where files of several kinds may come.
    ``statuses``: what a good request may be answered with. ``replay`` makes the answer to a repeated Idempotency-Key
    from what was kept, where the kept answer itself will not do. ``outward``: it asks servers of others, so nothing of
    the database is held meanwhile.
    """

    method: str
    path: str
    handler: Handler
    permission: str | None
    staff: bool = False
    query: Mapping[str, Field] = field(default_factory=dict)
    body: Shape | None = None
    upload: bool = False
    form: Mapping[str, Field] = field(default_factory=dict)
    answer: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    statuses: tuple[int, ...] = (200,)
    waits: bool = False
    versioned: bool = False
    replay: Callable[[Actor, dict[str, Any]], Answer] | None = None
    outward: bool = False

    @property
    def name(self) -> str:
        """Its name in routes and documentation."""
        return self.handler.__name__.strip("_")

    @property
    def deprecation(self) -> Deprecation | None:
        """Since when it is out of use, None while it is not (``@deprecated``)."""
        found = getattr(self.handler, "deprecation", None)
        return found if isinstance(found, Deprecation) else None

    @property
    def area(self) -> str:
        """The collection it belongs to."""
        return self.path.split("/")[1]


OPERATIONS: list[Operation] = []


def operation(method: str, path: str, *, permission: str | None, **declared: Any) -> Callable[[Handler], Handler]:
    """Offer the decorated handler as ``method`` on ``path`` (``/members/<uuid:id>``). Its docstring documents it."""
    if permission is not None and permission not in PERMISSIONS:
        raise ValueError(f"unknown permission {permission}")

    def offer(handler: Handler) -> Handler:
        OPERATIONS.append(Operation(method=method, path=path, handler=handler, permission=permission, **declared))
        return handler

    return offer
