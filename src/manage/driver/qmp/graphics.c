/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where machines show their screens: a port that nobody has, and the one it came to be. */
#include "manage/conf/schema.h"
#include "manage/driver/qmp/argv.h"
#include "manage/driver/qmp/internal.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { FIRST_PORT = 5900, LAST_PORT = 65535 };

/* On all addresses: one that some address has is not offered. */
static bool is_free(unsigned port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
    bool good;

    if (fd < 0) {
        return false;
    }
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    good = bind(fd, (const struct sockaddr *)&address, sizeof(address)) == 0 && listen(fd, 1) == 0;
    close(fd);
    return good;
}

unsigned qmp_graphics_port(void *opaque)
{
    unsigned *next = opaque;

    for (unsigned port = MAX(*next, (unsigned)FIRST_PORT); port <= LAST_PORT; port++) {
        if (is_free(port)) {
            *next = port + 1;
            return port;
        }
    }
    return 0;
}

/* The port in what the machine says of its server; NULL: it has none. Borrowed. */
static const char *service_of(json_object *answer, const char *member)
{
    json_object *value;

    return json_object_is_type(answer, json_type_object) &&
                   json_object_object_get_ex(answer, member, &value)
               ? json_object_get_string(value)
               : NULL;
}

/* The address that argv gives to a screen which names none: the live definition shows it. */
static void fill_addresses(struct domain *domain)
{
    struct xml *devices = domain_def_devices(domain->def);

    for (struct xml *graphics = xml_find(devices, "graphics"); graphics != NULL;
         graphics = xml_next(devices, "graphics", graphics)) {
        struct xml *listen = xml_find(graphics, "listen");

        if (xml_is(listen, "type", "address") && xml_get(listen, "address") == NULL) {
            xml_set(listen, "address", QMP_GRAPHICS_ADDRESS);
            xml_set(graphics, "listen", QMP_GRAPHICS_ADDRESS);
        }
    }
    schema_tidy(domain->def->root);
}

bool qmp_fill_graphics(struct domain *domain, GError **error)
{
    static const struct {
        const char *type, *command, *member;
    } servers[] = {{"vnc", "query-vnc", "service"}, {"spice", "query-spice", "port"}};

    for (unsigned i = 0; i < G_N_ELEMENTS(servers); i++) {
        struct xml *devices = domain_def_devices(domain->def), *graphics;
        json_object *answer = NULL;
        const char *port;
        uint64_t number;

        for (graphics = xml_find(devices, "graphics");
             graphics != NULL && !xml_is(graphics, "type", servers[i].type);
             graphics = xml_next(devices, "graphics", graphics)) {
        }
        if (graphics == NULL || !xml_is(graphics, "autoport", "yes")) {
            continue;
        }
        if (!qmp_command(domain, servers[i].command, NULL, &answer, error)) {
            return false;
        }
        port = service_of(answer, servers[i].member);
        if (port != NULL && xml_number(port, &number) && number <= LAST_PORT) {
            xml_set(graphics, "port", port);
        }
        json_object_put(answer);
    }
    fill_addresses(domain);
    return true;
}
