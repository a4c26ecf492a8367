/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What commands on networks and on pools do alike. Each prints, and returns whether it succeeded.
 */
#ifndef VIV_CLI_OBJECT_H
#define VIV_CLI_OBJECT_H

#include "cli/cli.h"

enum object_verb { OBJECT_START, OBJECT_DESTROY, OBJECT_UNDEFINE };

/* Those that --all, --inactive and the like choose, by name; NULL with the error left to be told.
 */
struct viv_object **object_list(struct cli *cli, const struct arguments *args, enum viv_kind kind);
/* Names or UUIDs alone, a line each, if --name or --uuid asks for it; false: neither does. */
bool object_show_words(struct cli *cli, struct viv_object **objects, const struct arguments *args,
                       bool padded);
bool object_act(struct cli *cli, const struct arguments *args, enum viv_kind kind,
                enum object_verb verb);
bool object_from_file(struct cli *cli, const struct arguments *args, enum viv_kind kind,
                      bool define);
bool object_autostart(struct cli *cli, const struct arguments *args, enum viv_kind kind);
bool object_xml(struct cli *cli, const struct arguments *args, enum viv_kind kind);
bool object_name(struct cli *cli, const struct arguments *args, enum viv_kind kind);
bool object_uuid(struct cli *cli, const struct arguments *args, enum viv_kind kind);

#endif
