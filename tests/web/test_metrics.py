"""What machines read: figures that Prometheus understands, for whom they are meant, and cheap however much there is."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import event, text, update

from config import Settings, SettingsError
from panel.engine.health import read_health
from panel.kernel.db import database_now, db, unit_of_work, utcnow
from panel.ledger.alarms import raise_alarm
from panel.ledger.closings import close
from panel.ledger.nodes import Node
from panel.ledger.workers import end_sign, show_sign, workers_alive
from panel.wiring import HUEY
from tests.web.site import Site

HEALTH = {
    "load": [0.5, 0.4, 0.3],
    "cpus": 2,
    "memory": {"total": 4 << 30, "available": 1 << 30},
    "disks": [{"path": "/", "total": 100 << 30, "free": 20 << 30}, {"path": "/", "total": 1, "free": 1}],
    "queue": {"active": 1, "deferred": 7},
    "certificate_expires_at": "2027-01-01T00:00:00+00:00",
    "uptime_seconds": 86400,
    "time": "2026-11-23T08:00:00.000+00:00",
    "surprise": "x" * 1000,
}


def test_prometheus_understands_every_figure(full_site: Site) -> None:
    _fill(full_site)
    answer = full_site.client().get("/metrics")
    assert answer.status_code == 200
    found = _read(answer.text)
    assert found["cis_jobs", "queued"] >= found["cis_jobs", "running"] == found["cis_jobs", "waiting_approval"] == 1
    assert found["cis_job_oldest_queued_seconds",] >= 0
    assert found["cis_jobs_failed_last_day",] == 1
    assert (found["cis_messages", "queued"], found["cis_message_oldest_queued_seconds",]) == (0, 0)
    assert found["cis_node_up", "mail2"] == 0
    assert found["cis_node_up", "mail1"] == 1
    assert found["cis_node_problem", "mail2", "unreachable"] == 1
    assert 50 < found["cis_node_last_seen_seconds", "mail1"] < 70
    assert 25 < found["cis_node_lease_seconds", "host:1:abc", "mail1"] <= 30
    assert found["cis_node_load1", "mail1"] == 0.5
    assert found["cis_node_disk_free_bytes", "/", "mail1"] == 1
    assert found["cis_node_mail_queue", "deferred", "mail1"] == 7
    assert found["cis_node_certificate_seconds", "mail1"] > 0
    assert found["cis_node_differences_open", "mail1"] == 5
    assert found["cis_resources_unsettled", "failed", "mailbox"] == 1
    assert found["cis_resources_unsettled", "drifted", "mailbox"] == 1
    assert found["cis_resources_unsettled", "applying", "mailbox"] == 1
    assert found["cis_resources_not_seen", "mailbox"] == 0
    assert found["cis_alarms_open", "drift_open"] == 1
    assert found["cis_workers_alive",] == 2


def test_no_figure_stands_there_twice_and_names_nobody(full_site: Site) -> None:
    _fill(full_site)
    page = full_site.client().get("/metrics").text
    samples = [line.rpartition(" ")[0] for line in page.splitlines() if not line.startswith("#")]
    assert len(samples) == len(set(samples))
    assert "info.wokiss.pl" not in page
    assert "Kościan" not in page


@pytest.mark.parametrize(
    ("networks", "address", "headers", "status"),
    [
        ("127.0.0.0/8,::1/128", "127.0.0.1", {}, 200),
        ("127.0.0.0/8,::1/128", "::ffff:127.0.0.1", {}, 200),
        ("127.0.0.0/8,::1/128", "192.0.2.9", {}, 404),
        ("192.0.2.0/24", "192.0.2.9", {}, 200),
        ("192.0.2.0/24", "127.0.0.1", {}, 404),
        ("127.0.0.0/8", "127.0.0.1", {"X-Forwarded-For": "127.0.0.1"}, 404),
        ("127.0.0.0/8", "127.0.0.1", {"Forwarded": "for=203.0.113.1"}, 404),
    ],
)
def test_only_the_networks_named_are_let_in_and_none_through_a_proxy(
    site: Site, networks: str, address: str, headers: dict[str, str], status: int
) -> None:
    settings = site.world.app.config["CIS"]
    object.__setattr__(settings, "metrics_networks", networks)
    answer = site.client().get("/metrics", headers=headers, environ_base={"REMOTE_ADDR": address})
    assert answer.status_code == status


def test_a_setting_that_names_no_network_stops_the_start() -> None:
    with pytest.raises(SettingsError, match="CIS_METRICS_NETWORKS"):
        Settings.from_environment({"CIS_METRICS_NETWORKS": "127.0.0.1/8,everybody"})


def test_the_figures_read_no_table_of_resources_from_end_to_end(full_site: Site) -> None:
    """What is well is not counted: the plan of every statement about resources uses an index of what is not."""
    statements: list[tuple[str, Any]] = []
    with_plan = event.listens_for(db.engine, "before_cursor_execute")

    @with_plan
    def _note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_rest: Any) -> None:
        statements.append((statement, parameters))

    full_site.client().get("/metrics")
    event.remove(db.engine, "before_cursor_execute", _note)
    plans = []
    for statement, parameters in [one for one in statements if " mailboxes" in one[0]]:
        rows = db.session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
        plans += [row[3] for row in rows if "mailboxes" in row[3]]
    assert plans
    assert all("ix_mailboxes_due" in plan or "ix_mailboxes_problem" in plan for plan in plans), plans


def test_ready_tells_of_database_queue_workers_and_nodes(full_site: Site) -> None:
    show_sign("host:1", seconds=30)
    told: Any = full_site.client().get("/readyz").json
    assert told.pop("jobs_waiting") >= 1
    assert told == {
        "database": "ok",
        "queue": "ok",
        "engine": "open",
        "workers": 2,
        "nodes": {"well": 1, "troubled": 1},
    }


def test_ready_outlives_the_doorbell_but_not_the_database(full_site: Site, tmp_path: Path) -> None:
    app = full_site.world.app
    app.extensions[HUEY].storage.filename = str(tmp_path / "no/such/folder")
    app.extensions[HUEY].storage.close()
    with unit_of_work():
        close("restored")
    answer = full_site.client().get("/readyz")
    assert (answer.status_code, answer.json["queue"], answer.json["engine"]) == (200, "unavailable", "closed")  # type: ignore[index]  # JSON
    with unit_of_work():
        db.session.execute(text("ALTER TABLE jobs RENAME TO gone"))
    answer = full_site.client().get("/readyz")
    assert (answer.status_code, answer.json["database"]) == (503, "unavailable")  # type: ignore[index]  # JSON


def test_a_worker_that_gives_no_sign_is_not_counted(site: Site) -> None:
    show_sign("host:1", seconds=10)
    show_sign("host:1", seconds=10)
    show_sign("host:2", seconds=10)
    assert workers_alive() == 3
    with unit_of_work():
        db.session.execute(text("UPDATE workers SET seen_at = :then WHERE name = 'host:2'"), {"then": _past(40)})
    assert workers_alive() == 2
    end_sign("host:1")
    assert workers_alive() == 1


@pytest.mark.parametrize(
    "told", [{}, HEALTH | {"load": ["much"]}, HEALTH | {"disks": 7}, HEALTH | {"certificate_expires_at": "soon"}]
)
def test_what_is_no_health_is_not_kept(told: dict[str, Any]) -> None:
    with pytest.raises((KeyError, TypeError, ValueError, IndexError)):
        read_health(told)


def test_health_is_kept_without_what_nobody_asked_for() -> None:
    assert "surprise" not in read_health(HEALTH)


def _fill(site: Site) -> None:
    show_sign("host:1", seconds=30)
    lease = {"lease_owner": "host:1:abc", "lease_expires_at": database_now(30), "last_seen_at": database_now(-60)}
    values = {"health": read_health(HEALTH), "health_at": database_now(), **lease}
    with unit_of_work():
        raise_alarm("k", "drift_open", None, number=1)
        db.session.execute(update(Node).where(Node.id == site.world.node.id).values(**values))


def _read(page: str) -> dict[tuple[str, ...], float]:
    """Samples by name and the values of their labels."""
    return {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
    }


def _past(seconds: int) -> str:
    return (utcnow() - timedelta(seconds=seconds)).strftime("%Y-%m-%d %H:%M:%S.%f")
