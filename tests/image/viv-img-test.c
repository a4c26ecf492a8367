/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * viv-img beside the real qemu-img: each row runs the same words with both, in two folders that are
 * alike, and compares what they print and the exit status. VIV_IMG names our program.
 */
#include <glib.h>
#include <glib/gstdio.h>
#include <string.h>

struct result {
    char *out, *err;
    int status;
};

static void result_clear(struct result *r)
{
    g_free(r->out);
    g_free(r->err);
}

/* Runs `line` through sh in `dir` with $IMG naming the program. */
static struct result run_in(const char *dir, const char *program, const char *line)
{
    struct result r = {0};
    char *argv[] = {(char *)"/bin/sh", (char *)"-c", (char *)line, NULL};
    g_auto(GStrv) env = g_environ_setenv(g_get_environ(), "IMG", program, TRUE);
    g_autoptr(GError) error = NULL;
    int wait = 0;

    env = g_environ_setenv(env, "TZ", "UTC", TRUE);
    g_spawn_sync(dir, argv, env, G_SPAWN_DEFAULT, NULL, NULL, &r.out, &r.err, &wait, &error);
    g_assert_no_error(error);
    r.status = (wait & 0x7f) != 0 ? -(wait & 0x7f) : wait >> 8;
    return r;
}

/* Our name in place of qemu-img's, and without our hints. */
static char *neutral(const char *text)
{
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    g_autoptr(GString) kept = g_string_new(NULL);

    for (unsigned i = 0; lines[i] != NULL; i++) {
        if (!g_str_has_prefix(lines[i], "hint: ")) {
            g_string_append_printf(kept, "%s%s", i > 0 ? "\n" : "", lines[i]);
        }
    }
    g_string_replace(kept, "qemu-img", "viv-img", 0);
    return g_strchomp(g_string_free(g_steal_pointer(&kept), FALSE));
}

struct row {
    const char *name, *line;
};

static const char setup[] =
    "set -e; PATH=$PATH:/usr/sbin\n"
    "qemu-img create -q -f qcow2 base.qcow2 8M; qemu-io -c 'write -P 7 0 1M' base.qcow2 "
    ">/dev/null\n"
    "qemu-img create -q -f qcow2 -b base.qcow2 -F qcow2 over.qcow2\n"
    "qemu-io -c 'write -P 9 512k 1M' -c 'write -z 3M 1M' over.qcow2 >/dev/null\n"
    "qemu-img create -q -f qcow2 -o compat=0.10,cluster_size=4k old.qcow2 1M\n"
    "qemu-img create -q -f qcow2 -o lazy_refcounts=on,compression_type=zstd zstd.qcow2 4M\n"
    "qemu-img convert -O raw over.qcow2 disk.raw; qemu-img create -q -f raw odd.raw 1000\n"
    "qemu-img convert -c -O qcow2 over.qcow2 packed.qcow2\n"
    "cp base.qcow2 leak.qcow2; printf '\\0\\2' | dd of=leak.qcow2 bs=1 seek=131082 conv=notrunc "
    "status=none\n"
    "cp base.qcow2 bad.qcow2; printf '\\0\\0' | dd of=bad.qcow2 bs=1 seek=131082 conv=notrunc "
    "status=none\n"
    "head -c 5000 /dev/zero > short.raw; mkdir sub; cp base.qcow2 sub/b.qcow2\n"
    "(cd sub; qemu-img create -q -f qcow2 -b b.qcow2 -F qcow2 o.qcow2)\n";

static const struct row rows[] = {
    {"info", "$IMG info base.qcow2"},
    {"info/raw", "$IMG info disk.raw; $IMG info odd.raw; $IMG info -f raw base.qcow2"},
    {"info/v2", "$IMG info old.qcow2; $IMG info --output=json old.qcow2"},
    {"info/zstd", "$IMG info zstd.qcow2; $IMG info --output json zstd.qcow2"},
    {"info/backing", "$IMG info over.qcow2; $IMG info --backing-chain over.qcow2"},
    {"info/json", "$IMG info --output=json --backing-chain over.qcow2"},
    {"info/relative", "$IMG info sub/o.qcow2; $IMG info --output=json --backing-chain sub/o.qcow2"},
    {"info/missing", "$IMG info nofile"},
    {"info/none", "$IMG info"},
    {"info/output", "$IMG info --output=xml base.qcow2"},
    {"info/image-opts", "$IMG info --image-opts driver=qcow2,file.filename=base.qcow2"},
    {"check", "$IMG check base.qcow2; $IMG check over.qcow2; $IMG check old.qcow2"},
    {"check/packed", "$IMG check packed.qcow2; $IMG check --output=json packed.qcow2"},
    {"check/json", "$IMG check --output=json base.qcow2"},
    {"check/raw", "$IMG check disk.raw"},
    {"check/leak", "$IMG check leak.qcow2"},
    {"check/leak-json", "$IMG check --output=json leak.qcow2 2>/dev/null"},
    {"check/leak-repair", "cp leak.qcow2 l.qcow2; $IMG check -r leaks l.qcow2; $IMG check l.qcow2"},
    {"check/bad", "$IMG check bad.qcow2 2>/dev/null"},
    {"check/unknown", "$IMG check -r some base.qcow2"},
    {"map", "$IMG map over.qcow2; $IMG map disk.raw; $IMG map base.qcow2"},
    {"map/json", "$IMG map --output=json over.qcow2; $IMG map --output=json base.qcow2"},
    {"map/range", "$IMG map --output=json -s 100k --max-length=2M over.qcow2; "
                  "$IMG map --output=json --start-offset=100k --max-length=2M over.qcow2"},
    {"map/packed", "$IMG map --output=json packed.qcow2; $IMG map packed.qcow2"},
    {"compare/same", "$IMG compare over.qcow2 disk.raw"},
    {"compare/differs", "$IMG compare base.qcow2 disk.raw"},
    {"compare/sizes", "$IMG compare short.raw old.qcow2; $IMG compare -s short.raw old.qcow2"},
    {"compare/strict", "$IMG compare -s over.qcow2 packed.qcow2"},
    {"compare/one", "$IMG compare base.qcow2"},
    {"measure", "$IMG measure -O qcow2 over.qcow2; $IMG measure -O raw over.qcow2"},
    {"measure/size", "$IMG measure --size 100G -O qcow2; $IMG measure --output=json --size 3M "
                     "-O qcow2; $IMG measure --size 1T -O qcow2 -o cluster_size=2M"},
    {"measure/json", "$IMG measure --output=json -O qcow2 base.qcow2"},
    {"create", "$IMG create -f qcow2 a.qcow2 1G; $IMG create b.raw 1M; $IMG create -f qcow2 -o "
               "cluster_size=128k,lazy_refcounts=on,refcount_bits=8 c.qcow2 10M"},
    {"create/backing", "$IMG create -f qcow2 -b base.qcow2 -F qcow2 d.qcow2; $IMG info d.qcow2"},
    {"create/prealloc", "$IMG create -f qcow2 -o preallocation=metadata e.qcow2 8M; $IMG check "
                        "e.qcow2"},
    {"create/no-format", "$IMG create -f qcow2 -b base.qcow2 f.qcow2"},
    {"create/no-backing", "$IMG create -f qcow2 -b nofile -F qcow2 f.qcow2"},
    {"create/no-size", "$IMG create -f qcow2 f.qcow2"},
    {"create/unknown", "$IMG create -f qcow2 -o colour=red f.qcow2 1M; $IMG create -f nope f 1M"},
    {"create/bad-size", "$IMG create f.raw 1Q; $IMG create f.raw -- -5"},
    {"create/bad-cluster", "$IMG create -f qcow2 -o cluster_size=5k f.qcow2 1M; $IMG create -f "
                           "qcow2 -o cluster_size=4M f.qcow2 1M"},
    {"create/quiet", "$IMG create -q -f qcow2 q.qcow2 1M"},
    {"resize", "cp base.qcow2 r.qcow2; $IMG resize r.qcow2 +8M; $IMG resize -f qcow2 r.qcow2 20M; "
               "$IMG resize --shrink r.qcow2 -4M; qemu-img info r.qcow2 | grep virtual"},
    {"resize/shrink", "$IMG resize base.qcow2 1M"},
    {"resize/one", "$IMG resize base.qcow2"},
    {"convert/errors", "$IMG convert nofile out; $IMG convert base.qcow2; $IMG convert -O nope "
                       "base.qcow2 x; $IMG convert -S 3 base.qcow2 x; $IMG convert -c -O raw "
                       "base.qcow2 x; $IMG convert -m 99 base.qcow2 x"},
    {"convert/raw",
     "$IMG convert over.qcow2 x.raw; qemu-img compare x.raw disk.raw; $IMG convert -f "
     "raw -O raw -S 0 disk.raw y.raw; cmp y.raw disk.raw"},
    {"convert/qcow2", "$IMG convert -O qcow2 disk.raw x.q; qemu-img compare x.q disk.raw; qemu-img "
                      "check x.q; $IMG convert -O qcow2 -o cluster_size=4k,compat=0.10 over.qcow2 "
                      "z.q; qemu-img compare z.q disk.raw; qemu-img info z.q | grep compat"},
    {"convert/packed",
     "$IMG convert -c -O qcow2 -o compression_type=zstd -m 1 over.qcow2 c.q; "
     "qemu-img compare c.q disk.raw; qemu-img check -q c.q; echo $?; $IMG convert "
     "packed.qcow2 p.raw; cmp p.raw disk.raw"},
    {"convert/several",
     "$IMG convert -O qcow2 disk.raw base.qcow2 two.q; qemu-img convert disk.raw "
     "base.qcow2 two.raw; qemu-img compare two.q two.raw"},
    {"convert/existing",
     "qemu-img create -q -f qcow2 e.q 8M; qemu-io -c 'write -P 3 0 8M' e.q "
     ">/dev/null; $IMG convert -n -O qcow2 over.qcow2 e.q; qemu-img compare e.q "
     "disk.raw; qemu-img create -q -f qcow2 e2.q 1M; $IMG convert -n -O qcow2 "
     "over.qcow2 e2.q"},
    {"convert/backing",
     "$IMG convert -O qcow2 -B base.qcow2 -F qcow2 over.qcow2 b.q; qemu-img compare "
     "b.q disk.raw; qemu-img info b.q | grep backing; qemu-img map b.q | wc -l"},
    {"convert/offload",
     "$IMG convert -C -O raw disk.raw o.raw; cmp o.raw disk.raw; $IMG convert -W "
     "-m 16 -O qcow2 disk.raw w.q; qemu-img compare w.q disk.raw"},
    {"convert/prealloc", "$IMG convert -O qcow2 -o preallocation=metadata disk.raw pm.q; qemu-img "
                         "compare pm.q disk.raw; qemu-img check -q pm.q; echo $?"},
    {"convert/progress", "$IMG convert -p -O qcow2 short.raw x.qcow2 | tr '\\r' '\\n' | tail -n 2"},
    {"snapshot", "cp base.qcow2 s.qcow2; $IMG snapshot -c one s.qcow2; $IMG snapshot -l s.qcow2 | "
                 "sed 's/....-..-.. ..:..:../DATE/'; $IMG snapshot -a one s.qcow2; "
                 "$IMG snapshot -d one s.qcow2; $IMG snapshot -l s.qcow2; qemu-img check s.qcow2"},
    {"commit", "cp over.qcow2 t.qcow2; cp base.qcow2 tb.qcow2; qemu-img rebase -u -b tb.qcow2 -F "
               "qcow2 t.qcow2; $IMG commit t.qcow2; qemu-img compare tb.qcow2 disk.raw; qemu-img "
               "check t.qcow2; qemu-img check tb.qcow2; qemu-img compare t.qcow2 disk.raw"},
    {"commit/base",
     "for i in 1 2 3; do cp base.qcow2 ca.q; cp over.qcow2 cm.q; qemu-img rebase -u -b ca.q -F "
     "qcow2 cm.q; qemu-img create -q -f qcow2 -b cm.q -F qcow2 ct.q 10M; qemu-io -c 'write -P 4 "
     "7M 2M' -c 'write -z 0 256k' ct.q >/dev/null; qemu-img convert -O raw ct.q cr.raw; case $i in "
     "1) $IMG commit -b ca.q ct.q;; 2) $IMG commit -b cm.q -r 1G ct.q;; 3) $IMG commit -d ct.q;; "
     "esac; qemu-img map --output=json ct.q; qemu-img check -q ca.q cm.q; qemu-img compare ct.q "
     "cr.raw; qemu-img convert -O raw ca.q x.raw; cksum < x.raw; done"},
    {"commit/no-base", "cp over.qcow2 t.qcow2; $IMG commit -b nofile t.qcow2; $IMG commit -r 7Q "
                       "t.qcow2; $IMG commit base.qcow2"},
    {"commit/short", "qemu-img create -q -f qcow2 sa.q 8M; qemu-io -c 'write -P 5 0 8M' sa.q "
                     ">/dev/null; qemu-img create -q -f qcow2 -b sa.q -F qcow2 sm.q 2M; qemu-img "
                     "create -q -f qcow2 -b sm.q -F qcow2 st.q 8M; qemu-img convert -O raw st.q "
                     "sr.raw; $IMG commit -b sa.q st.q; qemu-img compare sa.q sr.raw"},
    {"snapshot-param",
     "cp base.qcow2 sp.q; qemu-img snapshot -c one sp.q; qemu-io -c 'write -P 1 0 3M' sp.q "
     ">/dev/null; qemu-img snapshot -c two sp.q; qemu-io -c 'discard 1M 1M' sp.q >/dev/null; "
     "for l in one two 1 2 snapshot.id=1 snapshot.name=two snapshot.id=2,snapshot.name=two; do "
     "$IMG convert -l $l -O raw sp.q sp.raw; cksum < sp.raw; $IMG measure -l $l -O qcow2 sp.q; "
     "done; "
     "qemu-img check sp.q"},
    {"snapshot-param/errors",
     "cp base.qcow2 sp.q; qemu-img snapshot -c one sp.q; $IMG convert -l two sp.q x; $IMG convert "
     "-l snapshot.id=1,snapshot.name=two sp.q x; $IMG convert -l snapshot.colour=red sp.q x; $IMG "
     "convert -l one sp.q sp.q x; $IMG convert -l one disk.raw x; $IMG measure -l two -O raw sp.q"},
    {"convert/bitmaps",
     "$IMG convert --bitmaps -O qcow2 base.qcow2 bm.q; qemu-img compare bm.q base.qcow2; $IMG "
     "convert --bitmaps -O qcow2 disk.raw bm.q; $IMG convert --bitmaps -O raw base.qcow2 bm.raw; "
     "$IMG convert --bitmaps -O qcow2 base.qcow2 base.qcow2 bm.q; $IMG convert "
     "--skip-broken-bitmaps -O qcow2 base.qcow2 bm.q"},
    {"rate",
     "$IMG convert -r 1x -O raw base.qcow2 x; $IMG convert -r 1G -O qcow2 disk.raw y.q; "
     "qemu-img compare y.q disk.raw; $IMG convert -W -r 1T -O raw disk.raw y.raw; cmp y.raw "
     "disk.raw"},
    {"rebase",
     "cp over.qcow2 u.qcow2; $IMG rebase -b '' u.qcow2; qemu-img compare u.qcow2 disk.raw; "
     "qemu-img info u.qcow2 | grep backing; qemu-img check u.qcow2 | head -n 1"},
    {"rebase/unsafe", "cp over.qcow2 u.qcow2; $IMG rebase -u -b other -F qcow2 u.qcow2; qemu-img "
                      "info u.qcow2 | grep backing"},
    {"rebase/no-format", "cp over.qcow2 u.qcow2; $IMG rebase -u -b base.qcow2 u.qcow2"},
    {"bench",
     "qemu-img create -q -f qcow2 n.q 8M; $IMG bench -w -c 300 -d 8 -s 4k -S 12k --pattern 7 "
     "-f qcow2 n.q | sed 's/in .* seconds/in T/'; qemu-img check -q n.q; echo $?; $IMG bench "
     "-c 50 -d 4 -f qcow2 n.q | sed 's/in .* seconds/in T/'; $IMG bench -w -c 64 -d 4 "
     "--flush-interval=8 -f qcow2 n.q | sed 's/in .* seconds/in T/'; qemu-img compare n.q n.q"},
    {"unknown-command", "$IMG frobnicate"},
    {"no-command", "$IMG"},
    {"unknown-option", "$IMG info --frob base.qcow2; $IMG info -Q base.qcow2"},
};

static struct {
    char *real, *ours;
} folder;

static void same(const char *what, const char *theirs, const char *ours)
{
    g_autofree char *a = neutral(theirs), *b = neutral(ours);

    if (strcmp(a, b) != 0) {
        g_test_message("%s differs; qemu-img:\n%s\nviv-img:\n%s", what, a, b);
        g_test_fail();
    }
}

static void run_row(gconstpointer opaque)
{
    const struct row *row = opaque;
    struct result theirs = run_in(folder.real, "qemu-img", row->line);
    struct result ours = run_in(folder.ours, g_getenv("VIV_IMG"), row->line);

    same("stdout", theirs.out, ours.out);
    same("stderr", theirs.err, ours.err);
    if (theirs.status != ours.status) {
        g_test_message("status %d, viv-img's %d", theirs.status, ours.status);
        g_test_fail();
    }
    result_clear(&theirs);
    result_clear(&ours);
}

/*
 * The rate lets one piece through; the second would come after a quarter of an hour. The signal
 * ends the copy in order: a whole image that nobody holds, and a new try works.
 */
static void interrupted(gconstpointer signal)
{
    g_autofree char *line = g_strdup_printf(
        "rm -f sig.q; $IMG convert -p -r 1k -O qcow2 disk.raw sig.q >out 2>err & p=$!; "
        "n=0; until [ -s sig.q ] || [ $n = 600 ]; do sleep 0.1; n=$((n+1)); done; kill -%s $p; "
        "wait $p; echo $?; cat err; grep -c '%%)' out; qemu-img check -q sig.q; echo $?; "
        "$IMG convert -n -O qcow2 disk.raw sig.q; qemu-img compare sig.q disk.raw",
        (const char *)signal);
    struct result r = run_in(folder.ours, g_getenv("VIV_IMG"), line);

    g_assert_cmpstr(r.out, ==, "130\nviv-img: interrupted\n1\n0\nImages are identical.\n");
    result_clear(&r);
}

static char *make_folder(void)
{
    char *dir = g_dir_make_tmp("viv-img-XXXXXX", NULL);
    struct result r;

    g_assert_nonnull(dir);
    r = run_in(dir, "qemu-img", setup);
    if (r.status != 0) {
        g_test_message("setup: %s", r.err);
    }
    g_assert_cmpint(r.status, ==, 0);
    result_clear(&r);
    return dir;
}

static void drop_folder(char *dir)
{
    char *argv[] = {(char *)"rm", (char *)"-rf", dir, NULL};

    g_spawn_sync(NULL, argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, NULL, NULL);
    g_free(dir);
}

static void skip(void)
{
    g_test_skip("qemu-utils is not installed");
}

int main(int argc, char **argv)
{
    g_autofree char *qemu_img = g_find_program_in_path("qemu-img");
    int status;

    g_test_init(&argc, &argv, NULL);
    if (qemu_img == NULL) {
        g_test_add_func("/viv-img/none", skip);
        return g_test_run();
    }
    g_assert_nonnull(g_getenv("VIV_IMG"));
    folder.real = make_folder();
    folder.ours = make_folder();
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *path = g_strdup_printf("/viv-img/%s", rows[i].name);

        g_test_add_data_func(path, &rows[i], run_row);
    }
    g_test_add_data_func("/viv-img/interrupted/INT", "INT", interrupted);
    g_test_add_data_func("/viv-img/interrupted/TERM", "TERM", interrupted);
    status = g_test_run();
    drop_folder(folder.real);
    drop_folder(folder.ours);
    return status;
}
