"""Imports by API: multipart in, rows out, and nothing that a bad part could break."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from panel.imports.committing import carry_out_imports
from panel.kernel.access import SYSTEM
from tests.api.program import Program, Reply

GOOD = b"adres;haslo\nmiasto-koscian.ola;\nmiasto-koscian.jan;kanarek w kopalni 7\nobcy;\n"


def upload(program: Program, content: bytes = GOOD, *, token: str = "clerk", **fields: Any) -> Reply:
    parts = {"file": (io.BytesIO(content), "../../etc/passwd.pdf"), **fields}
    return program.send("POST", "/imports", token=token, data={k: v for k, v in parts.items() if v is not None})


@pytest.mark.one_database
def test_a_program_uploads_looks_commits_and_reads_the_report(program: Program) -> None:
    answer = upload(program)
    assert (answer.status_code, answer.json["file_name"]) == (201, "passwd.pdf")
    path = f"/imports/{answer.json['id']}"
    assert answer.headers["Location"] == f"/api/v1{path}"
    assert answer.json["mapping"] == {"address": "adres", "password": "haslo"}
    rows = program.get(f"{path}/rows?verdict=error", token="clerk")
    assert [(row["line"], row["errors"][0]["code"], row["values"]["address"]) for row in rows["items"]] == [
        (4, "address_not_own", "obcy")
    ]
    assert "kanarek" not in answer.content.decode() + json.dumps(program.get(f"{path}/rows", token="clerk"))
    changed = program.send("PATCH", path, token="clerk", json={"mapping": {"address": "adres"}})
    assert changed.json["mapping"] == {"address": "adres"}
    again = program.send("PATCH", path, token="clerk", json={"mapping": {"address": "adres", "password": "haslo"}})
    assert again.json["totals"]["create"] == 2
    assert program.send("POST", f"{path}/commit", token="clerk", json={}).json["code"] == "import_has_errors"
    committed = program.send("POST", f"{path}/commit", token="clerk", json={"only_good": True})
    assert (committed.status_code, committed.json["job"]["state"]) == (202, "queued")
    carry_out_imports(SYSTEM)
    done = program.get(path, token="clerk")
    assert (done["state"], done["totals"]["done"], done["totals"]["left"]) == ("done", 2, 1)
    assert (done["job"]["state"], done["job"]["counts"]) == ("done", {"done": 2, "failed": 0, "left": 1})
    links = {"action": "activation", "import_id": done["id"]}
    issued = program.post("/mailboxes/changes", links, token="clerk")
    assert [(one["address"].partition("@")[0], one["verdict"], "activation" in one) for one in issued["items"]] == [
        ("miasto-koscian.jan", "unchanged", False),
        ("miasto-koscian.ola", "change", True),
    ]
    only = program.post("/mailboxes/changes", links | {"from_line": 3, "dry_run": True}, token="clerk")
    assert [one["address"].partition("@")[0] for one in only["items"]] == ["miasto-koscian.jan"]
    both = program.send("POST", "/mailboxes/changes", token="clerk", json=links | {"ids": [issued["items"][0]["id"]]})
    assert (both.status_code, both.json["errors"][0]["field"]) == (422, "import_id")
    assert program.send("POST", "/mailboxes/changes", token="foreign", json=links).status_code == 404
    assert program.send("GET", f"{path}/rows", token="foreign").status_code == 404
    assert program.get("/imports", token="foreign")["items"] == []
    assert program.get("/imports", token="admin")["total"] == 1
    report = program.send("GET", f"{path}/report.csv", token="clerk").content.decode()
    assert "kanarek" not in report
    assert program.send("POST", f"{path}/cancel", token="clerk").json["code"] == "import_not_running"
    assert program.send("DELETE", path, token="clerk").status_code == 200


@pytest.mark.one_database
def test_what_is_sent_badly_is_refused_by_name(program: Program) -> None:
    for fields, field in (
        ({"kind": "x"}, "kind"),
        ({"file": None}, "file"),
        ({"mapping": "no"}, "mapping"),
        ({"mapping": '{"address": "nowhere"}'}, "mapping"),
        ({"mapping": '{"x": "adres"}'}, "mapping.x"),
        ({"unknown": "1"}, "unknown"),
        ({"member_id": "7"}, "member_id"),
    ):
        answer = upload(program, **fields)
        assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, field), fields
    assert upload(program, b"PK\x03\x04").json["code"] == "import_sheet"
    assert upload(program, kind="members").status_code == 403
    assert upload(program, token="auditor").status_code == 403
    program.world.app.config["MAX_CONTENT_LENGTH"] = 1000
    assert upload(program, b"x" * 2000).status_code == 413
