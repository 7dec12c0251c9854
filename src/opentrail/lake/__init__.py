"""CloudTrail Lake: event data stores, SQL over them, imports, channels, dashboards.

A store is a set of rules (`event_data_store`) and a table of events (`tables`); a query is a text, a snapshot of tables and a process that
may touch nothing else. The control plane works on the state database in the front; what moves events or asks them runs in the role `lake`.
"""
