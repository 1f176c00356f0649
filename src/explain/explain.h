/* SPDX-License-Identifier: MIT
 * explain/explain.h: the tools of this part, by which one looks inside: filters, sheets, and what a network sees. Settings and
 * answers are told in danqing.h. */
#ifndef DQ_EXPLAIN_EXPLAIN_H
#define DQ_EXPLAIN_EXPLAIN_H

#include "base/tool.h"

dq_status dq__filter_tool(const dq__call *call, dq__error *err);
dq_status dq__network_tool(const dq__call *call, dq__error *err);
dq_status dq__features_tool(const dq__call *call, dq__error *err);
dq_status dq__channel_tool(const dq__call *call, dq__error *err);
dq_status dq__reconstruct_tool(const dq__call *call, dq__error *err);
dq_status dq__classify_tool(const dq__call *call, dq__error *err);
dq_status dq__sheet_tool(const dq__call *call, dq__error *err);

#endif
