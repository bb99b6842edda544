"""Filling in the panel's forms without scripts, as a browser would send them."""

from __future__ import annotations

import re
from typing import Any

from flask.testing import FlaskClient
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from panel.kernel.db import Base, db
from tests.web.site import token_in


def send(client: FlaskClient, path: str, fields: dict[str, Any] | None = None) -> TestResponse:
    """Open ``path`` and send the form on it with ``fields``; return the answer, redirects not followed."""
    page = client.get(path)
    assert page.status_code == 200, f"{path} answered {page.status_code}"
    return client.post(path, data={"csrf_token": token_in(page.text), **(fields or {})})


def rows_of_everything() -> dict[str, int]:
    """How many rows each table has: what was refused must have left them as they were."""
    db.session.rollback()
    return {
        table.name: db.session.scalar(select(func.count()).select_from(table)) or 0
        for table in Base.metadata.sorted_tables
        if table.name not in ("user_sessions", "staff_looks")  # signing in and looking are rows by themselves
    }


def fields_at_fault(page: str) -> set[str]:
    """The fields that the summary links to; each of them must also say itself that it is wrong."""
    summary = re.search(r'id="error-summary".*?</div>', page, re.DOTALL)
    assert summary is not None, "no summary of errors"
    linked = set(re.findall(r'href="#([^"]+)"', summary.group()))
    for name in linked:
        assert f'id="{name}-error"' in page, name
        element = re.search(rf'<(\w+)[^>]*\sid="{re.escape(name)}"[^>]*>', page)
        assert element is not None, name
        assert element.group(1) == "fieldset" or "aria-invalid" in element.group(), name
    return linked
