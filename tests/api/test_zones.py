"""Zones by the API: what is asked for reaches the actions, and what they answer the program."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import Any

import pytest

from tests.api.program import Program, rows
from tests.dns.worlds import name_servers

FILE = "$TTL 1h\n@ SOA ns1.old.pl. host 7 3600 900 1209600 300\n@ NS ns1.old.pl.\n@ NS ns2.old.pl.\nwww A 192.0.2.80\n"


def test_a_zone_is_made_shown_changed_removed_and_restored(program: Program) -> None:
    made = program.send("POST", "/zones", json=_new(program, template="gmina", values={"address": "192.0.2.10"}))
    path = f"/zones/{made.json['id']}"
    assert (made.status_code, made.headers["Location"], made.headers["ETag"]) == (202, f"/api/v1{path}", '"v1"')
    assert program.get(f"/jobs/{made.json['job']}")["state"] == "queued"
    shown = program.get(path)
    assert (shown["name"], shown["template"], shown["state"], shown["serial"]) == (
        "koscian.pl",
        "gmina",
        "pending",
        None,
    )
    assert (shown["dnssec"]["enabled"], shown["dnssec"]["ds"], shown["warnings"]) == (True, [], [])
    assert program.get("/zones?search=KOŚCIAN&dnssec=true&sort=-created_at")["items"] == [_without(shown, "proof")]
    assert program.get("/zones?name=other.pl")["total"] == 0
    changed = program.send("PATCH", path, json={"soa": {"refresh": 7200}, "dnssec": False, "comment": "krócej"})
    assert (changed.status_code, changed.json["soa"]["refresh"], changed.json["version"]) == (202, 7200, 3)
    assert (changed.json["dnssec"]["enabled"], changed.json["dnssec"]["leaving"]) == (False, False)
    assert program.send("PATCH", path, json={}).status_code == 200
    removed = program.send("DELETE", path)
    assert (removed.status_code, removed.json["state"]) == (202, "removing")
    assert removed.json["purge_at"] is not None
    assert program.get("/zones")["total"] == 0
    assert program.get("/zones?state=removing")["total"] == 1
    assert program.post(f"{path}/restore")["state"] == "pending"


def test_sets_are_put_read_taken_away_and_changed_together(program: Program) -> None:
    path = _zone(program)
    put = program.send("PUT", f"{path}/rrsets/www/A", json={"ttl": 600, "values": ["192.0.2.2", "192.0.2.1"]})
    assert (put.status_code, put.json["version"], put.headers["ETag"]) == (202, 2, '"v2"')
    held = program.get(f"{path}/rrsets/WWW/a")
    assert held == {"name": "www", "type": "A", "ttl": 600, "values": ["192.0.2.1", "192.0.2.2"], "source": "",
                    "overridden": False}  # fmt: skip
    assert program.get(f"{path}/rrsets/@/NS")["values"] == ["ns1.wokiss.pl.", "ns2.wokiss.pl."]
    assert program.send("PUT", f"{path}/rrsets/www/A", json={"values": held["values"]}).json["job"] is None
    listed = program.get(f"{path}/rrsets?page_size=1")
    assert ([one["name"] for one in listed["items"]], listed["total"]) == (["@"], 2)
    assert program.get(listed["next"].removeprefix("/api/v1"))["items"] == [held]
    assert program.get(f"{path}/rrsets?type=a&search=192.0.2.2&sort=-ttl")["items"] == [held]
    assert program.send("DELETE", f"{path}/rrsets/www/A?comment=koniec").json["version"] == 3
    assert program.send("GET", f"{path}/rrsets/www/A").status_code == 404
    changes = [
        {"name": "a", "type": "A", "ttl": 60, "values": ["192.0.2.9"]},
        {"name": "b", "type": "CNAME", "values": ["a"]},
        {"name": "gone", "type": "TXT", "values": None},
    ]
    assert program.post(f"{path}/changes", {"comment": "razem", "changes": changes})["version"] == 4
    assert program.get(f"{path}/rrsets/b/CNAME")["values"] == ["a.koscian.pl."]


def test_versions_are_listed_compared_and_put_back(program: Program) -> None:
    path = _zone(program)
    program.send("PUT", f"{path}/rrsets/www/A", json={"values": ["192.0.2.1"], "comment": "nowa strona"})
    program.send("PUT", f"{path}/rrsets/www/A", json={"values": ["192.0.2.2"]})
    assert [one["number"] for one in program.get(f"{path}/versions")["items"]] == [3, 2, 1]
    two = program.get(f"{path}/versions/2")
    assert (two["comment"], two["actor_name"]) == ("nowa strona", "admin ()")
    after = {"ttl": 3600, "values": ["192.0.2.1"]}
    assert two["changes"] == [{"name": "www", "type": "A", "before": None, "after": after}]
    assert program.get(f"{path}/versions/3/compare")["changes"][0]["before"] == after
    assert program.get(f"{path}/versions/3/compare?with=1")["changes"][0]["before"] is None
    back = program.post(f"{path}/versions/2/revert", {"comment": "jednak"})
    assert (back["version"], program.get(f"{path}/rrsets/www/A")["values"]) == (4, ["192.0.2.1"])
    for absent in ("99", "2147483648", "99999999999999999999"):
        assert program.send("GET", f"{path}/versions/{absent}").status_code == 404


def test_what_the_lint_says_names_set_level_and_row_and_writes_nothing(program: Program) -> None:
    path, before = _zone(program), rows()
    two = [{"name": "x", "type": "A", "values": ["192.0.2.1"]}, {"name": "x", "type": "CNAME", "values": ["@"]}]
    wrong = program.send("POST", f"{path}/changes", json={"changes": two})
    assert (wrong.status_code, wrong.json["code"]) == (422, "zone_lint")
    (line,) = wrong.json["errors"]
    assert (line["field"], line["code"], line["level"], line["row"]) == ("rrsets/x/CNAME", "cname_beside", "error", 1)
    inside = {"ttl": 3600, "values": ["10.0.0.1"]}
    warned = program.send("PUT", f"{path}/rrsets/@/A", json=inside)
    assert (warned.status_code, warned.json["code"]) == (409, "zone_warnings")
    assert [(one["field"], one["level"]) for one in warned.json["errors"]] == [("rrsets/@/A", "warning")]
    assert "row" not in warned.json["errors"][0]
    bad = program.send("PUT", f"{path}/rrsets/www/A", json={"values": ["192.0.2.1", "x", "y"]})
    assert [(one["field"], one.get("row")) for one in bad.json["errors"]] == [
        ("values.1.address", None),
        ("values.2.address", None),
    ]
    third = [*two[:1], {"name": "y", "type": "A", "values": ["192.0.2.1", "x"]}]
    bad = program.send("POST", f"{path}/changes", json={"changes": third})
    assert [(one["field"], one["row"]) for one in bad.json["errors"]] == [("values.1.address", 1)]
    assert program.send("PUT", f"{path}/rrsets/www/RRSIG", json={"values": ["x"]}).json["errors"][0]["field"] == "type"
    assert program.send("PUT", f"{path}/rrsets/www/A", json={}).json["errors"][0]["field"] == "values"
    assert rows() == before
    taken = program.send("PUT", f"{path}/rrsets/@/A", json=inside | {"accept_warnings": True})
    assert [(one["level"], one["type"]) for one in taken.json["warnings"]] == [("warning", "A")]
    assert program.get("/zones")["items"][0]["warnings"] == program.get(path)["warnings"] == taken.json["warnings"]


def test_what_somebody_else_changed_meanwhile_is_not_overwritten(program: Program) -> None:
    path = _zone(program)
    seen = {"If-Match": program.send("GET", path).headers["ETag"]}
    body = {"values": ["192.0.2.1"]}
    assert program.send("PUT", f"{path}/rrsets/www/A", json=body, headers=seen).status_code == 202
    for method, below, sent in (
        ("PUT", "/rrsets/www/A", {"values": ["192.0.2.2"]}),
        ("DELETE", "/rrsets/www/A", None),
        ("POST", "/changes", {"changes": [{"name": "www", "type": "A"}]}),
        ("POST", "/versions/1/revert", {}),
        ("PATCH", "", {"soa": {"refresh": 7200}}),
        ("DELETE", "", None),
    ):
        answer = program.send(method, path + below, json=sent, headers=seen)
        assert (answer.status_code, answer.json["code"]) == (412, "stale"), method + below
    assert program.get(f"{path}/rrsets/www/A")["values"] == ["192.0.2.1"]
    once = {"Idempotency-Key": "jeden"}
    for _ in range(2):
        kept = program.send("POST", f"{path}/changes", headers=once, json={"changes": [{"name": "www", "type": "A"}]})
        assert (kept.status_code, kept.json["version"]) == (202, 3)


def test_many_zones_are_made_at_once_and_errors_name_their_row(program: Program) -> None:
    wanted = [_new(program, name=f"gmina{number}.pl") for number in range(20)]
    made = program.send("POST", "/zones/batch", json={"zones": wanted})
    assert (made.status_code, made.json["total"], len(made.json["jobs"])) == (202, 20, 1)
    assert program.get("/zones")["total"] == 20
    before = rows()
    for bad, status, field, row in (
        ({"name": "gmina1.pl"}, 409, "name", 2),
        ({"name": "a_b"}, 422, "name", 2),
        ({"rrsets": [{"name": "w", "type": "A", "values": ["x"]}]}, 422, "rrsets.0.values.0.address", 2),
        ({"rrsets": [{"name": "w"}]}, 422, "rrsets.0.type", 2),
        ({"surprise": 1}, 422, "surprise", 2),
    ):
        three = [_new(program, name=f"nowa{number}.pl") for number in range(3)]
        refused = program.send("POST", "/zones/batch", json={"zones": [*three[:2], three[2] | bad]})
        assert refused.status_code == status
        assert [(one["field"], one.get("row")) for one in refused.json["errors"]] == [(field, row)]
    one = program.send("POST", "/zones", json=_new(program, rrsets=[{"name": "w", "type": "A", "values": ["x"]}]))
    assert [(one["field"], one.get("row")) for one in one.json["errors"]] == [("rrsets.0.values.0.address", None)]
    assert program.send("POST", "/zones", json=_new(program, name="gmina1.pl")).json["errors"][0].keys() >= {"field"}
    assert rows() == before


def test_a_name_from_outside_waits_for_proof_until_staff_vouches(program: Program) -> None:
    made = program.send("POST", "/zones", token="clerk", json=_new(program))
    path = f"/zones/{made.json['id']}"
    assert (made.status_code, made.json["job"], made.json["problem"]["code"]) == (201, None, "unproven")
    record = made.json["proof"]["record"]
    assert (made.json["proof"]["state"], record["name"], record["type"]) == ("waiting", "_cis-proof.koscian.pl", "TXT")
    settings = program.world.app.config["CIS"]
    program.world.app.config["CIS"] = replace(settings, resolvers="127.0.0.1@0")
    looked = program.send("POST", f"{path}/proof", token="clerk", headers={"Idempotency-Key": "raz"})
    assert (looked.status_code, looked.json["finding"]["code"]) == (200, "no_answer")
    assert program.send("POST", f"{path}/proof", token="clerk", headers={"Idempotency-Key": "raz"}).json == looked.json
    again = program.send("POST", f"{path}/proof", token="clerk", headers={"Idempotency-Key": "dwa"})
    assert (again.status_code, again.headers["Retry-After"]) == (429, "10")
    assert program.send("POST", f"{path}/vouch", token="clerk", json={"reason": "sami"}).status_code == 403
    assert program.post(f"{path}/vouch", {"reason": "Umowa 12/2026"})["state"] == "vouched"
    assert program.get(path)["problem"] is None


def test_a_zone_comes_in_is_shown_taken_over_and_read_as_a_file(program: Program) -> None:
    read = program.send("POST", "/zones/import", json=_new(program, text=FILE + "ftp A 192.0.2.300\n"))
    place = read.headers["Location"].removeprefix("/api/v1")
    assert (read.status_code, read.json["would"], read.json["way"], read.json["elsewhere"]) == (
        201, "create", "text", True,
    )  # fmt: skip
    assert [(one["line"], one["code"]) for one in read.json["refusals"]] != []
    assert program.get("/zones/imports")["items"] == [program.get(place)]
    assert program.send("POST", f"{place}/take-over", json={}).json["code"] == "import_refusals"
    sure = {"only_good": True, "our_servers": True, "accept_warnings": True}
    path = f"/zones/{program.post(f'{place}/take-over', sure)['id']}"
    assert program.send("GET", place).status_code == 404
    text = program.send("GET", f"{path}/export")
    assert text.content_type == "text/dns; charset=utf-8"
    plain = program.send("GET", f"{path}/export", headers={"Accept": "application/json"})
    assert (plain.json["name"], len(plain.json["rrsets"])) == ("koscian.pl", 2)
    assert program.send("GET", f"{path}/export?form=json").content == plain.content
    again = base64.b64encode(text.content).decode()
    files = [{"name": "all", "text": "$INCLUDE rest\n"}, {"name": "rest", "base64": again}]
    same = program.send("POST", "/zones/import", json=_new(program, files=files, main="all"))
    assert (same.json["would"], same.json["way"], same.json["changes"]) == ("unchanged", "files", [])
    gone = program.send("DELETE", same.headers["Location"].removeprefix("/api/v1"))
    assert (gone.status_code, program.get("/zones/imports")["total"]) == (200, 0)
    for given, field in (
        ({}, "text"),
        ({"text": "", "axfr": {"server": "x"}}, "axfr"),
        ({"files": [{}]}, "files.0.name"),
    ):
        refused = program.send("POST", "/zones/import", json=_new(program, **given))
        assert (refused.status_code, refused.json["errors"][0]["field"]) == (422, field)


def test_a_transfer_that_fails_gives_its_key_back(program: Program) -> None:
    key = {"name": "move", "algorithm": "hmac-sha256", "secret": "c2VjcmV0"}
    asked = _new(program, axfr={"server": "127.0.0.1", "port": 5353, "key": key})
    for _ in range(2):
        answer = program.send("POST", "/zones/import", json=asked, headers={"Idempotency-Key": "przenosiny"})
        assert (answer.status_code, answer.json["code"]) == (409, "axfr_forbidden")
        assert "c2VjcmV0" not in answer.content.decode()


@pytest.fixture
def program(program: Program) -> Program:
    """A program in whose world there are name servers and contracts for zones."""
    name_servers(program.world)
    return program


def _new(program: Program, **more: Any) -> dict[str, Any]:
    return {"member_id": str(program.world.koscian.id), "name": "koscian.pl"} | more


def _zone(program: Program) -> str:
    """The address of a new zone that holds its name servers only."""
    return f"/zones/{program.post('/zones', _new(program))['id']}"


def _without(shown: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in shown.items() if name not in names}
