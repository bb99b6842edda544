"""Mail: domains, mailboxes and aliases; what a member may ask for and what a mail node should have.

Belongs here: rules about addresses, quotas and passwords of mailboxes. How Postfix and Dovecot are told is the agent's.
"""
