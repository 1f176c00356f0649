/* SPDX-License-Identifier: MIT
 * base/cpu.h: which instruction sets this processor and its operating system offer. */
#ifndef DQ_BASE_CPU_H
#define DQ_BASE_CPU_H

typedef enum dq__isa { DQ__ISA_C, DQ__ISA_AVX2, DQ__ISA_AVX512 } dq__isa;

/* The best set offered (AVX2 includes FMA; AVX-512 means F, BW, DQ, VL). CPUID tells what the processor has, XGETBV whether
 * the system saves its registers. DANQING_CPU=c|avx2|avx512 can only lower the answer. */
dq__isa dq__cpu_isa(void);
const char *dq__isa_name(dq__isa isa);

#endif
