/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Other tables than ours that drop what is forwarded: no accept of ours undoes that. Docker has a
 * chain for such cases; of the others the user is told what to do.
 */
#include "manage/resource/network/firewall.h"
#include "manage/resource/network/internal.h"

#include <stdio.h>
#include <string.h>

#define DOCKER_CHAIN "DOCKER-USER"

static const char *text_of(json_object *object, const char *key)
{
    json_object *value = NULL;

    return json_object_object_get_ex(object, key, &value) &&
                   json_object_is_type(value, json_type_string)
               ? json_object_get_string(value)
               : "";
}

/* What nft lists, an array; NULL when it lists nothing. Owned. */
static json_object *list(const char *const *argv)
{
    g_autofree char *text = NULL;
    json_object *root, *array = NULL;

    if (!tool_run(argv, "nftables", NULL, &text, NULL)) {
        return NULL;
    }
    root = json_tokener_parse(text);
    if (json_object_object_get_ex(root, "nftables", &array) &&
        json_object_is_type(array, json_type_array)) {
        json_object_get(array);
    } else {
        array = NULL;
    }
    json_object_put(root);
    return array;
}

static bool is_docker(json_object *chain)
{
    return strcmp(text_of(chain, "family"), "ip") == 0 &&
           strcmp(text_of(chain, "table"), "filter") == 0 &&
           strcmp(text_of(chain, "name"), DOCKER_CHAIN) == 0;
}

static bool drops(json_object *chain)
{
    return strcmp(text_of(chain, "hook"), "forward") == 0 &&
           strcmp(text_of(chain, "policy"), "drop") == 0;
}

static json_object *docker_chain(const char *key)
{
    json_object *object = json_object_new_object();

    json_object_object_add(object, "family", json_object_new_string("ip"));
    json_object_object_add(object, "table", json_object_new_string("filter"));
    json_object_object_add(object, key, json_object_new_string(DOCKER_CHAIN));
    return object;
}

static char *comment_of(const char *bridge)
{
    return g_strdup_printf("vivarium %s", bridge);
}

static void insert(json_object *commands, const char *bridge, json_object *expressions)
{
    json_object *rule = docker_chain("chain");
    g_autofree char *comment = comment_of(bridge);

    json_object_object_add(rule, "expr", expressions);
    json_object_object_add(rule, "comment", json_object_new_string(comment));
    json_object_array_add(commands, nft_pair("insert", nft_pair("rule", rule)));
}

static void open_docker(const char *name, const char *bridge)
{
    g_autoptr(GError) error = NULL;
    json_object *commands = json_object_new_array();

    foreign_close(bridge);
    insert(commands, bridge,
           nft_list(nft_meta("iifname", "==", bridge), nft_verdict("accept"), NULL));
    insert(commands, bridge,
           nft_list(nft_meta("oifname", "==", bridge), nft_replies(), nft_verdict("accept"), NULL));
    if (!nft_run(commands, &error)) {
        fprintf(stderr, "vivd: network '%s': Docker drops what its guests send: %s\n", name,
                error->message);
    }
}

static void warn(const char *name, const char *bridge, json_object *chain)
{
    const char *family = text_of(chain, "family"), *table = text_of(chain, "table");
    const char *own = text_of(chain, "name");

    fprintf(stderr,
            "vivd: network '%s': the chain %s %s %s drops what is forwarded; to let guests out:\n"
            "nft insert rule %s %s %s iifname \"%s\" accept\n"
            "nft insert rule %s %s %s oifname \"%s\" ct state established,related accept\n",
            name, family, table, own, family, table, own, bridge, family, table, own, bridge);
}

void foreign_open(const char *name, const char *bridge)
{
    static const char *const argv[] = {"nft", "-j", "list", "chains", NULL};
    json_object *all = list(argv), *chain, *dropping = NULL;
    bool docker = false;

    for (size_t i = 0; all != NULL && i < json_object_array_length(all); i++) {
        if (json_object_object_get_ex(json_object_array_get_idx(all, i), "chain", &chain)) {
            docker |= is_docker(chain);
            dropping = drops(chain) ? chain : dropping;
        }
    }
    if (dropping != NULL && docker) {
        open_docker(name, bridge);
    } else if (dropping != NULL) {
        warn(name, bridge, dropping);
    }
    json_object_put(all);
}

void foreign_close(const char *bridge)
{
    static const char *const argv[] = {"nft", "-j",     "-a",         "list", "chain",
                                       "ip",  "filter", DOCKER_CHAIN, NULL};
    json_object *all = list(argv), *rule, *handle, *commands = json_object_new_array();
    g_autofree char *comment = comment_of(bridge);

    for (size_t i = 0; all != NULL && i < json_object_array_length(all); i++) {
        if (json_object_object_get_ex(json_object_array_get_idx(all, i), "rule", &rule) &&
            strcmp(text_of(rule, "comment"), comment) == 0 &&
            json_object_object_get_ex(rule, "handle", &handle)) {
            json_object *doomed = docker_chain("chain");

            json_object_object_add(doomed, "handle", json_object_get(handle));
            json_object_array_add(commands, nft_pair("delete", nft_pair("rule", doomed)));
        }
    }
    if (json_object_array_length(commands) > 0) {
        (void)nft_run(commands, NULL);
    } else {
        json_object_put(commands);
    }
    json_object_put(all);
}
