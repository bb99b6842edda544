"""Which row of what was asked for an error is about, as edges tell it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from panel.kernel.errors import Invalid, PanelError


@contextmanager
def one_set() -> Iterator[None]:
    """Leave the row out of errors: where one set is asked for, there are no rows."""
    try:
        yield
    except PanelError as error:
        for one in _each(error):
            one.params.pop("row", None)
        raise


@contextmanager
def sets_in(changes: Sequence[Mapping[str, Any]]) -> Iterator[None]:
    """Have errors name the row of the set, also those of the lint, where it was asked for."""
    try:
        yield
    except PanelError as error:
        keys = [(str(one["name"]).lower(), str(one["type"]).upper()) for one in changes]
        error.params["rows"] = {key: row for row, key in reversed([*enumerate(keys)])}
        for one in _each(error):
            one.params |= {name: error.params[name] for name in ("row",) if name in error.params}
        raise


@contextmanager
def zones_in(*, many: bool) -> Iterator[None]:
    """Have errors name the row of the zone where there are ``many``, and in the field the row of the set."""
    try:
        yield
    except PanelError as error:
        inner, is_inside = error.params.pop("row", None), "zone_row" in error.params
        for one in _each(error):
            one.params.pop("row", None)
            if is_inside and inner is not None:
                one.field = f"rrsets.{inner}.{one.field}"
            row = error.params["zone_row"] if is_inside else inner
            one.params |= {"row": row} if many and row is not None else {}
        raise


def _each(error: PanelError) -> Sequence[PanelError]:
    return error.errors if isinstance(error, Invalid) else [error]
