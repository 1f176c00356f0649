/* SPDX-License-Identifier: MIT
 * model/pickle.c: the stack machine of pickle protocols 2 to 5, reduced to its opcodes for data. It owns its limits: steps,
 * values and memory grow with what is in the file, never with a number the file states. It must never run anything. */
#include "model/pickle.h"

#include "base/mem.h"

#include <string.h>

enum { MAX_STEPS = 1 << 22, MAX_VALUES = 1 << 20, MAX_MEMO = 1 << 20, NOTHING = -1 };

struct machine {
    dq__pickle *out;
    const unsigned char *start, *at, *end;
    uint32_t *stack, depth, stack_room;
    uint32_t *mark, marks, mark_room;
    int32_t *memo;
    uint32_t memo_count, memo_room;
    uint32_t items; /* in all containers together */
    const char *name;
    dq__error *err;
};

static const struct {
    const char *module, *name;
} known[DQ__NAMES] = {
    [DQ__NAME_ORDERED_DICT] = {"collections", "OrderedDict"},
    [DQ__NAME_TENSOR_V1] = {"torch._utils", "_rebuild_tensor"},
    [DQ__NAME_TENSOR_V2] = {"torch._utils", "_rebuild_tensor_v2"},
    [DQ__NAME_REBUILD_PARAMETER] = {"torch._utils", "_rebuild_parameter"},
    [DQ__NAME_PARAMETER] = {"torch.nn.parameter", "Parameter"},
    [DQ__NAME_FLOAT] = {"torch", "FloatStorage"},
    [DQ__NAME_DOUBLE] = {"torch", "DoubleStorage"},
    [DQ__NAME_HALF] = {"torch", "HalfStorage"},
    [DQ__NAME_BFLOAT16] = {"torch", "BFloat16Storage"},
    [DQ__NAME_LONG] = {"torch", "LongStorage"},
    [DQ__NAME_INT] = {"torch", "IntStorage"},
    [DQ__NAME_SHORT] = {"torch", "ShortStorage"},
    [DQ__NAME_CHAR] = {"torch", "CharStorage"},
    [DQ__NAME_BYTE] = {"torch", "ByteStorage"},
    [DQ__NAME_BOOL] = {"torch", "BoolStorage"},
};

/* ---- the machine's parts ---- */

static dq_status bad(struct machine *m, const char *what) {
    return dq__fail(m->err, DQ_BAD_MODEL, "%s: damaged pickle: %s (byte %zu)", m->name, what, (size_t)(m->at - m->start));
}

/* `array` with room for one more than `count` items, moved if need be; NULL when there is no memory. */
static void *grown(struct machine *m, void *array, uint32_t count, uint32_t *room, size_t item) {
    if (count < *room) return array;
    uint32_t more = *room ? 2 * *room : 8;
    void *bigger = dq__alloc(more * item);
    if (!bigger) {
        dq__no_memory(m->err, more * item, "a pickle");
        return NULL;
    }
    if (array) memcpy(bigger, array, *room * item);
    dq__free(array);
    *room = more;
    return bigger;
}

#define TRY(call) \
    do { \
        dq_status try_status = (call); \
        if (try_status) return try_status; \
    } while (0)
#define GROW(m, array, count, room) \
    do { \
        void *moved = grown(m, array, count, &(room), sizeof *(array)); \
        if (!moved) return DQ_LIMIT; \
        (array) = moved; \
    } while (0)

static dq__pickle_value *value(struct machine *m, uint32_t id) { return &m->out->value[id]; }

static dq_status push(struct machine *m, uint32_t id) {
    GROW(m, m->stack, m->depth, m->stack_room);
    m->stack[m->depth++] = id;
    return DQ_OK;
}

/* Makes and pushes a value. */
static dq_status make(struct machine *m, dq__pickle_value v) {
    if (m->out->count >= MAX_VALUES) return bad(m, "too many values");
    GROW(m, m->out->value, m->out->count, m->out->room);
    m->out->value[m->out->count] = v;
    return push(m, m->out->count++);
}

/* Where the part of the stack that may be used begins. */
static uint32_t floor_of(const struct machine *m) { return m->marks ? m->mark[m->marks - 1] : 0; }

static dq_status pop(struct machine *m, uint32_t *id) {
    if (m->depth <= floor_of(m)) return bad(m, "the stack is empty");
    *id = m->stack[--m->depth];
    return DQ_OK;
}

/* Everything above the last mark is stack[*first … depth−1]; the mark is gone, the values still there. */
static dq_status pop_mark(struct machine *m, uint32_t *first) {
    if (!m->marks) return bad(m, "no mark");
    *first = m->mark[--m->marks];
    return DQ_OK;
}

static dq_status append(struct machine *m, uint32_t target, uint32_t id) {
    dq__pickle_value *v = value(m, target);
    if (m->items++ >= MAX_STEPS) return bad(m, "too many items");
    GROW(m, v->item, v->count, v->room);
    v->item[v->count++] = id;
    return DQ_OK;
}

/* `count` bytes of argument. */
static dq_status take(struct machine *m, uint64_t count, const unsigned char **bytes) {
    if (count > (uint64_t)(m->end - m->at)) return bad(m, "it ends too early");
    *bytes = m->at;
    m->at += count;
    return DQ_OK;
}

static dq_status take_number(struct machine *m, int bytes, uint64_t *number) {
    const unsigned char *p = NULL;
    TRY(take(m, (uint64_t)bytes, &p));
    *number = 0;
    for (int i = bytes - 1; i >= 0; i--) *number = *number << 8 | p[i];
    return DQ_OK;
}

/* ---- opcodes ---- */

static dq_status make_kind(struct machine *m, dq__pickle_kind kind, int64_t number) {
    return make(m, (dq__pickle_value){.kind = kind, .number = number});
}

static dq_status read_int(struct machine *m, int bytes) {
    uint64_t number;
    TRY(take_number(m, bytes, &number));
    return make_kind(m, DQ__PICKLE_INT, bytes == 4 ? (int32_t)(uint32_t)number : (int64_t)number);
}

/* LONG1: two's complement of a stated length; what does not fit 64 bits is no size of anything here. */
static dq_status read_long(struct machine *m) {
    uint64_t length, number;
    TRY(take_number(m, 1, &length));
    if (length > 8) return bad(m, "a number of more than 64 bits");
    TRY(take_number(m, (int)length, &number));
    if (length && length < 8 && number >> (8 * length - 1)) number |= UINT64_MAX << (8 * length);
    return make_kind(m, DQ__PICKLE_INT, (int64_t)number);
}

static dq_status read_text(struct machine *m, int length_bytes) {
    uint64_t length;
    const unsigned char *text = NULL;
    TRY(take_number(m, length_bytes, &length));
    TRY(take(m, length, &text));
    return make(m, (dq__pickle_value){.kind = DQ__PICKLE_TEXT, .text = (const char *)text, .length = (size_t)length});
}

static dq_status skip(struct machine *m, uint64_t count) {
    const unsigned char *unused;
    return take(m, count, &unused);
}

static dq_status set_mark(struct machine *m) {
    GROW(m, m->mark, m->marks, m->mark_room);
    m->mark[m->marks++] = m->depth;
    return DQ_OK;
}

/* A tuple of stack[first …]. */
static dq_status tuple_from(struct machine *m, uint32_t first) {
    uint32_t count = m->depth - first;
    TRY(make_kind(m, DQ__PICKLE_TUPLE, 0));
    uint32_t id = m->stack[m->depth - 1];
    for (uint32_t i = 0; i < count; i++) TRY(append(m, id, m->stack[first + i]));
    m->depth = first;
    return push(m, id);
}

static dq_status marked_tuple(struct machine *m) {
    uint32_t first = 0;
    TRY(pop_mark(m, &first));
    return tuple_from(m, first);
}

static dq_status short_tuple(struct machine *m, uint32_t count) {
    if (m->depth - floor_of(m) < count) return bad(m, "the stack is empty");
    return tuple_from(m, m->depth - count);
}

/* Adds stack[first …] to the list or dict below them. */
static dq_status add_items(struct machine *m, uint32_t first, dq__pickle_kind kind) {
    if (first <= floor_of(m)) return bad(m, "items without a container");
    uint32_t target = m->stack[first - 1], count = m->depth - first;
    if (value(m, target)->kind != kind || (kind == DQ__PICKLE_DICT && count % 2)) return bad(m, "items for no container");
    for (uint32_t i = 0; i < count; i++) TRY(append(m, target, m->stack[first + i]));
    m->depth = first;
    return DQ_OK;
}

static dq_status marked_items(struct machine *m, dq__pickle_kind kind) {
    uint32_t first = 0;
    TRY(pop_mark(m, &first));
    return add_items(m, first, kind);
}

static dq_status last_items(struct machine *m, uint32_t count, dq__pickle_kind kind) {
    if (m->depth - floor_of(m) <= count) return bad(m, "the stack is empty");
    return add_items(m, m->depth - count, kind);
}

static dq_status memo_put(struct machine *m, uint64_t key) {
    if (m->depth <= floor_of(m)) return bad(m, "the stack is empty");
    if (key >= MAX_MEMO) return bad(m, "a memo number out of range");
    while (m->memo_count <= key) {
        GROW(m, m->memo, m->memo_count, m->memo_room);
        m->memo[m->memo_count++] = NOTHING;
    }
    m->memo[key] = (int32_t)m->stack[m->depth - 1];
    return DQ_OK;
}

static dq_status memo_put_read(struct machine *m, int bytes) {
    uint64_t key;
    TRY(take_number(m, bytes, &key));
    return memo_put(m, key);
}

static dq_status memo_get(struct machine *m, int bytes) {
    uint64_t key;
    TRY(take_number(m, bytes, &key));
    if (key >= m->memo_count || m->memo[key] == NOTHING) return bad(m, "a memo that was never set");
    return push(m, (uint32_t)m->memo[key]);
}

/* ---- names and what they are asked to do ---- */

static bool same(const char *known_text, const char *text, size_t length) {
    return strlen(known_text) == length && memcmp(known_text, text, length) == 0;
}

static dq_status make_name(struct machine *m, const char *module, size_t module_length, const char *name, size_t length) {
    for (int i = 0; i < DQ__NAMES; i++)
        if (same(known[i].module, module, module_length) && same(known[i].name, name, length))
            return make_kind(m, DQ__PICKLE_NAME, i);
    return dq__fail(
        m->err, DQ_BAD_MODEL,
        "%s: its pickle asks for %.*s.%.*s, which is no array of numbers; nothing was run. Save model.state_dict() alone",
        m->name, (int)(module_length < 80 ? module_length : 80), module, (int)(length < 80 ? length : 80), name);
}

static dq_status read_name(struct machine *m) {
    const char *module = (const char *)m->at, *end = (const char *)m->end;
    const char *first = memchr(module, '\n', (size_t)(end - module));
    const char *second = first ? memchr(first + 1, '\n', (size_t)(end - first - 1)) : NULL;
    if (!second) return bad(m, "a name without an end");
    m->at = (const unsigned char *)second + 1;
    return make_name(m, module, (size_t)(first - module), first + 1, (size_t)(second - first - 1));
}

static dq_status name_from_stack(struct machine *m) {
    uint32_t name = 0, module = 0;
    TRY(pop(m, &name));
    TRY(pop(m, &module));
    const dq__pickle_value *a = value(m, module), *b = value(m, name);
    if (a->kind != DQ__PICKLE_TEXT || b->kind != DQ__PICKLE_TEXT) return bad(m, "a name that is no text");
    return make_name(m, a->text, a->length, b->text, b->length);
}

/* OrderedDict() or, by Python 2, OrderedDict([[key, value], …]). */
static dq_status ordered_dict(struct machine *m, uint32_t arguments) {
    TRY(make_kind(m, DQ__PICKLE_DICT, 0));
    uint32_t dict = m->stack[m->depth - 1];
    if (value(m, arguments)->count == 0) return DQ_OK;
    uint32_t pairs = value(m, arguments)->item[0];
    if (value(m, pairs)->kind != DQ__PICKLE_LIST) return bad(m, "an OrderedDict of something else than pairs");
    for (uint32_t i = 0; i < value(m, pairs)->count; i++) {
        const dq__pickle_value *pair = value(m, value(m, pairs)->item[i]);
        if ((pair->kind != DQ__PICKLE_LIST && pair->kind != DQ__PICKLE_TUPLE) || pair->count != 2)
            return bad(m, "an OrderedDict of something else than pairs");
        TRY(append(m, dict, pair->item[0]));
        TRY(append(m, dict, pair->item[1]));
    }
    return DQ_OK;
}

static dq_status call(struct machine *m) {
    uint32_t arguments = 0, name = 0;
    TRY(pop(m, &arguments));
    TRY(pop(m, &name));
    if (value(m, arguments)->kind != DQ__PICKLE_TUPLE || value(m, name)->kind != DQ__PICKLE_NAME)
        return bad(m, "a call of something that is no name");
    if (value(m, name)->number == DQ__NAME_ORDERED_DICT) return ordered_dict(m, arguments);
    TRY(make_kind(m, DQ__PICKLE_CALL, 0));
    uint32_t id = m->stack[m->depth - 1];
    TRY(append(m, id, name));
    return append(m, id, arguments);
}

static dq_status persistent(struct machine *m) {
    uint32_t what = 0;
    TRY(pop(m, &what));
    TRY(make_kind(m, DQ__PICKLE_PERSISTENT, 0));
    return append(m, m->stack[m->depth - 1], what);
}

/* BUILD would set attributes of the object below (state_dict's _metadata): they are dropped. */
static dq_status drop_state(struct machine *m) {
    uint32_t state;
    TRY(pop(m, &state));
    return m->depth > floor_of(m) ? DQ_OK : bad(m, "the stack is empty");
}

static dq_status refuse(struct machine *m, int opcode) {
    return dq__fail(m->err, DQ_BAD_MODEL,
                    "%s: its pickle uses opcode 0x%02x (byte %zu), which is not for plain data; nothing was run", m->name,
                    (unsigned)opcode, (size_t)(m->at - m->start - 1));
}

static dq_status step(struct machine *m, int opcode) {
    switch (opcode) {
    case 0x80: return skip(m, 1); /* PROTO */
    case 0x95: return skip(m, 8); /* FRAME */
    case 'N': return make_kind(m, DQ__PICKLE_NONE, 0);
    case 0x88: return make_kind(m, DQ__PICKLE_BOOL, 1);
    case 0x89: return make_kind(m, DQ__PICKLE_BOOL, 0);
    case 'K': return read_int(m, 1);
    case 'M': return read_int(m, 2);
    case 'J': return read_int(m, 4);
    case 0x8a: return read_long(m);
    case 'G': TRY(skip(m, 8)); return make_kind(m, DQ__PICKLE_FLOAT, 0);
    case 'X': return read_text(m, 4);
    case 'T': return read_text(m, 4); /* BINSTRING */
    case 'B': return read_text(m, 4); /* BINBYTES */
    case 'U': return read_text(m, 1); /* SHORT_BINSTRING */
    case 'C': return read_text(m, 1); /* SHORT_BINBYTES */
    case 0x8c: return read_text(m, 1); /* SHORT_BINUNICODE */
    case 0x8d: return read_text(m, 8); /* BINUNICODE8 */
    case '(': return set_mark(m);
    case ')': return make_kind(m, DQ__PICKLE_TUPLE, 0);
    case 't': return marked_tuple(m);
    case 0x85: return short_tuple(m, 1);
    case 0x86: return short_tuple(m, 2);
    case 0x87: return short_tuple(m, 3);
    case ']': return make_kind(m, DQ__PICKLE_LIST, 0);
    case 'a': return last_items(m, 1, DQ__PICKLE_LIST);
    case 'e': return marked_items(m, DQ__PICKLE_LIST);
    case '}': return make_kind(m, DQ__PICKLE_DICT, 0);
    case 's': return last_items(m, 2, DQ__PICKLE_DICT);
    case 'u': return marked_items(m, DQ__PICKLE_DICT);
    case 'q': return memo_put_read(m, 1);
    case 'r': return memo_put_read(m, 4);
    case 0x94: return memo_put(m, m->memo_count); /* MEMOIZE */
    case 'h': return memo_get(m, 1);
    case 'j': return memo_get(m, 4);
    case 'c': return read_name(m);
    case 0x93: return name_from_stack(m);
    case 'R': return call(m);
    case 'b': return drop_state(m);
    case 'Q': return persistent(m);
    default: return refuse(m, opcode);
    }
}

/* ---- public ---- */

static dq_status run(struct machine *m) {
    for (int steps = 0; m->at < m->end; steps++) {
        if (steps >= MAX_STEPS) return bad(m, "too long for weights");
        int opcode = *m->at++;
        if (opcode != '.') {
            TRY(step(m, opcode));
            continue;
        }
        if (m->depth != 1 || m->marks) return bad(m, "it does not end with one value");
        m->out->root = m->stack[0];
        m->out->used = (size_t)(m->at - m->start);
        return DQ_OK;
    }
    return bad(m, "it ends too early");
}

dq_status dq__pickle_parse(dq__pickle *out, const unsigned char *bytes, size_t size, const char *name, dq__error *err) {
    struct machine m = {.out = out, .start = bytes, .at = bytes, .end = bytes + size, .name = name, .err = err};
    *out = (dq__pickle){0};
    dq_status status = run(&m);
    dq__free(m.stack);
    dq__free(m.mark);
    dq__free(m.memo);
    if (status) dq__pickle_deinit(out);
    return status;
}

void dq__pickle_deinit(dq__pickle *p) {
    for (uint32_t i = 0; i < p->count; i++) dq__free(p->value[i].item);
    dq__free(p->value);
    *p = (dq__pickle){0};
}

const dq__pickle_value *dq__pickle_item(const dq__pickle *p, const dq__pickle_value *of, uint32_t index) {
    return index < of->count ? &p->value[of->item[index]] : NULL;
}

bool dq__pickle_text_is(const dq__pickle_value *v, const char *text) {
    return v && v->kind == DQ__PICKLE_TEXT && same(text, v->text, v->length);
}

const dq__pickle_value *dq__pickle_get(const dq__pickle *p, const dq__pickle_value *dict, const char *key) {
    if (!dict || dict->kind != DQ__PICKLE_DICT) return NULL;
    for (uint32_t i = 0; i + 1 < dict->count; i += 2)
        if (dq__pickle_text_is(dq__pickle_item(p, dict, i), key)) return dq__pickle_item(p, dict, i + 1);
    return NULL;
}
