"""How rows look outside: the same dictionaries for the API's answers and for ``cis … --json``.

Belongs here: names and forms of fields as the API promises them. What may be shown to whom is the actions' to say;
secrets are never in a row's shape.
"""
