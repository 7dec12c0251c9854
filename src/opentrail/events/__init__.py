"""The event record: its fields, the tables CloudTrail decides by, the log file it travels in. Pure: no I/O, no clock.

`record` is the record as bytes and as a view; `logfile` the `{"Records":[…]}` envelope; `names` says how a call is called in a
record, `read_only` whether it changes anything, `categories` whether it is a management or a data event.
"""
