/* SPDX-License-Identifier: MIT
 * base/cpu.h: which instruction sets this processor and its operating system offer. */
#ifndef DQ_BASE_CPU_H
#define DQ_BASE_CPU_H

typedef enum dq__isa { DQ__ISA_C, DQ__ISA_NEON, DQ__ISA_AVX2, DQ__ISA_AVX512 } dq__isa; /* worst first */

/* The best set offered (AVX2 includes FMA; AVX-512 means F, BW, DQ, VL). CPUID tells what the processor has, XGETBV whether
 * the system saves its registers. Every 64-bit Arm processor has NEON. DANQING_CPU=c|neon|avx2|avx512 can only lower the
 * answer, to a set that this kind of processor has. */
dq__isa dq__cpu_isa(void);
const char *dq__isa_name(dq__isa isa);

#endif
