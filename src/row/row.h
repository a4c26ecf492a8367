/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Rows: one constant table that describes the fields of a configuration struct. From it come
 * parsing (key=value text and JSON), defaults, limits, reading back, help and documentation.
 *
 * Values travel as json-c objects. Text ("512M", "on", "52:54:00:12:34:56") is accepted wherever
 * a typed JSON value is, because key=value syntax carries nothing else. All functions are pure
 * over their arguments: any thread, no global state.
 */
#ifndef VIV_ROW_ROW_H
#define VIV_ROW_ROW_H

#include <glib.h>
#include <json-c/json.h>
#include <stddef.h>
#include <stdint.h>

enum row_type {
    ROW_BOOL,        /* bool field; on/off, yes/no, true/false */
    ROW_ON_OFF_AUTO, /* int field: enum row_auto */
    ROW_INT,         /* signed integer field of 1, 2, 4 or 8 bytes */
    ROW_UINT,        /* unsigned integer field of 1, 2, 4 or 8 bytes; 0x accepted */
    ROW_SIZE,        /* uint64_t field in bytes; suffixes b k M G T P E, powers of 1024 */
    ROW_STR,         /* char * field, owned by the struct */
    ROW_ENUM,        /* int field; `values` names 0, 1, 2, ... and ends with NULL */
    ROW_MAC,         /* uint8_t[6] field */
    ROW_PCI_ADDR,    /* int32_t field: slot * 8 + function, "SLOT[.FN]" in hex; -1 = not given */
    ROW_LINK,        /* char * field: id of another object; `link` names its kind */
    ROW_STR_LIST,    /* char ** field (GStrv), owned by the struct; a repeated key appends */
    ROW_JSON,        /* json_object * field, owned; a nested object or array left as it is */
};

enum row_auto { ROW_AUTO, ROW_ON, ROW_OFF };

/* What a ROW_LINK points to; main resolves the id when the machine is built. */
enum row_link {
    ROW_LINK_NONE,
    ROW_LINK_BLOCK, /* block node or drive id */
    ROW_LINK_CHARDEV,
    ROW_LINK_NETDEV,
    ROW_LINK_OBJECT,   /* -object id */
    ROW_LINK_IOTHREAD, /* -object iothread id */
};

enum row_flag {
    ROW_REQUIRED = 1 << 0,
    ROW_READ_ONLY = 1 << 1, /* shown, never set from outside */
    ROW_RUNTIME = 1 << 2,   /* may be set while the machine runs (qom-set) */
    ROW_HIDDEN = 1 << 3,    /* accepted, not listed in help (x-...) */
};

struct row {
    const char *name; /* NULL ends a table */
    enum row_type type;
    uint8_t size;  /* bytes of the field, from ROW_FIELD */
    uint8_t flags; /* enum row_flag */
    uint32_t offset;
    const char *def; /* default as text, NULL: zero, NULL string or "not given" */
    int64_t min;     /* ROW_INT, ROW_UINT, ROW_SIZE; both 0: the type's own range */
    int64_t max;
    const char *const *values; /* ROW_ENUM */
    enum row_link link;        /* ROW_LINK */
    const char *help;          /* one line, no full stop */
};

/* `.size` and `.offset` of a struct's field. */
#define ROW_FIELD(st, field) .size = sizeof(((st *)0)->field), .offset = offsetof(st, field)

#define ROW_ERROR row_error_quark()
GQuark row_error_quark(void);

enum row_error {
    ROW_ERROR_SYNTAX,  /* the text is malformed */
    ROW_ERROR_UNKNOWN, /* no row of that name */
    ROW_ERROR_TYPE,    /* value of the wrong type */
    ROW_ERROR_RANGE,   /* outside min..max, not one of the values */
    ROW_ERROR_MISSING, /* a required row was not given */
};

/* Fills the struct at `obj` (zeroed by the caller) with every row's default. */
void row_defaults(const struct row *rows, void *obj);

/* Frees what rows own (strings, lists, JSON) and sets those fields to NULL. */
void row_clear(const struct row *rows, void *obj);

/*
 * Sets one field. The error names `what` (for instance "device 'virtio-blk-pci'"), the row, the
 * value and what would be accepted, in QEMU's words where clients match them.
 */
gboolean row_set(const struct row *rows, void *obj, const char *what, const char *name,
                 json_object *value, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* row_set for each member of `options`, then checks that required rows were given. */
gboolean row_set_all(const struct row *rows, void *obj, const char *what, json_object *options,
                     GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The field's value as a typed JSON value (caller owns), or NULL if there is no such row. */
json_object *row_get(const struct row *rows, const void *obj, const char *name);

const struct row *row_find(const struct row *rows, const char *name);

/* The row's type in QEMU's words ("bool", "uint32", "size", "str", "OnOffAuto", ...). */
const char *row_type_name(const struct row *row);

/* Help lines in QEMU's form ("  name=<type>  - help (default: x)"), one a row, appended. */
void row_help(const struct row *rows, GString *out);

/*
 * Reads key=value[,key=value...] as QEMU does: ",," is a literal comma; a first value without a
 * key belongs to `implied` (NULL: not allowed); a bare word is key=on and "noKEY" key=off where
 * `flags_ok`; dotted keys (a.b=c, list.0=x) nest. Text that begins with '{' is read as JSON.
 * Returns a new JSON object, every scalar from key=value text a string, or NULL with an error.
 * Input is bounded: 64 KiB of text, 1,024 keys, 32 levels.
 */
json_object *row_parse(const char *text, const char *implied, gboolean flags_ok, GError **error);

/* "4k", "1.5G", "0x200": bytes. `default_unit` 'b', 'k', 'M'... applies to a bare number. */
gboolean row_parse_size(const char *text, char default_unit, uint64_t *ret_bytes,
                        GError **error) G_GNUC_WARN_UNUSED_RESULT;

#endif
