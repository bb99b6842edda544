"""What is wrong with records that people type or send as zone files."""

from __future__ import annotations

from typing import Any

from panel.dns.records.editors import EDITORS
from panel.kernel.i18n import _l

RECORD_FIELDS: dict[str, Any] = {field.name: field.label for editor in EDITORS.values() for field in editor.fields}
"""What the parts of records are called, whatever their type."""

RECORD_ERRORS: dict[str, Any] = {
    # Names
    "name_empty": _l("Give a name, or @ for the zone itself."),
    "name_empty_label": _l("%(name)s has two dots together or one at its beginning. Remove one."),
    "name_label_long": _l("A part of %(name)s between dots is longer than 63 characters. Shorten it."),
    "name_long": _l("%(name)s is longer than the 255 octets a name may have. Shorten it."),
    "name_escape": _l("In a name a backslash stands before three digits up to 255, or before one other character."),
    "name_idn": _l("“%(label)s” cannot be a part of a name: letters, digits and hyphens within it are allowed."),
    "name_outside": _l("%(name)s does not lie in the zone %(zone)s. Put it into its own zone."),
    # Types
    "type_unknown": _l("There is no type of record %(type)s. Give its number if it is a new one, such as TYPE65280."),
    "type_soa": _l("The start of a zone (SOA) is made by the name server. Its times are changed on their own page."),
    "type_generated": _l("%(type)s is made by the name server, which signs the zone by itself. Leave it out."),
    "type_meta": _l("%(type)s is a kind of question, not of record. Choose another type."),
    # Values
    "value_a": _l("Give an IPv4 address such as 192.0.2.10: four numbers up to 255, without zeros before them."),
    "value_aaaa": _l("Give an IPv6 address such as 2001:db8::10."),
    "value_word": _l("Give one word of ASCII letters, without spaces and quotation marks."),
    "value_hex": _l("Give hexadecimal digits (0–9, a–f), an even number of them."),
    "value_base64": _l("Give the key in Base64: letters, digits, + and /, = at the end."),
    "value_digest": _l("The digest of this kind has %(digits)s hexadecimal digits. Copy the whole of it."),
    "value_parts": _l("A record %(type)s has these parts, with spaces between them: %(parts)s."),
    "value_bad": _l("This is no record %(type)s. Compare it with the example of this type."),
    "value_quotes": _l("A quotation mark is not closed, or stands directly beside other text. Put a space between."),
    "value_special": _l("Put text with ; ( or ) between quotation marks."),
    "value_escape": _l("A backslash stands before three digits up to 255, or before one other character."),
    "value_control": _l("Control characters cannot stand here. Type it anew instead of copying it."),
    "value_long": _l("This is too long: at most %(most)s characters."),
    "values_many": _l("At most %(most)s records of one name and type."),
    "txt_unquoted": _l("Put the text between quotation marks, or its words are run together."),
    "txt_string_long": _l("A text between quotation marks is longer than 255 octets. Divide it into several."),
    # Zone files
    "file_missing": _l("The file %(name)s was not sent."),
    "file_records": _l("Reading ended here: at most %(most)s records at a time."),
    "file_letters": _l("There are letters here that are not in UTF-8. Save the file as UTF-8, or leave them out."),
    "file_parenthesis": _l("A parenthesis is opened and not closed, or closed and not opened."),
    "file_owner_missing": _l(
        "Whose record this is cannot be told: the line above it that names it was not understood."
    ),
    "file_name_letters": _l(
        "%(name)s: name servers take this for octets, not letters. Write it in ASCII: %(suggestion)s"
    ),
    "file_name_quoted": _l("A name stands without quotation marks: %(name)s."),
    "file_directive": _l("%(name)s is no directive of zone files. Use $ORIGIN, $TTL, $INCLUDE or $GENERATE."),
    "file_directive_parts": _l("Something is missing after %(name)s, or there is too much."),
    "file_origin": _l("This $ORIGIN cannot be a name. What follows in this file was not read."),
    "file_not_sent": _l("$INCLUDE names the file %(name)s, which was not sent under this name. Send it too."),
    "file_loop": _l("The file %(name)s includes itself."),
    "file_deep": _l("Files include each other more than %(most)s deep."),
    "file_ttl": _l("%(name)s is no time. Give seconds, or units such as 1h30m."),
    "file_ttl_missing": _l("Nothing says how long this is kept. Put a line $TTL 3600 above it."),
    "file_ttl_range": _l("The time %(ttl)s is outside of %(least)s to %(most)s seconds. Change it."),
    "file_class": _l("The class %(name)s is not served here. Only IN is."),
    "file_type_missing": _l("The type is missing."),
    "file_soa_place": _l(
        "The start (SOA) stands at %(name)s. It belongs to the zone itself; this one is another zone."
    ),
    "file_soa_twice": _l("There are two different starts (SOA). Leave one of them out."),
    "generate_many": _l("Reading ended here: $GENERATE may make at most %(most)s records in all."),
    "generate_range": _l("%(name)s is no range. Give it as 1-100, or 1-100/2 for every second number."),
    "generate_template": _l("%(name)s cannot stand in a template of $GENERATE. Use $ or ${offset,width,base}."),
}
