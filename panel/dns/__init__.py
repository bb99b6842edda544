"""DNS: zones and their records; what a member may put into a zone and what the name servers should answer.

Belongs here: rules about records and whole zones, their versions, who may have which name. ``records``, ``zonefile``
and ``lint`` are pure: they know neither database nor request.
How Knot and BIND are told is the agent's; how their answers are looked at from outside: ``provisioning.probes.dns``.
"""
