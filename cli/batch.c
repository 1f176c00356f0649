/* SPDX-License-Identifier: MIT
 * cli/batch.c: `danqing batch`: every photo in the manner of every painting, as PHOTO-STYLE.png in a folder. Finds the inputs
 * and names the results; the work is series.c's. */
#include "series.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

enum { MOST_PICTURES = 100000 };

/* Inputs of one kind. */
typedef struct list {
    cli_input *input;
    int count;
    char **text; /* paths made here */
    int texts;
} list;

typedef struct batch {
    const cli_args *args;
    list photos, styles;
    cli_series series;
    const char *folder;
} batch;

/* ---- inputs ---------------------------------------------------------------------------------------------------------- */

static int add_input(list *l, const char *path) {
    cli_input *more = realloc(l->input, sizeof *more * (size_t)(l->count + 1));
    if (!more) return cli_error(DQ_LIMIT, "out of memory");
    l->input = more;
    l->input[l->count++] = (cli_input){.path = path};
    return 0;
}

static int is_picture(const struct dirent *entry) {
    static const char *const endings[] = {".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".avif", ".heic", ".heif"};
    const char *ending = cli_ending_of(entry->d_name);
    if (entry->d_name[0] == '.') return 0;
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
        if (strcasecmp(ending, endings[i]) == 0) return 1;
    return 0;
}

static int by_name(const struct dirent **a, const struct dirent **b) { return strcmp((*a)->d_name, (*b)->d_name); }

static int add_path(list *l, const char *folder, const char *name) {
    char **more = realloc(l->text, sizeof *more * (size_t)(l->texts + 1));
    if (more) l->text = more;
    if (!more || asprintf(&l->text[l->texts], "%s/%s", folder, name) < 0) return cli_error(DQ_LIMIT, "out of memory");
    return add_input(l, l->text[l->texts++]);
}

/* The pictures of a folder by their endings, in the order of their names. */
static int add_folder(list *l, const char *folder) {
    struct dirent **entry;
    int code = 0;
    const int count = scandir(folder, &entry, is_picture, by_name);
    if (count < 0) return cli_error(DQ_BAD_IMAGE, "cannot read the folder %s: %s", folder, strerror(errno));
    for (int i = 0; i < count; i++) {
        if (!code) code = add_path(l, folder, entry[i]->d_name);
        free(entry[i]);
    }
    free(entry);
    if (!code && count == 0) code = cli_error(DQ_BAD_IMAGE, "there is no picture in %s", folder);
    return code;
}

static int collect(const batch *b, list *l, const char *option, int first, int end) {
    const char *folder, *results = cli_value(b->args, "output");
    int code = 0;
    for (int i = first; i < end && !code; i++) code = add_input(l, b->args->positional[i]);
    for (int i = 0; !code && (folder = cli_value_at(b->args, option, i)); i++) {
        if (results && cli_same_file(folder, results))
            return cli_error(DQ_USAGE, "%s cannot hold both what is read and the results; choose another -o", folder);
        code = add_folder(l, folder);
    }
    return code;
}

static int collect_inputs(batch *b) {
    int code = collect(b, &b->photos, "photos", 0, b->args->first);
    if (!code) code = collect(b, &b->styles, "styles", b->args->first, b->args->count);
    if (!code && (!b->photos.count || !b->styles.count))
        code = cli_error(DQ_USAGE, "give photos and paintings: danqing batch PHOTO… -- STYLE… -o FOLDER, "
                                   "or --photos FOLDER --styles FOLDER");
    if (!code && b->styles.count > MOST_PICTURES / b->photos.count)
        code = cli_error(DQ_LIMIT, "a batch makes at most %d pictures, not %d × %d", MOST_PICTURES, b->photos.count,
                         b->styles.count);
    return code;
}

/* ---- results --------------------------------------------------------------------------------------------------------- */

static int stem(const char *path) { return (int)(cli_ending_of(path) - cli_base_of(path)); }

static char *path_of(const batch *b, const cli_item *item, int number) {
    const char *photo = item->photo->path, *style = item->style[0]->path;
    char again[16] = "", *path = NULL;
    if (number > 1) snprintf(again, sizeof again, "-%d", number);
    const int size = asprintf(&path, "%s/%.*s-%.*s%s.png", b->folder, stem(photo), cli_base_of(photo), stem(style),
                              cli_base_of(style), again);
    return size < 0 ? NULL : path;
}

static bool is_taken(const batch *b, const cli_item *item, const char *path) {
    for (const cli_item *before = b->series.item; before < item; before++)
        if (strcmp(before->path, path) == 0) return true;
    return false;
}

/* PHOTO-STYLE.png, with -2, -3, … where an earlier pair has that name already. */
static int name_item(const batch *b, cli_item *item) {
    for (int number = 1;; number++) {
        char *path = path_of(b, item, number);
        if (!path) return cli_error(DQ_LIMIT, "out of memory");
        if (!is_taken(b, item, path)) {
            item->path = path;
            return 0;
        }
        free(path);
    }
}

/* No result may take the place of an input. */
static int check_item(const batch *b, const cli_item *item) {
    if (access(item->path, F_OK) != 0) return 0;
    for (int i = 0; i < b->photos.count + b->styles.count; i++) {
        const int k = i - b->photos.count;
        const cli_input *input = k < 0 ? &b->photos.input[i] : &b->styles.input[k];
        if (cli_same_file(item->path, input->path))
            return cli_error(DQ_USAGE, "%s would be overwritten; choose another -o", input->path);
    }
    return 0;
}

static int make_items(batch *b) {
    const int count = b->photos.count * b->styles.count;
    int code = 0;
    b->series.item = calloc((size_t)count, sizeof *b->series.item);
    if (!b->series.item) return cli_error(DQ_LIMIT, "out of memory");
    for (int i = 0; i < count && !code; i++) {
        cli_item *item = &b->series.item[i];
        item->photo = &b->photos.input[i / b->styles.count];
        item->style[0] = &b->styles.input[i % b->styles.count];
        item->styles = 1;
        item->work = 1;
        code = name_item(b, item);
        b->series.count = i + 1;
        if (!code) code = check_item(b, item);
    }
    return code;
}

static int prepare(batch *b) {
    int code = cli_series_open(&b->series, b->args);
    if (!code) code = collect_inputs(b);
    if (!code) code = cli_series_folder(b->args, &b->folder);
    if (!code) code = make_items(b);
    return code ? code : cli_series_look(&b->series);
}

/* ---- the verb -------------------------------------------------------------------------------------------------------- */

static int dry_run(const cli_series *s) {
    static const char *const texts[] = {"to paint", "there already", "painted", "not possible"};
    for (int i = 0; i < s->count; i++) {
        cli_print_clean(stdout, s->item[i].path);
        printf(": %s\n", texts[s->item[i].state]);
    }
    return 0;
}

static void free_list(list *l) {
    for (int i = 0; i < l->texts; i++) free(l->text[i]);
    free(l->text);
    free(l->input);
}

int cli_batch(const cli_args *args) {
    batch b = {.args = args};
    int code = prepare(&b);
    const bool follows = b.series.ranks.own > 0;
    if (!cli_value(args, "dry-run")) code = cli_series_deal(&b.series, code);
    if (!code && !cli_value(args, "dry-run")) code = cli_series_run(&b.series);
    else if (!code && !follows) code = dry_run(&b.series);
    cli_series_close(&b.series);
    free_list(&b.photos);
    free_list(&b.styles);
    return follows ? 0 : code; /* the first has heard of it */
}
