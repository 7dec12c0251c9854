"""The tables of event data stores: an Iceberg table for each, filled from the journal, asked through snapshots.

    tables = StoreTables(folder, reader, clock, database=…, stores=…, keys=…)     # one process; any thread
    tables.open()
    tables.step()                                       # again and again: take in, commit, compact, drop what is too old
    snapshot = tables.snapshot(ids, at_least=head, patience=10.0)

Loads pyarrow and pyiceberg: for the role `lake` alone.
"""
