"""Trino's functions, as data: one line each, `name(types) result = SQL`, and after ` ~ ` Spark's SQL where it differs.

`$1` is the first argument, `$*` all of them, `$T` the engine's type of variable `T`. Variables are single capitals; `N` is any number,
`I` any integer type, `M` a date, timestamp or timestamp with time zone,
`A` anything. A last type with `…` may come any number of times. A result
`timestamp with time zone` has two parts: instant `@` zone. `trino_…` are what `engine_duckdb` installs. What is in no table does not exist.
"""
