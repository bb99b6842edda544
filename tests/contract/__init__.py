"""What every adapter promises, tried on real services through the real agent.

A kind of resource joins by adding its `KindUnderTest` to `kinds.py`; what is special to a service has a module of its
own.
"""
