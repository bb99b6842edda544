"""Pages of imports: from the file to the report, and what is kept when something is refused."""

from __future__ import annotations

import io
import re

from panel.imports.committing import carry_out_imports
from panel.kernel.access import SYSTEM
from tests.web.site import Site, token_in


def test_a_clerk_uploads_corrects_the_columns_carries_out_and_reads_the_report(site: Site) -> None:
    client = site.client(site.clerk)
    page = client.get("/imports/new").text
    assert "Co zawiera" in page
    assert 'value="members"' not in page  # members are the association's to take in
    token = token_in(page)
    refused = client.post("/imports/new", data={"csrf_token": token, "kind": "mailboxes"})
    assert (refused.status_code, "Ten plik jest pusty" in refused.text) == (422, True)
    content = b"kto;co\nmiasto-koscian.ola;5\nobcy;6\n<b>;x\n"
    sent = {"csrf_token": token, "kind": "mailboxes", "file": (io.BytesIO(content), "C:\\dane\\../<i>lista.csv")}
    shown = client.post("/imports/new", data=sent, follow_redirects=True)
    path = shown.request.path
    assert "Wskaż, w której kolumnie to jest" in shown.text
    assert "&lt;i&gt;lista.csv" in shown.text
    columns = {"csrf_token": token, "field_address": "kto", "field_quota_mb": "kto"}
    twice = client.post(f"{path}/columns", data=columns)
    assert (twice.status_code, "dwóch rzeczy" in twice.text) == (422, True)
    shown = client.post(f"{path}/columns", data=columns | {"field_quota_mb": "co"}, follow_redirects=True)
    assert re.findall(r"zostanie utworzone|obcy to nie", shown.text)[:1] == ["zostanie utworzone"]
    errors = client.get(f"{path}?verdict=error&search=obcy").text
    assert ("obcy" in errors, "miasto-koscian.ola" in errors) == (True, False)
    plan = client.get(f"{path}/commit").text
    assert "1 wiersz: pozycja zostanie utworzona." in plan
    assert "2 wiersze z błędami zostaną pominięte." in plan
    running = client.post(f"{path}/commit", data={"csrf_token": token}, follow_redirects=True)
    assert "w toku" in running.text
    carry_out_imports(SYSTEM)
    done = client.get(path).text
    assert done.count("wykonane") > 1
    links = {"csrf_token": token, "action": "activation", "import": path.rpartition("/")[2], "from_line": "2"}
    assert "Odnośnik dla 1 nowej skrzynki" in done
    asked = client.post("/mail/changes", data=links).text
    assert "miasto-koscian.ola@" in asked
    digest = asked.split('name="digest" value="')[1].split('"')[0]
    file = client.post("/mail/changes", data=links | {"digest": digest})
    assert [line.partition(";")[0] for line in file.text.splitlines()[1:]] == ["miasto-koscian.ola@info.wokiss.pl"]
    assert client.post("/mail/changes", data=links | {"from_line": "3"}).location == path, "nothing was made there"
    report = client.get(f"{path}/report.csv")
    assert report.text.splitlines()[:2] == ["\ufeffkto;co;Wiersz;Stan;Dlaczego", "miasto-koscian.ola;5;2;wykonane;"]
    assert "lista.csv" in client.get("/imports/").text
    assert site.client(site.nobody).get(path).status_code == 403
    assert client.post(f"{path}/remove", data={"csrf_token": token}, follow_redirects=True).status_code == 200
    assert client.get(path).status_code == 404
