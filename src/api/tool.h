/* SPDX-License-Identifier: MIT
 * api/tool.h: the tools of dq_tool_run that are made in this folder; the others have a header in the part that they are of. */
#ifndef DQ_API_TOOL_H
#define DQ_API_TOOL_H

#include "base/tool.h"

/* bench.c: "bench" of danqing.h. */
dq_status dq__bench_tool(const dq__call *call, dq__error *err);
/* ranks.c: "ranks". */
dq_status dq__ranks_tool(const dq__call *call, dq__error *err);

#endif
