/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Stored definitions (data/domain-xml), and a host as the one on which libvirtd normalised them. */
#ifndef VIV_TESTS_MANAGE_SAMPLE_H
#define VIV_TESTS_MANAGE_SAMPLE_H

#include "manage/conf/domain.h"

#include <glib.h>

/* QEMU 7.2's machines, emulators and default CPUs; completes hardware. Constant. */
extern const struct domain_rules sample_rules;

/* Text of a file of data/domain-xml; `folder` "" or "normalised". To be freed. */
char *sample_read(const char *folder, const char *name);
/* The file names of data/domain-xml/normalised that end in `suffix`, NULL-terminated. */
char **sample_names(const char *suffix);

#endif
