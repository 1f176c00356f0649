/* SPDX-License-Identifier: MIT
 * cli/page.c: see page.h. The page needs nothing but the pictures beside it. */
#include "page.h"


#include <stdlib.h>
#include <string.h>

enum { SIDE = 256, WIDEST = 16000 };

static char *path_in(const cli_page *page, const char *name) {
    char *path = NULL;
    return asprintf(&path, "%s/%s", page->folder, name) < 0 ? NULL : path;
}

static FILE *open_text(const cli_page *page, const char *name, char **path) {
    *path = path_in(page, name);
    if (*path) return cli_text_open(*path);
    cli_error(DQ_LIMIT, "out of memory");
    return NULL;
}

static bool done(const cli_item *item) { return item->state == CLI_KEPT || item->state == CLI_PAINTED; }

/* ---- sweep.csv ------------------------------------------------------------------------------------------------------- */

static void print_csv(FILE *to, const char *text) {
    if (!strpbrk(text, ",\"\r\n")) {
        fputs(text, to);
        return;
    }
    fputc('"', to);
    for (; *text; text++) {
        if (*text == '"') fputc('"', to);
        fputc(*text, to);
    }
    fputc('"', to);
}

static void csv_head(FILE *to, const cli_grid *grid) {
    fputs("picture", to);
    for (int a = 0; a < grid->axes; a++) {
        const cli_axis *axis = &grid->axis[a];
        if (axis->value[0].name) fprintf(to, ",%s", axis->name);
        for (int i = 0; i < axis->sets; i++) fprintf(to, ",%s", axis->value[0].set[i].name);
    }
    fputs(",seconds,J,J_content,J_style\n", to);
}

static void csv_row(FILE *to, const cli_page *page, int cell) {
    const cli_item *item = &page->series->item[cell];
    const cli_curve *curve = &page->curve[cell];
    print_csv(to, cli_base_of(item->path));
    for (int a = 0; a < page->grid->axes; a++) {
        const cli_axis_value *value = cli_grid_value(page->grid, cell, a);
        if (value->name) fputc(',', to), print_csv(to, value->name);
        for (int i = 0; i < page->grid->axis[a].sets; i++) fputc(',', to), print_csv(to, value->set[i].value);
    }
    if (!done(item) || !curve->there) fputs(",,,,\n", to); /* not painted, or without a step */
    else fprintf(to, ",%.3f,%.9g,%.9g,%.9g\n", curve->seconds, curve->last[0], curve->last[1], curve->last[2]);
}

static int write_csv(const cli_page *page) {
    char *path;
    int code = DQ_OUTPUT;
    FILE *to = open_text(page, "sweep.csv", &path);
    if (to) {
        csv_head(to, page->grid);
        for (int i = 0; i < page->grid->cells; i++) csv_row(to, page, i);
        code = cli_text_close(to, path);
    }
    free(path);
    return code;
}

/* ---- sheet.png ------------------------------------------------------------------------------------------------------- */

/* In place of figures. */
static const char *state_text(const cli_item *item) {
    if (done(item)) return "painted without a step";
    return item->state == CLI_BROKEN ? "could not be painted" : "not painted yet";
}

/* The labels of a cell, a line each, then costs and time. */
static char *caption_of(const cli_page *page, int cell) {
    char *text = NULL, label[CLI_LABEL], time[32];
    size_t size;
    const cli_curve *c = &page->curve[cell];
    const cli_item *item = &page->series->item[cell];
    FILE *to = open_memstream(&text, &size);
    if (!to) return NULL;
    if (c->seconds < 60) snprintf(time, sizeof time, "%.1f s", c->seconds);
    else cli_time(c->seconds, time);
    for (int a = 0; a < page->grid->axes; a++) {
        cli_grid_label(page->grid, cell, a, label);
        fprintf(to, "%s\n", label);
    }
    if (!done(item) || !c->there) fputs(state_text(item), to);
    else fprintf(to, "J %.4g\nJ_content %.3g\nJ_style %.3g\n%ld steps, %s", c->last[0], c->last[1], c->last[2], c->steps, time);
    fclose(to);
    return text;
}

/* The mean of the pixels that fall on one of width × height. */
static void average(const dq_image *image, float *out, int x, int y, int width, int height) {
    const int w = dq_image_width(image), h = dq_image_height(image);
    const int left = (int)((int64_t)x * w / width), right = (int)((int64_t)(x + 1) * w / width);
    const int top = (int)((int64_t)y * h / height), bottom = (int)((int64_t)(y + 1) * h / height);
    double sum[3] = {0};
    for (int v = top; v < bottom; v++) {
        const float *row = dq_image_pixels(image) + 3 * (size_t)v * (size_t)w;
        for (int i = 3 * left; i < 3 * right; i++) sum[i % 3] += (double)row[i];
    }
    for (int k = 0; k < 3; k++) out[k] = (float)(sum[k] / ((double)(right - left) * (bottom - top)));
}

/* A copy whose longest side is at most `longest`. */
static dq_status shrink(dq_context *ctx, dq_image **out, const dq_image *image, int longest) {
    const int w = dq_image_width(image), h = dq_image_height(image), most = w > h ? w : h;
    const double factor = most > longest ? (double)longest / most : 1;
    const int width = w * factor < 1 ? 1 : (int)(w * factor), height = h * factor < 1 ? 1 : (int)(h * factor);
    *out = NULL;
    float *rgb = malloc(sizeof(float) * 3 * (size_t)width * (size_t)height);
    if (!rgb) return DQ_LIMIT;
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++) average(image, rgb + 3 * ((size_t)y * (size_t)width + (size_t)x), x, y, width, height);
    const dq_status status = dq_image_from_pixels(ctx, out, width, height, rgb, NULL);
    free(rgb);
    return status;
}

static const char *head_path(const cli_page *page, int i) {
    const cli_item *item = page->series->item;
    return i ? item[0].style[i - 1]->path : item[0].photo->path;
}

/* Small copies of photo and paintings, for the page. */
static dq_status write_inputs(const cli_page *page, int heads, int side) {
    dq_context *ctx = page->series->ctx;
    dq_status status = DQ_OK;
    for (int i = 0; i < heads && !status; i++) {
        char name[32];
        dq_image *image = NULL, *small = NULL;
        snprintf(name, sizeof name, "input-%d.png", i + 1);
        char *path = path_in(page, name);
        if (!path) status = DQ_LIMIT;
        if (!status && !dq_image_read(ctx, &image, head_path(page, i))) status = shrink(ctx, &small, image, side);
        if (small && !status) status = dq_image_write(ctx, small, path, NULL);
        dq_image_free(&image);
        dq_image_free(&small);
        free(path);
    }
    return status;
}

/* What the tool "sheet" takes: paths, "" for a picture that is not there, and settings, the last of which are captions. */
typedef struct sheet {
    int heads, count, settings;
    const char **path;
    char **setting;
} sheet;

static bool add_setting(sheet *s, const char *name, const char *value) {
    if (!value || asprintf(&s->setting[s->settings], "%s=%s", name, value) < 0) return false;
    s->settings++;
    return true;
}

static bool add_number(sheet *s, const char *name, int value) {
    char text[16];
    snprintf(text, sizeof text, "%d", value);
    return add_setting(s, name, text);
}

static bool fill_sheet(const cli_page *page, sheet *s) {
    const cli_item *item = page->series->item;
    bool filled = true;
    for (int i = 0; i < s->heads && filled; i++) {
        s->path[i] = head_path(page, i);
        filled = add_setting(s, "caption", i ? "painting" : "photo");
    }
    for (int i = 0; i < page->grid->cells && filled; i++) {
        char *caption = caption_of(page, i);
        s->path[s->heads + i] = done(&item[i]) ? item[i].path : "";
        filled = add_setting(s, "caption", caption);
        free(caption);
    }
    return filled;
}

static int write_sheet(const cli_page *page) {
    enum { NUMBERS = 3 };
    dq_context *ctx = page->series->ctx;
    sheet s = {.heads = 1 + page->series->item[0].styles};
    s.count = s.heads + page->grid->cells;
    const int columns = cli_grid_columns(page->grid), side = WIDEST / columns < SIDE ? WIDEST / columns : SIDE;
    s.path = calloc((size_t)s.count, sizeof *s.path);
    s.setting = calloc((size_t)s.count + NUMBERS, sizeof *s.setting);
    char *path = path_in(page, "sheet.png");
    dq_status status = s.path && s.setting && path ? write_inputs(page, s.heads, side) : DQ_LIMIT;
    if (!status && !(fill_sheet(page, &s) && add_number(&s, "heads", s.heads) && add_number(&s, "columns", columns) &&
                     add_number(&s, "side", side)))
        status = DQ_LIMIT;
    const dq_tool tool = {.name = "sheet", .inputs = s.path, .input_count = s.count,
                          .settings = (const char *const *)s.setting, .setting_count = s.settings, .output = path};
    if (!status) status = dq_tool_run(ctx, &tool, NULL, NULL, NULL);
    const int code = status ? cli_error_of(ctx, status) : 0;
    for (int i = 0; i < s.settings; i++) free(s.setting[i]);
    free(s.setting);
    free(s.path);
    free(path);
    return code;
}

/* ---- index.html ------------------------------------------------------------------------------------------------------ */

static const char STYLE[] =
    ":root{color-scheme:light dark}body{font:15px/1.45 system-ui,sans-serif;margin:1.5rem;max-width:120rem}"
    "h1{font-size:1.4rem}h2{font-size:1.1rem;margin-top:2rem}figure{margin:0}img{max-width:100%;height:auto;display:block}"
    "figcaption{margin-top:.3rem;overflow-wrap:anywhere}.inputs,.curves{display:flex;flex-wrap:wrap;gap:1rem}"
    ".scroll{overflow-x:auto}.cells{display:grid;gap:1rem}.none{aspect-ratio:1;background:#8883}"
    ".curves figure{flex:1 1 22rem;max-width:40rem}svg{width:100%}polyline{fill:none;stroke-width:1.6}"
    ".grid{stroke:#8884}.frame{fill:none;stroke:#888}svg text{font-size:11px;fill:currentColor}"
    "text.y{text-anchor:end}text.x{text-anchor:middle}"
    "table{border-collapse:collapse}td,th{padding:.2rem .7rem;border-bottom:1px solid #8884;text-align:right}"
    "td:nth-child(-n+2),th:nth-child(-n+2){text-align:left}.swatch{display:inline-block;width:1.4em;height:.7em}"
    "pre{white-space:pre-wrap;overflow-wrap:anywhere;font-size:.8rem}";

void cli_print_html(FILE *to, const char *text) {
    for (; *text; text++) {
        if (*text == '&') fputs("&amp;", to);
        else if (*text == '<') fputs("&lt;", to);
        else if (*text == '>') fputs("&gt;", to);
        else if (*text == '"') fputs("&quot;", to);
        else fputc(*text, to);
    }
}

/* A file name as a relative address. */
static void print_address(FILE *to, const char *name) {
    fputs("./", to);
    for (; *name; name++) {
        const unsigned char c = (unsigned char)*name;
        const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || strchr("-_.", c);
        fprintf(to, plain ? "%c" : "%%%02X", c);
    }
}

static void print_inputs(FILE *to, const cli_page *page) {
    const cli_item *item = &page->series->item[0];
    fputs("<div class=\"inputs\">\n", to);
    for (int i = 0; i < 1 + item->styles; i++) {
        fprintf(to, "<figure><img src=\"input-%d.png\" alt=\"%s\"><figcaption>%s ", i + 1, i ? "painting" : "photo",
                i ? "painting" : "photo");
        cli_print_html(to, cli_base_of(i ? item->style[i - 1]->path : item->photo->path));
        fputs("</figcaption></figure>\n", to);
    }
    fputs("</div>\n", to);
}

/* What made the picture, folded away. */
static void print_record(FILE *to, const cli_page *page, const cli_item *item) {
    dq_image *image;
    if (dq_image_read(page->series->ctx, &image, item->path)) return;
    if (dq_image_record(image)) {
        fputs("<details><summary>record</summary><pre>", to);
        cli_print_html(to, dq_image_record(image));
        fputs("</pre></details>\n", to);
    }
    dq_image_free(&image);
}

static void print_cell(FILE *to, const cli_page *page, int cell) {
    const cli_item *item = &page->series->item[cell];
    char *caption = caption_of(page, cell);
    fputs("<figure>", to);
    if (done(item)) {
        fputs("<a href=\"", to);
        print_address(to, cli_base_of(item->path));
        fputs("\"><img loading=\"lazy\" src=\"", to);
        print_address(to, cli_base_of(item->path));
        fputs("\" alt=\"", to);
        cli_print_html(to, page->label[cell]);
        fputs("\"></a>", to);
    } else {
        fputs("<div class=\"none\"></div>", to);
    }
    fputs("<figcaption>", to);
    for (char *line = caption, *next; line; line = next) {
        next = strchr(line, '\n');
        if (next) *next++ = 0;
        cli_print_html(to, line);
        if (next) fputs("<br>", to);
    }
    fputs("</figcaption>", to);
    if (done(item)) print_record(to, page, item);
    fputs("</figure>\n", to);
    free(caption);
}

/* The figures, with the colour of each picture's line. */
static void print_table(FILE *to, const cli_page *page) {
    fputs("<table><tr><th></th><th>picture</th><th>steps</th><th>seconds</th><th>J</th><th>J_content</th><th>J_style</th></tr>\n",
          to);
    for (int i = 0; i < page->grid->cells; i++) {
        const cli_curve *c = &page->curve[i];
        char color[32];
        fprintf(to, "<tr><td><span class=\"swatch\" style=\"background:%s\"></span></td><td>",
                cli_curve_color(i, page->grid->cells, color));
        cli_print_html(to, page->label[i]);
        if (!done(&page->series->item[i]) || !c->there)
            fprintf(to, "</td><td colspan=\"5\">%s</td></tr>\n", state_text(&page->series->item[i]));
        else
            fprintf(to, "</td><td>%ld</td><td>%.1f</td><td>%.6g</td><td>%.6g</td><td>%.6g</td></tr>\n", c->steps, c->seconds,
                    c->last[0], c->last[1], c->last[2]);
    }
    fputs("</table>\n", to);
}

static void print_page(FILE *to, const cli_page *page) {
    const int columns = cli_grid_columns(page->grid);
    fprintf(to, "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
            "<meta name=\"viewport\" content=\"width=device-width\">\n<title>danqing sweep</title><style>%s</style></head>"
            "<body>\n<h1>danqing sweep: ", STYLE);
    for (int a = 0; a < page->grid->axes; a++) {
        if (a) fputs(" × ", to);
        cli_print_html(to, page->grid->axis[a].name);
    }
    fputs("</h1>\n", to);
    print_inputs(to, page);
    fprintf(to, "<h2>Pictures</h2>\n<div class=\"scroll\"><div class=\"cells\" style=\"grid-template-columns:repeat(%d,"
            "minmax(9rem,24rem))\">\n", columns);
    for (int i = 0; i < page->grid->cells; i++) print_cell(to, page, i);
    fputs("</div></div>\n<h2>Costs</h2>\n<p>At each step, over all scales. J_content and J_style are before α and β; "
          "J is the whole.</p>\n<div class=\"curves\">\n", to);
    cli_curve_draw(to, page->curve, page->grid->cells, page->label);
    fputs("</div>\n<div class=\"scroll\">", to);
    print_table(to, page);
    fputs("</div>\n<p><a href=\"sheet.png\">sheet.png</a>, <a href=\"sweep.csv\">sweep.csv</a></p>\n</body></html>\n", to);
}

static int write_page(const cli_page *page) {
    char *path;
    int code = DQ_OUTPUT;
    FILE *to = open_text(page, "index.html", &path);
    if (to) {
        print_page(to, page);
        code = cli_text_close(to, path);
    }
    free(path);
    return code;
}

int cli_page_write(const cli_page *page) {
    int code = write_csv(page);
    if (!code) code = write_sheet(page);
    return code ? code : write_page(page);
}
