"""What is wrong with files that people import, and with their rows."""

from __future__ import annotations

from panel.kernel.i18n import _l

IMPORT_TEXTS = {
    "import_encoding": _l("The file is not in UTF-8. Save it as CSV (UTF-8) and try again."),
    "import_columns": _l("Columns are missing: %(missing)s. The first line must be: %(columns)s."),
    "import_table": _l("This is no CSV from here on: a quotation mark is not closed or stands where none may."),
    "import_twice": _l("The same unit stands in line %(first)s already. Leave one of them out."),
    "import_text": _l("Use plain text of at most 100 characters without control characters."),
    "import_name": _l("Give a name with letters or digits in it."),
    "import_kind": _l("Use one of the kinds: %(choices)s."),
    "import_teryt": _l("TERYT of the kind %(unit)s has %(digits)s digits and nothing else."),
    "import_teryt_kind": _l("TERYT of the kind %(unit)s ends with %(digit)s. Correct the kind or the number."),
    "import_county": _l("Name the county in which the municipality lies."),
    "import_city_alone": _l("This city with county rights has no line as a municipality. Add it, or correct the kind."),
    "import_no_voivodeship": _l("No voivodeship with the TERYT %(prefix)s is known. Add its line to the file."),
    "import_not_text": _l("This is no table: send CSV, or a workbook as .xlsx."),
    "import_old_or_locked": _l(
        "This is an old workbook (.xls), or one with a password. Save it as .xlsx without a password, or as CSV."
    ),
    "import_macros": _l("This workbook holds macros. Save it as .xlsx, which holds none, or as CSV."),
    "import_entities": _l("This workbook holds what no spreadsheet program writes (a DOCTYPE). Save it anew."),
    "import_bomb": _l("Unpacked, this workbook is larger than %(most)s MB. Send the sheet alone, or CSV."),
    "import_sheet": _l("This is no workbook that can be read. Save it as .xlsx anew, or as CSV."),
    "import_empty": _l("There is nothing in this file."),
    "import_rows_many": _l("At most %(most)s rows at once. Send the file in parts."),
    "import_cells_many": _l("At most %(most)s cells at once. Send the file in parts."),
    "import_columns_many": _l("Row %(row)s has more than %(most)s columns."),
    "import_cell_long": _l("Row %(row)s has a cell of more than %(most)s characters."),
    "import_unknown_column": _l("There is no such field: %(name)s."),
    "import_unknown_heading": _l("The file has no such column: %(name)s."),
    "import_mapped_secret": _l("The column %(name)s holds passwords. It cannot be taken for anything else."),
    "import_mapped_twice": _l("One column cannot mean two things."),
    "import_column_missing": _l("Say which column holds this: no heading tells it."),
    "import_double": _l("Lines %(first)s and %(second)s ask for the same. Leave one of them in the file."),
    "import_no_member": _l("No member that you may do this for is called %(name)s."),
    "import_many_members": _l("%(number)s members are called %(name)s. Use the short name, TERYT or NIP."),
    "import_same_name": _l(
        "A member of this name is there already. If it is the same, add its TERYT, NIP or short name to the row."
    ),
    "import_quota": _l("Give the capacity as 1024, 1 GB or 1,5 GB."),
    "import_password_kept": _l("This mailbox is there already; its password stays as it is."),
    "import_no_room": _l("This one does not fit any more into what the contracts grant (%(kind)s)."),
    "import_over_limit": _l(
        "%(member)s: the file asks for more than the contracts grant. %(kind)s: %(granted)s granted, %(used)s used,"
        " %(wanted)s more asked for. What fits is taken in the order of the lines."
    ),
    "import_sealed": _l("The rows of this import cannot be opened any more. Send the file again."),
    "import_many_open": _l("You have %(most)s imports that were not carried out. Remove some first."),
    "import_not_open": _l("This import was carried out already, or stopped."),
    "import_has_errors": _l("%(number)s rows have errors. Correct the file, or take the good rows only."),
    "import_nothing": _l("No row can be taken."),
    "import_not_running": _l("This import is not being carried out."),
    "import_running": _l("This import is being carried out. Stop it first."),
    "import_voivodeship": _l("The first two digits of TERYT (%(prefix)s) belong to %(name)s. Correct one of them."),
}
