"""Deployment on Flower: it carries sealed frames between the coordinator's process and each party's, and no more.

The state machines of `tacit.run` work over it unchanged; see docs/deploy.md. Nothing here is imported at once, since
Flower starts a process for every message and each would wait for it.
"""
