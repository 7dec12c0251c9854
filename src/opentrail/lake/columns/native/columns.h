/* Columns in the making, as Arrow lays them out: validity, offsets, data.
 *
 * A column is a node of a tree that is given from outside (`opentrail.lake.columns.compiled` makes it of the schema). Each has its own count
 * of values; a value that is null is not written: the column lags, and catches up before its next value or at the end. What was begun and
 * did not come off is undone by setting back the marks.
 *
 * Memory grows with what was really written, never by a number that a text claims.
 */

#ifndef OPENTRAIL_COLUMNS_H
#define OPENTRAIL_COLUMNS_H

#include <stdlib.h>

#include "scan.h"

enum Kind { TEXT, BOOLEAN, TIME, MAP, ROW, LIST };

typedef struct {
    uint8_t *bytes;
    int64_t room;
} Buffer;

typedef struct {
    int32_t kind;
    int32_t first, count; /* its children, side by side: a row's fields, a list's elements, a map's names and values */
    int32_t slots;        /* of a row: a power of two, more than its fields */
    int32_t slot;         /* of a row: where its table of names begins in `Kernel.names` */
    int32_t size;         /* of a field: length of its name */
    char name[64];        /* of a field: in lower case */
    Buffer valid, offsets, data;
} Node;

typedef struct {
    int64_t length; /* values that are written */
    int64_t size;   /* bytes of a text, elements of a list or map */
    int64_t nulls;
} Mark;

typedef struct {
    int64_t from, to; /* in the text */
    int64_t taken;
} Record;

#define MOST_NODES 256

typedef struct {
    int32_t count;    /* of nodes; 0 is the row of a record */
    int32_t time;     /* the node without which a record is none */
    int32_t original; /* the node of records as they are spelled */
    int32_t sum;      /* the node of their sums; -1: there is none */
    bool out_of_memory;
    Node nodes[MOST_NODES];
    Mark now[MOST_NODES], before[MOST_NODES];
    int16_t names[4 * MOST_NODES];
    Buffer records;
    int64_t number; /* of records */
} Kernel;

#define KEPT (64 << 20) /* Bytes that are kept, altogether, for the next text. */

/* Have room for `size` bytes. */
static bool reserve(Kernel *k, Buffer *b, int64_t size)
{
    if (size <= b->room)
        return true;
    int64_t room = b->room < 512 ? 1024 : b->room * 2;
    if (room < size)
        room = size;
    uint8_t *bytes = realloc(b->bytes, (size_t)room);
    if (bytes == NULL) {
        k->out_of_memory = true;
        return false;
    }
    b->bytes = bytes;
    b->room = room;
    return true;
}

static inline bool set_bits(Kernel *k, Buffer *b, int64_t from, int64_t to, bool value)
{
    if (!reserve(k, b, (to + 7) / 8))
        return false;
    for (int64_t i = from; i < to; i++) {
        uint8_t bit = (uint8_t)(1u << (i & 7));
        uint8_t byte = (i & 7) == 0 ? 0 : b->bytes[i >> 3];
        b->bytes[i >> 3] = value ? byte | bit : byte & (uint8_t)~bit;
    }
    return true;
}

static inline bool has_offsets(const Node *node) { return node->kind == TEXT || node->kind == MAP || node->kind == LIST; }

/* Value `row` of a column ends where its data end now. */
static inline bool set_offset(Kernel *k, int n, int64_t row)
{
    Buffer *b = &k->nodes[n].offsets;
    if (!reserve(k, b, 4 * (row + 2)))
        return false;
    int32_t size = (int32_t)k->now[n].size; /* no more than the text: see MOST_TEXT */
    memcpy(b->bytes + 4 * (row + 1), &size, 4);
    return true;
}

/* Nulls up to `row`. */
static bool catch_up(Kernel *k, int n, int64_t row)
{
    Node *node = &k->nodes[n];
    Mark *mark = &k->now[n];
    if (mark->length >= row)
        return true;
    if (!set_bits(k, &node->valid, mark->length, row, false))
        return false;
    if (has_offsets(node)) {
        for (int64_t i = mark->length; i < row; i++)
            if (!set_offset(k, n, i))
                return false;
    } else if (node->kind == BOOLEAN) {
        if (!set_bits(k, &node->data, mark->length, row, false))
            return false;
    } else if (node->kind == TIME) {
        if (!reserve(k, &node->data, 8 * row))
            return false;
        memset(node->data.bytes + 8 * mark->length, 0, (size_t)(8 * (row - mark->length)));
    }
    mark->nulls += row - mark->length;
    mark->length = row;
    return true;
}

/* Value `row` is there, and its data are written. */
static inline bool written(Kernel *k, int n, int64_t row)
{
    if (!set_bits(k, &k->nodes[n].valid, row, row + 1, true))
        return false;
    if (has_offsets(&k->nodes[n]) && !set_offset(k, n, row))
        return false;
    k->now[n].length = row + 1;
    return true;
}

/* `size` more bytes of a text: where to write them. */
static inline uint8_t *more(Kernel *k, int n, int64_t size)
{
    Mark *mark = &k->now[n];
    Buffer *b = &k->nodes[n].data;
    return reserve(k, b, mark->size + size + 1) ? b->bytes + mark->size : NULL;
}

static bool write_plainly(Kernel *k, int n, const uint8_t *from, int64_t size)
{
    uint8_t *to = more(k, n, size);
    if (to == NULL)
        return false;
    memcpy(to, from, (size_t)size);
    k->now[n].size += size;
    return true;
}

/* The content of a string: never longer than it is spelled. */
static bool write_string(Kernel *k, int n, const Span *text)
{
    if (!text->escaped)
        return write_plainly(k, n, text->from, text->size);
    uint8_t *to = more(k, n, text->size);
    if (to == NULL)
        return false;
    const uint8_t *const begin = to, *at = text->from, *const end = at + text->size;
    while (at < end) {
        if (*at != '\\') {
            *to++ = *at++;
            continue;
        }
        int32_t c = 0;
        int size = escape(at, end, &c);
        if (size == 0)
            return false;
        at += size;
        if (c < 0x80) {
            *to++ = (uint8_t)c;
        } else if (c < 0x800) {
            *to++ = (uint8_t)(0xC0 | (c >> 6));
            *to++ = (uint8_t)(0x80 | (c & 0x3F));
        } else if (c < 0x10000) {
            *to++ = (uint8_t)(0xE0 | (c >> 12));
            *to++ = (uint8_t)(0x80 | ((c >> 6) & 0x3F));
            *to++ = (uint8_t)(0x80 | (c & 0x3F));
        } else {
            *to++ = (uint8_t)(0xF0 | (c >> 18));
            *to++ = (uint8_t)(0x80 | ((c >> 12) & 0x3F));
            *to++ = (uint8_t)(0x80 | ((c >> 6) & 0x3F));
            *to++ = (uint8_t)(0x80 | (c & 0x3F));
        }
    }
    k->now[n].size += to - begin;
    return true;
}

/* A valid value without the spaces between its tokens. */
static bool write_compactly(Kernel *k, int n, const uint8_t *from, int64_t size)
{
    uint8_t *to = more(k, n, size);
    if (to == NULL)
        return false;
    const uint8_t *const begin = to;
    bool within = false; /* a string */
    for (const uint8_t *at = from; at < from + size; at++) {
        if (!within && is_space(*at))
            continue;
        *to++ = *at;
        if (*at == '"') {
            within = !within;
        } else if (within && *at == '\\') {
            *to++ = *++at; /* a valid string does not end in a backslash */
        }
    }
    k->now[n].size += to - begin;
    return true;
}

#endif
