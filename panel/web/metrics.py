"""``/metrics`` for Prometheus: read from the database at each request, so every web process answers the same.

No sign-in, but only for the networks of ``CIS_METRICS_NETWORKS``, and never through a proxy: behind one every visitor
comes from the proxy's own address. No names of members, no secrets.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from ipaddress import ip_address, ip_network
from typing import Any

from flask import Blueprint, Response, abort, current_app, request
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector
from sqlalchemy import select

from panel.engine import figures
from panel.engine.health import certificate_expires_at
from panel.kernel.db import db
from panel.ledger.backups import ages_of_backups
from panel.ledger.nodes import Node
from panel.ledger.workers import workers_alive
from panel.web.session import public

area = Blueprint("metrics", __name__)

UP_SECONDS = 600
"""A node heard of in so many seconds, and without a problem, counts as up."""


@area.get("/metrics")
@public
def show() -> Response:
    """All figures in Prometheus' text form; for strangers there is no such page."""
    if not _is_let_in():
        abort(404)
    registry = CollectorRegistry(auto_describe=False)
    registry.register(LedgerCollector())
    return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


class LedgerCollector(Collector):
    """What the ledger knows, as Prometheus' families."""

    def collect(self) -> Iterator[Metric]:
        """Read everything once."""
        now = figures.now()
        yield InfoMetricFamily("cis_build", "Which release answers.", value={"version": _version()})
        yield from _work(now)
        yield from _resources()
        yield from _nodes(now)


def _work(now: datetime) -> Iterator[Metric]:
    oldest = figures.oldest_queued_at()
    yield _by("cis_jobs", "Jobs that are not finished, by state.", "state", figures.jobs_open())
    yield _one(
        "cis_jobs_failed_last_day", "Jobs asked for in the last day that failed.", figures.jobs_failed_last_day()
    )
    age = (now - oldest).total_seconds() if oldest else 0
    yield _one("cis_job_oldest_queued_seconds", "How long the oldest queued job has waited; 0: none waits.", age)
    yield _one("cis_workers_alive", "Workers that gave a sign of life lately.", workers_alive())
    waits = figures.oldest_message_at()
    yield _by("cis_messages", "Messages to people that did not leave, by state.", "state", figures.messages_by_state())
    late = (now - waits).total_seconds() if waits else 0
    yield _one(
        "cis_message_oldest_queued_seconds", "How long the oldest message to a person waits; 0: none does.", late
    )
    yield _by("cis_alarms_open", "Open alarms, by code.", "code", figures.alarms_open())


def _resources() -> Iterator[Metric]:
    states = GaugeMetricFamily(
        "cis_resources_unsettled", "Resources that are not as wanted, by kind and state.", labels=["kind", "state"]
    )
    for (kind, state), number in sorted(figures.unsettled().items()):
        states.add_metric([kind, state], number)
    yield states
    yield _by("cis_resources_not_seen", "Resources looked for from outside in vain.", "kind", figures.not_seen())


def _nodes(now: datetime) -> Iterator[Metric]:
    nodes = db.session.scalars(select(Node).order_by(Node.name)).all()
    differing, backups = figures.differences_open(), dict(ages_of_backups())
    families: dict[str, Any] = {
        name: GaugeMetricFamily(f"cis_node_{name}", text, labels=["node", *labels])
        for name, (text, *labels) in _OF_NODES.items()
    }
    for node in nodes:
        for name, labels, value in (*_known(node, now), ("differences_open", [], differing.get(node.id, 0))):
            families[name].add_metric([node.name, *labels], value)
        if node.id in backups:
            families["backup_age_seconds"].add_metric([node.name], (now - backups[node.id]).total_seconds())
    yield from families.values()


_OF_NODES: dict[str, tuple[str, ...]] = {
    "up": ("1 while the node answers and has no problem.",),
    "last_seen_seconds": ("Since when the node has not been heard of.",),
    "problem": ("1 for the problem a node has.", "code"),
    "lease_seconds": ("Seconds left of the lease of the worker that acts on the node.", "owner"),
    "differences_open": ("Differences on the node that wait for a decision.",),
    "drift_checked_seconds": ("How long ago the node was compared with what it should have.",),
    "certificate_seconds": ("Seconds until the certificate of the node's ports ends.",),
    "backup_age_seconds": ("How long ago the node's last good backup was begun.",),
    "health_age_seconds": ("How long ago the node told the figures below.",),
    "load1": ("Load of the last minute.",),
    "memory_available_bytes": ("Memory available for programs.",),
    "disk_free_bytes": ("Free space, by file system.", "path"),
    "mail_queue": ("Messages in the mail queue.", "queue"),
}
"""Families of nodes: text, and labels besides the node's name."""

Row = tuple[str, list[str], float]


def _known(node: Node, now: datetime) -> Iterator[Row]:
    seen = None if node.last_seen_at is None else (now - node.last_seen_at).total_seconds()
    yield "up", [], float(node.problem_code is None and seen is not None and seen < UP_SECONDS)
    if seen is not None:
        yield "last_seen_seconds", [], seen
    if node.problem_code:
        yield "problem", [node.problem_code], 1
    if node.lease_owner and node.lease_expires_at and node.lease_expires_at > now:
        yield "lease_seconds", [node.lease_owner], (node.lease_expires_at - now).total_seconds()
    if node.drift_checked_at:
        yield "drift_checked_seconds", [], (now - node.drift_checked_at).total_seconds()
    ends = certificate_expires_at(node)
    if ends:
        yield "certificate_seconds", [], (ends - now).total_seconds()
    yield from _health(node, now)


def _health(node: Node, now: datetime) -> Iterator[Row]:
    """What the node's agent told of itself."""
    told = node.health
    if told is None or node.health_at is None:
        return
    yield "health_age_seconds", [], (now - node.health_at).total_seconds()
    yield "load1", [], told["load"][0]
    yield "memory_available_bytes", [], told["memory"]["available"]
    for disk in told["disks"]:
        yield "disk_free_bytes", [disk["path"]], disk["free"]
    for queue, number in told["queue"].items():
        yield "mail_queue", [queue], float(number)


def _one(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, text, value=value)


def _by(name: str, text: str, label: str, values: dict[str, int]) -> Metric:
    family = GaugeMetricFamily(name, text, labels=[label])
    for value, number in sorted(values.items()):
        family.add_metric([value], number)
    return family


def _is_let_in() -> bool:
    if any(name in request.headers for name in ("X-Forwarded-For", "Forwarded", "X-Real-IP")):
        return False
    try:
        asker = ip_address(request.remote_addr or "")
    except ValueError:
        return False
    asker = getattr(asker, "ipv4_mapped", None) or asker
    return any(asker in network for network in _networks(current_app.config["CIS"].metrics_networks))


@lru_cache(maxsize=8)
def _networks(text: str) -> tuple[Any, ...]:
    return tuple(ip_network(part.strip()) for part in text.split(",") if part.strip())


@lru_cache(maxsize=1)
def _version() -> str:
    try:
        return version("cis-panel")
    except PackageNotFoundError:
        return "unknown"
