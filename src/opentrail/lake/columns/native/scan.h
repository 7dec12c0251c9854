/* JSON text, read strictly (RFC 8259, UTF-8): what is taken here is valid; whatever is doubtful is not taken, and Python has the last word.
 *
 * A cursor never passes `end`. Nothing is recursive; nothing is allocated.
 */

#ifndef OPENTRAIL_SCAN_H
#define OPENTRAIL_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if !defined(__BYTE_ORDER__) || __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "eight bytes are looked at as one little-endian number"
#endif

#define DEEPEST 64 /* Nesting of values that are taken as text. */

typedef struct {
    const uint8_t *at, *end;
} Cursor;

typedef struct {
    const uint8_t *from;
    int64_t size;
    bool escaped; /* Its content is spelled with escapes. */
} Span;

static inline bool is_space(uint8_t c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; }

/* Go on behind spaces. Returns whether there were any. */
static inline bool skip_spaces(Cursor *t)
{
    const uint8_t *from = t->at;
    while (t->at < t->end && is_space(*t->at))
        t->at++;
    return t->at != from;
}

static inline bool take(Cursor *t, uint8_t c)
{
    if (t->at == t->end || *t->at != c)
        return false;
    t->at++;
    return true;
}

static inline bool take_word(Cursor *t, const char *word, ptrdiff_t size)
{
    if (t->end - t->at < size || memcmp(t->at, word, (size_t)size) != 0)
        return false;
    t->at += size;
    return true;
}

static inline int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The number of four hexadecimal digits, or -1. */
static inline int32_t four_digits(const uint8_t *at, const uint8_t *end)
{
    if (end - at < 4)
        return -1;
    int32_t found = 0;
    for (int i = 0; i < 4; i++) {
        int digit = hex_digit(at[i]);
        if (digit < 0)
            return -1;
        found = found * 16 + digit;
    }
    return found;
}

/* Size of the escape that begins at `at` (a backslash), 0 when it is none; what it stands for in `character`. */
static inline int escape(const uint8_t *at, const uint8_t *end, int32_t *character)
{
    if (end - at < 2)
        return 0;
    switch (at[1]) {
    case '"': case '\\': case '/': *character = at[1]; return 2;
    case 'b': *character = '\b'; return 2;
    case 'f': *character = '\f'; return 2;
    case 'n': *character = '\n'; return 2;
    case 'r': *character = '\r'; return 2;
    case 't': *character = '\t'; return 2;
    case 'u': break;
    default: return 0;
    }
    int32_t high = four_digits(at + 2, end);
    if (high < 0 || (high >= 0xDC00 && high <= 0xDFFF))
        return 0;
    *character = high;
    if (high < 0xD800 || high > 0xDBFF)
        return 6;
    if (end - at < 12 || at[6] != '\\' || at[7] != 'u')
        return 0;
    int32_t low = four_digits(at + 8, end);
    if (low < 0xDC00 || low > 0xDFFF)
        return 0;
    *character = 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00);
    return 12;
}

/* Size of the UTF-8 sequence of a character beyond ASCII, 0 when it is none. */
static inline int sequence(const uint8_t *at, const uint8_t *end)
{
    uint8_t c = at[0];
    int size = c >= 0xC2 && c <= 0xDF ? 2 : c >= 0xE0 && c <= 0xEF ? 3 : c >= 0xF0 && c <= 0xF4 ? 4 : 0;
    if (size == 0 || end - at < size)
        return 0;
    for (int i = 1; i < size; i++)
        if ((at[i] & 0xC0) != 0x80)
            return 0;
    if ((c == 0xE0 && at[1] < 0xA0) || (c == 0xED && at[1] > 0x9F) || (c == 0xF0 && at[1] < 0x90) || (c == 0xF4 && at[1] > 0x8F))
        return 0; /* longer than need be, half a surrogate pair, beyond Unicode */
    return size;
}

#define EACH(byte) (0x0101010101010101ULL * (byte))
#define ZERO_AMONG(word) (((word) - EACH(0x01)) & ~(word) & EACH(0x80))

/* A string whose opening quote is taken; `found` is what is between the quotes. */
static inline bool take_string(Cursor *t, Span *found)
{
    const uint8_t *at = t->at, *const end = t->end;
    found->from = at;
    found->escaped = false;
    for (;;) {
        while (end - at >= 8) {
            uint64_t word;
            memcpy(&word, at, 8);
            uint64_t special = ZERO_AMONG(word ^ EACH('"')) | ZERO_AMONG(word ^ EACH('\\')) | ((word - EACH(0x20)) & ~word & EACH(0x80))
                | (word & EACH(0x80));
            if (special != 0) {
                at += __builtin_ctzll(special) >> 3; /* the lowest mark is always a true one */
                break;
            }
            at += 8;
        }
        if (at == end)
            return false;
        uint8_t c = *at;
        if (c == '"') {
            found->size = at - found->from;
            t->at = at + 1;
            return true;
        }
        if (c < 0x20)
            return false;
        int size = 1;
        if (c == '\\') {
            int32_t character;
            size = escape(at, end, &character);
            found->escaped = true;
        } else if (c >= 0x80) {
            size = sequence(at, end);
        }
        if (size == 0)
            return false;
        at += size;
    }
}

static inline bool take_digits(Cursor *t)
{
    const uint8_t *from = t->at;
    while (t->at < t->end && *t->at >= '0' && *t->at <= '9')
        t->at++;
    return t->at != from;
}

static inline bool take_number(Cursor *t)
{
    take(t, '-');
    if (!take(t, '0') && !take_digits(t))
        return false;
    if (take(t, '.') && !take_digits(t))
        return false;
    if (take(t, 'e') || take(t, 'E')) {
        if (!take(t, '-'))
            take(t, '+');
        return take_digits(t);
    }
    return true;
}

/* Any value, from its first character to its last; `spaced` becomes true where there are spaces between its tokens. */
static bool skip_value(Cursor *t, bool *spaced)
{
    uint8_t open[DEEPEST]; /* the closing brackets that are waited for */
    int depth = 0;
    for (;;) {
        Span text;
        if (t->at == t->end)
            return false;
        bool ended = true; /* a value has ended here */
        switch (*t->at) {
        case '"':
            t->at++;
            if (!take_string(t, &text))
                return false;
            break;
        case 't': if (!take_word(t, "true", 4)) return false; break;
        case 'f': if (!take_word(t, "false", 5)) return false; break;
        case 'n': if (!take_word(t, "null", 4)) return false; break;
        case '{': case '[':
            if (depth == DEEPEST)
                return false;
            open[depth++] = *t->at++ == '{' ? '}' : ']';
            *spaced |= skip_spaces(t);
            ended = take(t, open[depth - 1]);
            depth -= ended;
            break;
        default:
            if (!take_number(t))
                return false;
        }
        while (ended && depth > 0) { /* behind a member or element */
            *spaced |= skip_spaces(t);
            if (take(t, ',')) {
                *spaced |= skip_spaces(t);
                ended = false;
            } else if (take(t, open[depth - 1])) {
                depth--;
            } else {
                return false;
            }
        }
        if (depth == 0)
            return true;
        if (open[depth - 1] == '}') {
            if (!take(t, '"') || !take_string(t, &text))
                return false;
            *spaced |= skip_spaces(t);
            if (!take(t, ':'))
                return false;
            *spaced |= skip_spaces(t);
        }
    }
}

#endif
