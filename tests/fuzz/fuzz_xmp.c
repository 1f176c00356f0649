/* SPDX-License-Identifier: MIT
 * tests/fuzz/fuzz_xmp.c: any bytes as an XMP packet. A record that is found must survive being written and read again. */
#include "base/mem.h"
#include "image/parts.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *record = dq__xmp_record(data, size);
    if (!record) return 0;
    char *packet = dq__xmp_packet(record);
    char *again = packet ? dq__xmp_record(packet, strlen(packet)) : NULL;
    if (packet && (!again || strcmp(record, again) != 0)) abort();
    dq__free(record);
    dq__free(packet);
    dq__free(again);
    return 0;
}
