/* SPDX-License-Identifier: MIT
 * image/record.c: the record (JSON of what made a picture) as an XMP packet and back. Reads bytes from outside: must take
 * any bytes, of any length, without terminating zero. Knows nothing of files or of libvips. */
#include "image/parts.h"

#include "base/mem.h"

#include <jansson.h>

#include <stdlib.h>
#include <string.h>

#define NAMESPACE "urn:danqing:xmp#"
#define PROPERTY "danqing:record"

static const char HEAD[] = "<?xpacket begin=\"\xEF\xBB\xBF\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?>"
                           "<x:xmpmeta xmlns:x=\"adobe:ns:meta/\">"
                           "<rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\">"
                           "<rdf:Description rdf:about=\"\" xmlns:danqing=\"" NAMESPACE "\">"
                           "<" PROPERTY ">";
static const char TAIL[] = "</" PROPERTY "></rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end=\"r\"?>";
_Static_assert(sizeof HEAD + sizeof TAIL + DQ__RECORD_MAX <= 60000, "libvips would leave the packet out of a JPEG");

/* ---- writing ---- */

static const char *escape(const char *c) {
    switch (*c) {
    case '&': return "&amp;";
    case '<': return "&lt;";
    case '>': return "&gt;";
    case '\r': return "&#13;"; /* an XML reader would make it a newline */
    default: return NULL;
    }
}

static size_t escaped_length(const char *text) {
    size_t length = 0;
    for (; *text; text++) length += escape(text) ? strlen(escape(text)) : 1;
    return length;
}

static bool is_object(const char *text, size_t size) {
    json_t *json = json_loadb(text, size, 0, NULL);
    bool object = json_is_object(json);
    json_decref(json);
    return object;
}

dq_status dq__record_check(const char *json, dq__error *err) {
    size_t length = escaped_length(json);
    if (length > DQ__RECORD_MAX)
        return dq__fail(err, DQ_LIMIT, "the record of a picture is too long (%zu bytes; at most %d)", length, DQ__RECORD_MAX);
    if (!is_object(json, strlen(json)))
        return dq__fail(err, DQ_USAGE, "the record of a picture must be a JSON object");
    return DQ_OK;
}

char *dq__xmp_packet(const char *json) {
    char *packet = dq__alloc(sizeof HEAD + escaped_length(json) + sizeof TAIL);
    if (!packet) return NULL;
    memcpy(packet, HEAD, sizeof HEAD - 1);
    char *end = packet + sizeof HEAD - 1;
    for (; *json; json++) {
        const char *as = escape(json);
        size_t n = as ? strlen(as) : 1;
        memcpy(end, as ? as : json, n);
        end += n;
    }
    memcpy(end, TAIL, sizeof TAIL);
    return packet;
}

/* ---- reading ---- */

/* A piece of the packet, from `at` up to `end`. */
struct span {
    const char *at, *end;
};

static const char *find(struct span in, const char *what) {
    size_t left = (size_t)(in.end - in.at);
    return left ? memmem(in.at, left, what, strlen(what)) : NULL;
}

static const char *skip_blanks(struct span in) {
    while (in.at < in.end && memchr(" \t\r\n", *in.at, 4)) in.at++;
    return in.at;
}

/* `at` stands behind the name. As an element, <name …>VALUE</name>: */
static bool element_value(struct span in, struct span *value) {
    if (in.at == in.end || !memchr(" \t\r\n>", *in.at, 5)) return false;
    const char *open_end = memchr(in.at, '>', (size_t)(in.end - in.at));
    if (!open_end || open_end[-1] == '/') return false;
    value->at = open_end + 1;
    value->end = memchr(value->at, '<', (size_t)(in.end - value->at));
    if (!value->end) return false;
    const char close[] = "</" PROPERTY;
    return (size_t)(in.end - value->end) >= sizeof close && memcmp(value->end, close, sizeof close - 1) == 0;
}

/* As an attribute, name="VALUE", which is how some programs write it back: */
static bool attribute_value(struct span in, struct span *value) {
    in.at = skip_blanks(in);
    if (in.at == in.end || *in.at++ != '=') return false;
    in.at = skip_blanks(in);
    if (in.at == in.end || (*in.at != '"' && *in.at != '\'')) return false;
    value->at = in.at + 1;
    value->end = memchr(value->at, *in.at, (size_t)(in.end - value->at));
    return value->end != NULL;
}

static bool find_value(struct span packet, struct span *value) {
    for (struct span in = packet; (in.at = find(in, PROPERTY)) != NULL;) {
        char before = in.at > packet.at ? in.at[-1] : 0;
        in.at += sizeof PROPERTY - 1;
        if (before == '<' && element_value(in, value)) return true;
        if (before && memchr(" \t\r\n", before, 4) && attribute_value(in, value)) return true;
    }
    return false;
}

/* The ASCII character of the entity at `in.at` ("&amp;", "&#10;", "&#xA;") and its length; 0 if it is none. */
static size_t entity(struct span in, char *c) {
    static const struct {
        const char *text;
        char c;
    } named[] = {{"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&apos;", '\''}};
    size_t left = (size_t)(in.end - in.at);
    for (size_t i = 0; i < sizeof named / sizeof *named; i++) {
        size_t n = strlen(named[i].text);
        *c = named[i].c;
        if (left >= n && memcmp(in.at, named[i].text, n) == 0) return n;
    }
    char text[8] = {0}; /* "&#xNN;" at the longest */
    memcpy(text, in.at, left < 7 ? left : 7);
    if (text[1] != '#') return 0;
    bool hex = text[2] == 'x';
    char *digits = text + (hex ? 3 : 2), *end;
    if (*digits < '0' || *digits > 'f') return 0;
    long code = strtol(digits, &end, hex ? 16 : 10);
    if (*end != ';' || code < 1 || code > 126) return 0;
    *c = (char)code;
    return (size_t)(end - text) + 1;
}

/* The value as plain text with a terminating zero, or NULL: an unknown entity, or no memory. *size excludes the zero. */
static char *unescape(struct span in, size_t *size) {
    char *text = dq__alloc((size_t)(in.end - in.at) + 1), *to = text;
    if (!text) return NULL;
    while (in.at < in.end) {
        size_t n = 1;
        char c = *in.at;
        if (c == '&') n = entity(in, &c);
        if (n == 0) break;
        *to++ = c;
        in.at += n;
    }
    *to = 0;
    *size = (size_t)(to - text);
    if (in.at == in.end) return text;
    dq__free(text);
    return NULL;
}

char *dq__xmp_record(const void *bytes, size_t size) {
    struct span packet = {bytes, (const char *)bytes + size}, value;
    if (!size || !find(packet, NAMESPACE) || !find_value(packet, &value)) return NULL;
    size_t length = 0;
    char *json = unescape(value, &length);
    if (!json) return NULL;
    if (!memchr(json, 0, length) && !dq__record_check(json, NULL)) return json;
    dq__free(json);
    return NULL;
}
