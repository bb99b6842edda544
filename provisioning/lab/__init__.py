"""The local fleet: real hosts on this machine, used by `make run`, by tests and by benches. Needs root.

Belongs here: building, booting and stopping hosts, and running the panel's own processes without privileges.
Does not belong here: anything a remote node would not have too. What a node is made into is enrolment's task
(`provisioning.enroll`), and nothing outside this package may treat a lab node otherwise than a remote one.
"""

from provisioning.lab.errors import LabError, NoSuchNode, NotRunning
from provisioning.lab.fleet import DEFAULT_FLEET, NAME_SERVERS, WHOLE_FLEET, NodeSpec
from provisioning.lab.lab import Lab
from provisioning.lab.state import LabState, NodeState

__all__ = [
    "DEFAULT_FLEET",
    "NAME_SERVERS",
    "WHOLE_FLEET",
    "Lab",
    "LabError",
    "LabState",
    "NoSuchNode",
    "NodeSpec",
    "NodeState",
    "NotRunning",
]
