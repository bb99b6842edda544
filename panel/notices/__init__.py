"""Delivery of notices: to whom each goes, when, and by which mail server.

Belongs here: what happens to a notice after ``ledger/notices.py`` took it in. Its words are ``wording/notices.py``'s;
whoever has something to tell calls ``tell_user``, ``tell_address`` or ``tell_holders`` and knows nothing of this.
"""
