/* SPDX-License-Identifier: MIT
 * base/cpu.c: CPUID and XGETBV; the names of the instruction sets. */
#include "base/cpu.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__)
#include <cpuid.h>
#include <stdint.h>

static uint64_t xgetbv0(void) {
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (uint64_t)high << 32 | low;
}

static dq__isa detect(void) {
    unsigned a, b, c, d;
    const unsigned fma = 1u << 12, osxsave = 1u << 27, avx = 1u << 28;
    if (!__get_cpuid(1, &a, &b, &c, &d) || (c & (fma | osxsave | avx)) != (fma | osxsave | avx)) return DQ__ISA_C;
    uint64_t saved = xgetbv0();
    const uint64_t ymm = 0x6, zmm = 0xe6;
    if ((saved & ymm) != ymm || !__get_cpuid_count(7, 0, &a, &b, &c, &d) || !(b & 1u << 5)) return DQ__ISA_C;
    const unsigned f = 1u << 16, dq = 1u << 17, bw = 1u << 30, vl = 1u << 31;
    if ((saved & zmm) == zmm && (b & (f | dq | bw | vl)) == (f | dq | bw | vl)) return DQ__ISA_AVX512;
    return DQ__ISA_AVX2;
}
#elif defined(__aarch64__)
static dq__isa detect(void) { return DQ__ISA_NEON; }
#else
static dq__isa detect(void) { return DQ__ISA_C; }
#endif

/* Asked once: CPUID leaves a virtual machine, which takes as long as a small layer. */
static dq__isa best_isa(void) {
    static atomic_int known; /* 1 + what was found */
    int isa = atomic_load(&known);
    if (!isa) atomic_store(&known, isa = 1 + (int)detect());
    return (dq__isa)(isa - 1);
}

dq__isa dq__cpu_isa(void) {
    const dq__isa best = best_isa();
    const char *mask = getenv("DANQING_CPU");
    if (!mask) return best;
    for (int isa = DQ__ISA_C; isa < (int)best; isa++)
        if (isa != DQ__ISA_NEON && strcmp(mask, dq__isa_name((dq__isa)isa)) == 0) return (dq__isa)isa; /* x86 has no NEON */
    return best;
}

const char *dq__isa_name(dq__isa isa) {
    return isa == DQ__ISA_AVX512 ? "avx512" : isa == DQ__ISA_AVX2 ? "avx2" : isa == DQ__ISA_NEON ? "neon" : "c";
}
