/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/output.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

char *output_size(uint64_t bytes)
{
    static const char *const units[] = {"", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"};
    int exponent;

    /* The unit changes at 1000 of the one below, so that there are never four digits. */
    frexp((double)bytes / (1000.0 / 1024.0), &exponent);
    exponent = exponent < 1 ? 0 : (exponent - 1) / 10;
    return g_strdup_printf("%0.3g %sB", (double)bytes / (double)(UINT64_C(1) << (exponent * 10)),
                           units[exponent]);
}

/* ---- JSON ---- */

#define BUCKETS 512

/*
 * qemu-img prints an object's members in the order of its hash table: by bucket, the last one added
 * first. The hash is the one of Samba's tdb.
 */
static unsigned bucket_of(const char *key)
{
    uint32_t value = 0x238f13afu * (uint32_t)strlen(key);

    for (unsigned i = 0; key[i] != '\0'; i++) {
        value += (uint32_t)(uint8_t)key[i] << (i * 5 % 24);
    }
    return (1103515243u * value + 12345u) % BUCKETS;
}

struct member {
    const char *key;
    json_object *value;
    unsigned bucket, index;
};

static int by_bucket(const void *a, const void *b)
{
    const struct member *x = a, *y = b;

    if (x->bucket != y->bucket) {
        return x->bucket < y->bucket ? -1 : 1;
    }
    return x->index > y->index ? -1 : 1;
}

static void put_string(GString *to, const char *text)
{
    g_string_append_c(to, '"');
    for (const char *p = text; *p != '\0'; p = g_utf8_next_char(p)) {
        gunichar c = g_utf8_get_char_validated(p, -1);

        if (c == (gunichar)-1 || c == (gunichar)-2) {
            g_string_append(to, "\\uFFFD");
            continue;
        }
        switch (c) {
        case '"': g_string_append(to, "\\\""); break;
        case '\\': g_string_append(to, "\\\\"); break;
        case '\b': g_string_append(to, "\\b"); break;
        case '\f': g_string_append(to, "\\f"); break;
        case '\n': g_string_append(to, "\\n"); break;
        case '\r': g_string_append(to, "\\r"); break;
        case '\t': g_string_append(to, "\\t"); break;
        default:
            if (c > 0xffff) {
                g_string_append_printf(to, "\\u%04X\\u%04X", 0xd800 + ((c - 0x10000) >> 10),
                                       0xdc00 + ((c - 0x10000) & 0x3ff));
            } else if (c < 0x20 || c >= 0x7f) {
                g_string_append_printf(to, "\\u%04X", c);
            } else {
                g_string_append_c(to, (char)c);
            }
        }
    }
    g_string_append_c(to, '"');
}

static void put_value(GString *to, json_object *value, unsigned depth);

static void new_line(GString *to, unsigned depth)
{
    g_string_append_printf(to, "\n%*s", (int)depth * 4, "");
}

static void put_object(GString *to, json_object *object, unsigned depth)
{
    unsigned n = (unsigned)json_object_object_length(object), i = 0;
    g_autofree struct member *members = g_new(struct member, n);

    json_object_object_foreach(object, key, value)
    {
        members[i] = (struct member){key, value, bucket_of(key), i};
        i++;
    }
    qsort(members, n, sizeof(*members), by_bucket);
    g_string_append_c(to, '{');
    for (i = 0; i < n; i++) {
        g_string_append(to, i > 0 ? "," : "");
        new_line(to, depth + 1);
        put_string(to, members[i].key);
        g_string_append(to, ": ");
        put_value(to, members[i].value, depth + 1);
    }
    if (n > 0) {
        new_line(to, depth);
    }
    g_string_append_c(to, '}');
}

static void put_array(GString *to, json_object *array, unsigned depth)
{
    size_t n = json_object_array_length(array);

    g_string_append_c(to, '[');
    for (size_t i = 0; i < n; i++) {
        g_string_append(to, i > 0 ? "," : "");
        new_line(to, depth + 1);
        put_value(to, json_object_array_get_idx(array, i), depth + 1);
    }
    if (n > 0) {
        new_line(to, depth);
    }
    g_string_append_c(to, ']');
}

static void put_value(GString *to, json_object *value, unsigned depth)
{
    switch (json_object_get_type(value)) {
    case json_type_object: put_object(to, value, depth); break;
    case json_type_array: put_array(to, value, depth); break;
    case json_type_string: put_string(to, json_object_get_string(value)); break;
    default: g_string_append(to, json_object_to_json_string(value)); break;
    }
}

void output_json(json_object *value)
{
    g_autoptr(GString) text = g_string_new(NULL);

    put_value(text, value, 0);
    puts(text->str);
}

/* ---- snapshots ---- */

void output_snapshot_head(void)
{
    printf("%-10s%-17s%8s%20s%13s%11s\n", "ID", "TAG", "VM SIZE", "DATE", "VM CLOCK", "ICOUNT");
}

void output_snapshot(const struct block_snapshot *snapshot)
{
    time_t seconds = snapshot->date_sec;
    uint64_t clock = snapshot->vm_clock_nsec / 1000000000;
    g_autofree char *size = output_size(snapshot->vm_state_size), *icount = NULL, *vm_clock = NULL;
    char date[64] = "";
    struct tm tm;

    if (localtime_r(&seconds, &tm) != NULL) {
        strftime(date, sizeof(date), "%Y-%m-%d %H:%M:%S", &tm);
    }
    vm_clock = g_strdup_printf("%02u:%02u:%02u.%03u", (unsigned)(clock / 3600),
                               (unsigned)(clock / 60 % 60), (unsigned)(clock % 60),
                               (unsigned)(snapshot->vm_clock_nsec / 1000000 % 1000));
    icount = snapshot->icount == UINT64_MAX
                 ? g_strdup("")
                 : g_strdup_printf("%" G_GUINT64_FORMAT, (guint64)snapshot->icount);
    printf("%-9s %-16s %8s%20s%13s%11s\n", snapshot->id, snapshot->name, size, date, vm_clock,
           icount);
}

/* ---- progress ---- */

static void show(struct output_progress *progress, double percent)
{
    progress->shown = percent;
    printf("    (%3.2f/100%%)\r", percent);
    fflush(stdout);
}

void output_progress_start(struct output_progress *progress, bool on, uint64_t total)
{
    *progress = (struct output_progress){.on = on, .total = total};
    if (on) {
        show(progress, 0);
    }
}

void output_progress_add(struct output_progress *progress, uint64_t n)
{
    double percent;

    progress->done += n;
    if (!progress->on || progress->total == 0) {
        return;
    }
    percent = MIN(100.0 * (double)progress->done / (double)progress->total, 100.0);
    if (percent >= progress->shown + 1 || (percent >= 100 && progress->shown < 100)) {
        show(progress, percent);
    }
}

void output_progress_end(struct output_progress *progress)
{
    if (progress->on) {
        if (progress->shown < 100) {
            show(progress, 100);
        }
        printf("\n");
    }
}
