"""Every page and operation there is, with what the table says of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from flask import Flask

from panel.api import operations
from panel.api.registration import PREFIX
from panel.web.session import declared
from tests.matrix.asking import Request, request_of
from tests.matrix.families import Families
from tests.matrix.needs import OPERATIONS, PAGES, Need

UNSAFE = ("POST", "PUT", "PATCH", "DELETE")
CLOSED = {"security.two_factor_rescue", "security.tf_select", "security.verify"}
"""Pages that the sign-in library adds and we do not show."""


@dataclass(frozen=True)
class Way:
    """One method on one address, by a page or an operation, and what it needs by the table."""

    name: str
    method: str
    rule: str
    need: Need
    operation: operations.Operation | None = None

    def request(self, families: Families, place: str, places: Mapping[str, str] | None = None) -> Request:
        """The request about ``place``; ``places`` sends single arguments elsewhere."""
        shape = None if self.operation is None else self.operation.body
        upload = self.operation is not None and self.operation.upload
        return request_of(families, self.need, self.method, self.rule, place, shape=shape, upload=upload, places=places)

    @property
    def is_safe(self) -> bool:
        """Whether it only looks."""
        return self.method not in UNSAFE

    def __str__(self) -> str:
        return f"{self.method} {self.rule} ({self.name})"


def pages_of(app: Flask, endpoint: str) -> list[Way]:
    """The ways to the page ``endpoint``."""
    return [
        Way(endpoint, method, rule.rule, PAGES[endpoint])
        for rule in app.url_map.iter_rules(endpoint)
        for method in sorted((rule.methods or set()) & {"GET", *UNSAFE})
    ]


def way_of(operation: operations.Operation) -> Way:
    """The way by ``operation``; it must stand in the table."""
    return Way(operation.name, operation.method, PREFIX + operation.path, OPERATIONS[operation.name], operation)


def faults_of_table(app: Flask) -> list[str]:
    """What the table does not say, says of nothing, or says otherwise than the code declares."""
    shown = {rule.endpoint for rule in app.url_map.iter_rules() if not rule.rule.startswith("/api/")} - CLOSED
    made = {operation.name: operation for operation in operations.OPERATIONS}
    return [
        *_missing(PAGES, shown, "PAGES"),
        *_missing(OPERATIONS, set(made), "OPERATIONS"),
        *(f"page {name}: {fault}" for name in sorted(shown & set(PAGES)) if (fault := _page_fault(app, name))),
        *(
            f"operation {name}: declares {made[name].permission}, staff={made[name].staff}, the table says otherwise"
            for name in sorted(set(made) & set(OPERATIONS))
            if (made[name].permission, made[name].staff) != (OPERATIONS[name].permission, OPERATIONS[name].staff)
        ),
    ]


def _missing(table: Mapping[str, Need], there: set[str], name: str) -> list[str]:
    return [
        *(f"{one}: say in {name} of tests/matrix/needs.py what it needs" for one in sorted(there - set(table))),
        *(f"{one} stands in {name} of tests/matrix/needs.py and is nowhere" for one in sorted(set(table) - there)),
    ]


def _page_fault(app: Flask, endpoint: str) -> str | None:
    found, need = declared(app, endpoint), PAGES[endpoint]
    if found is None:
        return "declares nothing"
    if (found.public, found.permission, found.staff, found.holder) != (
        need.public, need.permission, need.staff, need.holder,
    ):  # fmt: skip
        return f"declares {found}, the table says otherwise"
    return None
