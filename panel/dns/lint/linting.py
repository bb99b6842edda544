"""All rules over one zone."""

from __future__ import annotations

from collections.abc import Callable

from panel.dns.content import Content
from panel.dns.lint import (
    addresses,
    certificates,
    delegations,
    dkim,
    dmarc,
    mail,
    services,
    spf,
    structure,
    targets,
)
from panel.dns.lint.codes import LEVELS
from panel.dns.lint.remarks import Around, Finds, Remark
from panel.dns.lint.view import View

RULES: tuple[Callable[[View], Finds], ...] = (
    *structure.RULES,
    *delegations.RULES,
    *targets.RULES,
    *addresses.RULES,
    *mail.RULES,
    *spf.RULES,
    *dmarc.RULES,
    *dkim.RULES,
    *certificates.RULES,
    *services.RULES,
)


def lint(zone: Content, *, around: Around) -> list[Remark]:
    """What is to be said about ``zone``: errors first, then by name, type and code. Nothing is asked of any server."""
    view = View(zone, around)
    found = (Remark(LEVELS[one.code], one.code, one.name, one.type, one.params) for rule in RULES for one in rule(view))
    return sorted(found, key=lambda one: (one.level, one.name != "@", one.name, one.type, one.code))
