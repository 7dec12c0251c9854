"""Channels: where events from outside AWS come in, and which event data stores they go to (reference of Lake, §3).

`control` makes and changes them, on the state database in the front. `known` answers the door of PutAuditEvents from memory. `routes` tells
ingestion which stores a record of the journal goes to, by the position at which it was written.
"""
