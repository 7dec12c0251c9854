"""The compiled kernel (decision 0039): its sources in C, and what builds them. `opentrail.lake.columns.compiled` speaks to it."""
