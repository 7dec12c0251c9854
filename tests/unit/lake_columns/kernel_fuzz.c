/* Records of a corpus, changed at random, through the kernel, which is compiled into this with sanitizers; memory runs out now and then.
 *
 *     kernel_fuzz COLUMNS CORPUS ROUNDS SEED
 *
 * COLUMNS: number of columns, of the time's, of the record's own and of its sum; then kind, first child, number of children and name (- for none) of
 * each. CORPUS: a record a line. What the kernel then says it has is read from end to end.
 */

#include <stdio.h>
#include <stdlib.h>

static long left = -1; /* allocations until memory is out; -1: never */

static void *rationed(void *old, size_t size)
{
    if (left > 0)
        left--;
    return left == 0 ? NULL : realloc(old, size);
}

#define realloc rationed
#include "kernel.c"
#undef realloc

#define MUST(what)                                              \
    do {                                                        \
        if (!(what)) {                                          \
            fprintf(stderr, "line %d: not %s\n", __LINE__, #what); \
            abort();                                            \
        }                                                       \
    } while (0)

static uint64_t state;

static uint64_t any(uint64_t below)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return below == 0 ? 0 : (state >> 11) % below;
}

static uint64_t seen;

static void read_through(const void *from, int64_t size)
{
    const uint8_t *bytes = from;
    for (int64_t i = 0; i < size; i++)
        seen = seen * 31 + bytes[i];
}

static bool is_set(const Buffer *b, int64_t i) { return b->bytes[i >> 3] >> (i & 7) & 1; }

/* A column of `length` values is what Arrow takes it to be. */
static void check(const Kernel *k, int n, int64_t length)
{
    const Node *node = &k->nodes[n];
    const Mark *mark = &k->now[n];
    if (mark->length == 0)
        return;
    MUST(mark->length == length);
    int64_t nulls = 0;
    for (int64_t i = 0; i < length; i++)
        nulls += !is_set(&node->valid, i);
    MUST(nulls == mark->nulls);
    if (has_offsets(node)) {
        const int32_t *offsets = (const int32_t *)(const void *)node->offsets.bytes;
        MUST(offsets[0] == 0 && offsets[length] == mark->size);
        for (int64_t i = 0; i < length; i++)
            MUST(offsets[i] <= offsets[i + 1]);
    }
    if (node->kind == TEXT) {
        Cursor t = {node->data.bytes, node->data.bytes + mark->size};
        while (t.at < t.end) { /* UTF-8 */
            int size = *t.at < 0x80 ? 1 : sequence(t.at, t.end);
            MUST(size > 0);
            t.at += size;
        }
    } else if (node->kind == TIME) {
        read_through(node->data.bytes, 8 * length);
    } else if (node->kind == BOOLEAN) {
        read_through(node->data.bytes, (length + 7) / 8);
    }
    for (int i = node->first; i < node->first + node->count; i++)
        check(k, i, node->kind == ROW ? length : mark->size);
}

static void check_all(const Kernel *k, int64_t came, int64_t size)
{
    MUST(came >= OUT_OF_MEMORY);
    if (came < 0)
        return;
    int64_t taken = 0, end = 0;
    for (int64_t i = 0; i < k->number; i++) {
        const Record *record = (const Record *)(const void *)k->records.bytes + i;
        MUST(record->from >= end && record->to >= record->from && record->to <= size);
        end = record->to;
        taken += record->taken;
    }
    MUST(taken == came);
    check(k, 0, came);
}

static const char *const PIECES[] = {
    "\"", "\\", "{", "}", "[", "]", ",", ":", "null", "true", "1", "-", "1e5", " ", "\n", "\\u0041", "\\ud83d\\ude00", "\\ud800", "\\", "{}",
    "\xC3\xA9", "\xFF", "\xED\xA0\x80", "\xF0\x9F\x98\x80", "\xF0", "[[[[[[[[[[[[[[[[[[[[[[", "\"a\":{\"b\":[1, 2]},", "\"resources\":[null,{}],",
};

/* A copy of `text`, changed, of just its size, so that reading behind it is seen. */
static uint8_t *changed(const uint8_t *text, int64_t size, int64_t *new_size)
{
    uint8_t *found = malloc((size_t)size + 1);
    MUST(found != NULL);
    if (size > 0)
        memcpy(found, text, (size_t)size);
    for (uint64_t times = any(6); times > 0 && size > 0; times--) {
        int64_t at = (int64_t)any((uint64_t)size);
        switch (any(4)) {
        case 0: found[at] = (uint8_t)any(256); break;
        case 1: size = at; break; /* broken off */
        default: {
            const char *piece = PIECES[any(sizeof PIECES / sizeof PIECES[0])];
            int64_t more = (int64_t)strlen(piece);
            uint8_t *longer = malloc((size_t)(size + more + 1));
            MUST(longer != NULL);
            memcpy(longer, found, (size_t)at);
            memcpy(longer + at, piece, (size_t)more);
            memcpy(longer + at + more, found + at, (size_t)(size - at));
            free(found);
            found = longer;
            size += more;
        }
        }
    }
    uint8_t *exact = malloc(size > 0 ? (size_t)size : 1);
    MUST(exact != NULL);
    if (size > 0)
        memcpy(exact, found, (size_t)size);
    free(found);
    *new_size = size;
    return exact;
}

static Kernel *made(const char *path)
{
    FILE *file = fopen(path, "r");
    MUST(file != NULL);
    int count, time, original, sum;
    MUST(fscanf(file, "%d %d %d %d", &count, &time, &original, &sum) == 4 && count <= MOST_NODES);
    static int32_t kinds[MOST_NODES], firsts[MOST_NODES], counts[MOST_NODES];
    static char names[64 * MOST_NODES];
    for (int n = 0; n < count; n++) {
        char name[64];
        MUST(fscanf(file, "%d %d %d %63s", &kinds[n], &firsts[n], &counts[n], name) == 4);
        if (strcmp(name, "-") != 0)
            memcpy(names + 64 * n, name, strlen(name));
    }
    fclose(file);
    Kernel *k = opentrail_new(count, kinds, firsts, counts, names, time, original, sum);
    MUST(k != NULL);
    return k;
}

int main(int argc, char **argv)
{
    MUST(argc == 5);
    Kernel *k = made(argv[1]);
    FILE *file = fopen(argv[2], "rb");
    MUST(file != NULL);
    static uint8_t corpus[1 << 22];
    const int64_t all = (int64_t)fread(corpus, 1, sizeof corpus, file);
    fclose(file);
    int64_t starts[1 << 10], ends[1 << 10], lines = 0;
    for (int64_t at = 0, from = 0; at < all && lines < 1 << 10; at++)
        if (corpus[at] == '\n') {
            starts[lines] = from;
            ends[lines++] = at;
            from = at + 1;
        }
    MUST(lines > 0);
    state = strtoull(argv[4], NULL, 10) * 2654435761u + 88172645463325252ull;
    int64_t taken = 0;
    for (long round = 0, rounds = atol(argv[3]); round < rounds; round++) {
        static uint8_t text[1 << 20];
        int64_t size = 0, sizes[3], count = 0;
        memcpy(text, "{\"Records\":[", 12);
        size = 12;
        for (uint64_t records = any(3) + 1; records > 0; records--) {
            int64_t line = (int64_t)any((uint64_t)lines), own = ends[line] - starts[line];
            if (size + own > 1 << 19)
                break;
            if (count > 0)
                text[size++] = ',';
            memcpy(text + size, corpus + starts[line], (size_t)own);
            size += own;
            sizes[count++] = own;
        }
        memcpy(text + size, "]}", 2);
        size += 2;
        int64_t new_size;
        uint8_t *exact = changed(text, size, &new_size);
        left = any(4) == 0 ? (long)any(400) + 1 : -1;
        if (left > 0)
            let_all_go(k);
        int64_t came = opentrail_file(k, exact, new_size);
        left = -1;
        check_all(k, came, new_size);
        taken += came > 0 ? came : 0;
        /* The same bytes, cut anywhere, as records side by side. */
        int64_t rest = new_size;
        for (int64_t i = 0; i < count; i++) {
            sizes[i] = i == count - 1 ? rest : (int64_t)any((uint64_t)rest + 1);
            rest -= sizes[i];
        }
        check_all(k, opentrail_records(k, exact, sizes, count), new_size);
        int64_t line = (int64_t)any((uint64_t)lines);
        uint8_t *one = changed(corpus + starts[line], ends[line] - starts[line], &new_size);
        came = opentrail_records(k, one, &new_size, 1);
        check_all(k, came, new_size);
        taken += came > 0 ? came : 0;
        free(one);
        free(exact);
    }
    opentrail_free(k);
    printf("%lld\n", (long long)taken);
    return 0;
}
