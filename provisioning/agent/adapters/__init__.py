"""What the agent knows of real services: one adapter per service.

An adapter turns wanted resources into what its service reads, and reads back what is there. It knows nothing of
fences, batches, generations or the panel (the engine's), nor of other adapters. Every change goes through the
service's own way in (its map compiler, its socket, its reload), never around it. A `*_base` module is the service's
configuration, written once by the operator's set-up and out of the panel's reach.
"""
