"""What reaches nodes: typed resources, plans, the wire, SSH, the agent, probes and the lab.

Belongs here: everything that talks to a node or runs on one, as typed values in and outcomes out.
Does not belong here: Flask, SQLAlchemy, members, contracts, permissions. Those live in ``panel``, which
imports this package and is never imported by it.
"""
