/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manage/resource/secret/box.h"

#include "manage/conf/fault.h"
#include "manage/core/secret/secret.h"

#include <dlfcn.h>
#include <errno.h>
#include <gnutls/crypto.h>
#include <string.h>
#include <sys/random.h>

#define LIBRARY      "libgnutls.so.30"
#define KEY_HEADER   "vivarium secret key 1\n"
#define VALUE_HEADER "vivarium secret value 1\n"
#define NONCE        12
#define TAG          16

/* Loaded when the first value is read or written: a daemon without secrets does not carry it. It
 * stays loaded, for its own threads' sake. */
struct box {
    __typeof__(gnutls_aead_cipher_init) *init;
    __typeof__(gnutls_aead_cipher_encrypt) *encrypt;
    __typeof__(gnutls_aead_cipher_decrypt) *decrypt;
    __typeof__(gnutls_aead_cipher_deinit) *deinit;
    uint8_t key[BOX_KEY];
};

static bool load(struct box *box, GError **error)
{
    const struct {
        const char *name;
        void *slot;
    } symbols[] = {
        {"gnutls_aead_cipher_init", &box->init},
        {"gnutls_aead_cipher_encrypt", &box->encrypt},
        {"gnutls_aead_cipher_decrypt", &box->decrypt},
        {"gnutls_aead_cipher_deinit", &box->deinit},
    };
    void *library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);

    for (unsigned i = 0; i < G_N_ELEMENTS(symbols); i++) {
        void *symbol = library != NULL ? dlsym(library, symbols[i].name) : NULL;

        if (symbol == NULL) {
            return fault_set(error, FAULT_INTERNAL_ERROR,
                             "values of secrets need %s, which cannot be loaded: %s", LIBRARY,
                             dlerror());
        }
        memcpy(symbols[i].slot, &symbol, sizeof(symbol));
    }
    return true;
}

struct box *box_new(const uint8_t key[BOX_KEY], GError **error)
{
    struct box *box = g_new0(struct box, 1);

    memcpy(box->key, key, BOX_KEY);
    if (!load(box, error)) {
        box_free(box);
        return NULL;
    }
    return box;
}

void box_free(struct box *box)
{
    secret_wipe((uint8_t *)box, sizeof(*box));
}

static gnutls_aead_cipher_hd_t cipher(struct box *box, GError **error)
{
    const gnutls_datum_t key = {box->key, BOX_KEY};
    gnutls_aead_cipher_hd_t handle = NULL;

    if (box->init(&handle, GNUTLS_CIPHER_AES_256_GCM, &key) < 0) {
        fault_set(error, FAULT_INTERNAL_ERROR, "cannot set up the cipher of secrets");
        return NULL;
    }
    return handle;
}

static bool fill_random(uint8_t *data, size_t length, GError **error)
{
    return getrandom(data, length, 0) == (ssize_t)length ||
           fault_set_errno(error, errno, "cannot read random bytes");
}

char *box_seal(struct box *box, const uint8_t id[BOX_ID], const uint8_t *value, size_t length,
               GError **error)
{
    size_t room = length + TAG;
    g_autofree uint8_t *sealed = g_malloc(NONCE + room);
    gnutls_aead_cipher_hd_t handle;
    int status;

    if (!fill_random(sealed, NONCE, error) || (handle = cipher(box, error)) == NULL) {
        return NULL;
    }
    status =
        box->encrypt(handle, sealed, NONCE, id, BOX_ID, TAG, value, length, sealed + NONCE, &room);
    box->deinit(handle);
    if (status < 0) {
        fault_set(error, FAULT_INTERNAL_ERROR, "cannot encrypt the value of a secret");
        return NULL;
    }
    g_autofree char *text = g_base64_encode(sealed, NONCE + room);

    return g_strconcat(VALUE_HEADER, text, "\n", NULL);
}

/* What is behind a header, to be freed; NULL: another header, or no base64. */
static uint8_t *decode(const char *text, const char *header, size_t *ret_length)
{
    static const char digits[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=\n";

    if (!g_str_has_prefix(text, header)) {
        return NULL;
    }
    text += strlen(header);
    return text[strspn(text, digits)] == '\0' ? g_base64_decode(text, ret_length) : NULL;
}

uint8_t *box_open(struct box *box, const uint8_t id[BOX_ID], const char *text, size_t *ret_length,
                  GError **error)
{
    size_t length = 0, room;
    g_autofree uint8_t *sealed = decode(text, VALUE_HEADER, &length);
    gnutls_aead_cipher_hd_t handle;
    uint8_t *value;
    int status;

    if (sealed == NULL || length <= NONCE + TAG || length > NONCE + TAG + SECRET_MAX) {
        fault_set(error, FAULT_INTERNAL_ERROR, "it is no value of a secret of this version");
        return NULL;
    }
    if ((handle = cipher(box, error)) == NULL) {
        return NULL;
    }
    room = length - NONCE - TAG;
    value = g_malloc(room);
    *ret_length = room;
    status = box->decrypt(handle, sealed, NONCE, id, BOX_ID, TAG, sealed + NONCE, length - NONCE,
                          value, &room);
    box->deinit(handle);
    if (status < 0) {
        secret_wipe(value, *ret_length);
        fault_set(error, FAULT_INTERNAL_ERROR,
                  "it was not sealed with this host's key, or not for this secret");
        return NULL;
    }
    return value;
}

bool box_key_new(uint8_t ret_key[BOX_KEY], GError **error)
{
    return fill_random(ret_key, BOX_KEY, error);
}

char *box_key_format(const uint8_t key[BOX_KEY])
{
    g_autofree char *text = g_base64_encode(key, BOX_KEY);
    char *whole = g_strconcat(KEY_HEADER, text, "\n", NULL);

    explicit_bzero(text, strlen(text));
    return whole;
}

bool box_key_parse(const char *text, uint8_t ret_key[BOX_KEY])
{
    size_t length = 0;
    uint8_t *key = decode(text, KEY_HEADER, &length);
    bool good = key != NULL && length == BOX_KEY;

    if (good) {
        memcpy(ret_key, key, BOX_KEY);
    }
    secret_wipe(key, length);
    return good;
}
