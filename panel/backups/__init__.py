"""Backups of the panel itself: database, keys, attachments and settings in one sealed file, and the way back.

Belongs here: what a backup holds, sealing it, placing it again, and bringing a restored panel up to its nodes. What
nodes hold (mail) is theirs to back up; the panel only asks them to.
"""
