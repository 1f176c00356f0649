/* SPDX-License-Identifier: MIT
 * base/mem.c: counted, aligned allocation. The size is kept in a 64-byte head before each block, and for one that is mapped
 * from a file its place in the list of those. Big blocks are mapped one by one, so that freeing them gives their memory back
 * to the system: a heap would keep a scale's memory while the next one's is taken. */
#include "base/mem.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { HEAD = 64, PAGE = 4096, MAX_MAPPED = 1024 };
#if defined(__SANITIZE_ADDRESS__)
static const size_t big = SIZE_MAX; /* no block counts as big: the sanitizer watches the heap's */
#else
static const size_t big = 1 << 20;
#endif

/* Of a block. place: 1 + its place in `mapped`, 0 for one in memory. */
typedef struct head {
    size_t bytes, place;
} head;

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

static bool is_big(size_t bytes) { return bytes >= big; }

static void *take(size_t bytes) {
    if (!is_big(bytes)) return aligned_alloc(64, (bytes + HEAD + 63) / 64 * 64);
    void *block = mmap(NULL, bytes + HEAD, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return block == MAP_FAILED ? NULL : block;
}

static void give_back(void *block, size_t bytes) {
    if (is_big(bytes)) munmap(block, bytes + HEAD);
    else free(block);
}

void *dq__alloc(size_t bytes) {
    if (bytes > (size_t)1 << 46 || should_fail()) return NULL;
    unsigned char *block = take(bytes);
    if (!block) return NULL;
    memcpy(block, &(head){bytes, 0}, sizeof(head));
    count(bytes);
    return block + HEAD;
}

void *dq__alloc_zero(size_t bytes) {
    void *block = dq__alloc(bytes);
    if (block && !is_big(bytes)) memset(block, 0, bytes); /* mapped memory is zero, and is not there until it is used */
    return block;
}

char *dq__strdup(const char *text) {
    size_t n = strlen(text) + 1;
    char *copy = dq__alloc(n);
    if (copy) memcpy(copy, text, n);
    return copy;
}

/* ---- blocks in a file ------------------------------------------------------------------------------------------------ */

static struct {
    atomic_uintptr_t start, end; /* of the mapping; 0 where the place is free */
} mapped[MAX_MAPPED];
static atomic_int blocks;

const char *dq__temporary_folder(void) {
    const char *folder = getenv("TMPDIR");
    return folder && *folder ? folder : "/var/tmp";
}

/* A file without a name, with room for all of `bytes`; −1 if there is none. */
static int open_nameless(size_t bytes) {
    int file = open(dq__temporary_folder(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (file < 0) { /* not every file system knows them */
        char path[4096];
        snprintf(path, sizeof path, "%s/danqing-XXXXXX", dq__temporary_folder());
        file = mkostemp(path, O_CLOEXEC);
        if (file >= 0) unlink(path);
    }
    if (file >= 0 && posix_fallocate(file, 0, (off_t)bytes) != 0) close(file), file = -1;
    return file;
}

static size_t take_place(uintptr_t start, uintptr_t end) {
    for (size_t k = 0; k < MAX_MAPPED; k++) {
        uintptr_t none = 0;
        if (!atomic_compare_exchange_strong(&mapped[k].start, &none, start)) continue;
        atomic_store(&mapped[k].end, end);
        atomic_fetch_add(&blocks, 1);
        return k + 1;
    }
    return 0;
}

void *dq__alloc_mapped(size_t bytes) {
    if (bytes > (size_t)1 << 46 || should_fail()) return NULL;
    const size_t total = (bytes + PAGE + PAGE - 1) / PAGE * PAGE;
    const int file = open_nameless(total);
    if (file < 0) return NULL;
    unsigned char *start = mmap(NULL, total, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    if (start == MAP_FAILED) return NULL;
    const size_t place = take_place((uintptr_t)start, (uintptr_t)start + total);
    if (!place) return munmap(start, total), NULL;
    memcpy(start + PAGE - HEAD, &(head){bytes, place}, sizeof(head));
    return start + PAGE;
}

static void unmap(size_t place) {
    void *start = (void *)atomic_load(&mapped[place - 1].start);
    munmap(start, atomic_load(&mapped[place - 1].end) - (uintptr_t)start);
    atomic_store(&mapped[place - 1].end, 0);
    atomic_store(&mapped[place - 1].start, 0);
    atomic_fetch_sub(&blocks, 1);
}

/* Who touches a page of a file gets those around it too, up to the system's largest: they are left together. */
enum { AROUND = 2 << 20 };

void dq__release(const void *bytes, size_t size) {
    const uintptr_t from = (uintptr_t)bytes, to = from + size;
    int left = atomic_load_explicit(&blocks, memory_order_relaxed);
    for (int k = 0; k < MAX_MAPPED && left > 0; k++) {
        const uintptr_t start = atomic_load(&mapped[k].start), end = atomic_load(&mapped[k].end);
        left -= start != 0;
        if (start == 0 || from < start || to > end) continue;
        const uintptr_t first = from / AROUND * AROUND, last = (to + AROUND - 1) / AROUND * AROUND;
        const uintptr_t begin = first < start ? start : first, stop = last > end ? end : last;
        madvise((void *)begin, stop - begin, MADV_DONTNEED); /* shared with the file: nothing is lost */
        return;
    }
}

int dq__mem_mapped(void) { return atomic_load(&blocks); }

void dq__free(void *block) {
    if (!block) return;
    unsigned char *before = (unsigned char *)block - HEAD;
    head h;
    memcpy(&h, before, sizeof h);
    if (h.place) {
        unmap(h.place);
        return;
    }
    atomic_fetch_sub(&now, h.bytes);
    give_back(before, h.bytes);
}

/* The number in a file of one number, or after `name` in a list; 0 if there is none. */
static uint64_t number_in(const char *path, const char *name) {
    char line[256];
    unsigned long long value = 0;
    FILE *file = fopen(path, "re");
    if (!file) return 0;
    while (fgets(line, sizeof line, file))
        if (strncmp(line, name, strlen(name)) == 0 && sscanf(line + strlen(name), "%llu", &value) == 1) break;
    fclose(file);
    return value;
}

uint64_t dq__mem_available(void) {
    const uint64_t machine = number_in("/proc/meminfo", "MemAvailable:") * 1024;
    const uint64_t most = number_in("/sys/fs/cgroup/memory.max", ""), used = number_in("/sys/fs/cgroup/memory.current", "");
    const uint64_t group = most > used ? most - used : most;
    return group > 0 && (machine == 0 || group < machine) ? group : machine;
}

size_t dq__mem_now(void) { return atomic_load(&now); }
size_t dq__mem_peak(void) { return atomic_load(&peak); }
void dq__mem_fail_at(long n) { atomic_store(&fail_at, n); }
