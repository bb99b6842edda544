"""What serving costs: requests a second of the pages that are opened most, and the memory of each process, as shipped.

Requests are made by wrk on the same machine, with sixteen connections, so that panel and visitor share its cores.
"""

from __future__ import annotations

import http.cookiejar
import re
import subprocess
import time
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

from passlib.totp import TOTP

from panel.cli.running import RunningPanel
from tests.bench.api import ApiFailed
from tests.bench.figures import Figure, Reading
from tests.bench.mailboxes import Place

CONNECTIONS, SECONDS = 16, 5
PAGES = {
    "the dashboard": "/",
    "a list of mailboxes": "/mail/mailboxes",
    "a mailbox": "/mail/mailboxes/{mailbox}",
    "a search": "/search?search=koscian",
}
_SECONDS_MAX = {"a list of mailboxes": 0.05, "a list of one member's mailboxes": 0.05, "a search": 0.05}
PROCESSES = {
    "gunicorn": "the web server, all processes",
    "panel.cli worker": "the worker",
    "agent.pyz serve": "the agents",
}
"""What stands in a command line, and whose it is."""

_RATE = re.compile(r"Requests/sec:\s+([\d.]+)")
_BAD = re.compile(r"Non-2xx or 3xx responses: (\d+)|Socket errors: (.*)")
_TOKEN = re.compile(r'name="csrf_token"[^>]*value="([^"]+)"')


def rates(panel: RunningPanel, where: Place, cookie: str) -> list[Reading]:
    """Open pages as the administrator and lists as a program, as quickly as they come."""
    (mailbox,) = where.api.get("/mailboxes?page_size=1")["items"]
    url = panel.facts["panel_url"]
    asked = {name: ({"Cookie": cookie}, path.format(mailbox=mailbox["id"])) for name, path in PAGES.items()}
    bearer = {"Authorization": f"Bearer {panel.facts['api_token']}"}
    asked["a mailbox by the API"] = (bearer, f"/api/v1/mailboxes/{mailbox['id']}")
    asked["fifty mailboxes by the API"] = (bearer, "/api/v1/mailboxes?page_size=50")
    return [Reading(name, _rate(url + path, headers), "requests/s") for name, (headers, path) in asked.items()]


def memory(panel: RunningPanel) -> list[Reading]:
    """Proportional memory of web server, worker and nodes' agents, whatever they did before (PSS, proc(5)).

    Raises ApiFailed where one of them is not there, which is no reading of nothing.
    """
    sums = dict.fromkeys(PROCESSES.values(), 0)
    networks = {_network(panel, node["name"]) for node in panel.facts["nodes"]}
    for path in Path("/proc").glob("[0-9]*"):
        kind = _kind(path)
        if kind is not None and _is_ours(path, panel, networks):
            sums[kind] += _pss(path)
    if not all(sums.values()):
        raise ApiFailed(f"not all processes were found: {sums}")
    return [Reading(f"memory of {name}", kilobytes / 1024, "MiB") for name, kilobytes in sums.items()]


def pages(panel: RunningPanel, where: Place, cookie: str) -> list[Figure]:
    """How long one page takes from asking to its last byte, alone."""
    url = panel.facts["panel_url"]
    asked = {name: path for name, path in PAGES.items() if "{" not in path}
    asked["a list of one member's mailboxes"] = f"/mail/mailboxes?member={where.member_id}"
    figures = []
    for name, path in asked.items():
        request = urllib.request.Request(url + path, headers={"Cookie": cookie})  # noqa: S310 - our own panel
        samples = []
        for _ in range(30):
            begun = time.perf_counter()
            with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - as above
                answer.read()
            samples.append(time.perf_counter() - begun)
        figures.append(Figure(f"one after another: {name}", tuple(samples), _SECONDS_MAX.get(name)))
    return figures


def _rate(url: str, headers: dict[str, str]) -> float:
    argv = ["wrk", "--threads", "2", "--connections", str(CONNECTIONS), "--duration", f"{SECONDS}s", url]
    argv += ["--timeout", "10s"]
    for name, value in headers.items():
        argv += ["--header", f"{name}: {value}"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=SECONDS + 30, check=True)
    found, bad = _RATE.search(done.stdout), _BAD.search(done.stdout)
    if found is None or bad is not None:
        raise ApiFailed(f"{url}: {done.stdout}")
    return float(found[1])


def sign_in(facts: dict[str, Any]) -> str:
    """Sign in as the administrator with password and code, which is good once; return the session's cookie."""
    jar = http.cookiejar.CookieJar()
    visitor = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
    url = facts["panel_url"]
    _send(visitor, f"{url}/login", email=facts["admin_email"], password=facts["admin_password"])
    _send(visitor, f"{url}/login/code", code=TOTP(key=facts["admin_totp"]).generate().token)
    return "; ".join(f"{cookie.name}={cookie.value}" for cookie in jar)


def _send(visitor: urllib.request.OpenerDirector, url: str, **fields: str) -> None:
    with visitor.open(url, timeout=30) as form:
        token = _TOKEN.search(form.read().decode())
    if token is None:
        raise ApiFailed(f"{url} shows no form")
    body = urllib.parse.urlencode(fields | {"csrf_token": token[1]}).encode()
    with visitor.open(urllib.request.Request(url, body, {"Referer": url}), timeout=30) as answer:  # noqa: S310 - ours
        if answer.geturl().split("?")[0] == url:
            raise ApiFailed(f"{url} took no sign-in")


def _kind(process: Path) -> str | None:
    command = _read(process / "cmdline").replace("\0", " ")
    return next((name for word, name in PROCESSES.items() if word in command), None)


def _pss(process: Path) -> int:
    found = re.search(r"^Pss:\s+(\d+)", _read(process / "smaps_rollup"), re.MULTILINE)
    return int(found[1]) if found else 0


def _is_ours(process: Path, panel: RunningPanel, networks: set[str]) -> bool:
    """Whether a process is this panel's and not another one's: by its settings, or by the network of its host."""
    if "agent.pyz" in _read(process / "cmdline"):
        return _link(process / "ns/net") in networks
    return f"CIS_DATA_DIR={panel.data_dir}" in _read(process / "environ").split("\0")


def _network(panel: RunningPanel, node: str) -> str:
    """What the kernel calls the network of a lab's host."""
    return panel.lab.exec(node, ["readlink", "/proc/self/ns/net"]).stdout.decode().strip()


def _link(path: Path) -> str:
    try:
        return str(path.readlink())
    except OSError:
        return ""


def _read(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""
