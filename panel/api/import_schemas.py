"""What answers about imports look like: part of the components in ``schemas.py``."""

from __future__ import annotations

from panel.api.schema_parts import FLAG, ID, MOMENT, TEXT, WHOLE, Schema, list_of, one_of, or_null, ref, thing
from panel.imports.kinds import KINDS
from panel.imports.models import ROW_STATES, STATES, VERDICTS
from panel.shapes.imports import WOULD

_TOLD = list_of(thing({"field": or_null(TEXT), "code": TEXT, "message": TEXT}))
_VALUES: Schema = {"type": "object", "additionalProperties": TEXT}
_JOB = thing(
    {
        "id": ID,
        "cause": TEXT,
        "actor": TEXT,
        "state": one_of(["queued", "running", "done", "cancelled"]),
        "queued_at": MOMENT,
        "finished_at": or_null(MOMENT),
        "counts": thing(dict.fromkeys((name for name in ROW_STATES if name != "waiting"), WHOLE)),
        "links": thing({"self": TEXT}),
    }
)

IMPORTS: dict[str, Schema] = {
    "Import": thing(
        {
            "id": ID,
            "kind": one_of(tuple(KINDS)),
            "state": one_of(STATES),
            "file_name": TEXT,
            "member_id": or_null(ID),
            "by": TEXT,
            "columns": list_of(TEXT),
            "fields": list_of(thing({"name": TEXT, "required": FLAG, "secret": FLAG})),
            "mapping": _VALUES | {"description": "Field → heading of the column that holds it."},
            "problems": _TOLD,
            "totals": thing({"rows": WHOLE} | dict.fromkeys((*VERDICTS, *WOULD, *ROW_STATES), WHOLE)),
            "only_good": FLAG,
            "job": or_null(_JOB),
            "created_at": MOMENT,
            "committed_at": or_null(MOMENT),
            "finished_at": or_null(MOMENT),
            "links": thing({"self": TEXT, "rows": TEXT, "report": TEXT}),
        },
        also={"rows": list_of(ref("ImportRow"))},
    ),
    "ImportRow": thing(
        {
            "line": WHOLE,
            "verdict": one_of(VERDICTS),
            "would": or_null(one_of(WOULD)),
            "state": one_of(ROW_STATES),
            "errors": _TOLD,
            "warnings": _TOLD,
            "values": _VALUES,
            "resource_id": or_null(ID),
        }
    ),
}
