"""The JSON API below ``/api/v1``: the edge for programs.

Belongs here: reading requests, calling actions, showing what came back, and HTTP's own manners (errors, versions,
repetition, waiting). A rule about who may do what, or about what is a good value, belongs to the action.
"""

from panel.api.registration import register

__all__ = ["register"]
