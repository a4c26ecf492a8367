/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kit's images on the installed QEMU, to compare with. */
#ifndef VIV_TESTS_GUEST_X86_PEER_H
#define VIV_TESTS_GUEST_X86_PEER_H

/* What an image prints there (q35, TCG), or NULL without a QEMU. `cpu` and `smp` as for -cpu and
 * -smp. The caller frees it. */
char *peer_run_image(const char *path, const char *cpu, const char *smp);

#endif
