"""Samples, what they come to, and on what machine they were taken."""

from __future__ import annotations

import json
import math
import os
import platform
import statistics
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Figure:
    """One line of the table: seconds that were measured, and the most they may be (None: no promise)."""

    name: str
    samples: tuple[float, ...]
    median_max: float | None = None
    p95_max: float | None = None
    note: str = ""

    @property
    def median(self) -> float:
        """The middle of the samples, in seconds."""
        return statistics.median(self.samples)

    @property
    def p95(self) -> float:
        """The sample below which 95 of 100 lie (nearest rank), in seconds."""
        ordered = sorted(self.samples)
        return ordered[math.ceil(0.95 * len(ordered)) - 1]

    @property
    def kept(self) -> bool:
        """Whether what was promised was kept."""
        return (self.median_max is None or self.median <= self.median_max) and (
            self.p95_max is None or self.p95 <= self.p95_max
        )

    def as_row(self) -> dict[str, Any]:
        """Give the line as JSON, in milliseconds."""
        return {
            "name": self.name,
            "n": len(self.samples),
            "median_ms": round(self.median * 1000, 1),
            "p95_ms": round(self.p95 * 1000, 1),
            "min_ms": round(min(self.samples) * 1000, 1),
            "max_ms": round(max(self.samples) * 1000, 1),
            "median_max_ms": None if self.median_max is None else round(self.median_max * 1000, 1),
            "p95_max_ms": None if self.p95_max is None else round(self.p95_max * 1000, 1),
            "kept": self.kept,
            "note": self.note,
        }


@dataclass(frozen=True)
class Reading:
    """One line of the table that is no time: an amount of ``unit``; ``least`` or ``most`` of it were promised."""

    name: str
    value: float
    unit: str
    least: float | None = None
    most: float | None = None
    note: str = ""

    @property
    def kept(self) -> bool:
        """Whether what was promised was kept."""
        return (self.least is None or self.value >= self.least) and (self.most is None or self.value <= self.most)

    def as_row(self) -> dict[str, Any]:
        """Give the line as JSON."""
        return {"name": self.name, "value": round(self.value, 1), "unit": self.unit, "least": self.least,
                "most": self.most, "kept": self.kept, "note": self.note}  # fmt: skip


Line = Figure | Reading


def machine(root: Path) -> dict[str, Any]:
    """Describe the machine and the file system the lab's data lie on."""
    mount = ["findmnt", "--noheadings", "--output", "FSTYPE,SOURCE", "--target", str(root)]
    done = subprocess.run(mount, capture_output=True, text=True, timeout=10, check=False)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gib": round(memory / 2**30, 1),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "file_system": " ".join(done.stdout.split()) or "unknown",
        "load_before": round(os.getloadavg()[0], 2),
    }


def table(figures: Sequence[Line]) -> str:
    """Lay the figures out for a terminal."""
    lines = [f"{'':52} {'n':>6} {'median':>10} {'p95':>10}  promised"]
    lines += [f"{figure.name:52} {_measured(figure)}  {_verdict(figure)}" for figure in figures]
    return "\n".join(lines)


def write(figures: Sequence[Line], about: dict[str, Any], folder: Path) -> Path:
    """Write table and machine as JSON, named by the time; return the path."""
    folder.mkdir(parents=True, exist_ok=True)
    now = datetime.now(UTC)
    path = folder / f"{now:%Y%m%dT%H%M%SZ}.json"
    content = {"at": now.isoformat(timespec="seconds"), "machine": about, "figures": [f.as_row() for f in figures]}
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return path


def _measured(figure: Line) -> str:
    if isinstance(figure, Reading):
        return f"{'':>6} {figure.value:>10.1f} {figure.unit:<10}"
    return f"{len(figure.samples):>6} {figure.median * 1000:>7.1f} ms {figure.p95 * 1000:>7.1f} ms"


def _verdict(figure: Line) -> str:
    if isinstance(figure, Reading):
        limits = [(f"≥ {figure.least}", figure.least), (f"≤ {figure.most}", figure.most)]
    else:
        pairs = (("median", figure.median_max), ("p95", figure.p95_max))
        limits = [(f"{name} ≤ {(limit or 0) * 1000:.0f} ms", limit) for name, limit in pairs]
    promised = ", ".join(words for words, limit in limits if limit is not None)
    words = [f"{promised}: {'kept' if figure.kept else 'NOT KEPT'}" if promised else "", figure.note]
    return "; ".join(word for word in words if word)


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
