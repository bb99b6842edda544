"""Looking at a node from outside, with the service's own protocol.

Here belongs what a client of the node sees: plain sockets, no SSH, no database, no panel. A probe answers with a
value (Seen or NotSeen), it raises only where the caller made a mistake. What a probe may know of a node is in its
target: addresses, names, and the certificate read at enrolment. Deciding what a finding means for a resource's
state is the engine's work, not the probe's.
"""
