/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* vCPUs that come to a running machine and leave it: the slots that query-hotpluggable-cpus lists.
 */
#include "manage/conf/fault.h"
#include "manage/driver/qmp/device/plug.h"
#include "manage/driver/qmp/internal.h"
#include "manage/driver/qmp/tune/tune.h"
#include "manage/driver/qmp/words.h"

#include <string.h>

#define UNPLUG_SECONDS 5
#define ID_PREFIX      "vcpu"

static json_object *member(json_object *object, const char *name)
{
    json_object *value = NULL;

    json_object_object_get_ex(object, name, &value);
    return value;
}

static void put(gpointer slot)
{
    json_object_put(slot);
}

/* The slots, the lowest first; owned. QEMU lists the highest first. */
static GPtrArray *ask_slots(struct domain *domain, GError **error)
{
    json_object *rows = NULL;
    GPtrArray *slots;

    if (!qmp_command(domain, "query-hotpluggable-cpus", NULL, &rows, error)) {
        return NULL;
    }
    slots = g_ptr_array_new_with_free_func(put);
    for (size_t i = json_object_is_type(rows, json_type_array) ? json_object_array_length(rows) : 0;
         i > 0; i--) {
        g_ptr_array_add(slots, json_object_get(json_object_array_get_idx(rows, i - 1)));
    }
    json_object_put(rows);
    return slots;
}

static unsigned count_used(GPtrArray *slots)
{
    unsigned n = 0;

    for (unsigned i = 0; i < slots->len; i++) {
        n += member(slots->pdata[i], "qom-path") != NULL;
    }
    return n;
}

static bool plug(struct domain *domain, json_object *slot, unsigned index, GError **error)
{
    json_object *arguments = json_object_new_object();
    json_object *type = member(slot, "type"), *props = member(slot, "props");
    g_autofree char *id = g_strdup_printf(ID_PREFIX "%u", index);

    words_set(arguments, "driver", type != NULL ? json_object_get_string(type) : "");
    words_set(arguments, "id", id);
    if (json_object_is_type(props, json_type_object)) {
        json_object_object_foreach(props, key, value)
        {
            json_object_object_add(arguments, key, json_object_get(value));
        }
    }
    return qmp_command(domain, "device_add", arguments, NULL, error);
}

/* The id of the vCPU in a slot if it came later; those of the start have none. */
static const char *id_of(json_object *slot)
{
    const char *path = json_object_get_string(member(slot, "qom-path"));

    return path != NULL && g_str_has_prefix(path, "/machine/peripheral/" ID_PREFIX)
               ? path + strlen("/machine/peripheral/")
               : NULL;
}

static bool is_there(struct domain *domain, const char *id)
{
    g_autoptr(GPtrArray) slots = ask_slots(domain, NULL);

    for (unsigned i = 0; slots != NULL && i < slots->len; i++) {
        if (g_strcmp0(id_of(slots->pdata[i]), id) == 0) {
            return true;
        }
    }
    return false;
}

static bool unplug(struct domain *domain, const char *id, GError **error)
{
    gint64 until = g_get_monotonic_time() + UNPLUG_SECONDS * G_TIME_SPAN_SECOND;
    json_object *arguments = json_object_new_object();
    bool waits = true;

    words_set(arguments, "id", id);
    if (!qmp_command(domain, "device_del", arguments, NULL, error)) {
        return false;
    }
    while (domain_is_active(domain) && is_there(domain, id)) {
        if (!waits) {
            return fault_set(error, FAULT_OPERATION_TIMEOUT,
                             "vcpu unplug request timed out. Unplug result must be manually "
                             "inspected in the domain");
        }
        waits = g_cond_wait_until(&domain->job_done, &domain->object.lock, until);
    }
    return domain_check_active(domain, error);
}

static bool grow(struct domain *domain, GPtrArray *slots, unsigned n, GError **error)
{
    unsigned used = count_used(slots);

    for (unsigned i = 0; i < slots->len && used < n; i++) {
        if (member(slots->pdata[i], "qom-path") == NULL) {
            if (!plug(domain, slots->pdata[i], i, error)) {
                return false;
            }
            used++;
        }
    }
    return used == n || fault_set(error, FAULT_INVALID_ARG,
                                  "failed to find appropriate hotpluggable vcpus to reach the "
                                  "desired target vcpu count");
}

static bool shrink(struct domain *domain, GPtrArray *slots, unsigned n, GError **error)
{
    unsigned used = count_used(slots), later = 0;

    for (unsigned i = 0; i < slots->len; i++) {
        later += id_of(slots->pdata[i]) != NULL;
    }
    if (used - MIN(later, used) > n) {
        return fault_set(error, FAULT_INVALID_ARG,
                         "failed to find appropriate hotpluggable vcpus to reach the desired "
                         "target vcpu count");
    }
    for (unsigned i = slots->len; i > 0 && used > n; i--) {
        const char *id = id_of(slots->pdata[i - 1]);

        if (id != NULL) {
            if (!unplug(domain, id, error)) {
                return false;
            }
            used--;
        }
    }
    return true;
}

bool plug_set_vcpus(struct domain *domain, unsigned n, GError **error)
{
    g_autoptr(GPtrArray) slots = ask_slots(domain, error);

    return slots != NULL && (count_used(slots) < n ? grow : shrink)(domain, slots, n, error) &&
           tune_pin_machine(domain, error);
}
