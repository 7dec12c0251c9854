"""Lake's query language: one Trino SELECT over event data stores, checked by Trino's rules and written anew for DuckDB or Spark.

Nothing of a query's text reaches an engine but literals and the ids of stores: every name in the output is ours, every function is one of
Trino's that this room knows. Pure, but for `engine_duckdb`.
"""
