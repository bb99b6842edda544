"""What became of each line: the file again, in its own columns, with what was done or why not."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from flask import current_app
from sqlalchemy import select

from panel.imports.checking import as_error
from panel.imports.kinds import importer_of
from panel.imports.mapping import secret_places
from panel.imports.models import Import, ImportRow
from panel.imports.sealing import sealer
from panel.kernel.db import db
from panel.kernel.errors import PanelError
from panel.kernel.spreadsheets import BOM, csv_line, harmless

_AT_ONCE = 1_000

Say = Callable[[ImportRow], str]


def report_lines(
    one: Import, *, headings: Sequence[str], state: Say, describe: Callable[[PanelError], str]
) -> Iterator[str]:
    """The lines of the report as CSV that opens as it is; secrets are left out, formulas are none.

    ``headings``: of the columns that follow the file's own (line, what was done, why); ``state`` and ``describe`` say
    them in the reader's language.
    """
    secret = secret_places(importer_of(one.kind), one.columns, one.mapping)
    kept = [place for place in range(len(one.columns)) if place not in secret]
    _seal, unseal = sealer(current_app.config["CIS"], one.id)
    yield BOM + csv_line([*(harmless(one.columns[place]) for place in kept), *headings])
    query = select(ImportRow).where(ImportRow.import_id == one.id).order_by(ImportRow.line)
    for row in db.session.scalars(query.execution_options(yield_per=_AT_ONCE)):
        cells = unseal(row.line, row.cells)
        why = " ".join(describe(as_error(problem)) for problem in row.problems)
        yield csv_line([*(harmless(cells[place]) for place in kept), row.line, state(row), harmless(why)])
