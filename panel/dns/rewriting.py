"""One rewriting of the records of many zones: another TTL, or one value in place of another."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace

from panel.dns.content import Content, Key
from panel.dns.records.canonical import canonical_values, checked_ttl
from panel.dns.records.types import type_called
from panel.kernel.errors import Invalid
from provisioning.record_sets import RecordSet

_Rewrite = Callable[[RecordSet], RecordSet]
_ANY_ZONE = "example.pl"
"""In which it is tried whether a value can be a value at all."""


@dataclass(frozen=True, kw_only=True)
class Rewriting:
    """Either ``ttl`` for all sets of ``type`` (empty: of every type), or ``new`` in place of ``old`` in sets of it.

    Names in ``old`` and ``new`` are relative to each zone unless they end with a dot.
    """

    type: str = ""
    ttl: int | None = None
    old: str = ""
    new: str = ""

    def check(self) -> None:
        """Raise Invalid for ``type``, ``ttl``, ``old`` or ``new`` where no zone could be rewritten like that."""
        if self.type:
            type_called(self.type)
        if self.ttl is not None:
            checked_ttl(self.ttl)
            return
        if not self.type:
            raise Invalid("required", field="type")
        old, new = (self._value(field, _ANY_ZONE) for field in ("old", "new"))
        if old == new:
            raise Invalid("value_same", field="new")

    def of(self, content: Content, *, leave: Collection[Key] = ()) -> Content:
        """``content`` rewritten, but for the sets in ``leave``."""
        chosen = type_called(self.type) if self.type else ""
        rewrite = _with_ttl(self.ttl) if self.ttl is not None else self._replacing(chosen, content.name)
        return replace(
            content,
            sets=tuple(
                one if (one.name, one.type) in leave or (chosen and one.type != chosen) else rewrite(one)
                for one in content.sets
            ),
        )

    def _replacing(self, type_: str, zone: str) -> _Rewrite:
        old, new = (canonical_values(type_, [text], zone)[0] for text in (self.old, self.new))

        def rewrite(one: RecordSet) -> RecordSet:
            if old not in one.values:
                return one
            return replace(one, values=tuple(sorted({new if value == old else value for value in one.values})))

        return rewrite

    def _value(self, field: str, zone: str) -> str:
        try:
            return canonical_values(self.type, [getattr(self, field)], zone)[0]
        except Invalid as fault:
            first = fault.errors[0]
            raise Invalid(first.code, **(first.params | {"field": field})) from None


def _with_ttl(ttl: int) -> _Rewrite:
    return lambda one: replace(one, ttl=ttl)
