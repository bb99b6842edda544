"""Pages in a real browser, over small databases: one that is empty and one that is full, for all tests of a module."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from panel.identity.models import User
from tests.web.site import Site, served, small_site


@dataclass
class Place:
    """A site at its address, and browser windows signed in to it."""

    site: Site
    url: str
    browser: Browser
    _kept: dict[str, Page] = field(default_factory=dict)

    def kept_page(self, language: str) -> Page:
        """One page of the administrator for each language, for tests that only look: a new one costs a second."""
        if language not in self._kept:
            self._kept[language] = self.window(self.site.admin, language=language).new_page()
        return self._kept[language]

    def window(self, user: User | None, *, language: str = "pl", width: int = 1280, **more: str) -> BrowserContext:
        """A fresh profile in which ``user`` is signed in."""
        size = {"width": width, "height": 900}
        context = self.browser.new_context(viewport=size, locale=language, **more)  # type: ignore[arg-type]  # sizes
        with self.site.world.app.app_context():  # another site may have been opened after this one
            cookie = self.site.client(user, language=language, fresh=True).get_cookie("cis_session")
        assert cookie is not None
        context.add_cookies([{"name": "cis_session", "value": cookie.value, "url": self.url}])
        return context

    def close(self) -> None:
        """Close what was kept."""
        for page in self._kept.values():
            page.context.close()


@pytest.fixture(scope="module")
def full(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with small_site(tmp_path_factory.mktemp("full"), full=True) as site, served(site) as url:
        place = Place(site, url, chromium)
        yield place
        place.close()


@pytest.fixture(scope="module")
def empty(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with small_site(tmp_path_factory.mktemp("empty")) as site, served(site) as url:
        place = Place(site, url, chromium)
        yield place
        place.close()
