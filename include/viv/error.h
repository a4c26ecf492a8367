/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Errors of libviv. A function that can fail takes a last `struct viv_error **ret_error`, which may
 * be NULL; it is untouched on success, and on failure holds an error that the caller frees. Any
 * thread; an error belongs to one.
 */
#ifndef VIV_ERROR_H
#define VIV_ERROR_H

#ifdef __cplusplus
extern "C" {
#endif

struct viv_error;

/* libvirt's number of the error (VIR_ERR_...): 42 is "no such domain". */
int viv_error_code(const struct viv_error *error);
/* Words for a person, owned by the error. */
const char *viv_error_message(const struct viv_error *error);
/* What the user can do about it, owned by the error, or NULL. */
const char *viv_error_hint(const struct viv_error *error);
/* libvirt's name of a code ("VIR_ERR_NO_DOMAIN") and its words ("Domain not found"), constant;
 * NULL: there is no such code. */
const char *viv_code_name(int code);
const char *viv_code_words(int code);
/* The code that a name (also without VIR_ERR_) or a message belongs to; 0: none is known. */
int viv_code_of(const char *text);
/* NULL does nothing. */
void viv_error_free(struct viv_error *error);

/* Frees a string or an array of plain values that a function of libviv gave; NULL does nothing. */
void viv_free(void *memory);

#ifdef __cplusplus
}
#endif

#endif
