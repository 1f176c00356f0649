/* SPDX-License-Identifier: MIT
 * image/letters.c: letters made of strokes, so that a sheet can be labelled on a machine without fonts. A letter is a list of
 * strokes parted by blanks; a stroke is a list of points "xy" on a grid of 5 × 9, capitals from y 0 to the baseline at 6. */
#include "image/sheet.h"

#include <math.h>
#include <string.h>

static const float UNIT = 1.5f, HALF = 0.62f; /* pixels of a step of the grid, and half the width of a stroke */
enum { ADVANCE = 9, LINE = 18, MARGIN = 2 };  /* pixels from letter to letter, from line to line, above and beside a letter */

static const char *const letters[] = {
    /* from '!' */
    "2024 26", "1012 3032", "1016 3036 0242 0444", "413010010213334445361605 2026", "4006 0010110100 3545463635",
    "46121120310405162644", "2022", "30121436", "10323416", "2125 0244 0442", "2125 0343", "2617", "1333", "26", "4006",
    /* from '0' */
    "103041453616050110 1432", "112026 1636", "01103041420646", "01103041423313 334445361605", "36300444",
    "400002324345361605", "413010010516364543321203", "004016", "103041423313020110 1304051636454433",
    "051636454130100103143443", "22 25", "22 2517",
    "410345", "0242 0444", "014305", "01103041422324 26", "461605011030414434 34322213142434",
    /* from 'A' */
    "0602204246 0444", "003041423303 334445360600", "4130100105163645", "00063645413000", "40000646 0333", "400006 0333",
    "41301001051636454323", "0006 4046 0343", "1030 1636 2026", "4045361605", "0006 4004 1346", "000646", "0600234046",
    "06004640", "103041453616050110", "06003041423303", "103041453616050110 2446", "06003041423303 2346",
    "413010010213334445361605", "0040 2026", "000516364540", "002640", "0016233640", "0046 4006", "002340 2326", "00400646",
    "30101636", "0046", "10303616", "022042", "0747", "1021",
    /* from 'a' */
    "4246 4332120305163645", "0006 0312324345361605", "4332120305163645", "4046 4332120305163645", "04444332120305163645",
    "40302126 0242", "42473818 4332120305163645", "0006 0312324346", "2226 20", "222718 20", "0006 4204 2346", "10202536",
    "0206 03122326 23324346", "0206 0312324346", "123243453616050312", "0208 0312324345361605", "4248 4332120305163645",
    "0206 03123242", "4212031434453606", "20253646 0242", "0205163645 4246", "022642", "0216243642", "0246 4206", "0225 4208",
    "02420646", "30202213242636", "2028", "10202233242616", "04133342",
};
static const char alpha[] = "4246 4332120305163645", beta[] = "0801103041323344453616";
static const char times[] = "1335 3315", other[] = "0040460600";

int dq__letters_line(void) { return LINE; }
int dq__letters_fit(int width) { return (width - MARGIN) / ADVANCE; }

/* Darkens the pixels near a stroke from a to b. */
static void draw_segment(const dq_image *c, const float a[2], const float b[2]) {
    const float dx = b[0] - a[0], dy = b[1] - a[1], length = dx * dx + dy * dy;
    const int left = (int)fminf(a[0], b[0]) - 2, right = (int)fmaxf(a[0], b[0]) + 2;
    const int top = (int)fminf(a[1], b[1]) - 2, bottom = (int)fmaxf(a[1], b[1]) + 2;
    for (int y = top < 0 ? 0 : top; y <= bottom && y < c->height; y++)
        for (int x = left < 0 ? 0 : left; x <= right && x < c->width; x++) {
            const float px = (float)x + 0.5f - a[0], py = (float)y + 0.5f - a[1];
            const float along = length > 0 ? fminf(fmaxf((px * dx + py * dy) / length, 0), 1) : 0;
            const float distance = hypotf(px - along * dx, py - along * dy);
            const float ink = fminf(fmaxf(0.5f + HALF - distance, 0), 1);
            float *rgb = c->rgb + 3 * ((size_t)y * (size_t)c->width + (size_t)x);
            for (int k = 0; k < 3; k++) rgb[k] = fminf(rgb[k], 1 - 0.9f * ink);
        }
}

static void draw_letter(const dq_image *c, float x, float y, const char *strokes) {
    float last[2] = {0, 0};
    bool begun = false;
    for (const char *p = strokes; *p;) {
        if (*p == ' ') {
            begun = false;
            p++;
            continue;
        }
        const float at[2] = {x + UNIT * (float)(p[0] - '0'), y + UNIT * (float)(p[1] - '0')};
        draw_segment(c, begun ? last : at, at);
        memcpy(last, at, sizeof last);
        begun = true;
        p += 2;
    }
}

/* The strokes of the next character, and its bytes. */
static const char *find_letter(const char *text, int *bytes) {
    const unsigned char first = (unsigned char)*text;
    *bytes = 1;
    if (first == ' ') return "";
    if (first > ' ' && first < 0x7f) return letters[first - '!'];
    while ((text[*bytes] & 0xc0) == 0x80) ++*bytes;
    if (strncmp(text, "\316\261", 2) == 0) return alpha;
    if (strncmp(text, "\303\227", 2) == 0) return times;
    return strncmp(text, "\316\262", 2) == 0 ? beta : other;
}

void dq__letters_draw(const dq_image *canvas, int x, int y, const char *text, int most) {
    int bytes;
    for (int i = 0; i < most && *text; i++, text += bytes)
        draw_letter(canvas, (float)(x + MARGIN + i * ADVANCE), (float)(y + MARGIN), find_letter(text, &bytes));
}
