/*
 * Preloaded into agent and hub: a disk that fails, forgets or falsifies, and a clock that jumps, under an unchanged
 * executable. It does nothing until the block of memory that it shares with the tests (shim.ts, the same layout) says so.
 *
 * The durable copy: with CLOUD_LINK_FAULTS_ROOT and _SHADOW set, every fsync of a file below the root copies its content
 * to SHADOW/f<inode>, and every fsync of a folder the names in it to SHADOW/d<inode>. What a power cut leaves is then
 * what the copy has, beginning at the root (power_cut.ts). A link SHADOW/h<inode> keeps the number from being used again.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { WRITES = 1, SYNCS = 2, OPENS = 4, NAMES = 8, READS = 16 };

struct control {
  _Atomic int64_t clock_offset_ms;
  _Atomic int32_t error;      /* the errno of what fails, 0: nothing does */
  _Atomic int32_t operations; /* which fail */
  _Atomic int32_t hits;       /* how many have failed or were falsified */
  _Atomic int32_t flips;      /* so many writes get one bit wrong */
  _Atomic int32_t no_sync;    /* fsync does nothing */
  _Atomic int32_t spared;     /* so many that would fail do not, first */
  char path_part[992];        /* only paths that contain it */
};

static struct control idle;
static struct control *control = &idle;
static const char *root, *shadow;
static size_t root_length;
static int (*real_clock_gettime)(clockid_t, struct timespec *);

__attribute__((constructor)) static void begin(void) {
  real_clock_gettime = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
  const char *path = getenv("CLOUD_LINK_FAULTS");
  if (path == NULL) return;
  int fd = syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC, 0);
  if (fd < 0) return;
  void *memory = mmap(NULL, sizeof(struct control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  syscall(SYS_close, fd);
  if (memory == MAP_FAILED) return;
  root = getenv("CLOUD_LINK_FAULTS_ROOT");
  shadow = getenv("CLOUD_LINK_FAULTS_SHADOW");
  if (root == NULL || shadow == NULL) root = shadow = NULL;
  else root_length = strlen(root);
  control = memory;
}

static int path_of(int fd, char *path) {
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = syscall(SYS_readlinkat, AT_FDCWD, link, path, PATH_MAX - 1);
  if (length < 0) return 0;
  path[length] = 0;
  return 1;
}

static int concerns(const char *path) {
  return control->path_part[0] != 0 && strstr(path, control->path_part) != NULL;
}

static int fails(int operation, const char *path) {
  if (control->error == 0 || (control->operations & operation) == 0 || !concerns(path)) return 0;
  if (control->spared > 0 && atomic_fetch_sub(&control->spared, 1) > 0) return 0;
  atomic_fetch_add(&control->hits, 1);
  errno = control->error;
  return 1;
}

static int fails_fd(int operation, int fd) {
  char path[PATH_MAX];
  if (control->error == 0 || (control->operations & operation) == 0) return 0;
  return path_of(fd, path) && fails(operation, path);
}

/* ---- the durable copy ---- */

static _Atomic uint32_t copies;

static void put_all(int fd, const char *bytes, size_t length) {
  while (length > 0) {
    ssize_t written = syscall(SYS_write, fd, bytes, length);
    if (written <= 0) abort();
    bytes += written;
    length -= written;
  }
}

static int copy_names(int fd, int to) {
  char entries[32768];
  char own[64];
  snprintf(own, sizeof own, "/proc/self/fd/%d", fd);
  int folder = syscall(SYS_openat, AT_FDCWD, own, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
  long length;
  if (folder < 0) return 0;
  while ((length = syscall(SYS_getdents64, folder, entries, sizeof entries)) > 0) {
    for (long at = 0; at < length;) {
      struct dirent64 *entry = (struct dirent64 *)(entries + at);
      at += entry->d_reclen;
      if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
      if (entry->d_type != DT_DIR && entry->d_type != DT_REG) continue;
      char line[NAME_MAX + 64];
      int size = snprintf(line, sizeof line, "%c %llu %s\n", entry->d_type == DT_DIR ? 'd' : 'f',
                          (unsigned long long)entry->d_ino, entry->d_name);
      put_all(to, line, size);
    }
  }
  syscall(SYS_close, folder);
  return 1;
}

static int copy_content(int fd, int to) {
  char own[64], buffer[65536];
  snprintf(own, sizeof own, "/proc/self/fd/%d", fd);
  int from = syscall(SYS_openat, AT_FDCWD, own, O_RDONLY | O_CLOEXEC, 0);
  long got;
  if (from < 0) return 0;
  while ((got = syscall(SYS_read, from, buffer, sizeof buffer)) > 0) put_all(to, buffer, got);
  syscall(SYS_close, from);
  return 1;
}

/*
 * Before fsync returns: killed in between, the old copy is still there, as with a disk that had not answered yet. False
 * when there are no descriptors left to copy by: then fsync fails.
 */
static int make_durable(int fd) {
  char path[PATH_MAX], draft[PATH_MAX], final[PATH_MAX], own[64];
  struct stat status;
  if (root == NULL || !path_of(fd, path) || strncmp(path, root, root_length) != 0) return 1;
  if (path[root_length] != 0 && path[root_length] != '/') return 1;
  if (fstat(fd, &status) != 0) return 0;
  int is_folder = S_ISDIR(status.st_mode);
  snprintf(draft, sizeof draft, "%s/draft-%d-%u", shadow, getpid(), atomic_fetch_add(&copies, 1));
  int to = syscall(SYS_openat, AT_FDCWD, draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (to < 0) return 0;
  int done = is_folder ? copy_names(fd, to) : copy_content(fd, to);
  syscall(SYS_close, to);
  if (!done) return 0;
  snprintf(final, sizeof final, "%s/%c%llu", shadow, is_folder ? 'd' : 'f', (unsigned long long)status.st_ino);
  syscall(SYS_renameat, AT_FDCWD, draft, AT_FDCWD, final);
  if (is_folder) return 1;
  snprintf(own, sizeof own, "/proc/self/fd/%d", fd);
  snprintf(final, sizeof final, "%s/h%llu", shadow, (unsigned long long)status.st_ino);
  syscall(SYS_linkat, AT_FDCWD, own, AT_FDCWD, final, AT_SYMLINK_FOLLOW);
  return 1;
}

static int synced(int fd, long call) {
  int before = errno;
  if (fails_fd(SYNCS, fd)) return -1;
  if (control->no_sync) return 0;
  /* With a durable copy the real disk need not be waited for. */
  if (root == NULL && syscall(call, fd) != 0) return -1;
  if (!make_durable(fd)) return -1;
  errno = before;
  return 0;
}

int fsync(int fd) { return synced(fd, SYS_fsync); }
int fdatasync(int fd) { return synced(fd, SYS_fdatasync); }

/* ---- writing ---- */

static int flips(int fd, size_t length) {
  char path[PATH_MAX];
  if (control->flips <= 0 || length < 16 || !path_of(fd, path) || !concerns(path)) return 0;
  if (atomic_fetch_sub(&control->flips, 1) <= 0) return 0;
  atomic_fetch_add(&control->hits, 1);
  return 1;
}

static char *flipped(const void *bytes, size_t length) {
  char *copy = malloc(length);
  memcpy(copy, bytes, length);
  copy[length / 2] ^= 4;
  return copy;
}

ssize_t write(int fd, const void *bytes, size_t length) {
  if (fails_fd(WRITES, fd)) return -1;
  if (!flips(fd, length)) return syscall(SYS_write, fd, bytes, length);
  char *wrong = flipped(bytes, length);
  ssize_t written = syscall(SYS_write, fd, wrong, length);
  free(wrong);
  return written;
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
  if (fails_fd(WRITES, fd)) return -1;
  return syscall(SYS_writev, fd, parts, count);
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t offset) {
  if (fails_fd(WRITES, fd)) return -1;
  return syscall(SYS_pwrite64, fd, bytes, length, offset);
}

int ftruncate64(int fd, off64_t length) {
  if (fails_fd(WRITES, fd)) return -1;
  return syscall(SYS_ftruncate, fd, length);
}

int ftruncate(int fd, off_t length) { return ftruncate64(fd, length); }

/* ---- reading ---- */

ssize_t read(int fd, void *bytes, size_t length) {
  if (fails_fd(READS, fd)) return -1;
  return syscall(SYS_read, fd, bytes, length);
}

ssize_t readv(int fd, const struct iovec *parts, int count) {
  if (fails_fd(READS, fd)) return -1;
  return syscall(SYS_readv, fd, parts, count);
}

ssize_t pread64(int fd, void *bytes, size_t length, off64_t offset) {
  if (fails_fd(READS, fd)) return -1;
  return syscall(SYS_pread64, fd, bytes, length, offset);
}

ssize_t pread(int fd, void *bytes, size_t length, off_t offset) { return pread64(fd, bytes, length, offset); }

/* ---- names ---- */

static int opened(int folder, const char *path, int flags, mode_t mode) {
  if ((flags & O_ACCMODE) != O_RDONLY || (flags & O_CREAT)) {
    if (fails(OPENS, path)) return -1;
  }
  return syscall(SYS_openat, folder, path, flags, mode);
}

#define MODE(flags, last) \
  mode_t mode = 0; \
  if ((flags) & (O_CREAT | O_TMPFILE)) { \
    va_list rest; \
    va_start(rest, last); \
    mode = va_arg(rest, mode_t); \
    va_end(rest); \
  }

int open(const char *path, int flags, ...) { MODE(flags, flags) return opened(AT_FDCWD, path, flags, mode); }
int open64(const char *path, int flags, ...) { MODE(flags, flags) return opened(AT_FDCWD, path, flags, mode); }
int openat(int at, const char *path, int flags, ...) { MODE(flags, flags) return opened(at, path, flags, mode); }
int openat64(int at, const char *path, int flags, ...) { MODE(flags, flags) return opened(at, path, flags, mode); }

int rename(const char *from, const char *to) {
  if (fails(NAMES, from)) return -1;
  return syscall(SYS_renameat, AT_FDCWD, from, AT_FDCWD, to);
}

int unlink(const char *path) {
  if (fails(NAMES, path)) return -1;
  return syscall(SYS_unlinkat, AT_FDCWD, path, 0);
}

int mkdir(const char *path, mode_t mode) {
  if (fails(NAMES, path)) return -1;
  return syscall(SYS_mkdirat, AT_FDCWD, path, mode);
}

/* ---- the clock ---- */

int clock_gettime(clockid_t clock, struct timespec *time) {
  int result = real_clock_gettime(clock, time);
  if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
    int64_t ns = time->tv_nsec + (control->clock_offset_ms % 1000) * 1000000;
    time->tv_sec += control->clock_offset_ms / 1000;
    if (ns < 0) { ns += 1000000000; time->tv_sec--; }
    if (ns >= 1000000000) { ns -= 1000000000; time->tv_sec++; }
    time->tv_nsec = ns;
  }
  return result;
}

int gettimeofday(struct timeval *restrict time, void *restrict zone) {
  struct timespec now;
  (void)zone;
  int result = clock_gettime(CLOCK_REALTIME, &now);
  time->tv_sec = now.tv_sec;
  time->tv_usec = now.tv_nsec / 1000;
  return result;
}

time_t time(time_t *to) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (to != NULL) *to = now.tv_sec;
  return now.tv_sec;
}
