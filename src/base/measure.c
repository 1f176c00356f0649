/* SPDX-License-Identifier: MIT
 * base/measure.c: clocks, and one loop of multiply-adds for each set of vectors. The loops are in functions with a target of
 * their own, so that this file needs no flags and runs on any processor. */
#include "base/measure.h"

#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

static double read_clock(clockid_t id) {
    struct timespec t;
    clock_gettime(id, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

double dq__seconds(void) { return read_clock(CLOCK_MONOTONIC); }
double dq__processor_seconds(void) { return read_clock(CLOCK_PROCESS_CPUTIME_ID); }

static int by_value(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double dq__median(double *value, int count) {
    qsort(value, (size_t)count, sizeof *value, by_value);
    return count % 2 ? value[count / 2] : (value[count / 2 - 1] + value[count / 2]) / 2;
}

double dq__peak_rss(void) {
    struct rusage usage;
    return getrusage(RUSAGE_SELF, &usage) == 0 ? (double)usage.ru_maxrss * 1024 : 0;
}

/* ---- the peak ---------------------------------------------------------------------------------------------------- */

/* Sums that do not wait for each other hide the latency of the units: as many as leave registers for the two constants. A task
 * takes about a millisecond. */
enum { CHAINS = 12, MORE_CHAINS = 24, TURNS = 400000, TASKS = 16, MAX_THREADS = 256 };

/* Every sum moves towards b/(1 − a), never to a denormal. */
#define LOOP(name, target, chains, vector, set, multiply_add) \
    target static float name(float a, float b) { \
        const vector va = set(a), vb = set(b); \
        vector sum[chains]; \
        _Pragma("GCC unroll 24") for (int k = 0; k < chains; k++) sum[k] = set((float)k); \
        for (int n = 0; n < TURNS; n++) \
            _Pragma("GCC unroll 24") for (int k = 0; k < chains; k++) sum[k] = multiply_add(sum[k], va, vb); \
        _Pragma("GCC unroll 24") for (int k = 1; k < chains; k++) sum[0] += sum[k]; \
        return sum[0][0]; \
    }

/* What the plain C kernels are compiled to: vectors that every processor of the family has. */
typedef float plain_vector __attribute__((vector_size(16)));
#define PLAIN_SET(v) (plain_vector){v, v, v, v}
#define PLAIN_MULTIPLY_ADD(x, a, b) (x) * (a) + (b)
LOOP(plain_loop, , CHAINS, plain_vector, PLAIN_SET, PLAIN_MULTIPLY_ADD)
#if defined(__x86_64__)
LOOP(avx2_loop, __attribute__((target("avx2,fma"))), CHAINS, __m256, _mm256_set1_ps, _mm256_fmadd_ps)
LOOP(avx512_loop, __attribute__((target("avx512f"))), MORE_CHAINS, __m512, _mm512_set1_ps, _mm512_fmadd_ps)
#elif defined(__aarch64__)
#define NEON_MULTIPLY_ADD(x, a, b) vfmaq_f32(b, x, a)
LOOP(neon_loop, , MORE_CHAINS, float32x4_t, vdupq_n_f32, NEON_MULTIPLY_ADD)
#endif

typedef struct peak_work {
    float (*loop)(float a, float b);
    int sums; /* floats that a turn changes */
    float a, b, result[TASKS * MAX_THREADS];
} peak_work;

static void peak_task(void *user, int task) {
    peak_work *w = user;
    w->result[task] = w->loop(w->a, w->b);
}

static void choose_loop(peak_work *w, dq__isa isa) {
    w->loop = plain_loop, w->sums = 4 * CHAINS;
#if defined(__x86_64__)
    if (isa == DQ__ISA_AVX2) w->loop = avx2_loop, w->sums = 8 * CHAINS;
    if (isa == DQ__ISA_AVX512) w->loop = avx512_loop, w->sums = 16 * MORE_CHAINS;
#elif defined(__aarch64__)
    if (isa != DQ__ISA_C) w->loop = neon_loop, w->sums = 4 * MORE_CHAINS;
#else
    (void)isa;
#endif
}

double dq__peak_flops(dq__pool *pool, dq__isa isa, int rounds) {
    peak_work w = {.a = 0.75f, .b = 0.25f};
    double fastest = 0;
    const int tasks = TASKS * dq__pool_threads(pool);
    choose_loop(&w, isa);
    for (int k = -1; k < rounds; k++) {
        const double start = dq__seconds();
        dq__pool_run(pool, tasks, peak_task, &w);
        const double seconds = dq__seconds() - start;
        if (k == 0 || (k > 0 && seconds < fastest)) fastest = seconds;
    }
    return 2.0 * w.sums * TURNS * tasks / fastest;
}
