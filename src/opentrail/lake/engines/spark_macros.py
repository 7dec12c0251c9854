"""Functions of Trino in Spark's SQL: `name(arguments) = SQL`. Data.

JSON is read as VARIANT, which a lambda can work with, unlike a function in Python. `trino_p_…` are functions in Python (`spark_functions`);
they give what they found and, beside it, why not, so that nothing fails in a branch that is not taken.
"""
# ruff: noqa: E501 - one macro a line

MACROS = r"""
fail(m) = raise_error(m)
now() = CAST(date_trunc('MILLISECOND', current_timestamp()) AS TIMESTAMP_NTZ)
double_text(x) = CAST(CAST(x AS DOUBLE) AS STRING)
real_text(x) = CAST(CAST(x AS FLOAT) AS STRING)
timestamp_text(t, p) = left(date_format(t, 'yyyy-MM-dd HH:mm:ss.SSSSSS'), CASE p WHEN 0 THEN 19 ELSE 20 + p END)
clock(t, z) = CASE WHEN z = 'UTC' THEN t ELSE convert_timezone('UTC', z, t) END
zoned_text(x, p) = trino_timestamp_text(trino_clock(x.t, x.z), p) || ' ' || x.z
time_text(t) = left(CAST(t AS STRING) || CASE WHEN instr(CAST(t AS STRING), '.') > 0 THEN '000' ELSE '.000' END, 12)
months_text(i) = CASE WHEN trino_months(i) < 0 THEN '-' ELSE '' END || (abs(trino_months(i)) div 12) || '-' || (abs(trino_months(i)) % 12)
months(i) = CAST(CAST(i AS INTERVAL MONTH) AS INT)
array_max(a) = CASE WHEN NOT exists(a, v -> v IS NULL) THEN array_max(a) END
array_min(a) = CASE WHEN NOT exists(a, v -> v IS NULL) THEN array_min(a) END
binary_text(x) = rtrim(regexp_replace(lower(hex(x)), '(..)', '$1 '))
rounded(t, p) = CAST(timestamp_micros(CAST(round(unix_micros(CAST(t AS TIMESTAMP)), p - 6) AS BIGINT)) AS TIMESTAMP_NTZ)
local(x) = trino_clock(x.t, x.z)
instant(t, z) = CASE WHEN z = 'UTC' THEN t ELSE convert_timezone(z, 'UTC', t) END
iso_instant(x) = trino_iso_instant_of(x)
iso_zone(x) = trino_iso_zone_of(x)
parse_zoned(x) = named_struct('t', trino_zoned_instant(x), 'z', trino_zoned_zone(x))
to_iso(t) = date_format(t, 'yyyy-MM-dd\'T\'HH:mm:ss.SSS')
to_iso_zoned(x) = trino_to_iso(trino_clock(x.t, x.z)) || CASE WHEN x.z = 'UTC' THEN 'Z' ELSE trino_offset_text(x.t, x.z) END
zone_offset(x, size, modulo) = (trino_offset(x.t, x.z) div size) % modulo
to_unixtime(t) = unix_micros(CAST(CAST(t AS TIMESTAMP_NTZ) AS TIMESTAMP)) / 1000000
from_unixtime(x) = CAST(timestamp_millis(CAST(round(x * 1000) AS BIGINT)) AS TIMESTAMP_NTZ)
interval_micros(i) = CAST(CAST(CAST(i AS INTERVAL SECOND) AS DECIMAL(18, 6)) * 1000000 AS BIGINT)
interval_part(i, size, modulo) = (trino_interval_micros(i) div size) % modulo
whole(x, k) = CASE WHEN x RLIKE '^[+-]?[0-9]+$' THEN x WHEN x IS NULL THEN NULL ELSE raise_error('Cannot cast \'' || x || '\' to ' || upper(k)) END
subscript(a, i) = CASE WHEN i BETWEEN 1 AND size(a) THEN try_element_at(a, CAST(i AS INT)) WHEN a IS NULL OR i IS NULL THEN NULL WHEN i = 0 THEN raise_error('SQL array indices start at 1') WHEN i < 0 THEN raise_error('Array subscript is negative: ' || i) ELSE raise_error('Array subscript must be less than or equal to array length: ' || i || ' > ' || size(a)) END
element(a, i) = CASE WHEN i = 0 THEN raise_error('SQL array indices start at 1') ELSE try_element_at(a, CAST(CASE WHEN i = 0 THEN NULL ELSE i END AS INT)) END
at(m, k) = CASE WHEN m IS NULL OR k IS NULL OR map_contains_key(m, k) THEN try_element_at(m, k) ELSE raise_error('Key not present in map: ' || CAST(k AS STRING)) END
divisor(b) = CASE WHEN b = 0 THEN raise_error('Division by zero') ELSE b END
divided(a, b) = CASE WHEN b = 0 THEN CASE WHEN a = 0 OR isnan(a) THEN CAST('NaN' AS DOUBLE) WHEN (a > 0) = (left(CAST(b AS STRING), 1) <> '-') THEN CAST('Infinity' AS DOUBLE) ELSE CAST('-Infinity' AS DOUBLE) END ELSE a / b END
remainder(a, b) = CASE WHEN b = 0 THEN CAST('NaN' AS DOUBLE) ELSE a % b END
truncate(x) = CASE WHEN x < 0 THEN -floor(-x) ELSE floor(x) END
truncate(x, n) = CASE WHEN x < 0 THEN -floor(-x * pow(10, n)) ELSE floor(x * pow(10, n)) END / pow(10, n)
replace(s, a, b) = CASE WHEN a = '' THEN b || array_join(transform(split(s, ''), c -> c || b), '') ELSE replace(s, a, b) END
substr(s, i) = CASE WHEN i = 0 OR abs(i) > char_length(s) THEN left(s, 0) ELSE substr(s, CAST(i AS INT)) END
substr3(s, i, n) = CASE WHEN i = 0 OR abs(i) > char_length(s) OR n <= 0 THEN left(s, 0) ELSE substr(s, CAST(i AS INT), CAST(n AS INT)) END
split(s, d) = split(s, '\\Q' || d || '\\E')
regexp_extract(s, p, g) = try_element_at(regexp_extract_all(s, p, CAST(g AS INT)), 1)
regexp_position(s, p) = trino_regexp_at(s, p)
contains(a, x) = array_contains(a, x)
contains_sequence(a, b) = CASE WHEN a IS NULL OR b IS NULL THEN NULL WHEN size(b) = 0 THEN true WHEN size(b) > size(a) THEN false ELSE exists(sequence(1, size(a) - size(b) + 1), i -> slice(a, i, size(b)) = b) END
ngrams(a, n) = CASE WHEN n <= 0 THEN raise_error('N must be positive') WHEN n >= size(a) THEN array(a) ELSE transform(sequence(1, size(a) - CAST(n AS INT) + 1), i -> slice(a, i, CAST(n AS INT))) END
repeat(x, n) = CASE WHEN n > 10000 THEN raise_error('count argument of repeat function must be less than or equal to 10000') ELSE array_repeat(x, CAST(least(greatest(n, 0), 10000) AS INT)) END
sequence(a, b, s) = sequence(CAST(a AS BIGINT), CASE WHEN s = 0 OR (b >= a AND s < 0) OR (b < a AND s > 0) THEN raise_error('sequence stop value should be greater than or equal to start value if step is greater than zero otherwise stop should be less than or equal to start') WHEN abs(CAST(b AS DECIMAL(20, 0)) - a) / abs(s) >= 10000 THEN raise_error('result of sequence function must not have more than 10000 entries') ELSE CAST(b AS BIGINT) END, CASE WHEN s = 0 THEN 1 ELSE CAST(s AS BIGINT) END)
time_sequence(a, b, s) = sequence(a, b, s)
date_sequence(a, b, s) = sequence(a, b, s)
slice(a, i, n) = CASE WHEN i = 0 THEN raise_error('SQL array indices start at 1') WHEN n < 0 THEN raise_error('length must be greater than or equal to 0') WHEN abs(i) > size(a) OR n = 0 THEN slice(a, 1, 0) ELSE slice(a, CAST(i AS INT), CAST(n AS INT)) END
trim_array(a, n) = CASE WHEN n < 0 OR n > size(a) THEN raise_error('size must not exceed array cardinality ' || size(a) || ': ' || n) ELSE slice(a, 1, size(a) - CAST(n AS INT)) END
grouped(e) = map_from_entries(transform(array_distinct(transform(e, p -> p.key)), d -> named_struct('key', d, 'value', transform(filter(e, p -> p.key = d), p -> p.value))))
entries(k, v) = collect_list(CASE WHEN k IS NOT NULL THEN named_struct('key', k, 'value', v) END)
map_agg(k, v) = map_from_entries(reverse(trino_entries(k, v)))
multimap_agg(k, v) = trino_grouped(trino_entries(k, v))
map_union(m) = map_from_entries(reverse(flatten(collect_list(map_entries(m)))))
histogram(x) = transform_values(trino_grouped(trino_entries(x, 1)), (k, v) -> CAST(size(v) AS BIGINT))
json_kind(v) = regexp_extract(schema_of_variant(v), '^[A-Z]+', 0)
json_at(j, p) = try_variant_get(try_parse_json(j), p, 'variant')
json_list(v) = CAST(v AS ARRAY<VARIANT>)
json_extract(j, p) = to_json(trino_json_at(j, p))
json_extract_scalar(j, p) = CASE WHEN trino_json_kind(trino_json_at(j, p)) IN ('OBJECT', 'ARRAY', 'VOID') THEN NULL ELSE try_variant_get(try_parse_json(j), p, 'string') END
json_size(j, p) = CASE trino_json_kind(trino_json_at(j, p)) WHEN 'OBJECT' THEN size(CAST(trino_json_at(j, p) AS MAP<STRING, VARIANT>)) WHEN 'ARRAY' THEN size(trino_json_list(trino_json_at(j, p))) ELSE CASE WHEN trino_json_at(j, p) IS NOT NULL THEN 0 END END
json_parse(j) = CASE WHEN j IS NULL THEN NULL WHEN try_parse_json(j) IS NULL THEN raise_error('Cannot convert value to JSON: \'' || j || '\'') ELSE to_json(try_parse_json(j)) END
json_text(j) = CASE trino_json_kind(try_parse_json(j)) WHEN 'VOID' THEN NULL WHEN 'OBJECT' THEN raise_error('Cannot cast \'' || j || '\' to varchar') WHEN 'ARRAY' THEN raise_error('Cannot cast \'' || j || '\' to varchar') ELSE try_variant_get(try_parse_json(j), '$', 'string') END
json_number(j) = CASE j WHEN 'true' THEN '1' WHEN 'false' THEN '0' ELSE trino_json_text(j) END
json_elements(j) = CASE coalesce(trino_json_kind(try_parse_json(j)), 'VOID') WHEN 'ARRAY' THEN transform(trino_json_list(try_parse_json(j)), e -> to_json(e)) WHEN 'VOID' THEN NULL ELSE raise_error('Cannot cast \'' || j || '\' to an array') END
json_members(j) = CASE coalesce(trino_json_kind(try_parse_json(j)), 'VOID') WHEN 'OBJECT' THEN transform(map_entries(CAST(try_parse_json(j) AS MAP<STRING, VARIANT>)), e -> named_struct('key', e.key, 'value', to_json(e.value))) WHEN 'VOID' THEN NULL ELSE raise_error('Cannot cast \'' || j || '\' to a map') END
json_field(j, n, i) = CASE trino_json_kind(try_parse_json(j)) WHEN 'ARRAY' THEN to_json(try_element_at(trino_json_list(try_parse_json(j)), i + 1)) ELSE try_element_at(filter(trino_json_members(j), e -> lower(e.key) = lower(n)), 1).value END
json_array_length(j) = CASE WHEN trino_json_kind(try_parse_json(j)) = 'ARRAY' THEN size(trino_json_list(try_parse_json(j))) END
json_array_get(j, i) = CASE WHEN trino_json_kind(try_parse_json(j)) = 'ARRAY' THEN to_json(try_element_at(trino_json_list(try_parse_json(j)), CAST(CASE WHEN i < 0 THEN i ELSE i + 1 END AS INT))) END
json_array_contains(j, x, t) = CASE WHEN trino_json_kind(try_parse_json(j)) = 'ARRAY' AND x IS NOT NULL THEN exists(trino_json_list(try_parse_json(j)), e -> CASE t WHEN 'DOUBLE' THEN trino_json_kind(e) IN ('BIGINT', 'DECIMAL', 'DOUBLE') AND CAST(try_variant_get(e, '$', 'double') AS STRING) = x WHEN 'BOOLEAN' THEN trino_json_kind(e) = 'BOOLEAN' AND try_variant_get(e, '$', 'string') = x ELSE trino_json_kind(e) = 'STRING' AND try_variant_get(e, '$', 'string') = x END) END
is_json_scalar(j) = CASE WHEN j IS NULL THEN NULL WHEN try_parse_json(j) IS NULL THEN raise_error('Invalid JSON value: ' || j) ELSE trino_json_kind(try_parse_json(j)) NOT IN ('OBJECT', 'ARRAY') END
json_value(j, p, o) = trino_json_standard(j, p, o, 'value')
json_query(j, p, o) = trino_json_standard(j, p, o, 'query')
json_exists(j, p, o) = CASE trino_json_standard(j, p, o, 'exists') WHEN 'true' THEN true WHEN 'false' THEN false END
lpad(s, n, f) = trino_padded(s, n, f, true)
rpad(s, n, f) = trino_padded(s, n, f, false)
checked(r) = CASE WHEN r.e IS NULL THEN r.v ELSE raise_error(r.e) END
"""
"""Names without the `trino_` before them."""
