"""``cis run``: everything from nothing to a mailbox and a zone seen working, then the panel until Ctrl-C."""

from __future__ import annotations

import json
import os
import secrets
import signal
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import click

from panel.cli.running import RunFailed, RunningPanel
from provisioning.lab import WHOLE_FLEET, LabError
from provisioning.lab.fleet import RESOLVER, RESOLVER_HOST

ROOT = Path(__file__).resolve().parents[2]
DEMO_MEMBER = "miasto-koscian"
_WAIT_SECONDS = 30


@click.command()
@click.option("--once", is_flag=True, help="Stop after the main job instead of waiting for Ctrl-C.")
def run(*, once: bool) -> None:
    """Start lab, panel and worker, do the main job once for real, and say where to look."""
    if os.geteuid() != 0:
        raise click.ClickException("lab hosts are real hosts: this takes root (try sudo)")
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set() if panel.processes else sys.exit(130))
    panel = RunningPanel(ROOT, fleet=WHOLE_FLEET, progress=lambda line: click.echo(f"  {line}"))
    try:
        facts = panel.start()
        mailbox, zone = _main_job(facts), _zone_job(panel)
        _say(facts, mailbox, zone | {"names": _names(panel)})
        if once:
            _require_active(zone)
        while not once and not stopped.wait(1.0):
            _require_alive(panel)
    except (RunFailed, LabError) as error:
        raise click.ClickException(str(error)) from error
    finally:
        click.echo("Stopping.")
        panel.stop()


def _main_job(facts: dict[str, Any]) -> dict[str, Any]:
    """Ask for a mailbox as any program would, and wait until it was seen working."""
    api = f"{facts['panel_url']}/api/v1"
    (member,) = _call(facts, "GET", f"{api}/members?search={DEMO_MEMBER}")["items"]
    address = f"pokaz.{secrets.token_hex(3)}@info.wokiss.pl"
    begun = time.monotonic()
    mailbox = _call(
        facts, "POST", f"{api}/mailboxes", {"member_id": member["id"], "address": address, "quota_mb": 1024}
    )
    mailbox["took_ms"] = round((time.monotonic() - begun) * 1000)
    if mailbox["state"] != "active":
        raise RunFailed(
            f"{address} is {mailbox['state']}, not active: {json.dumps(mailbox.get('problem'), ensure_ascii=False)}"
        )
    mailbox["member"] = member["name"]
    return mailbox


def _zone_job(panel: RunningPanel) -> dict[str, Any]:
    """Have a zone made, signed, transferred and answered by both name servers."""
    click.echo("  a zone: waiting until all name servers answer it, two minutes at most")
    return dict(json.loads(panel.run_as_panel("demo-zone", "demo", "zone", DEMO_MEMBER)))


def _names(panel: RunningPanel) -> str:
    """What the lab's resolver says of the nodes' own names, which are records of a zone of the panel's."""
    names = [node.hostname for node in panel.lab.state().nodes.values() if RESOLVER not in node.roles]
    done = panel.lab.exec(RESOLVER_HOST, ["getent", "ahostsv4", *names], timeout=_WAIT_SECONDS)
    found = dict(line.split()[::2] for line in done.stdout.decode().splitlines() if len(line.split()) == 3)
    told = {name: address for address, name in found.items()}
    return ", ".join(f"{name} is {told.get(name, 'not known yet')}" for name in names) + ", says the lab's resolver"


def _call(facts: dict[str, Any], method: str, url: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    headers = {
        "Authorization": f"Bearer {facts['api_token']}",
        "Prefer": f"wait={_WAIT_SECONDS}",
        "Content-Type": "application/json",
    }
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, headers=headers, method=method)  # noqa: S310 - the panel just started
    try:
        with urllib.request.urlopen(request, timeout=_WAIT_SECONDS + 10) as answer:  # noqa: S310 - as above
            return dict(json.load(answer))
    except urllib.error.HTTPError as error:
        raise RunFailed(f"{method} {url}: {error.code} {error.read().decode(errors='replace')[:500]}") from error


def _require_active(zone: dict[str, Any]) -> None:
    if zone["state"] != "active":
        raise RunFailed(f"{zone['name']} is {zone['state']}, not active")


def _require_alive(panel: RunningPanel) -> None:
    for process in panel.processes.values():
        if process.poll() is not None:
            raise RunFailed(f"{process.name} ended by itself; see {process.log_path}")


def _say(facts: dict[str, Any], mailbox: dict[str, Any], zone: dict[str, Any]) -> None:
    link = mailbox.get("activation", {}).get("link", "")
    answers = ", ".join(f"{name} with serial {serial}" for name, serial in zone["answers"].items())
    proof = f"seen from outside at {zone['seen_at']}: answered by {answers}"
    if zone["state"] != "active":
        proof = _not_yet(zone)
    click.echo(
        f"""
  CIS Panel is running.

    Panel           {facts["panel_url"]}
    Administrator   {facts["admin_email"]}
    Password        {facts["admin_password"]}
    TOTP secret     {facts["admin_totp"]}
    For scripts     var/lab.json (address, token, nodes)

  Done once for real, for {mailbox["member"]}:

    Mailbox         {mailbox["address"]}: {mailbox["state"]}
    Proof           seen from outside at {mailbox["seen_at"]} ({mailbox["seen_how"]}): sent by SMTP, read by IMAPS
    Took            {mailbox["took_ms"]} ms from the request to the proof
    First password  {link}
    Zone            {zone["name"]}: {zone["state"]}, {"signed" if zone["dnssec"] else "unsigned"}
    Proof           {proof}
    Names           {zone["names"]}

  Ctrl-C stops everything; the data stays."""
    )


def _not_yet(zone: dict[str, Any]) -> str:
    """What is missing, in the words of whoever looked, and where more is told."""
    problem = zone["problem"]
    words = f"{problem['message']} ({problem['code']})" if problem else "the worker has not come to it"
    return f"""not yet: {words}
                    It goes on being tried. What happened: var/log/main/worker.log, and on the servers
                    cis lab exec ns1 -- tail -n 40 /var/log/syslog (and ns2)"""
