/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Memory fences. ThreadSanitizer knows none (gcc refuses them): there an atomic exchange on the
 * stack stands for each, which the processor takes as a full fence.
 */
#ifndef VIV_BASE_FENCE_H
#define VIV_BASE_FENCE_H

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define FENCE_TSAN
#endif
#endif
#if defined(__SANITIZE_THREAD__)
#define FENCE_TSAN
#endif

#ifdef FENCE_TSAN
static inline void fence_full(void)
{
    int word = 0;

    (void)__atomic_exchange_n(&word, 1, __ATOMIC_SEQ_CST);
}

static inline void fence_acquire(void)
{
    fence_full();
}

static inline void fence_release(void)
{
    fence_full();
}
#else
static inline void fence_full(void)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

static inline void fence_acquire(void)
{
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
}

static inline void fence_release(void)
{
    __atomic_thread_fence(__ATOMIC_RELEASE);
}
#endif

#endif
