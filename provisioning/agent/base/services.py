"""Have services run now and after each boot: by systemd where there is one, else by the host's boot list.

The boot list is /etc/cis/boot.d: executable scripts run in the order of their names. A lab host has no systemd and
runs the list at boot; nothing else on it starts services.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from provisioning.agent.base.commands import run
from provisioning.agent.base.placing import make_folder, place

BOOT_LIST = Path("/etc/cis/boot.d")
_SYSTEMD = Path("/run/systemd/system")
_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Service:
    """A service under both regimes.

    ``unit`` is systemd's name; ``order`` and ``start`` make the line of the boot list; the service runs if
    ``pid_file`` names a process called ``process``; ``reload`` is the
    service's own command for reading its configuration again.
    """

    name: str
    unit: str
    order: int
    start: tuple[str, ...]
    pid_file: Path | None = None
    process: str = ""
    reload: tuple[str, ...] = ()

    def running(self) -> bool:
        """Whether the service's process is there."""
        try:
            pid = int(self.pid_file.read_text()) if self.pid_file else 0
            return bool(pid) and Path(f"/proc/{pid}/comm").read_text().strip() == self.process
        except (OSError, ValueError):
            return False


def has_systemd() -> bool:
    """Whether systemd is this host's init (sd_booted(3))."""
    return _SYSTEMD.is_dir()


def keep_running(service: Service) -> None:
    """Start ``service``, or make it read its configuration again if it runs, and have it start at boot."""
    was_running = service.running()
    enable(service)
    if was_running and service.reload:
        run(list(service.reload), timeout=_SECONDS)
    elif not was_running:
        start(service)


def enable(service: Service) -> None:
    """Have ``service`` start at boot, and leave it now as it is."""
    if has_systemd():
        run(["systemctl", "enable", service.unit], timeout=_SECONDS)
    else:
        _list_for_boot(service)


def start(service: Service) -> None:
    """Start ``service``; under systemd one that runs is started anew. Raises SetupFailed."""
    command = ["systemctl", "restart", service.unit] if has_systemd() else [str(_script(service))]
    run(command, timeout=_SECONDS)


def _list_for_boot(service: Service) -> None:
    make_folder(BOOT_LIST)
    *before, last = service.start
    lines = ["#!/bin/sh", f"# {service.name}, written by enrolment.", *before, f"exec {last}", ""]
    place(_script(service), "\n".join(lines).encode(), 0o755)


def _script(service: Service) -> Path:
    return BOOT_LIST / f"{service.order:02d}-{service.name}"
