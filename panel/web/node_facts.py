"""What the page of a node shows of its health and of its agent's program."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from panel.kernel.i18n import _
from panel.ledger.nodes import Node
from panel.web.filters import number
from panel.wording.names import size
from provisioning.agent.build import build_zipapp

_MB = 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Gauge:
    """One bar: how much of what is used, in figures and in words."""

    label: str
    used: float
    granted: float
    used_text: str
    granted_text: str


def gauges(node: Node) -> list[Gauge]:
    """Load, memory and disks as bars; empty where the node has not told yet."""
    told = node.health
    if told is None:
        return []
    memory = told["memory"]
    load = Gauge(
        label=_("Load of the last minute, against processors"), used=told["load"][0], granted=told["cpus"],
        used_text=f"{told['load'][0]:.2f}".replace(".", ","), granted_text=number(told["cpus"]),
    )  # fmt: skip
    return [
        load,
        _space(_("Memory"), memory["total"] - memory["available"], memory["total"]),
        *(
            _space(_("Disk %(path)s", path=one["path"]), one["total"] - one["free"], one["total"])
            for one in told["disks"]
        ),
    ]


def program_state(node: Node) -> str:
    """Whether the agent is the one this panel would install: *current*, *other*, or *unknown*."""
    if not node.agent_version:
        return "unknown"
    return "current" if own_program().startswith(node.agent_version) else "other"


@lru_cache(maxsize=1)
def own_program() -> str:
    """The digest of the agent's program as this panel builds it; a second's work, once for each process."""
    with tempfile.TemporaryDirectory() as folder:
        return build_zipapp(Path(folder) / "agent.pyz")


def _space(label: str, used: int, total: int) -> Gauge:
    return Gauge(label=label, used=used, granted=total, used_text=size(used // _MB), granted_text=size(total // _MB))
