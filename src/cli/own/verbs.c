/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/own/own.h"

const struct verb own_verbs[] = {
    {"diff", own_diff},       {"doctor", own_doctor},
    {"explain", own_explain}, {"forward", own_forward},
    {"logs", own_logs},       {"rm", own_rm},
    {"run", own_run},         {"ssh", own_ssh},
    {"top", own_top},         {NULL},
};
