/*
 * cli/common/walk.c: the photos in a folder, one at a time.
 *
 * Subfolders are listed when the walk reaches them, not before, so memory holds the names of
 * the folders on the way down and no more.  A subfolder's name is kept with its slash: sorted
 * that way, visiting in order of names gives the order of whole paths ("a.png" before "a/b.png").
 */
#include "cli/common/walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "cli/common/report.h"

/* One folder on the way down. */
struct level {
    char *path; /* with a slash at its end */
    char **names;
    size_t n_names, room, next;
    dev_t device;
    ino_t inode;
};

struct deit_walk {
    bool is_recursive, follows_links;
    struct level *levels;
    size_t depth;
};

static bool is_photo(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot && (strcasecmp(dot, ".jpg") == 0 || strcasecmp(dot, ".jpeg") == 0
                   || strcasecmp(dot, ".png") == 0);
}

/* 'path' and 'name' in one string; NULL if out of memory. */
static char *join(const char *path, const char *name)
{
    char *joined;
    return asprintf(&joined, "%s%s", path, name) < 0 ? NULL : joined;
}

enum kind { KIND_OTHER, KIND_PHOTO, KIND_FOLDER };

/* What an entry is to the walk.  A photo that cannot be examined is left to fail at opening. */
static enum kind examine(const struct deit_walk *walk, DIR *dir, const char *name)
{
    struct stat info;
    bool has_photo_name = is_photo(name);
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return KIND_OTHER;
    if (!has_photo_name && !walk->is_recursive)
        return KIND_OTHER;
    if (fstatat(dirfd(dir), name, &info, 0) != 0)
        return has_photo_name ? KIND_PHOTO : KIND_OTHER;
    if (S_ISREG(info.st_mode))
        return has_photo_name ? KIND_PHOTO : KIND_OTHER;
    if (!S_ISDIR(info.st_mode) || !walk->is_recursive)
        return KIND_OTHER;
    if (!walk->follows_links
        && (fstatat(dirfd(dir), name, &info, AT_SYMLINK_NOFOLLOW) != 0 || S_ISLNK(info.st_mode)))
        return KIND_OTHER;
    return KIND_FOLDER;
}

static bool add_name(struct level *level, const char *name, const char *ending)
{
    if (level->n_names == level->room) {
        size_t room = level->room ? 2 * level->room : 64;
        char **names = realloc(level->names, room * sizeof *names);
        if (!names)
            return false;
        level->names = names;
        level->room = room;
    }
    char *copy = join(name, ending);
    if (!copy)
        return false;
    level->names[level->n_names++] = copy;
    return true;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b); /* as unsigned bytes */
}

static bool read_names(const struct deit_walk *walk, DIR *dir, struct level *level)
{
    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(dir);
        if (!entry)
            break;
        enum kind kind = examine(walk, dir, entry->d_name);
        if (kind != KIND_OTHER
            && !add_name(level, entry->d_name, kind == KIND_FOLDER ? "/" : "")) {
            errno = ENOMEM;
            break;
        }
    }
    if (errno != 0)
        return false;
    if (level->n_names > 1)
        qsort(level->names, level->n_names, sizeof *level->names, compare_names);
    return true;
}

static void level_done(struct level *level)
{
    for (size_t i = 0; i < level->n_names; i++)
        free(level->names[i]);
    free(level->names);
    free(level->path);
}

/* Through links a folder may be inside itself. */
static bool is_open_already(const struct deit_walk *walk, const struct stat *info)
{
    for (size_t i = 0; i < walk->depth; i++)
        if (walk->levels[i].device == info->st_dev && walk->levels[i].inode == info->st_ino)
            return true;
    return false;
}

/* Lists 'path' into '*level'; false with errno, and what to free in '*level'. */
static bool list(const struct deit_walk *walk, const char *path, struct level *level)
{
    struct stat info;
    *level = (struct level){ .path = join(path, path[strlen(path) - 1] == '/' ? "" : "/") };
    if (!level->path) {
        errno = ENOMEM;
        return false;
    }
    DIR *dir = opendir(path);
    if (!dir)
        return false;
    bool is_good = fstat(dirfd(dir), &info) == 0;
    if (is_good && is_open_already(walk, &info)) {
        errno = ELOOP;
        is_good = false;
    }
    if (is_good) {
        level->device = info.st_dev;
        level->inode = info.st_ino;
        is_good = read_names(walk, dir, level);
    }
    int reason = errno;
    closedir(dir);
    errno = reason;
    return is_good;
}

/* Goes down into 'path', which is not empty. */
static enum deit_status enter(struct deit_walk *walk, const char *path,
                              struct deit_error *err)
{
    struct level level;
    struct level *levels = realloc(walk->levels, (walk->depth + 1) * sizeof *levels);
    if (!levels)
        return deit_report_fail(err, DEIT_ERR_MEMORY, "out of memory");
    walk->levels = levels;
    if (!list(walk, path, &level)) {
        enum deit_status status = errno == ENOMEM ? DEIT_ERR_MEMORY : DEIT_ERR_IO;
        deit_report_fail(err, status, "%s", strerror(errno));
        level_done(&level);
        return status;
    }
    walk->levels[walk->depth++] = level;
    return DEIT_OK;
}

enum deit_status deit_walk_open(const char *path, bool is_recursive, bool follows_links,
                                  struct deit_walk **out, struct deit_error *err)
{
    struct deit_walk *walk = calloc(1, sizeof *walk);
    if (!walk)
        return deit_report_fail(err, DEIT_ERR_MEMORY, "out of memory");
    walk->is_recursive = is_recursive;
    walk->follows_links = follows_links;

    enum deit_status status = enter(walk, path, err);
    if (status != DEIT_OK) {
        deit_walk_close(walk);
        return status;
    }
    *out = walk;
    return DEIT_OK;
}

enum deit_status deit_walk_next(struct deit_walk *walk, char **file,
                                  struct deit_error *err)
{
    *file = NULL;
    while (walk->depth > 0) {
        struct level *level = &walk->levels[walk->depth - 1];
        if (level->next == level->n_names) {
            level_done(level);
            walk->depth--;
            continue;
        }
        const char *name = level->names[level->next++];
        char *path = join(level->path, name);
        if (!path)
            return deit_report_fail(err, DEIT_ERR_MEMORY, "out of memory");
        if (name[strlen(name) - 1] != '/') {
            *file = path;
            return DEIT_OK;
        }
        enum deit_status status = enter(walk, path, err);
        if (status == DEIT_ERR_IO)
            *file = path;
        else
            free(path);
        if (status != DEIT_OK)
            return status;
    }
    return DEIT_OK;
}

void deit_walk_close(struct deit_walk *walk)
{
    if (!walk)
        return;
    while (walk->depth > 0)
        level_done(&walk->levels[--walk->depth]);
    free(walk->levels);
    free(walk);
}
