"""What happened and what is due: nodes, jobs, events, the claim of names, and the columns every resource carries.

Belongs here: records that all kinds of resources share. What a mailbox or a zone is belongs to its own kind.
"""
