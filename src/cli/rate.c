/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/rate.h"

#include "cli/command.h"

bool rate_parse(struct cli *cli, const struct arguments *args, const char *direction,
                uint64_t ret_values[RATE_FIELDS])
{
    static const char *const fields[] = {"average", "peak", "burst", "floor"};
    const char *text = arg_text(args, direction);
    bool out = *direction == 'o';
    g_auto(GStrv) parts = text != NULL ? g_strsplit(text, ",", -1) : g_new0(char *, 1);
    guint64 values[RATE_FIELDS] = {0};
    unsigned n = g_strv_length(parts);

    if (n > RATE_FIELDS) {
        return cli_fail(cli, "Rate string '%s' has too many fields", text);
    }
    for (unsigned i = 0; i < n; i++) {
        if (*parts[i] != '\0' &&
            !g_ascii_string_to_unsigned(parts[i], 10, 0, UINT64_MAX, &values[i], NULL)) {
            return cli_fail(cli, "field '%s' is malformed", fields[i]);
        }
    }
    for (unsigned i = 0; i < RATE_FLOOR; i++) {
        if (values[i] > UINT32_MAX) {
            return cli_fail(cli, "%s rate larger than maximum %u", direction, UINT32_MAX);
        }
    }
    if (out && values[RATE_FLOOR] != 0) {
        return cli_fail(cli, "outbound floor is unsupported yet");
    }
    if (values[RATE_AVERAGE] == 0 && values[RATE_FLOOR] == 0 &&
        (values[RATE_PEAK] != 0 || values[RATE_BURST] != 0)) {
        return cli_fail(cli, out ? "outbound average is mandatory"
                                 : "either inbound average or floor is mandatory");
    }
    for (unsigned i = 0; i < RATE_FIELDS; i++) {
        ret_values[i] = values[i];
    }
    return true;
}
