"""How soon the panel comes to know, and how soon it goes on: a look for drift, a dead worker, a lost node."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

from config import Settings
from panel.cli.running import RunningPanel
from provisioning.ssh import scan_host_key
from tests.bench.api import ApiFailed, await_no_more
from tests.bench.figures import Figure
from tests.bench.mailboxes import FILL_SECONDS, Place, order_batch

DRIFT_SECONDS_MAX = 2.0
TAKEOVER_SLACK = 5.0
REBUILD_SECONDS_MAX = 30.0
LOOKS = 5
_BULK = 5_000
_STEP_SECONDS = 0.02


def drift(where: Place, *, name: str, role: str = "mail", seconds_max: float = DRIFT_SECONDS_MAX) -> Figure:
    """Measure looks at the node of this role, which has all it should, from the request to the job's end."""
    (node,) = (one for one in where.api.get("/nodes")["items"] if role in one["roles"])
    samples = []
    for _ in range(LOOKS):
        begun = time.monotonic()
        job = _ended(where, where.api.post(f"/nodes/{node['id']}/drift", {})["id"])
        samples.append(time.monotonic() - begun)
        if job["state"] != "done":
            raise ApiFailed(f"the look for drift ended as {job['state']}: {job['log']}")
    differing = where.api.get(f"/nodes/{node['id']}")["drift"]["differing"]
    return Figure(name, tuple(samples), seconds_max, note=f"{differing} differ")


def takeover(panel: RunningPanel, where: Place, *, progress: Callable[[str], None]) -> Figure:
    """Kill the worker that is at work on a bulk batch; measure until another holds the node."""
    (node,) = where.api.get("/nodes")["items"]
    panel.start_worker(name="worker-2")
    time.sleep(3)  # both are up and idle
    order_batch(where, _BULK)
    victim, fence = _holder(where, node["id"], lambda lease: lease is not None)
    os.kill(int(victim.split(":")[1]), signal.SIGKILL)
    begun = time.monotonic()
    successor, _ = _holder(where, node["id"], lambda lease: lease is not None and lease["fence"] > fence)
    taken = time.monotonic() - begun
    progress(f"{successor} took over from {victim} after {taken:.1f} s")
    for state in ("queued", "running"):
        await_no_more(where.api, f"/jobs?state={state}&page_size=1", seconds=FILL_SECONDS)
    lease = Settings().lease_seconds
    return Figure(
        "a worker killed at work: until another has the node", (taken,), lease + TAKEOVER_SLACK, note=f"lease {lease} s"
    )


def rebuild(panel: RunningPanel, where: Place, *, name: str) -> list[Figure]:
    """Lose the node's disks, put an empty host in its place, and measure until it has, and is seen to have, everything.

    What the operator does before (a host with packages, its enrolment) is not counted: the clock starts when the new
    host is pinned.
    """
    panel.lab.replace("mail1")
    state = panel.lab.state()
    shown = scan_host_key(state.nodes["mail1"].address, state.nodes["mail1"].ssh_port).fingerprint
    argv = [sys.executable, "-m", "panel.cli", "nodes", "rebuild", "mail1", "--operator-key", str(state.operator_key)]
    argv += ["--from", state.gateway, "--yes-fingerprint", shown]
    environment = os.environ | panel.environment()
    subprocess.run(argv, cwd=panel.root, env=environment, check=True, timeout=600, stdin=subprocess.DEVNULL)
    (row,) = where.api.get("/jobs?cause=nodes:node:rebuild&page_size=1")["items"]
    job = _ended(where, row["id"], seconds=FILL_SECONDS)
    if job["state"] != "done":
        raise ApiFailed(f"the rebuild ended as {job['state']}: {job['log'][-1]}")
    applied = max(line["at"] for line in job["log"] if line["text"] == "batch applied")
    samples = [_between(job["queued_at"], at) for at in (applied, job["finished_at"])]
    return [
        Figure(f"{name}: until the node has everything", (samples[0],), REBUILD_SECONDS_MAX),
        Figure(
            f"{name}: until all of it was seen from outside", (samples[1],), note=f"{job['counts']['applied']} made"
        ),
    ]


def _between(start: str, end: str) -> float:
    return (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()


def _holder(where: Place, node_id: str, good: Callable[[Any], bool]) -> tuple[str, int]:
    end = time.monotonic() + 120
    while time.monotonic() < end:
        lease = where.api.get(f"/nodes/{node_id}")["lease"]
        if good(lease):
            return str(lease["owner"]), int(lease["fence"])
        time.sleep(_STEP_SECONDS)
    raise ApiFailed("no worker took the node")


def _ended(where: Place, job_id: str, *, seconds: float = 120) -> dict[str, Any]:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        job = where.api.get(f"/jobs/{job_id}")
        if job["state"] not in ("queued", "running"):
            return job
        time.sleep(_STEP_SECONDS)
    raise ApiFailed(f"job {job_id} did not end")
