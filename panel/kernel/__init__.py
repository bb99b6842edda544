"""What every room stands on: database, errors, rights, passwords, text.

Belongs here: things without a domain word in them. A rule about members, mail or nodes belongs to its own package.
"""
