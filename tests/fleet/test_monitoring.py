"""What watches a whole running panel sees of it: signs of workers, a node's health, and no relay on our own node."""

from __future__ import annotations

import json
import time
import urllib.request
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from panel.cli.running import RunFailed, RunningPanel
from provisioning.lab import processes

SECONDS = 180


def test_a_running_panel_tells_how_it_and_its_node_are(running_panel: RunningPanel) -> None:
    found = _until(running_panel, lambda figures: ("cis_node_load1", "mail1") in figures)
    assert found["cis_workers_alive",] >= 1
    assert found["cis_node_up", "mail1"] == 1
    assert found["cis_node_memory_available_bytes", "mail1"] > 0
    assert found["cis_node_disk_free_bytes", "/", "mail1"] > 0
    assert found["cis_node_mail_queue", "active", "mail1"] >= 0
    assert found["cis_node_certificate_seconds", "mail1"] > 24 * 3600
    assert found["cis_node_last_seen_seconds", "mail1"] < 600
    ready = json.loads(_get(running_panel, "/readyz"))
    assert (ready["database"], ready["queue"], ready["engine"]) == ("ok", "ok", "open")
    assert ready["workers"] >= 1  # one that another test ended a moment ago may count still


def test_alarms_are_not_entrusted_to_our_own_node(running_panel: RunningPanel) -> None:
    address = running_panel.facts["nodes"][0]["ip"]
    for url, recipient, words in (
        (f"smtp://{address}", "dyzur@example.com", "is the node mail1"),
        ("smtp://192.0.2.200", "dyzur@info.wokiss.pl", "ends on our own nodes"),
    ):
        settings = {"CIS_ALARM_SMTP": url, "CIS_ALARM_TO": recipient}
        with pytest.raises(RunFailed, match=words):
            _cis(running_panel, settings, "alarms", "test")
    shown = json.loads(_cis(running_panel, {}, "alarms", "list", "--json"))
    assert {alarm["cleared_at"] for alarm in shown} <= {None}, "only what is open, whatever other tests left"


def _cis(panel: RunningPanel, settings: dict[str, str], *arguments: str) -> str:
    """Run ``cis`` beside the running panel with other settings."""
    log = panel.logs / "alarms.log"
    log.unlink(missing_ok=True)
    argv = [".venv/bin/python", "-m", "panel.cli", *arguments]
    environment = panel.environment() | settings
    process = processes.start(argv, environment, log, "alarms", root=panel.root, user=processes.WORKER)
    if process.wait(180):
        raise RunFailed(log.read_text())
    return log.read_text()


def _until(panel: RunningPanel, is_there: Any) -> dict[tuple[str, ...], float]:
    """The figures, as soon as ``is_there`` says so of them."""
    end = time.monotonic() + SECONDS
    while True:
        page = _get(panel, "/metrics")
        figures = {
            (sample.name, *sorted(sample.labels.values())): sample.value
            for family in text_string_to_metric_families(page)
            for sample in family.samples
        }
        if is_there(figures):
            return figures
        assert time.monotonic() < end, page
        time.sleep(0.5)


def _get(panel: RunningPanel, path: str) -> str:
    with urllib.request.urlopen(panel.facts["panel_url"] + path, timeout=60) as answer:  # noqa: S310 - our own panel
        text: str = answer.read().decode()
        return text
