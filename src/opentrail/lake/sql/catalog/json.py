"""Functions of JSON (Trino: JSON functions). Paths are read by `json_paths` where they are literals."""

JSON_FUNCTIONS = r"""
json_extract(json, varchar) json = special
json_extract(varchar, varchar) json = special
json_extract_scalar(json, varchar) varchar = special
json_extract_scalar(varchar, varchar) varchar = special
json_size(json, varchar) bigint = special
json_size(varchar, varchar) bigint = special
json_value(json, varchar) varchar = special
json_value(varchar, varchar) varchar = special
json_query(json, varchar) varchar = special
json_query(varchar, varchar) varchar = special
json_exists(json, varchar) boolean = special
json_exists(varchar, varchar) boolean = special
json_parse(varchar) json = trino_json_parse($1)
json_format(json) varchar = $1
json_array_length(json) bigint = trino_json_array_length($1)
json_array_length(varchar) bigint = trino_json_array_length($1)
json_array_get(json, bigint) json = trino_json_array_get($1, $2)
json_array_get(varchar, bigint) json = trino_json_array_get($1, $2)
json_array_contains(json, boolean) boolean = trino_json_array_contains($1, CAST($2 AS VARCHAR), 'BOOLEAN')
json_array_contains(varchar, boolean) boolean = trino_json_array_contains($1, CAST($2 AS VARCHAR), 'BOOLEAN')
json_array_contains(json, varchar) boolean = trino_json_array_contains($1, $2, 'VARCHAR')
json_array_contains(varchar, varchar) boolean = trino_json_array_contains($1, $2, 'VARCHAR')
json_array_contains(json, N) boolean = trino_json_array_contains($1, CAST(CAST($2 AS DOUBLE) AS VARCHAR), 'DOUBLE')
json_array_contains(varchar, N) boolean = trino_json_array_contains($1, CAST(CAST($2 AS DOUBLE) AS VARCHAR), 'DOUBLE')
is_json_scalar(json) boolean = trino_is_json_scalar($1)
is_json_scalar(varchar) boolean = trino_is_json_scalar($1)
if(boolean, T) T = special
if(boolean, T, T) T = special
coalesce(T…) T = special
nullif(T, T) T = special
"""
