"""People and programs that sign in: users, their grants, API tokens, and the actor made from them.

Belongs here: who somebody is and which roles they hold. What a role may do is ``kernel/access.py``'s table.
"""
