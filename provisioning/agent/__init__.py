"""The program on a node, shipped there as one zip file; Python's standard library only.

Belongs here: what a node does with the typed resources it is sent, and the rules by which it protects itself from the
panel (fences, generations, bounds, its own log). Does not belong here: anything that needs the panel, or a path,
command or configuration text that came over the wire. How a service works is its adapter's business.
"""
