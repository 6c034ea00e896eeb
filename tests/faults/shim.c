/* Test only, preloaded into children of the laboratory: a clock that can be wrong, and a record of what really is on the disk.
 *
 * shim_skew(seconds): the wall clock of this process is that far off; CLOCK_MONOTONIC and the times of files are not.
 * shim_watch(folder): from now on fsync and fdatasync also copy what they make durable into `folder`: the bytes of a file as `f<inode>`, the
 * names of a folder as `d<inode>`, one "inode name" a line. Whoever then forgets everything else has lost power.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static long skew_seconds;
static char watched[512];

void shim_skew(long seconds) { skew_seconds = seconds; }

void shim_watch(const char *folder) { snprintf(watched, sizeof watched, "%s", folder); }

__attribute__((constructor)) static void begin(void) {
    const char *given = getenv("LABORATORY_SKEW");
    if (given) skew_seconds = atol(given);
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    int code = (int)syscall(SYS_clock_gettime, clock, now);
    if (code == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) now->tv_sec += skew_seconds;
    return code;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    int code = (int)syscall(SYS_gettimeofday, now, zone);
    if (code == 0) now->tv_sec += skew_seconds;
    return code;
}

time_t time(time_t *kept) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (kept) *kept = now.tv_sec;
    return now.tv_sec;
}

static void keep_bytes(int from, int into) {
    char block[65536];
    off_t at = 0;
    ssize_t size;
    while ((size = pread(from, block, sizeof block, at)) > 0) {
        if (write(into, block, (size_t)size) != size) return;
        at += size;
    }
}

static void keep_names(int from, int into) {
    DIR *folder = fdopendir(openat(from, ".", O_RDONLY | O_DIRECTORY));
    struct dirent *entry;
    struct stat about;
    while (folder && (entry = readdir(folder))) {
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")) continue;
        if (fstatat(from, entry->d_name, &about, AT_SYMLINK_NOFOLLOW) == 0) dprintf(into, "%llu %s\n", (unsigned long long)about.st_ino, entry->d_name);
    }
    if (folder) closedir(folder);
}

static void keep(int handle) {
    struct stat about;
    char draft[700], path[600], by_handle[40];
    int from, into;
    if (!watched[0] || fstat(handle, &about) != 0 || !(S_ISREG(about.st_mode) || S_ISDIR(about.st_mode))) return;
    snprintf(by_handle, sizeof by_handle, "/proc/self/fd/%d", handle);
    snprintf(path, sizeof path, "%s/%c%llu", watched, S_ISDIR(about.st_mode) ? 'd' : 'f', (unsigned long long)about.st_ino);
    snprintf(draft, sizeof draft, "%s.%ld", path, (long)syscall(SYS_gettid));
    if ((into = open(draft, O_WRONLY | O_CREAT | O_TRUNC, 0600)) < 0) return;
    if ((from = open(by_handle, O_RDONLY)) >= 0) { /* the handle itself may be for writing only */
        if (S_ISDIR(about.st_mode)) keep_names(from, into);
        else keep_bytes(from, into);
        close(from);
    }
    close(into);
    rename(draft, path);
}

int fsync(int handle) {
    int code = (int)syscall(SYS_fsync, handle);
    if (code == 0) keep(handle);
    return code;
}

int fdatasync(int handle) {
    int code = (int)syscall(SYS_fdatasync, handle);
    if (code == 0) keep(handle);
    return code;
}
