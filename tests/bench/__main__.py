"""Start a panel of its own, measure, print the table, write JSON; exit 1 where a promise was not kept."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace

from panel.cli.running import RunningPanel
from tests.bench import imports, lists, mailboxes, many_nodes, records, recovery, rights, serving, usage, zones
from tests.bench.figures import Line, machine, table, write
from tests.checks.files import ROOT
from tests.panels import fresh_panel


def main() -> int:
    """Run the benches; the lab is removed at the end, whatever happens."""
    options = _options()
    about = machine(ROOT)
    with fresh_panel("bench", progress=_say) as panel:
        figures = _measure(panel, options)
    if options.nodes:
        figures += many_nodes.sweeps(nodes=options.nodes, progress=_say)
    figures += zones.zones(n=options.n, many=options.zones, progress=_say)
    figures += rights.rights(n=options.n)
    figures += records.records()
    figures += usage.usage()
    figures += imports.imports()
    if options.listed:
        figures += lists.lists(count=options.listed)
    path = write(figures, about, ROOT / "var/bench")
    print(f"\n{', '.join(f'{key} {value}' for key, value in about.items())}\n\n{table(figures)}\n\nJSON: {path}")
    return 0 if all(figure.kept for figure in figures) else 1


def _measure(panel: RunningPanel, options: argparse.Namespace) -> list[Line]:
    where = mailboxes.place(panel.facts)
    alone = mailboxes.one_mailbox(where, n=options.n, name="one mailbox")
    if not options.mailboxes:
        return [*alone, *serving.memory(panel), *serving.rates(panel, where, serving.sign_in(panel.facts))]
    filled = [mailboxes.fill(where, count=mailboxes.BATCH, seconds_max=mailboxes.BATCH_SECONDS_MAX, progress=_say)]
    there = mailboxes.BATCH + options.mailboxes
    most = mailboxes.MANY_SECONDS_MAX * max(1, options.mailboxes / 100_000)
    filled += [mailboxes.fill(where, count=options.mailboxes, seconds_max=most, progress=_say)]
    limit = alone[1].median * mailboxes.RATIO_MAX
    among = mailboxes.one_mailbox(where, n=options.n, name=f"one among {there:,}", median_max=limit)
    ratio = among[1].median / alone[1].median
    figures: list[Line] = [*alone, *filled, among[0], replace(among[1], note=f"{ratio:.2f} times the median alone")]
    cookie = serving.sign_in(panel.facts)
    figures += [*serving.memory(panel), *serving.pages(panel, where, cookie), *serving.rates(panel, where, cookie)]
    figures.append(recovery.drift(where, name=f"a look for drift among {there:,}"))
    figures.append(recovery.takeover(panel, where, progress=_say))
    return [*figures, *recovery.rebuild(panel, where, name=f"an empty node for {there:,}")]


def _say(line: str) -> None:
    print(f"  {line}", flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("-n", type=int, default=50, help="how often each thing is measured")
    parser.add_argument(
        "--mailboxes", type=int, default=100_000, help="how many there are for the second half; 0: none"
    )
    parser.add_argument(
        "--listed", type=int, default=1_000_000, help="among how many mailboxes lists and searches are; 0: none"
    )
    parser.add_argument("--nodes", type=int, default=1_000, help="how many nodes the sweep goes over; 0: none")
    parser.add_argument("--zones", type=int, default=10_000, help="how many zones there are at once, each way; 0: none")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
