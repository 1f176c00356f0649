/* SPDX-License-Identifier: MIT
 * base/mem.c: counted, aligned allocation. The size is kept in a 64-byte head before each block. */
#include "base/mem.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { HEAD = 64 };

static atomic_size_t now, peak;
static atomic_long fail_at;

static bool should_fail(void) {
    if (atomic_load_explicit(&fail_at, memory_order_relaxed) <= 0) return false;
    return atomic_fetch_sub(&fail_at, 1) == 1;
}

static void count(size_t bytes) {
    size_t sum = atomic_fetch_add(&now, bytes) + bytes;
    size_t old = atomic_load(&peak);
    while (sum > old && !atomic_compare_exchange_weak(&peak, &old, sum)) {}
}

void *dq__alloc(size_t bytes) {
    if (bytes > (size_t)1 << 46 || should_fail()) return NULL;
    size_t total = (bytes + HEAD + 63) / 64 * 64;
    unsigned char *block = aligned_alloc(64, total);
    if (!block) return NULL;
    memcpy(block, &bytes, sizeof bytes);
    count(bytes);
    return block + HEAD;
}

void *dq__alloc_zero(size_t bytes) {
    void *block = dq__alloc(bytes);
    if (block) memset(block, 0, bytes);
    return block;
}

char *dq__strdup(const char *text) {
    size_t n = strlen(text) + 1;
    char *copy = dq__alloc(n);
    if (copy) memcpy(copy, text, n);
    return copy;
}

void dq__free(void *block) {
    if (!block) return;
    unsigned char *head = (unsigned char *)block - HEAD;
    size_t bytes;
    memcpy(&bytes, head, sizeof bytes);
    atomic_fetch_sub(&now, bytes);
    free(head);
}

size_t dq__mem_now(void) { return atomic_load(&now); }
size_t dq__mem_peak(void) { return atomic_load(&peak); }
void dq__mem_fail_at(long n) { atomic_store(&fail_at, n); }
