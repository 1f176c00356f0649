/* SPDX-License-Identifier: MIT
 * base/mem.h: allocation and checked sizes. Every block is 64-byte aligned and counted; a test can make the n-th
 * allocation fail. Release with dq__free only. */
#ifndef DQ_BASE_MEM_H
#define DQ_BASE_MEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* `bytes` bytes, 64-byte aligned, not cleared; NULL when there is no memory or bytes is absurd (> 2^46). */
void *dq__alloc(size_t bytes);
/* The same, cleared. */
void *dq__alloc_zero(size_t bytes);
/* A copy of a string. */
char *dq__strdup(const char *text);
void dq__free(void *block);

/* Where big blocks come from: dq__alloc, or dq__alloc_mapped. Both are freed by dq__free. */
typedef void *dq__alloc_fn(size_t bytes);
/* `bytes` zero bytes that live in a file without a name in the folder for temporary files, for what is larger than memory: the
 * system keeps of it in memory what it has room for. Page-aligned; not counted below. NULL when there is no room. */
void *dq__alloc_mapped(size_t bytes);
/* Tells that these bytes of any block will not be touched for a while: those of a mapped block leave the memory of the process
 * (what they hold stays); for others nothing happens. */
void dq__release(const void *bytes, size_t size);
/* The folder for temporary files: $TMPDIR, or else /var/tmp. */
const char *dq__temporary_folder(void);
/* Mapped blocks that there are. */
int dq__mem_mapped(void);

/* *product = a·b; false on overflow. */
static inline bool dq__mul(size_t a, size_t b, size_t *product) { return !__builtin_mul_overflow(a, b, product); }
static inline bool dq__add(size_t a, size_t b, size_t *sum) { return !__builtin_add_overflow(a, b, sum); }

/* Bytes that the system could give this process now without swapping, as far as it says; 0 where it does not. */
uint64_t dq__mem_available(void);
/* Bytes now allocated and the most there ever were. */
size_t dq__mem_now(void);
size_t dq__mem_peak(void);
/* For tests: the n-th allocation from now fails (1 = the next); 0 switches it off. */
void dq__mem_fail_at(long n);

#endif
