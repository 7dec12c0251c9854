"""Functions of Trino as macros of DuckDB, which writes them into the query: `name(arguments) = SQL`. Data.

What Trino refuses at run time calls `trino_fail`, a function in Python, so that TRY can turn it into NULL.
"""
# ruff: noqa: E501 - one macro a line

MACROS = r"""
now() = date_trunc('millisecond', timezone('UTC', now()))
double_text(x) = CASE WHEN (abs(x) >= 0.001 AND abs(x) < 10000000) OR x = 0 THEN CAST(CAST(x AS DOUBLE) AS VARCHAR) ELSE trino_java_number(CAST(CAST(x AS DOUBLE) AS VARCHAR)) END
real_text(x) = trino_java_number(CAST(CAST(x AS FLOAT) AS VARCHAR))
timestamp_text(t, p) = CASE p WHEN 3 THEN strftime(t, '%Y-%m-%d %H:%M:%S.%g') WHEN 0 THEN strftime(t, '%Y-%m-%d %H:%M:%S') ELSE left(strftime(t, '%Y-%m-%d %H:%M:%S.%f'), 20 + p) END
clock(t, z) = CASE WHEN z = 'UTC' THEN t WHEN z[1] IN ('+', '-') THEN t + to_minutes(CAST(z[1:3] AS INTEGER) * 60 + CAST(z[1] || z[5:6] AS INTEGER)) ELSE timezone(z, timezone('UTC', t)) END
zoned_text(x, p) = trino_timestamp_text(trino_clock(x.t, x.z), p) || ' ' || x.z
time_text(t) = strftime(DATE '2000-01-01' + t, '%H:%M:%S.%g')
months_text(i) = CASE WHEN datepart('year', i) * 12 + datepart('month', i) < 0 THEN '-' ELSE '' END || abs(datepart('year', i)) || '-' || abs(datepart('month', i))
rounded(t, p) = make_timestamp(CAST(round(epoch_us(t), p - 6) AS BIGINT))
local(x) = trino_clock(x.t, x.z)
instant(t, z) = CASE WHEN z = 'UTC' THEN t ELSE trino_instant_of(t, z) END
iso_instant(x) = CASE WHEN regexp_full_match(x, '\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,3})?Z') THEN CAST(x AS TIMESTAMP) ELSE trino_iso_instant_of(x) END
iso_zone(x) = CASE WHEN right(x, 1) = 'Z' THEN 'UTC' ELSE trino_iso_zone_of(x) END
parse_zoned(x) = struct_pack(t := trino_zoned_instant(x), z := trino_zoned_zone(x))
to_iso(t) = strftime(t, '%Y-%m-%dT%H:%M:%S.%g')
to_iso_zoned(x) = strftime(trino_clock(x.t, x.z), '%Y-%m-%dT%H:%M:%S.%g') || CASE WHEN x.z = 'UTC' THEN 'Z' ELSE trino_offset_text(x.t, x.z) END
zone_offset(x, size, modulo) = (trino_offset(x.t, x.z) // size) % modulo
to_unixtime(t) = epoch_us(CAST(t AS TIMESTAMP)) / 1000000
from_unixtime(x) = make_timestamp(CAST(round(x * 1000) AS BIGINT) * 1000)
interval_part(i, size, modulo) = (trino_interval_micros(i) // size) % modulo
strftime(p) = trino_mysql_format(p)
subscript(a, i) = a[CASE WHEN i BETWEEN 1 AND len(a) THEN i ELSE CAST(trino_no_element(CAST(i AS BIGINT), len(a)) AS BIGINT) END]
element(a, i) = a[CASE WHEN i = 0 THEN CAST(trino_fail('SQL array indices start at 1') AS BIGINT) ELSE i END]
at(m, k) = CASE WHEN map_contains(m, k) OR m IS NULL OR k IS NULL THEN m[k] ELSE m[trino_no_key(CAST(k AS VARCHAR))] END
divisor(b) = CASE WHEN b = 0 THEN CAST(trino_fail('Division by zero') AS BIGINT) ELSE b END
divided(a, b) = CASE WHEN b = 0 THEN CASE WHEN a = 0 OR isnan(a) THEN 'NaN'::DOUBLE WHEN (a > 0) = ((b::VARCHAR)[1] <> '-') THEN 'Infinity'::DOUBLE ELSE '-Infinity'::DOUBLE END ELSE a / b END
remainder(a, b) = CASE WHEN b = 0 THEN 'NaN'::DOUBLE ELSE a % b END
sqrt(x) = CASE WHEN x < 0 THEN 'NaN'::DOUBLE ELSE sqrt(CASE WHEN x < 0 THEN 0 ELSE x END) END
log(x) = CASE WHEN x < 0 THEN 'NaN'::DOUBLE WHEN x = 0 THEN '-Infinity'::DOUBLE ELSE ln(CASE WHEN x <= 0 THEN 1 ELSE x END) END
cbrt(x) = CASE WHEN pow(round(cbrt(x)), 3) = x THEN round(cbrt(x)) ELSE cbrt(x) END
log10(x) = CASE WHEN x < 0 THEN 'NaN'::DOUBLE WHEN x = 0 THEN '-Infinity'::DOUBLE ELSE log10(CASE WHEN x <= 0 THEN 1 ELSE x END) END
truncate(x, n) = trunc(x * pow(10, n)) / pow(10, n)
replace(s, a, b) = CASE WHEN a = '' THEN trino_replace_empty(s, b) ELSE replace(s, a, b) END
substr(s, i) = CASE WHEN i = 0 OR abs(i) > length(s) THEN left(s, 0) ELSE substr(s, CAST(i AS BIGINT)) END
substr3(s, i, n) = CASE WHEN i = 0 OR abs(i) > length(s) OR n <= 0 THEN left(s, 0) ELSE substr(s, CAST(i AS BIGINT), CAST(n AS BIGINT)) END
regexp_extract(s, p, g) = regexp_extract_all(s, p, CAST(g AS INTEGER))[1]
join(a, s) = CASE WHEN a IS NULL THEN NULL ELSE coalesce(array_to_string(list_filter(a, lambda v: v IS NOT NULL), s), '') END
all(a) = CASE WHEN a IS NULL THEN NULL WHEN list_contains(a, false) THEN false WHEN len(list_filter(a, lambda v: v IS NULL)) > 0 THEN NULL ELSE true END
any(a) = CASE WHEN a IS NULL THEN NULL WHEN list_contains(a, true) THEN true WHEN len(list_filter(a, lambda v: v IS NULL)) > 0 THEN NULL ELSE false END
contains(a, x) = CASE WHEN a IS NULL OR x IS NULL THEN NULL WHEN list_contains(a, x) THEN true WHEN len(list_filter(a, lambda v: v IS NULL)) > 0 THEN NULL ELSE false END
contains_sequence(a, b) = CASE WHEN a IS NULL OR b IS NULL THEN NULL ELSE len(b) = 0 OR len(list_filter(range(1, len(a) - len(b) + 2), lambda i: a[i:i + len(b) - 1] = b)) > 0 END
distinct(a) = list_filter(a, lambda v, i: list_position(list_transform(a, lambda w: struct_pack(x := w)), struct_pack(x := v)) = i)
except(a, b) = list_filter(trino_distinct(a), lambda v: NOT list_contains(list_transform(b, lambda w: struct_pack(x := w)), struct_pack(x := v)))
intersect(a, b) = list_filter(trino_distinct(a), lambda v: list_contains(list_transform(b, lambda w: struct_pack(x := w)), struct_pack(x := v)))
overlap(a, b) = CASE WHEN list_has_any(list_filter(a, lambda v: v IS NOT NULL), b) THEN true WHEN len(a) > 0 AND len(b) > 0 AND len(list_filter(a || b, lambda v: v IS NULL)) > 0 THEN NULL WHEN a IS NULL OR b IS NULL THEN NULL ELSE false END
array_max(a) = CASE WHEN len(list_filter(a, lambda v: v IS NULL)) > 0 THEN NULL ELSE list_max(a) END
array_min(a) = CASE WHEN len(list_filter(a, lambda v: v IS NULL)) > 0 THEN NULL ELSE list_min(a) END
position(a, x) = CASE WHEN a IS NULL OR x IS NULL THEN NULL ELSE coalesce(list_position(a, x), 0) END
ngrams(a, n) = CASE WHEN n <= 0 THEN [a[CAST(trino_fail('N must be positive') AS BIGINT):]] WHEN n >= len(a) THEN [a] ELSE list_transform(range(1, len(a) - n + 2), lambda i: a[i:i + n - 1]) END
repeat(x, n) = CASE WHEN n > 10000 THEN [x][CAST(trino_fail('count argument of repeat function must be less than or equal to 10000') AS BIGINT):] ELSE list_transform(range(least(greatest(n, 0), 10000)), lambda i: x) END
sequence(a, b, s) = generate_series(CAST(a AS BIGINT), CAST(b AS BIGINT), CASE WHEN s = 0 OR (b >= a AND s < 0) OR (b < a AND s > 0) THEN CAST(trino_fail('sequence stop value should be greater than or equal to start value if step is greater than zero otherwise stop should be less than or equal to start') AS BIGINT) WHEN abs(CAST(b AS HUGEINT) - CAST(a AS HUGEINT)) // abs(s) >= 10000 THEN CAST(trino_fail('result of sequence function must not have more than 10000 entries') AS BIGINT) ELSE CAST(s AS BIGINT) END)
time_sequence(a, b, s) = generate_series(a, CASE WHEN abs(epoch_us(b) - epoch_us(a)) / greatest(abs(trino_interval_micros(s)), 1) >= 10000 THEN CAST(trino_fail('result of sequence function must not have more than 10000 entries') AS TIMESTAMP) ELSE b END, s)
date_sequence(a, b, s) = list_transform(trino_time_sequence(CAST(a AS TIMESTAMP), CAST(b AS TIMESTAMP), s), lambda t: CAST(t AS DATE))
slice(a, i, n) = CASE WHEN i = 0 THEN a[CAST(trino_fail('SQL array indices start at 1') AS BIGINT):] WHEN n < 0 THEN a[CAST(trino_fail('length must be greater than or equal to 0') AS BIGINT):] WHEN abs(i) > len(a) OR n = 0 THEN a[1:0] WHEN i > 0 THEN a[CAST(i AS BIGINT):CAST(i + n - 1 AS BIGINT)] ELSE a[CAST(len(a) + i + 1 AS BIGINT):CAST(len(a) + i + n AS BIGINT)] END
trim_array(a, n) = CASE WHEN n < 0 OR n > len(a) THEN a[CAST(trino_fail('size must not exceed array cardinality ' || len(a) || ': ' || n) AS BIGINT):] ELSE a[1:len(a) - n] END
positions(n, given) = CASE WHEN given THEN range(1, n + 1) END
map(k, v) = CASE WHEN len(k) <> len(v) THEN map([k[CAST(trino_fail('Key and value arrays must be the same length') AS BIGINT)]], [v[1]]) ELSE map(k, v) END
unique_first(e) = list_filter(e, lambda p, i: p.key IS NOT NULL AND list_position(list_transform(e, lambda q: q.key), p.key) = i)
map_agg(k, v) = map_from_entries(trino_unique_first(list(struct_pack(key := k, value := v)) FILTER (WHERE k IS NOT NULL)))
grouped(e) = map_from_entries(list_transform(list_distinct(list_transform(e, lambda p: p.key)), lambda d: struct_pack(key := d, value := list_transform(list_filter(e, lambda p: p.key = d), lambda p: p.value))))
multimap_agg(k, v) = trino_grouped(list(struct_pack(key := k, value := v)) FILTER (WHERE k IS NOT NULL))
map_union(m) = map_from_entries(trino_unique_first(flatten(list(map_entries(m)) FILTER (WHERE m IS NOT NULL))))
by_key(m) = map_from_entries(list_sort(map_entries(m)))
histogram(x) = histogram(x)
percentile(x, p) = quantile_disc(x, p)
json_ok(j) = CASE WHEN json_valid(j) THEN j END
json_extract(j, p) = CAST(json_extract(trino_json_ok(j), p) AS VARCHAR)
json_extract_scalar(j, p) = CASE WHEN json_type(trino_json_ok(j), p) IN ('OBJECT', 'ARRAY', 'NULL') THEN NULL ELSE json_extract_string(trino_json_ok(j), p) END
json_size(j, p) = CASE json_type(trino_json_ok(j), p) WHEN 'OBJECT' THEN len(json_keys(trino_json_ok(j), p)) WHEN 'ARRAY' THEN json_array_length(trino_json_ok(j), p) ELSE CASE WHEN json_extract(trino_json_ok(j), p) IS NOT NULL THEN 0 END END
json_parse(j) = CASE WHEN json_valid(j) THEN CAST(json(j) AS VARCHAR) WHEN j IS NULL THEN NULL ELSE trino_fail('Cannot convert value to JSON: ''' || j || '''') END
json_text(j) = CASE json_type(j) WHEN 'NULL' THEN NULL WHEN 'OBJECT' THEN trino_fail('Cannot cast ''' || j || ''' to varchar') WHEN 'ARRAY' THEN trino_fail('Cannot cast ''' || j || ''' to varchar') ELSE json_extract_string(j, '$') END
json_number(j) = CASE json_type(j) WHEN 'BOOLEAN' THEN CASE j WHEN 'true' THEN '1' ELSE '0' END ELSE trino_json_text(j) END
json_elements(j) = CASE coalesce(json_type(j), 'NULL') WHEN 'ARRAY' THEN list_transform(json_extract(j, '$[*]'), lambda e: CAST(e AS VARCHAR)) WHEN 'NULL' THEN NULL ELSE [trino_fail('Cannot cast ''' || j || ''' to an array')] END
json_members(j) = CASE coalesce(json_type(j), 'NULL') WHEN 'OBJECT' THEN list_transform(json_keys(j), lambda k: struct_pack(key := k, value := CAST(json_extract(j, '$."' || replace(replace(k, '\', '\\'), '"', '\"') || '"') AS VARCHAR))) WHEN 'NULL' THEN NULL ELSE [struct_pack(key := trino_fail('Cannot cast ''' || j || ''' to a map'), value := '')] END
json_field(j, name, position) = CASE json_type(j) WHEN 'ARRAY' THEN CAST(json_extract(j, '$[' || position || ']') AS VARCHAR) ELSE coalesce(CAST(json_extract(j, '$."' || name || '"') AS VARCHAR), (list_filter(trino_json_members(j), lambda e: lower(e.key) = lower(name))[1]).value) END
json_array_length(j) = CASE WHEN json_type(trino_json_ok(j)) = 'ARRAY' THEN json_array_length(trino_json_ok(j)) END
json_array_get(j, i) = CASE WHEN json_type(trino_json_ok(j)) = 'ARRAY' THEN CAST(json_extract(trino_json_ok(j), '$[' || CASE WHEN i < 0 THEN '#' ELSE '' END || CAST(i AS BIGINT) || ']') AS VARCHAR) END
json_array_contains(j, x, t) = CASE WHEN json_type(trino_json_ok(j)) = 'ARRAY' AND x IS NOT NULL THEN len(list_filter(json_extract(trino_json_ok(j), '$[*]'), lambda e: CASE t WHEN 'DOUBLE' THEN json_type(e) IN ('UBIGINT', 'BIGINT', 'DOUBLE') AND CAST(CAST(e->>'$' AS DOUBLE) AS VARCHAR) = x ELSE json_type(e) = t AND e->>'$' = x END)) > 0 END
is_json_scalar(j) = CASE WHEN json_valid(j) THEN json_type(trino_json_ok(j)) NOT IN ('OBJECT', 'ARRAY') WHEN j IS NULL THEN NULL ELSE CAST(trino_fail('Invalid JSON value: ' || j) AS BOOLEAN) END
json_value(j, p, o) = CASE WHEN j IS NOT NULL THEN trino_json_standard(j, p, o, 'value') END
json_query(j, p, o) = CASE WHEN j IS NOT NULL THEN trino_json_standard(j, p, o, 'query') END
json_exists(j, p, o) = CASE trino_json_standard(j, p, o, 'exists') WHEN 'true' THEN true WHEN 'false' THEN false END
lpad(s, n, f) = trino_padded(s, n, f, true)
rpad(s, n, f) = trino_padded(s, n, f, false)
"""
"""Names without the `trino_` before them."""
