#!/usr/bin/env python3
"""A small client of the panel's API, by Python's own library alone: read it, copy it, change it.

    export CIS_URL=https://panel.example CIS_TOKEN=cis_…
    cis_client.py create miasto-koscian anna.nowak@info.wokiss.pl
    cis_client.py list miasto-koscian
    cis_client.py import miasto-koscian people.csv     # a column "address", and perhaps "quota_mb"

How it works: docs/how-to/python-client.md.
"""

from __future__ import annotations

import csv
import json
import os
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

TRIES, WAIT_SECONDS, TIMEOUT_SECONDS = 5, 30, 90
BATCH_MOST = 10_000


class Refused(Exception):
    """The panel said no. ``code`` stays the same between releases; ``errors`` names each field (and row) at fault."""

    def __init__(self, problem: dict[str, Any]) -> None:
        super().__init__(problem.get("detail") or problem.get("title"))
        self.status: int = problem["status"]
        self.code: str = problem["code"]
        self.errors: list[dict[str, Any]] = problem.get("errors", [])


class Panel:
    """The API at ``url``. Every change is sent with a key of its own, so that a repeated request is done once."""

    def __init__(self, url: str, token: str) -> None:
        self._url, self._token = url.rstrip("/") + "/api/v1", token

    def call(self, method: str, path: str, body: dict[str, Any] | None = None, *, wait: int = 0) -> Any:
        """Send one request, again where the panel is busy or the line broke. Raises Refused, OSError."""
        headers = {"Authorization": f"Bearer {self._token}", "Accept-Language": "pl"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        if method == "POST":
            headers["Idempotency-Key"] = str(uuid.uuid4())
        if wait:
            headers["Prefer"] = f"wait={wait}"
        data = None if body is None else json.dumps(body).encode()
        address = path if path.startswith("http") else self._url + path
        return self._patiently(lambda: urllib.request.Request(address, data=data, headers=headers, method=method))

    def every(self, path: str, **narrowed: Any) -> Iterator[dict[str, Any]]:
        """All rows of a list, page after page."""
        page = self.call("GET", f"{path}?{urlencode({'page_size': 200, **narrowed})}")
        yield from page["items"]
        while page["next"]:
            page = self.call("GET", page["next"].removeprefix("/api/v1"))
            yield from page["items"]

    def member(self, slug: str) -> dict[str, Any]:
        """The member with this short name."""
        for found in self.every("/members", search=slug):
            if found["slug"] == slug:
                return dict(found)
        raise SystemExit(f"no member {slug} in reach of this token")

    def _patiently(self, request: Callable[[], urllib.request.Request]) -> Any:
        for attempt in range(1, TRIES + 1):
            try:
                with urllib.request.urlopen(request(), timeout=TIMEOUT_SECONDS) as answer:
                    return json.load(answer) if answer.status != 204 else None
            except urllib.error.HTTPError as error:
                problem = json.load(error)
                is_busy = error.code in (429, 503) or problem["code"] == "in_flight"
                if not is_busy or attempt == TRIES:
                    raise Refused(problem) from error
                time.sleep(float(error.headers.get("Retry-After") or attempt))
            except urllib.error.URLError:
                if attempt == TRIES:
                    raise
                time.sleep(attempt)
        raise AssertionError("unreachable")


def create(panel: Panel, slug: str, address: str) -> None:
    """Make one mailbox, wait until it was seen working, and print the link for its holder."""
    body = {"member_id": panel.member(slug)["id"], "address": address}
    made = panel.call("POST", "/mailboxes", body, wait=WAIT_SECONDS)
    while made["state"] in ("pending", "applying"):
        made |= panel.call("GET", f"/mailboxes/{quote(made['id'])}")
        time.sleep(1)
    print(f"{made['address']}: {made['state']}, {made['activation'].get('link', '')}")


def show_all(panel: Panel, slug: str) -> None:
    """Print all mailboxes of a member."""
    for row in panel.every("/mailboxes", member_id=panel.member(slug)["id"], sort="address"):
        print(f"{row['address']}\t{row['state']}\t{row['quota_mb']} MB")


def import_file(panel: Panel, slug: str, file: str) -> None:
    """Make all mailboxes of a CSV file, all or none of each 10,000, and print the links of their holders."""
    member = panel.member(slug)["id"]
    text = Path(file).read_text(encoding="utf-8-sig")
    rows = csv.DictReader(text.splitlines(), delimiter=";" if ";" in text.partition("\n")[0] else ",")
    wanted = [
        {"member_id": member, "address": row["address"]}
        | ({"quota_mb": int(row["quota_mb"])} if row.get("quota_mb") else {})
        for row in rows
    ]
    for start in range(0, len(wanted), BATCH_MOST):
        made = panel.call("POST", "/mailboxes/batch", {"mailboxes": wanted[start : start + BATCH_MOST]})
        for one in made["items"]:
            print(f"{one['address']}\t{one['activation']['link']}")


def main(arguments: list[str]) -> int:
    """Do what the arguments say; 1 where the panel refused."""
    commands: dict[str, Callable[..., None]] = {"create": create, "list": show_all, "import": import_file}
    if not arguments or arguments[0] not in commands:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        commands[arguments[0]](Panel(os.environ["CIS_URL"], os.environ["CIS_TOKEN"]), *arguments[1:])
    except Refused as refused:
        for error in refused.errors or [{"message": str(refused)}]:
            row = "" if "row" not in error else f"row {error['row'] + 1}: "
            print(f"{row}{error.get('field') or ''} {error['message']}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
