"""What is wrong, or looks wrong, with a whole zone before it goes out. Pure: what lies around is handed in.

One record for itself is checked in ``panel.dns.records``. A rule is a function over a ``View`` in the module of its
subject; its codes stand in ``codes`` with their level and in ``panel.wording.zone_lint`` with their words.
"""

from __future__ import annotations

from panel.dns.lint.linting import lint
from panel.dns.lint.remarks import Around, Remark

__all__ = ["Around", "Remark", "lint"]
