/* One JSON value into the column that it is for.
 *
 * The rules are those of `opentrail.lake.columns.plain`, of which these are the cases that CloudTrail writes. Whatever is unusual is not
 * read: a name twice, a value of another type, a time in another spelling. The depth of calls is that of the schema.
 */

#ifndef OPENTRAIL_READING_H
#define OPENTRAIL_READING_H

#include "columns.h"

#define MOST_NAMES 64 /* of a map: each is compared with those before it */

static bool read_value(Kernel *k, int n, int64_t row, Cursor *t);

static inline uint8_t lower(uint8_t c) { return c >= 'A' && c <= 'Z' ? c | 0x20 : c; }

static inline uint32_t hash(const uint8_t *name, int64_t size)
{
    uint32_t h = (uint32_t)size * 31 + lower(name[0]);
    h = h * 31 + lower(name[size / 2]);
    h = h * 31 + lower(name[size - 1]);
    h = h * 31 + lower(name[size / 4]);
    return h ^ (h >> 7) ^ (h >> 15);
}

/* The field of a row that a member of this name is for, whatever its case; -1: there is none. */
static int find(const Kernel *k, const Node *row, const Span *name)
{
    if (name->size == 0 || name->size > (int64_t)sizeof row->name)
        return -1;
    uint32_t at = hash(name->from, name->size);
    for (;; at++) {
        int child = k->names[row->slot + (int32_t)(at & (uint32_t)(row->slots - 1))];
        if (child < 0)
            return -1;
        const Node *field = &k->nodes[child];
        if (field->size != name->size)
            continue;
        int64_t i = 0;
        while (i < name->size && lower(name->from[i]) == (uint8_t)field->name[i])
            i++;
        if (i == name->size)
            return child;
    }
}

static bool is_plain(const Span *name)
{
    if (name->escaped)
        return false;
    uint8_t all = 0;
    for (int64_t i = 0; i < name->size; i++)
        all |= name->from[i];
    return all < 0x80;
}

/* A name and its colon, with what spaces there are. */
static bool take_name(Cursor *t, Span *name)
{
    if (!take(t, '"') || !take_string(t, name))
        return false;
    skip_spaces(t);
    if (!take(t, ':'))
        return false;
    skip_spaces(t);
    return true;
}

/* Behind a member or element: whether there is another. False in `fine`: neither. */
static bool goes_on(Cursor *t, uint8_t close, bool *fine)
{
    skip_spaces(t);
    if (take(t, ',')) {
        skip_spaces(t);
        return true;
    }
    *fine = take(t, close);
    return false;
}

static bool read_text(Kernel *k, int n, int64_t row, Cursor *t)
{
    if (!catch_up(k, n, row))
        return false;
    if (take(t, '"')) {
        Span text;
        return take_string(t, &text) && write_string(k, n, &text) && written(k, n, row);
    }
    const uint8_t *from = t->at;
    bool spaced = false;
    if (!skip_value(t, &spaced))
        return false;
    return (spaced ? write_compactly : write_plainly)(k, n, from, t->at - from) && written(k, n, row);
}

static bool read_boolean(Kernel *k, int n, int64_t row, Cursor *t)
{
    bool value = take_word(t, "true", 4);
    if (!value && !take_word(t, "false", 5))
        return false;
    return catch_up(k, n, row) && set_bits(k, &k->nodes[n].data, row, row + 1, value) && written(k, n, row);
}

static int number_of(const uint8_t *digits, int count)
{
    int found = 0;
    for (int i = 0; i < count; i++) {
        if (digits[i] < '0' || digits[i] > '9')
            return -1;
        found = found * 10 + digits[i] - '0';
    }
    return found;
}

/* Microseconds since the epoch of `2026-01-05T10:11:12Z`; -1 for any other spelling, a day that is none, or a leap second. */
static int64_t micros(const Span *text)
{
    static const int8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    const uint8_t *s = text->from;
    if (text->size != 20 || s[4] != '-' || s[7] != '-' || s[10] != 'T' || s[13] != ':' || s[16] != ':' || s[19] != 'Z')
        return -1;
    int year = number_of(s, 4), month = number_of(s + 5, 2), day = number_of(s + 8, 2);
    int hour = number_of(s + 11, 2), minute = number_of(s + 14, 2), second = number_of(s + 17, 2);
    if (year < 1970 || month < 1 || month > 12 || day < 1 || hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59)
        return -1;
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    if (day > days[month - 1] + (month == 2 && leap))
        return -1;
    int past = year - 1; /* years that are over, since the year 1 */
    int64_t since = past * 365 + past / 4 - past / 100 + past / 400 - 719162;
    for (int i = 1; i < month; i++)
        since += days[i - 1] + (i == 2 && leap);
    since += day - 1;
    return (((since * 24 + hour) * 60 + minute) * 60 + second) * 1000000;
}

static bool read_time(Kernel *k, int n, int64_t row, Cursor *t)
{
    Span text;
    if (!take(t, '"') || !take_string(t, &text))
        return false;
    int64_t time = micros(&text);
    if (time < 0 || !catch_up(k, n, row) || !reserve(k, &k->nodes[n].data, 8 * (row + 1)))
        return false;
    memcpy(k->nodes[n].data.bytes + 8 * row, &time, 8);
    return written(k, n, row);
}

/* Whether name number `last` of a column is among those from `first` on. */
static bool is_repeated(const Node *names, int64_t first, int64_t last)
{
    const int32_t *offsets = (const int32_t *)(const void *)names->offsets.bytes;
    const uint8_t *name = names->data.bytes + offsets[last];
    int32_t size = offsets[last + 1] - offsets[last];
    for (int64_t i = first; i < last; i++)
        if (offsets[i + 1] - offsets[i] == size && memcmp(names->data.bytes + offsets[i], name, (size_t)size) == 0)
            return true;
    return false;
}

static bool read_map(Kernel *k, int n, int64_t row, Cursor *t)
{
    const int names = k->nodes[n].first;
    Mark *mark = &k->now[n];
    if (!take(t, '{') || !catch_up(k, n, row))
        return false;
    skip_spaces(t);
    const int64_t first = mark->size;
    bool fine = true;
    for (bool on = !take(t, '}'); on; on = goes_on(t, '}', &fine)) {
        Span name;
        const int64_t number = mark->size;
        if (number - first == MOST_NAMES || !take_name(t, &name) || !write_string(k, names, &name) || !written(k, names, number))
            return false;
        if (is_repeated(&k->nodes[names], first, number) || !read_value(k, names + 1, number, t))
            return false;
        mark->size++;
    }
    return fine && written(k, n, row);
}

static bool read_list(Kernel *k, int n, int64_t row, Cursor *t)
{
    Mark *mark = &k->now[n];
    if (!take(t, '[') || !catch_up(k, n, row))
        return false;
    skip_spaces(t);
    bool fine = true;
    for (bool on = !take(t, ']'); on; on = goes_on(t, ']', &fine)) {
        if (!read_value(k, k->nodes[n].first, mark->size, t))
            return false;
        mark->size++;
    }
    return fine && written(k, n, row);
}

static bool read_row(Kernel *k, int n, int64_t row, Cursor *t)
{
    if (!take(t, '{') || !catch_up(k, n, row) || !written(k, n, row))
        return false;
    skip_spaces(t);
    bool fine = true;
    for (bool on = !take(t, '}'); on; on = goes_on(t, '}', &fine)) {
        Span name;
        bool spaced = false;
        if (!take_name(t, &name) || !is_plain(&name))
            return false;
        int field = find(k, &k->nodes[n], &name);
        if (field < 0 ? !skip_value(t, &spaced) : k->now[field].length > row || !read_value(k, field, row, t))
            return false;
    }
    return fine;
}

/* Read what is for value `row` of a column. False: it is unusual, or no JSON, or memory is out. */
static bool read_value(Kernel *k, int n, int64_t row, Cursor *t)
{
    if (take_word(t, "null", 4))
        return true;
    switch (k->nodes[n].kind) {
    case TEXT: return read_text(k, n, row, t);
    case BOOLEAN: return read_boolean(k, n, row, t);
    case TIME: return read_time(k, n, row, t);
    case MAP: return read_map(k, n, row, t);
    case LIST: return read_list(k, n, row, t);
    default: return read_row(k, n, row, t);
    }
}

#endif
