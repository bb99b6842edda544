"""A whole panel for end-to-end tests and measurements: made from nothing, gone afterwards."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from panel.cli.running import RunningPanel
from provisioning.lab.fleet import DEFAULT_FLEET, NodeSpec
from tests.checks.files import ROOT
from tests.nodes import free_lab_name


@contextmanager
def fresh_panel(
    kind: str, *, fleet: Sequence[NodeSpec] = DEFAULT_FLEET, progress: Callable[[str], None] = print
) -> Iterator[RunningPanel]:
    """Start a panel with a lab of its own, named after ``kind``; leave nothing running and nothing on disk but logs."""
    with free_lab_name(ROOT / "var/lab", first=kind) as name:
        panel = RunningPanel(ROOT, name, fleet=fleet, progress=progress)
        _forget(panel)
        try:
            panel.start()
            yield panel
        finally:
            panel.stop()
            _forget(panel)


def _forget(panel: RunningPanel) -> None:
    panel.lab.destroy()
    shutil.rmtree(ROOT / panel.data_dir, ignore_errors=True)
    panel.facts_path.unlink(missing_ok=True)
