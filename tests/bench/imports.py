"""Tables: from a file of 10,000 rows to its preview, and on to rows that are written, in this process."""

from __future__ import annotations

import tempfile
import time
import uuid
from pathlib import Path

from panel.imports.actions import commit_import, get_import, start_import
from panel.imports.committing import carry_out_imports
from panel.kernel.access import PERMISSIONS, SYSTEM, Actor, Reach
from tests.bench.figures import Figure
from tests.imports.workbooks import workbook
from tests.worlds import grant, small_world

ROWS = 10_000
PREVIEW_MAX = 3.0
BENCH = Actor(ref="cli:bench", name="bench", grants=(Reach(permissions=PERMISSIONS, member_ids=None),))


def imports() -> list[Figure]:
    """Measure the preview of CSV and of XLSX, carrying out, and the same file again."""
    with tempfile.TemporaryDirectory() as folder, small_world(Path(folder)) as world:
        grant(world.koscian, mailboxes=2 * ROWS, mailbox_mb=2 * ROWS * 1024)
        rows = [["address", "member", "quota_mb"]]
        rows += [[f"miasto-koscian.a{number}", "301101", "1024"] for number in range(ROWS)]
        plain = "\n".join(";".join(row) for row in rows).encode()
        sheet = _preview(workbook(rows))
        seconds, one = _timed(plain)
        commit_import(BENCH, one)
        begun = time.monotonic()
        carry_out_imports(SYSTEM)
        carried = time.monotonic() - begun
        assert get_import(BENCH, one).counts["done"] == ROWS
        return [
            Figure(f"import: {ROWS} rows of CSV to the preview", (seconds,), PREVIEW_MAX),
            Figure(f"import: {ROWS} rows of XLSX to the preview", (sheet,), PREVIEW_MAX),
            Figure(f"import: {ROWS} rows carried out", (carried,)),
            Figure(f"import: {ROWS} rows again, nothing to do", (_preview(plain),), PREVIEW_MAX),
        ]


def _preview(content: bytes) -> float:
    return _timed(content)[0]


def _timed(content: bytes) -> tuple[float, uuid.UUID]:
    begun = time.monotonic()
    one = start_import(BENCH, kind="mailboxes", content=content, file_name="bench")
    return time.monotonic() - begun, one.id
