"""Engines beside the embedded one that run the same queries: Spark.

`macros` writes Trino's functions into the SQL, `spark_macros` says how each is written, `spark_functions` are those in Python, and `spark`
holds a session.
"""
