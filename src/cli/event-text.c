/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/event-text.h"

#include "cli/report.h"

#include <string.h>

#define MAX_DETAILS 11

/* Words for the numbers of a value of one kind of event. */
static const struct value_row {
    const char *event, *value;
    const char *words[10];
} value_rows[] = {
    {"watchdog",
     "action",
     {"none", "pause", "reset", "poweroff", "shutdown", "debug", "inject-nmi"}},
    {"io-error", "action", {"none", "pause", "report"}},
    {"io-error-reason", "action", {"none", "pause", "report"}},
    {"graphics", "phase", {"connect", "initialize", "disconnect"}},
    {"graphics", "local_family", {"IPv4", "IPv6", "unix"}},
    {"graphics", "remote_family", {"IPv4", "IPv6", "unix"}},
    {"disk-change", "reason", {"changed", "dropped"}},
    {"tray-change", "reason", {"opened", "closed"}},
    {"agent-lifecycle", "state", {"unknown", "connected", "disconnected"}},
    {"agent-lifecycle", "reason", {"unknown", "domain started", "channel event"}},
    {"metadata-change", "type", {"description", "title", "element"}},
    {"block-job", "status", {"completed", "failed", "canceled", "ready"}},
    {"block-job-2", "status", {"completed", "failed", "canceled", "ready"}},
    {"block-job",
     "type",
     {"Unknown job", "Block Pull", "Block Copy", "Block Commit", "Active Block Commit", "Backup"}},
    {"block-job-2",
     "type",
     {"Unknown job", "Block Pull", "Block Copy", "Block Commit", "Active Block Commit", "Backup"}},
    {"memory-failure", "recipient", {"hypervisor", "guest"}},
    {"memory-failure", "action", {"ignore", "inject", "fatal", "reset"}},
};

/* What became of an object, and why. */
static const struct cycle_row {
    enum viv_kind kind;
    struct {
        const char *word;
        const char *details[MAX_DETAILS];
    } events[9];
} cycle_rows[] = {
    {VIV_DOMAIN,
     {{"Defined", {"Added", "Updated", "Renamed", "Snapshot"}},
      {"Undefined", {"Removed", "Renamed"}},
      {"Started", {"Booted", "Migrated", "Restored", "Snapshot", "Event wakeup"}},
      {"Suspended",
       {"Paused", "Migrated", "I/O Error", "Watchdog", "Restored", "Snapshot", "API error",
        "Post-copy", "Post-copy Error"}},
      {"Resumed", {"Unpaused", "Migrated", "Snapshot", "Post-copy"}},
      {"Stopped", {"Shutdown", "Destroyed", "Crashed", "Migrated", "Saved", "Failed", "Snapshot"}},
      {"Shutdown", {"Finished", "Finished after guest request", "Finished after host request"}},
      {"PMSuspended", {"Memory", "Disk"}},
      {"Crashed", {"Panicked", "Crashloaded"}}}},
    {VIV_NETWORK, {{"Defined", {0}}, {"Undefined", {0}}, {"Started", {0}}, {"Stopped", {0}}}},
    {VIV_POOL,
     {{"Defined", {0}},
      {"Undefined", {0}},
      {"Started", {0}},
      {"Stopped", {0}},
      {"Created", {0}},
      {"Deleted", {0}}}},
    {VIV_NODE_DEVICE, {{"Created", {0}}, {"Deleted", {0}}, {"Defined", {0}}, {"Undefined", {0}}}},
    {VIV_SECRET, {{"Defined", {0}}, {"Undefined", {0}}}},
};

static const char *event_word(const struct viv_event *event)
{
    const char *word = viv_event_word(viv_event_about(event), (int)viv_event_kind(event));

    return word != NULL ? word : "unknown";
}

static int number_of(const struct viv_event *event, const char *name)
{
    const struct viv_param *param = viv_params_find(viv_event_params(event), name);

    return param != NULL && param->type == VIV_PARAM_INT ? (int)param->value.number : -1;
}

/* The word for what a lifecycle event says; *ret_detail "" where there is none. */
static const char *cycle_words(const struct viv_event *event, const char **ret_detail)
{
    int number = number_of(event, "event"), detail = number_of(event, "detail");

    for (unsigned i = 0; i < G_N_ELEMENTS(cycle_rows); i++) {
        const struct cycle_row *row = &cycle_rows[i];

        if (row->kind == viv_event_about(event) && (unsigned)number < G_N_ELEMENTS(row->events) &&
            row->events[number].word != NULL) {
            const char *why =
                (unsigned)detail < MAX_DETAILS ? row->events[number].details[detail] : NULL;

            *ret_detail = why != NULL                              ? why
                          : row->events[number].details[0] != NULL ? "unknown"
                                                                   : "";
            return row->events[number].word;
        }
    }
    *ret_detail = "unknown";
    return "unknown";
}

/* A value in words; to be freed. */
static char *value_text(const struct viv_event *event, const char *name)
{
    const struct viv_param *param = viv_params_find(viv_event_params(event), name);

    if (param == NULL) {
        return g_strdup("<null>");
    }
    for (unsigned i = 0; param->type == VIV_PARAM_INT && i < G_N_ELEMENTS(value_rows); i++) {
        const struct value_row *row = &value_rows[i];

        if (strcmp(row->event, event_word(event)) == 0 && strcmp(row->value, name) == 0) {
            bool known = (uint64_t)param->value.number < G_N_ELEMENTS(row->words) &&
                         row->words[param->value.number] != NULL;

            return g_strdup(known ? row->words[param->value.number] : "unknown");
        }
    }
    return param_text(param);
}

/* How an event's values are told: {name} stands for a value. */
static const struct format_row {
    const char *event, *format;
} format_rows[] = {
    {"rtc-change", ": {offset}"},
    {"watchdog", ": {action}"},
    {"io-error", ": {source} ({alias}) {action}"},
    {"io-error-reason", ": {source} ({alias}) {action} due to {reason}"},
    {"graphics", ": {phase} local[{local_family} {local_node} {local_service}] "
                 "remote[{remote_family} {remote_node} {remote_service}] {scheme}"},
    {"block-job", ": {type} for {disk} {status}"},
    {"block-job-2", ": {type} for {disk} {status}"},
    {"disk-change", " disk {alias}: {old} -> {new}: {reason}"},
    {"tray-change", " disk {alias}: {reason}"},
    {"balloon-change", ": {actual}KiB"},
    {"device-removed", ": {alias}"},
    {"device-added", ": {alias}"},
    {"device-removal-failed", ": {alias}"},
    {"agent-lifecycle", ": state: '{state}' reason: '{reason}'"},
    {"migration-iteration", ": iteration: '{iteration}'"},
    {"metadata-change", ": type {type}, uri {uri}"},
    {"block-threshold", ": dev: {disk}({path}) {threshold} {excess}"},
    {"memory-failure", ":\nrecipient: {recipient}\naction: {action}"},
    {"memory-device-size-change", ":\nalias: {alias}\nsize: {size}"},
};

static void add_format(GString *text, const struct viv_event *event, const char *format)
{
    for (const char *p = format; *p != '\0'; p++) {
        const char *end = *p == '{' ? strchr(p, '}') : NULL;

        if (end == NULL) {
            g_string_append_c(text, *p);
            continue;
        }
        g_autofree char *name = g_strndup(p + 1, (gsize)(end - p - 1));
        g_autofree char *value = value_text(event, name);

        g_string_append(text, value);
        p = end;
    }
}

/* What has no format: its named values, a line each. */
static void add_params(GString *text, const struct viv_event *event)
{
    const struct viv_param *params = viv_event_params(event);

    g_string_append(text, params->name != NULL ? ":" : "");
    for (; params->name != NULL; params++) {
        g_autofree char *value = param_text(params);

        g_string_append_printf(text, "\n\t%s: %s", params->name, value);
    }
}

static void add_details(GString *text, const struct viv_event *event)
{
    const char *word = event_word(event), *detail;

    if (strcmp(word, "lifecycle") == 0) {
        const char *what = cycle_words(event, &detail);

        g_string_append_printf(text, *detail != '\0' ? ": %s %s" : ": %s", what, detail);
        return;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(format_rows); i++) {
        if (strcmp(format_rows[i].event, word) == 0) {
            add_format(text, event, format_rows[i].format);
            return;
        }
    }
    if (strcmp(word, "tunable") == 0 || strcmp(word, "job-completed") == 0) {
        add_params(text, event);
    }
}

char *event_text(const struct viv_event *event)
{
    static const char *const kinds[VIV_KINDS] = {[VIV_DOMAIN] = "domain",
                                                 [VIV_NETWORK] = "network",
                                                 [VIV_POOL] = "storage pool",
                                                 [VIV_NODE_DEVICE] = "node device",
                                                 [VIV_SECRET] = "secret"};
    const char *name = viv_event_name(event) != NULL ? viv_event_name(event) : "";
    GString *text = g_string_new(NULL);

    g_string_printf(text,
                    viv_event_about(event) == VIV_DOMAIN ? "event '%s' for %s '%s'"
                                                         : "event '%s' for %s %s",
                    event_word(event), kinds[viv_event_about(event)], name);
    add_details(text, event);
    return g_string_free(text, FALSE);
}

static void add_text(struct json_object *object, const char *name, const char *text)
{
    json_object_object_add(object, name, json_object_new_string(text));
}

struct json_object *event_json(const struct viv_event *event)
{
    struct json_object *object = json_object_new_object();
    bool cycle = strcmp(event_word(event), "lifecycle") == 0;
    const char *detail;

    add_text(object, "event", event_word(event));
    add_text(object, "name", viv_event_name(event) != NULL ? viv_event_name(event) : "");
    if (cycle) {
        add_text(object, "change", cycle_words(event, &detail));
        add_text(object, "detail", detail);
    }
    for (const struct viv_param *p = viv_event_params(event); !cycle && p->name != NULL; p++) {
        g_autofree char *value = value_text(event, p->name);

        add_text(object, p->name, value);
    }
    return object;
}
