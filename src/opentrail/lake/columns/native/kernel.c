/* Records to columns in one pass over their text: the usual ones. What is unusual is left to Python, record by record (decision 0039).
 *
 * A kernel is for one thread at a time. Its buffers are good until the next text.
 */

#include "reading.h"
#include "sha256.h"

#define EXPORTED __attribute__((visibility("default")))
#define MOST_TEXT (64LL << 20) /* CloudTrail's files are a tenth of it, and no column has more bytes than the text: offsets are 32 bits. */

enum { DOUBTFUL = -1, OUT_OF_MEMORY = -2 };

/* The record's sum, where there is a column for it. */
static bool take_sum(Kernel *k, int64_t row, const uint8_t *from, int64_t size)
{
    if (k->sum < 0)
        return true;
    uint8_t *to = more(k, k->sum, SUM_SIZE);
    if (to == NULL)
        return false;
    write_sum(to, from, size);
    k->now[k->sum].size += SUM_SIZE;
    return written(k, k->sum, row);
}

/* Add the record at the cursor to the columns, or leave them, and the cursor, as they were. */
static bool take_record(Kernel *k, Cursor *t, bool whole)
{
    const uint8_t *from = t->at;
    const int64_t row = k->now[0].length;
    const size_t marks = sizeof(Mark) * (size_t)k->count;
    memcpy(k->before, k->now, marks);
    if (t->at < t->end && *t->at == '{' && read_value(k, 0, row, t) && (!whole || t->at == t->end) && k->now[k->time].length == row + 1
        && write_plainly(k, k->original, from, t->at - from) && written(k, k->original, row)
        && take_sum(k, row, from, t->at - from))
        return true;
    memcpy(k->now, k->before, marks);
    t->at = from;
    return false;
}

static bool note(Kernel *k, int64_t from, int64_t to, bool taken)
{
    Record record = {from, to, taken};
    const int64_t size = (int64_t)sizeof record;
    if (!reserve(k, &k->records, size * (k->number + 1)))
        return false;
    memcpy(k->records.bytes + size * k->number++, &record, sizeof record);
    return true;
}

static void let_go(Buffer *b)
{
    free(b->bytes);
    b->bytes = NULL;
    b->room = 0;
}

static int64_t room(const Kernel *k)
{
    int64_t found = k->records.room;
    for (int n = 0; n < k->count; n++)
        found += k->nodes[n].valid.room + k->nodes[n].offsets.room + k->nodes[n].data.room;
    return found;
}

static void let_all_go(Kernel *k)
{
    let_go(&k->records);
    for (int n = 0; n < k->count; n++) {
        let_go(&k->nodes[n].valid);
        let_go(&k->nodes[n].offsets);
        let_go(&k->nodes[n].data);
    }
}

static bool begin(Kernel *k)
{
    k->out_of_memory = false;
    k->number = 0;
    memset(k->now, 0, sizeof k->now);
    if (room(k) > KEPT)
        let_all_go(k);
    for (int n = 0; n < k->count; n++)
        if (has_offsets(&k->nodes[n]) && !set_offset(k, n, -1))
            return false;
    return true;
}

static bool finish(Kernel *k, int n, int64_t length)
{
    if (k->now[n].length == 0)
        return true; /* all null */
    if (!catch_up(k, n, length))
        return false;
    const Node *node = &k->nodes[n];
    for (int i = node->first; i < node->first + node->count; i++)
        if (!finish(k, i, node->kind == ROW ? length : k->now[n].size))
            return false;
    return true;
}

static int64_t finished(Kernel *k)
{
    return finish(k, 0, k->now[0].length) ? k->now[0].length : OUT_OF_MEMORY;
}

/* The events of a log file, `{"Records":[…]}`; what is unusual among them is noted as not taken. DOUBTFUL when it is anything else. */
EXPORTED int64_t opentrail_file(Kernel *k, const uint8_t *text, int64_t size)
{
    if (!begin(k))
        return OUT_OF_MEMORY;
    Cursor t = {text, text + size};
    Span name;
    bool spaced = false, fine = true;
    skip_spaces(&t);
    if (size > MOST_TEXT || !take(&t, '{'))
        return DOUBTFUL;
    skip_spaces(&t);
    if (!take_name(&t, &name) || name.size != 7 || memcmp(name.from, "Records", 7) != 0 || !take(&t, '['))
        return DOUBTFUL;
    skip_spaces(&t);
    for (bool on = !take(&t, ']'); on; on = goes_on(&t, ']', &fine)) {
        const uint8_t *from = t.at;
        bool taken = take_record(k, &t, false);
        if (k->out_of_memory)
            return OUT_OF_MEMORY;
        if (!taken && !skip_value(&t, &spaced))
            return DOUBTFUL;
        if (!note(k, from - text, t.at - text, taken))
            return OUT_OF_MEMORY;
    }
    skip_spaces(&t);
    if (!fine || !take(&t, '}'))
        return DOUBTFUL;
    skip_spaces(&t);
    return t.at == t.end ? finished(k) : DOUBTFUL;
}

/* Records that lie side by side, each of the size that is given. */
EXPORTED int64_t opentrail_records(Kernel *k, const uint8_t *text, const int64_t *sizes, int64_t count)
{
    if (!begin(k))
        return OUT_OF_MEMORY;
    const uint8_t *from = text;
    for (int64_t i = 0; i < count; i++) {
        const bool fits = sizes[i] <= MOST_TEXT - (from - text);
        Cursor t = {from, from + sizes[i]};
        bool taken = fits && take_record(k, &t, true);
        if (k->out_of_memory || !note(k, from - text, from - text + sizes[i], taken))
            return OUT_OF_MEMORY;
        from += sizes[i];
    }
    return finished(k);
}

EXPORTED void opentrail_free(Kernel *k)
{
    if (k != NULL)
        let_all_go(k);
    free(k);
}

/* Whether it can have a column of sums. */
EXPORTED int32_t opentrail_can_sum(void) { return can_sum(); }

/* A kernel for columns of these kinds, each with its children and its name (64 bytes, lower case, NUL behind it; none: no member is for
 * it). NULL where memory is out or the columns are too many. */
EXPORTED Kernel *opentrail_new(int32_t count, const int32_t *kinds, const int32_t *firsts, const int32_t *counts, const char *names,
    int32_t time, int32_t original, int32_t sum)
{
    if (count < 1 || count > MOST_NODES || time < 0 || time >= count || original < 0 || original >= count || sum >= count)
        return NULL;
    Kernel *k = calloc(1, sizeof *k);
    if (k == NULL)
        return NULL;
    k->count = count;
    k->time = time;
    k->original = original;
    k->sum = can_sum() ? sum : -1;
    memset(k->names, -1, sizeof k->names);
    int32_t slot = 0;
    for (int n = 0; n < count; n++) {
        Node *node = &k->nodes[n];
        node->kind = kinds[n];
        node->first = firsts[n];
        node->count = counts[n];
        memcpy(node->name, names + 64 * n, 64);
        node->size = (int32_t)strnlen(node->name, 64);
        /* Children come behind their parent: so there is no circle. */
        if (node->count < 0 || (node->count > 0 && (node->first <= n || node->first > count - node->count))) {
            free(k);
            return NULL;
        }
    }
    for (int n = 0; n < count; n++) {
        Node *node = &k->nodes[n];
        if (node->kind != ROW)
            continue;
        node->slot = slot;
        for (node->slots = 2; node->slots < 2 * (node->count + 1);)
            node->slots *= 2;
        slot += node->slots;
        if (slot > (int32_t)(sizeof k->names / sizeof k->names[0])) {
            free(k);
            return NULL;
        }
        for (int child = node->first; child < node->first + node->count; child++) {
            if (k->nodes[child].size == 0)
                continue;
            uint32_t at = hash((const uint8_t *)k->nodes[child].name, k->nodes[child].size);
            while (k->names[node->slot + (int32_t)(at & (uint32_t)(node->slots - 1))] >= 0)
                at++;
            k->names[node->slot + (int32_t)(at & (uint32_t)(node->slots - 1))] = (int16_t)child;
        }
    }
    return k;
}

/* What came of the records: number of records and where they are noted, then for each column its length, its nulls, where its validity,
 * offsets and data are, and how many bytes of text or elements it has. */
EXPORTED void opentrail_found(const Kernel *k, int64_t *found)
{
    *found++ = k->number;
    *found++ = (int64_t)(intptr_t)k->records.bytes;
    for (int n = 0; n < k->count; n++) {
        const Node *node = &k->nodes[n];
        *found++ = k->now[n].length;
        *found++ = k->now[n].nulls;
        *found++ = (int64_t)(intptr_t)node->valid.bytes;
        *found++ = (int64_t)(intptr_t)node->offsets.bytes;
        *found++ = (int64_t)(intptr_t)node->data.bytes;
        *found++ = k->now[n].size;
    }
}
