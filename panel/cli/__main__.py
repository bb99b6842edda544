"""``python -m panel.cli``: what ``cis`` is."""

from panel.cli import cis

cis(prog_name="cis")
