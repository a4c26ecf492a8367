/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sets of small numbers (CPUs, NUMA nodes): the text "0-3,^2,5" and a map, bit n % 8 of byte n / 8.
 */
#ifndef VIV_MANAGE_CONF_CPUSET_H
#define VIV_MANAGE_CONF_CPUSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* False when the text is no set, is empty, or holds a number that the map has no bit for. */
bool cpuset_parse(const char *text, uint8_t *map, size_t bytes);
/* To be freed; "" of an empty set. */
char *cpuset_format(const uint8_t *map, size_t bytes);

#endif
