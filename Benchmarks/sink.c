/* A filesystem on libfuse3's low-level API that stores nothing: what one FUSE round trip costs at the least.
   Files remember their size, reads give zeros. Usage: sink DIRECTORY (in the foreground). */
#define FUSE_USE_VERSION 312
#include <errno.h>
#include <fuse_lowlevel.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { FILES = 4096 };
static struct { char name[64]; off_t size; } files[FILES]; /* inode = index + 2 */
static char zeros[1 << 20];

static void fill(fuse_ino_t ino, struct stat *s) {
    memset(s, 0, sizeof *s);
    s->st_ino = ino;
    s->st_mode = ino == 1 ? S_IFDIR | 0755 : S_IFREG | 0644;
    s->st_nlink = 1;
    if (ino > 1) s->st_size = files[ino - 2].size;
}
static int find(const char *name) {
    for (int i = 0; i < FILES; i++)
        if (strcmp(files[i].name, name) == 0) return i;
    return -1;
}
static void entry(fuse_ino_t ino, struct fuse_entry_param *e) {
    memset(e, 0, sizeof *e);
    e->ino = ino;
    e->attr_timeout = e->entry_timeout = 3600;
    fill(ino, &e->attr);
}
static void lookup(fuse_req_t r, fuse_ino_t p, const char *name) {
    int i = find(name);
    struct fuse_entry_param e;
    if (i < 0) { fuse_reply_err(r, ENOENT); return; }
    entry(i + 2, &e);
    fuse_reply_entry(r, &e);
}
static void get(fuse_req_t r, fuse_ino_t ino, struct fuse_file_info *f) {
    struct stat s;
    fill(ino, &s);
    fuse_reply_attr(r, &s, 3600);
}
static void set(fuse_req_t r, fuse_ino_t ino, struct stat *a, int to, struct fuse_file_info *f) {
    if (to & FUSE_SET_ATTR_SIZE) files[ino - 2].size = a->st_size;
    get(r, ino, f);
}
static void create(fuse_req_t r, fuse_ino_t p, const char *name, mode_t m, struct fuse_file_info *f) {
    int i = find("");
    struct fuse_entry_param e;
    if (i < 0) { fuse_reply_err(r, ENOSPC); return; }
    strncpy(files[i].name, name, sizeof files[i].name - 1);
    files[i].size = 0;
    entry(i + 2, &e);
    f->keep_cache = 1;
    fuse_reply_create(r, &e, f);
}
static void open_(fuse_req_t r, fuse_ino_t ino, struct fuse_file_info *f) {
    f->keep_cache = 1;
    fuse_reply_open(r, f);
}
static void write_(fuse_req_t r, fuse_ino_t ino, const char *b, size_t n, off_t at, struct fuse_file_info *f) {
    if (at + (off_t)n > files[ino - 2].size) files[ino - 2].size = at + n;
    fuse_reply_write(r, n);
}
static void read_(fuse_req_t r, fuse_ino_t ino, size_t n, off_t at, struct fuse_file_info *f) {
    fuse_reply_buf(r, zeros, n);
}
static void rename_(fuse_req_t r, fuse_ino_t p, const char *a, fuse_ino_t q, const char *b, unsigned f) {
    int i = find(a), j = find(b);
    if (i < 0) { fuse_reply_err(r, ENOENT); return; }
    if (j >= 0) files[j].name[0] = 0;
    strncpy(files[i].name, b, sizeof files[i].name - 1);
    fuse_reply_err(r, 0);
}
static void unlink_(fuse_req_t r, fuse_ino_t p, const char *name) {
    int i = find(name);
    if (i >= 0) files[i].name[0] = 0;
    fuse_reply_err(r, i < 0 ? ENOENT : 0);
}
static void init(void *u, struct fuse_conn_info *c) {
    c->max_write = 1 << 20;
    c->want &= ~(FUSE_CAP_SPLICE_READ | FUSE_CAP_SPLICE_WRITE | FUSE_CAP_SPLICE_MOVE);
}
int main(int argc, char **argv) {
    static const struct fuse_lowlevel_ops ops = {
        .init = init, .lookup = lookup, .getattr = get, .setattr = set, .create = create, .open = open_,
        .write = write_, .read = read_, .rename = rename_, .unlink = unlink_};
    struct fuse_args args = FUSE_ARGS_INIT(1, argv);
    struct fuse_session *s = fuse_session_new(&args, &ops, sizeof ops, NULL);
    if (argc != 2 || !s || fuse_set_signal_handlers(s) || fuse_session_mount(s, argv[1])) return 1;
    fuse_session_loop(s);
    fuse_session_unmount(s);
    return 0;
}
