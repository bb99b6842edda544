"""Samples, what they come to, and on what machine they were taken."""

from __future__ import annotations

import json
import math
import os
import platform
import statistics
import subprocess
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


def table(figures: list[Figure]) -> str:
    """Lay the figures out for a terminal."""
    lines = [f"{'':52} {'n':>6} {'median':>10} {'p95':>10}  promised"]
    for figure in figures:
        measured = f"{len(figure.samples):>6} {figure.median * 1000:>7.1f} ms {figure.p95 * 1000:>7.1f} ms"
        lines.append(f"{figure.name:52} {measured}  {_verdict(figure)}")
    return "\n".join(lines)


def write(figures: list[Figure], about: dict[str, Any], folder: Path) -> Path:
    """Write table and machine as JSON, named by the time; return the path."""
    folder.mkdir(parents=True, exist_ok=True)
    now = datetime.now(UTC)
    path = folder / f"{now:%Y%m%dT%H%M%SZ}.json"
    content = {"at": now.isoformat(timespec="seconds"), "machine": about, "figures": [f.as_row() for f in figures]}
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return path


def _verdict(figure: Figure) -> str:
    limits = (("median", figure.median_max), ("p95", figure.p95_max))
    promised = ", ".join(f"{name} ≤ {limit * 1000:.0f} ms" for name, limit in limits if limit is not None)
    words = [f"{promised}: {'kept' if figure.kept else 'NOT KEPT'}" if promised else "", figure.note]
    return "; ".join(word for word in words if word)


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
