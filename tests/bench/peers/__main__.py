"""Do the same work with the panel and with its peers, print what each took and the ratios, write JSON.

All run on the same lab node in the same run. The panel's times end when it has seen each mailbox working from outside;
the peers' end when their program ends. No password is hashed by anybody: the peers are given hashes, the panel sends
its holders links.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from panel.cli.running import RunningPanel
from tests.bench.figures import Figure, machine, table, write
from tests.bench.mailboxes import Place, place
from tests.bench.peers import modoboa, ours
from tests.bench.peers.appliers import Ansible, Applier, Pyinfra
from tests.bench.peers.node import PeerNode, accounts, assert_working, prepare
from tests.checks.files import ROOT
from tests.panels import fresh_panel
from tests.programs import environment

HERE = Path(__file__).parent
SIZES = (1, 10, 100)
IMPORTS = (1, 100, 1_000)


def main() -> int:
    """Run everything; the lab is removed at the end, whatever happens."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.peers", description=__doc__)
    parser.add_argument("-n", type=int, default=5, help="how often each thing is measured")
    n = parser.parse_args().n
    about = machine(ROOT)
    appliers = environment(HERE / "appliers.lock", root=ROOT, progress=_say)
    imports = environment(HERE / "modoboa.lock", root=ROOT, progress=_say)
    with fresh_panel("peers", progress=_say) as panel, _folder() as folder:
        where = place(panel.facts)
        figures = _applied(panel, where, appliers, folder, n)
        figures += _imported(where, imports, folder, n)
    path = write(figures, about, ROOT / "var/bench")
    print(f"\n{', '.join(f'{key} {value}' for key, value in about.items())}\n\n{table(figures)}\n\nJSON: {path}")
    return 0


def _applied(panel: RunningPanel, where: Place, programs: Path, folder: Path, n: int) -> list[Figure]:
    node = prepare(panel.lab, folder)
    peers: list[Applier] = [Ansible(programs, node, folder), Pyinfra(programs, node, folder)]
    figures = []
    for size in SIZES:
        measured = ours.applied(where, size=size, n=n)
        figures += measured
        for peer in peers:
            _say(f"{peer.name}: {size}")
            runs = [_rounds(peer, node, size) for _ in range(n)]
            names = ("first apply", "again, nothing to do", "one more")
            figures += [
                _beside(mine, Figure(f"{peer.name}: {size}, {name}", samples))
                for mine, name, samples in zip(measured, names, zip(*runs, strict=True), strict=True)
            ]
    return figures


def _rounds(peer: Applier, node: PeerNode, size: int) -> tuple[float, float, float]:
    peer.apply([])
    wanted = accounts(size)
    first, again, more = peer.apply(wanted), peer.apply(wanted), peer.apply(accounts(size + 1))
    assert_working(node, accounts(size + 1))
    return first, again, more


def _imported(where: Place, programs: Path, folder: Path, n: int) -> list[Figure]:
    figures = []
    with modoboa.installed(programs, folder) as peer:
        first = 0
        for size in IMPORTS:
            _say(f"Modoboa: {size}")
            times = min(n, 2) if size >= IMPORTS[-1] else n
            mine = ours.made(where, size=size, n=times)
            samples = []
            for _ in range(times):
                samples.append(peer.run_import(accounts(size, first=first)))
                first += size
            figures += [mine, _beside(mine, Figure(f"Modoboa: import of {size}", tuple(samples)))]
    return figures


def _beside(mine: Figure, peer: Figure) -> Figure:
    ratio = statistics.median(peer.samples) / mine.median
    return replace(peer, note=f"{ratio:.1f} times the panel's")


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="peers-") as folder:  # short: ssh keeps its sockets in it
        yield Path(folder)


def _say(line: str) -> None:
    print(f"  {line}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
