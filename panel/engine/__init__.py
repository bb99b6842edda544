"""The engine: makes nodes have what is wanted, and believes only what was seen.

Belongs here: leases, batches, outcomes, probes, sweeps, for any kind. What a kind of resource is, the engine is told by
``wiring``; it knows none by name.
"""
