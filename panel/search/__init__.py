"""One question over everything: members, addresses, people, contracts, nodes and jobs, each within one's reach.

Belongs here: what of each kind is looked through, and what comes first. How a kind is found soon is the
kind's own.
"""
