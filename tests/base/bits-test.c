/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/bits.h"

#include <glib.h>

static void fields(void)
{
    g_assert_cmphex(bits_get(0x12345678, 8, 12), ==, 0x456);
    g_assert_cmphex(bits_set(0x12345678, 8, 12, 0xabc), ==, 0x123abc78);
    g_assert_cmphex(mask64(64), ==, UINT64_MAX);
    g_assert_cmphex(mask64(0), ==, 0);
    g_assert_cmphex(bits_set(0, 0, 64, UINT64_MAX), ==, UINT64_MAX);
}

static void signs(void)
{
    g_assert_cmpint(sign_extend(0x80, 8), ==, -128);
    g_assert_cmpint(sign_extend(0x7f, 8), ==, 127);
    g_assert_cmpint(sign_extend(0xffffffff, 32), ==, -1);
    g_assert_cmpint(sign_extend(UINT64_MAX, 64), ==, -1);
}

static void alignment(void)
{
    g_assert_cmpuint(align_up(4097, 4096), ==, 8192);
    g_assert_cmpuint(align_up(4096, 4096), ==, 4096);
    g_assert_cmpuint(align_down(4097, 4096), ==, 4096);
    g_assert_true(is_pow2(1) && is_pow2(BIT64(63)));
    g_assert_false(is_pow2(0) || is_pow2(6));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/bits/fields", fields);
    g_test_add_func("/bits/signs", signs);
    g_test_add_func("/bits/alignment", alignment);
    return g_test_run();
}
