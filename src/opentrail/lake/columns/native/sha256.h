/* SHA-256 (FIPS 180-4) of a record, in base64, where the processor has instructions for it; elsewhere Python does it.
 *
 * Not for speed of the rounds, which hashlib has as well, but for what it costs Python to ask for each of millions of records.
 */

#ifndef OPENTRAIL_SHA256_H
#define OPENTRAIL_SHA256_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define SUM_SIZE 44 /* Characters of a sum in base64. */

#if defined(__x86_64__)

#include <cpuid.h>
#include <immintrin.h>

#define WITH_SHA __attribute__((target("sha,sse4.1,ssse3")))

static const uint32_t round_constants[64] __attribute__((aligned(16))) = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be,
    0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa,
    0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85,
    0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3,
    0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f,
    0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static bool can_sum(void)
{
    unsigned a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d) || (c & bit_SSSE3) == 0 || (c & bit_SSE4_1) == 0)
        return false;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b >> 29 & 1) != 0;
}

/* Go on with `count` blocks of 64 bytes. `state` is as the instructions have it: the words a b e f, and c d g h, the last one lowest. */
WITH_SHA static void sum_blocks(__m128i state[2], const uint8_t *from, int64_t count)
{
    const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0bLL, 0x0405060700010203LL); /* the words are big-endian */
    __m128i abef = state[0], cdgh = state[1];
    for (; count > 0; count--, from += 64) {
        const __m128i abef_before = abef, cdgh_before = cdgh;
        __m128i words[4]; /* the sixteen words before those that are next */
#pragma GCC unroll 16
        for (int four = 0; four < 16; four++) {
            __m128i *now = &words[four & 3];
            if (four < 4) {
                *now = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(const void *)(from + 16 * four)), swap);
            } else {
                const __m128i last = words[(four + 3) & 3];
                const __m128i seven_back = _mm_alignr_epi8(last, words[(four + 2) & 3], 4);
                *now = _mm_sha256msg2_epu32(_mm_add_epi32(_mm_sha256msg1_epu32(*now, words[(four + 1) & 3]), seven_back), last);
            }
            __m128i with = _mm_add_epi32(*now, _mm_load_si128((const __m128i *)(const void *)(round_constants + 4 * four)));
            cdgh = _mm_sha256rnds2_epu32(cdgh, abef, with);
            abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(with, 0x0e));
        }
        abef = _mm_add_epi32(abef, abef_before);
        cdgh = _mm_add_epi32(cdgh, cdgh_before);
    }
    state[0] = abef;
    state[1] = cdgh;
}

/* The sum of `size` bytes into `to`, which has room for SUM_SIZE characters. */
WITH_SHA static void write_sum(uint8_t *to, const uint8_t *from, int64_t size)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    __m128i state[2] = {
        _mm_set_epi32(0x6a09e667, (int)0xbb67ae85, 0x510e527f, (int)0x9b05688c),
        _mm_set_epi32(0x3c6ef372, (int)0xa54ff53a, 0x1f83d9ab, 0x5be0cd19),
    };
    uint8_t last[128] = {0}; /* what is left over, a one bit, zeros, and the number of bits */
    const int64_t whole = size / 64, rest = size % 64, end = rest < 56 ? 64 : 128;
    sum_blocks(state, from, whole);
    memcpy(last, from + 64 * whole, (size_t)rest);
    last[rest] = 0x80;
    for (int i = 0; i < 8; i++)
        last[end - 1 - i] = (uint8_t)((uint64_t)size * 8 >> (8 * i));
    sum_blocks(state, last, end / 64);
    uint32_t abef[4], cdgh[4];
    memcpy(abef, &state[0], sizeof abef);
    memcpy(cdgh, &state[1], sizeof cdgh);
    const uint32_t words[8] = {abef[3], abef[2], cdgh[3], cdgh[2], abef[1], abef[0], cdgh[1], cdgh[0]};
    uint8_t sum[33];
    for (int i = 0; i < 32; i++)
        sum[i] = (uint8_t)(words[i / 4] >> (24 - 8 * (i % 4)));
    sum[32] = 0;
    for (int i = 0; i < 33; i += 3) {
        const uint32_t three = (uint32_t)sum[i] << 16 | (uint32_t)sum[i + 1] << 8 | sum[i + 2];
        for (int j = 0; j < 4; j++)
            *to++ = (uint8_t)digits[three >> (18 - 6 * j) & 63];
    }
    to[-1] = '=';
}

#else

static bool can_sum(void) { return false; }

static void write_sum(uint8_t *to, const uint8_t *from, int64_t size)
{
    (void)from;
    (void)size;
    memset(to, '=', SUM_SIZE);
}

#endif

#endif
