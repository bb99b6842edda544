from __future__ import annotations

from panel.api.documentation import openapi
from panel.api.operations import OPERATIONS
from tests.api.program import Program


def test_the_description_is_for_everybody_and_holds_every_operation(standing: Program) -> None:
    answer = standing.world.app.test_client().get("/api/v1/openapi.json")
    assert answer.status_code == 200
    described = answer.json or {}
    assert described["openapi"].startswith("3.1")
    named = {operation["operationId"] for path in described["paths"].values() for operation in path.values()}
    assert named == {operation.name for operation in OPERATIONS}


def test_every_reference_leads_somewhere() -> None:
    described = openapi()
    for place in _references(described):
        found = described
        for part in place.removeprefix("#/").split("/"):
            found = found[part]


def test_the_page_shows_every_operation_holds_no_code_and_loads_nothing_from_elsewhere(standing: Program) -> None:
    answer = standing.world.app.test_client().get("/api/v1/docs")
    page = answer.get_data(as_text=True)
    assert answer.status_code == 200
    assert all(f'id="{operation.name}"' in page for operation in OPERATIONS)
    assert not [part for part in ("://", "<script>", "style=", "onclick=") if part in page]


def _references(value: object) -> list[str]:
    if isinstance(value, dict):
        return [one for name, part in value.items() for one in ([part] if name == "$ref" else _references(part))]
    return [one for part in value for one in _references(part)] if isinstance(value, list) else []
