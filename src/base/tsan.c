/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ThreadSanitizer sees pthread's locks; GLib's are futexes inside a library that it does not see.
 * In the build kind "tsan" the linker sends our calls of GMutex and GCond here (--wrap), and here
 * they are told to it, with the annotations of sanitizer/tsan_interface.h.
 */
#include <glib.h>
#include <sanitizer/tsan_interface.h>

#pragma GCC visibility push(default) /* the linker matches the libraries' references too */

/* The linker's names: what is called, and what it was. */
void __wrap_g_mutex_lock(GMutex *mutex);
void __wrap_g_mutex_unlock(GMutex *mutex);
gboolean __wrap_g_mutex_trylock(GMutex *mutex);
void __wrap_g_mutex_clear(GMutex *mutex);
void __wrap_g_cond_wait(GCond *cond, GMutex *mutex);
gboolean __wrap_g_cond_wait_until(GCond *cond, GMutex *mutex, gint64 until);
void __real_g_mutex_lock(GMutex *mutex);
void __real_g_mutex_unlock(GMutex *mutex);
gboolean __real_g_mutex_trylock(GMutex *mutex);
void __real_g_mutex_clear(GMutex *mutex);
void __real_g_cond_wait(GCond *cond, GMutex *mutex);
gboolean __real_g_cond_wait_until(GCond *cond, GMutex *mutex, gint64 until);

#pragma GCC visibility pop

void __wrap_g_mutex_lock(GMutex *mutex)
{
    __tsan_mutex_pre_lock(mutex, 0);
    __real_g_mutex_lock(mutex);
    __tsan_mutex_post_lock(mutex, 0, 0);
}

gboolean __wrap_g_mutex_trylock(GMutex *mutex)
{
    gboolean got;

    __tsan_mutex_pre_lock(mutex, __tsan_mutex_try_lock);
    got = __real_g_mutex_trylock(mutex);
    __tsan_mutex_post_lock(mutex, __tsan_mutex_try_lock | (got ? 0 : __tsan_mutex_try_lock_failed),
                           0);
    return got;
}

void __wrap_g_mutex_unlock(GMutex *mutex)
{
    (void)__tsan_mutex_pre_unlock(mutex, 0);
    __real_g_mutex_unlock(mutex);
    __tsan_mutex_post_unlock(mutex, 0);
}

void __wrap_g_mutex_clear(GMutex *mutex)
{
    __real_g_mutex_clear(mutex);
    __tsan_mutex_destroy(mutex, __tsan_mutex_linker_init);
}

void __wrap_g_cond_wait(GCond *cond, GMutex *mutex)
{
    (void)__tsan_mutex_pre_unlock(mutex, 0);
    __tsan_mutex_post_unlock(mutex, 0);
    __real_g_cond_wait(cond, mutex);
    __tsan_mutex_pre_lock(mutex, 0);
    __tsan_mutex_post_lock(mutex, 0, 0);
}

gboolean __wrap_g_cond_wait_until(GCond *cond, GMutex *mutex, gint64 until)
{
    gboolean in_time;

    (void)__tsan_mutex_pre_unlock(mutex, 0);
    __tsan_mutex_post_unlock(mutex, 0);
    in_time = __real_g_cond_wait_until(cond, mutex, until);
    __tsan_mutex_pre_lock(mutex, 0);
    __tsan_mutex_post_lock(mutex, 0, 0);
    return in_time;
}
