"""One importer for whatever people keep in tables: read, map columns, preview, commit in portions, report.

Belongs here: reading files (``reading`` and below), which columns mean what (``mapping``), one verdict per row
(``checking``), the walk from upload to report, and one module for each kind of thing that can be imported. A kind's
rules stay with the kind's own actions: an importer asks them and copies none. A new kind is an ``Importer`` in
``kinds.KINDS``.
"""
