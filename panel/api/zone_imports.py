"""Zones that come from elsewhere: read from files or from the server that has them, shown, then taken over."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from panel.api.fields import Boolean, Id, Integer, ListOf, Shape, Text
from panel.api.lists import list_answer, list_parameters, narrowed
from panel.api.operations import Answer, Ask, operation
from panel.api.schemas import page_of, ref
from panel.api.zone_answers import changed, replay_created
from panel.api.zone_fields import ACCEPT, COMMENT, FILE_MOST, LongText, Octets
from panel.dns import importing
from panel.dns.imports import WAYS, ZoneImport
from panel.dns.transferring import ALGORITHMS, PORT, Key
from panel.kernel.access import Actor
from panel.kernel.errors import Invalid
from panel.shapes import orders
from panel.shapes import zones as shapes
from panel.wording import describe
from panel.wording.zone_lint import note_words, remark_words

_ONE = "/zones/imports/<uuid:zone_import_id>"
_FILE = Shape(
    fields={
        "name": Text(required=True, most=255, says="As other files include it."),
        "text": LongText(most=FILE_MOST),
        "base64": Octets(says="Instead of `text`: octets in whatever encoding comments have."),
    }
)
_KEY = Shape(
    fields={
        "name": Text(required=True, most=255),
        "algorithm": Text(choices=ALGORITHMS, says=f"{ALGORITHMS[0]} if not given."),
        "secret": Text(required=True, most=1_000, write_only=True),
    },
    says="TSIG (RFC 8945); used once and kept nowhere.",
)
_AXFR = Shape(
    fields={
        "server": Text(required=True, most=255, says="Name or address, which must be public."),
        "port": Integer(least=1, most=65_535),
        "key": _KEY,
    }
)
_BODY = Shape(
    fields={
        "name": Text(required=True, most=300, says="The zone's."),
        "member_id": Id(nullable=True, says="Whose it is, or will be; null: the association's own."),
        "text": LongText(most=FILE_MOST, says="A zone file, or an export in JSON."),
        "files": ListOf(of=_FILE, least=1, most=1_000, says="Instead: a zone file and those that it includes."),
        "main": Text(most=255, says="Which of `files` to begin with; the first if not given."),
        "axfr": _AXFR,
    }
)


@operation("POST", "/zones/import", permission="dns:write", body=_BODY, answer=ref("ZoneImport"), statuses=(201,),
           outward=True)  # fmt: skip
def read_zone_to_import(actor: Actor, ask: Ask) -> Answer:
    """Read a zone from `text`, `files` or a server (`axfr`), and see what would change. Nothing does until it is taken.

    It is kept for a week at `Location`.
    """
    ways = [way for way in WAYS if way in ask.body]
    if len(ways) != 1:
        raise Invalid("given_twice" if ways else "required", field=ways[1] if ways else "text")
    whose = {"member_id": ask.body.get("member_id"), "name": ask.body["name"]}
    if "axfr" in ask.body:
        preview = importing.preview_transfer(actor, **whose, **_server(ask.body["axfr"]))
    else:
        files = _files(ask.body) if "files" in ask.body else {"text": ask.body["text"].encode()}
        preview = importing.preview_files(actor, **whose, files=files, main=ask.body.get("main"), way=ways[0])
    return _answer(preview, status=201)


@operation(
    "GET",
    "/zones/imports",
    permission="dns:write",
    query=list_parameters(orders.ZONE_IMPORTS, {"name": Text(most=300), "member_id": Id()}, search=False),
    answer=page_of("ZoneImport"),
)
def list_zone_imports(actor: Actor, ask: Ask) -> Answer:
    """List what was read and that nobody took over yet, the newest first."""
    query = narrowed(ask, importing.imports_query(actor), {"name": ZoneImport.name, "member_id": ZoneImport.member_id})
    return list_answer(
        ask, query, lambda row: _shape(importing.get_preview(actor, row.id)), sorts=orders.ZONE_IMPORTS,
        default="-created_at",
    )  # fmt: skip


@operation("GET", _ONE, permission="dns:write", answer=ref("ZoneImport"))
def show_zone_import(actor: Actor, ask: Ask) -> Answer:
    """Show what taking over would change in the zone as it is now."""
    return _answer(importing.get_preview(actor, _id(ask)))


@operation(
    "POST",
    f"{_ONE}/take-over",
    permission="dns:write",
    body=Shape(
        fields={
            "only_good": Boolean(says="Without the lines that were refused."),
            "our_servers": Boolean(says="With the association's name servers in place of those it names."),
            "accept_warnings": ACCEPT,
            "comment": COMMENT,
        }
    ),
    answer=ref("Zone"),
    statuses=(201, 202),
    waits=True,
    replay=replay_created,
)
def take_zone_import_over(actor: Actor, ask: Ask) -> Answer:
    """Make the zone hold what was read: a new one, or one more version of it; 412 where it changed since."""
    return changed(actor, importing.take_over(actor, import_id=_id(ask), **ask.body), created=True)


@operation("DELETE", _ONE, permission="dns:write", answer=ref("ZoneImport"))
def forget_zone_import(actor: Actor, ask: Ask) -> Answer:
    """Throw away what was read."""
    answer = _answer(importing.get_preview(actor, _id(ask)))
    importing.forget_import(actor, import_id=_id(ask))
    return answer


def _id(ask: Ask) -> uuid.UUID:
    found: uuid.UUID = ask.path["zone_import_id"]
    return found


def _answer(preview: importing.Preview, status: int = 200) -> Answer:
    body = _shape(preview)
    return Answer(body=body, status=status, location=body["links"]["self"] if status == 201 else None)


def _shape(preview: importing.Preview) -> dict[str, Any]:
    return shapes.zone_import(preview, describe, remark_words, note_words)


def _server(given: Mapping[str, Any]) -> dict[str, Any]:
    """What ``preview_transfer`` takes."""
    key = {"algorithm": ALGORITHMS[0]} | given["key"] if "key" in given else None
    return {"server": given["server"], "port": given.get("port", PORT), "key": None if key is None else Key(**key)}


def _files(body: Mapping[str, Any]) -> dict[str, bytes]:
    """File → octets. Raises Invalid for one without any, or that stands there twice."""
    files: dict[str, bytes] = {}
    for row, one in enumerate(body["files"]):
        in_text = "text" in one
        if in_text == ("base64" in one):
            raise Invalid("given_twice" if in_text else "required", field=f"files.{row}.text")
        if one["name"] in files:
            raise Invalid("given_twice", field=f"files.{row}.name")
        files[one["name"]] = one["base64"] if "base64" in one else one["text"].encode()
    return files
