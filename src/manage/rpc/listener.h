/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Listening sockets of the file system. Loop thread only. */
#ifndef VIV_MANAGE_RPC_LISTENER_H
#define VIV_MANAGE_RPC_LISTENER_H

#include <glib.h>
#include <sys/types.h>

struct rpc_listener;

/* Called on the loop with a connected socket, which the callee owns. */
typedef void (*rpc_accept)(int fd, void *user);

/*
 * Listens at the path with the given mode. A socket that nobody answers is replaced; one that
 * somebody answers is left alone and refused, with the owner's process id. NULL on failure.
 */
struct rpc_listener *rpc_listener_new(const char *path, mode_t mode, GMainContext *context,
                                      rpc_accept accept, void *user, GError **error);
/*
 * The same with a socket that listens already and that somebody else made, and removes: its path
 * stays. Takes the descriptor.
 */
struct rpc_listener *rpc_listener_adopt(int fd, GMainContext *context, rpc_accept accept,
                                        void *user);
/* Where it listens; NULL when that is no path. */
const char *rpc_listener_path(const struct rpc_listener *listener);
/* Closes it and removes the path, if rpc_listener_new() made that. */
void rpc_listener_free(struct rpc_listener *listener);

#endif
