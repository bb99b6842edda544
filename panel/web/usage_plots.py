"""Plots of what members use of what they are granted: figures fetched, words of the reader's language put to them."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from panel.contracts.entitlements import Entitlement
from panel.contracts.usage_days import usage_of
from panel.mail.use import MailUse
from panel.mail.use_days import MAIL_KEPT
from panel.web.filters import day as day_words
from panel.web.filters import month
from panel.web.plots import Bar, Growth, Point, bar, by_month, growth
from panel.wording import amount, entitlement_word
from panel.wording.names import size


@dataclass(frozen=True, kw_only=True)
class GrowthOf:
    """The growth of one kind with its title, and its table's rows in words."""

    title: str
    lines: Growth
    months: list[tuple[str, str, str]]


def bars_of(granted: Sequence[Entitlement]) -> list[Bar]:
    """One bar for each kind."""
    return [bar(entitlement_word(one.kind), one.used, one.granted, partial(amount, one.kind)) for one in granted]


def mail_bars(use: MailUse | None, granted: Sequence[Entitlement]) -> list[Bar]:
    """What mailboxes hold of the capacity that was given to them; none while nobody knows."""
    if use is None or not use.known:
        return []
    return [bar(entitlement_word(MAIL_KEPT), use.held_mb, promised_mb(granted), size)]


def promised_mb(granted: Sequence[Entitlement]) -> int:
    """How much capacity is given to mailboxes: what ``granted`` says of that is used."""
    return next((one.used for one in granted if one.kind == "mailbox_mb"), 0)


def growth_of(member_id: uuid.UUID, kinds: Sequence[str]) -> list[GrowthOf]:
    """The growth of each kind over twelve months; kinds seen for one day only are left out."""
    found = []
    for kind in kinds:
        points = [Point(day=row.day, used=row.used, granted=row.granted) for row in usage_of(member_id, kind)]
        to_text = partial(amount, kind)
        lines = growth(points, to_text=to_text, to_day=month)
        if lines is not None:
            months = [(day_words(one.day), to_text(one.used), to_text(one.granted)) for one in by_month(points)]
            found.append(GrowthOf(title=entitlement_word(kind), lines=lines, months=months))
    return found
