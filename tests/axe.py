"""Accessibility of a page as axe-core sees it (WCAG 2.0 to 2.2, levels A and AA, and best practices)."""

from __future__ import annotations

from functools import cache

from playwright.sync_api import Page

from tests.checks.files import ROOT

SOURCE = ROOT / "node_modules/axe-core/axe.min.js"
RUN = """async () => {
  const found = await axe.run(document, {resultTypes: ["violations"]});
  return found.violations.flatMap(rule => rule.nodes.map(
    node => `${rule.id} (${rule.impact}): ${rule.help}: ${node.html.slice(0, 200)}`));
}"""


def violations(page: Page) -> list[str]:
    """Return one line for each element that breaks a rule; none is what a page must have.

    The script is given to the browser's debugger, not to the page, so the page's content security policy stays on.
    """
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(_source())
    return [str(line) for line in page.evaluate(RUN)]


@cache
def _source() -> str:
    return SOURCE.read_text(encoding="utf-8")
