"""A million mailboxes on one node: what one more costs then, and what pages cost; against the same among a thousand.

Run alone: ``python -m tests.bench.million [COUNT]``; with a million it takes about half an hour. The rows are written
into the panel's database by plain SQL, as a hundred batches would have left them; from there on all goes its ordinary
way: the worker finds them due, the node takes them, each is seen from outside.
"""

from __future__ import annotations

import sqlite3
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from panel.cli.running import RunningPanel
from panel.kernel.bulk import new_ids
from tests.bench import mailboxes, serving
from tests.bench.figures import Figure, Line, machine, table, write
from tests.bench.mailboxes import Place
from tests.checks.files import ROOT
from tests.panels import fresh_panel

FEW = 1_000
RATIO_MAX = 2.0
_AT_ONCE = 250_000
_PATIENCE_SECONDS = 7200.0


def million(*, count: int, n: int, progress: Callable[[str], None]) -> list[Line]:
    """Measure one mailbox among a thousand, fill the node, and measure again."""
    with fresh_panel("million", progress=progress) as panel:
        where = mailboxes.place(panel.facts)
        mailboxes.fill(where, count=FEW, seconds_max=None, progress=progress)
        among_few = mailboxes.one_mailbox(where, n=n, name=f"one among {FEW:,}", median_max=None, p95_max=None)
        filled = _fill(panel, where, count, progress)
        limit = among_few[1].median * RATIO_MAX
        among_all = mailboxes.one_mailbox(where, n=n, name=f"one among {count:,}", median_max=limit, p95_max=None)
        ratio = among_all[1].median / among_few[1].median
        among_all[1] = replace(among_all[1], note=f"{ratio:.2f} times the median among {FEW:,}")
        pages = serving.pages(panel, where, serving.sign_in(panel.facts))
        return [*among_few, filled, *among_all, *pages, *serving.memory(panel)]


def _fill(panel: RunningPanel, where: Place, count: int, progress: Callable[[str], None]) -> Figure:
    begun = time.monotonic()
    file = panel.root / panel.data_dir / "panel.sqlite"
    for start in range(0, count, _AT_ONCE):
        _insert(file, where.member_id, min(_AT_ONCE, count - start))
        _await_settled(file, progress)
    return Figure(f"{count:,} rows until the node has and shows all of them", (time.monotonic() - begun,))


def _insert(file: Path, member_id: str, count: int) -> None:
    member = uuid.UUID(member_id).hex
    with sqlite3.connect(file, timeout=60) as rows:
        placed = rows.execute("SELECT id, node_id FROM mail_domains WHERE name = ?", (mailboxes.DOMAIN,)).fetchone()
        new = [(id_.hex, f"b{id_.hex[-14:]}@{mailboxes.DOMAIN}") for id_ in new_ids(count)]
        rows.executemany(
            "INSERT INTO names (space, name, kind, holder_id, claimed_at, likeness)"
            " VALUES ('address', ?2, 'mailbox', ?1, '2026-01-01 00:00:00', replace(?2, '.', ''))",
            new,
        )
        rows.executemany(
            "INSERT INTO mailboxes (id, address, member_id, domain_id, node_id, quota_mb, want, wanted_generation,"
            " sent_generation, applied_generation, seen_generation, attempts, statutory, use_told, created_at,"
            " updated_at) VALUES (?, ?, ?, ?, ?, 100, 'put', 1, 0, 0, 0, 0, 0, 0, '2026-01-01 00:00:00',"
            " '2026-01-01 00:00:00')",
            ((*pair, member, *placed) for pair in new),
        )
        changed = rows.execute(
            "UPDATE usage SET amount = amount + ? WHERE member_id = ? AND kind = 'mailboxes'", (count, member)
        )
        if changed.rowcount != 1:
            raise RuntimeError("the member uses no mailboxes yet")
    rows.close()


def _await_settled(file: Path, progress: Callable[[str], None]) -> None:
    """Wait until all rows were seen. The sweep finds what nobody rang for, every half a minute."""
    end = time.monotonic() + _PATIENCE_SECONDS
    for waiting in _waiting(file):
        if not waiting:
            return
        if time.monotonic() > end:
            raise TimeoutError(f"{waiting} mailboxes are not seen yet")
        progress(f"{waiting:,} are not seen yet")
        time.sleep(10)


def _waiting(file: Path) -> Iterator[int]:
    while True:
        rows = sqlite3.connect(file, timeout=60)
        (count,) = rows.execute("SELECT count(*) FROM mailboxes WHERE seen_generation < wanted_generation").fetchone()
        rows.close()
        yield int(count)


if __name__ == "__main__":
    figures = million(count=int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000, n=20, progress=print)
    about = machine(ROOT)
    print(f"\n{', '.join(f'{key} {value}' for key, value in about.items())}\n\n{table(figures)}")
    print(f"\nJSON: {write(figures, about, ROOT / 'var/bench')}")
    sys.exit(0 if all(figure.kept for figure in figures) else 1)
