// What the agent needs of Linux that Swift's Glibc module does not show: that module is built without _GNU_SOURCE and knows neither epoll nor
// signalfd, and Swift does not import variadic functions. Declarations only; there is no C code to compile.

#ifndef SANDSTORM_CLINUX_H
#define SANDSTORM_CLINUX_H

#include <spawn.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/types.h>

// <spawn.h>
#define SANDSTORM_SPAWN_SETSID ((short)0x80)
int posix_spawn_file_actions_addfchdir_np(posix_spawn_file_actions_t *actions, int fd);
int posix_spawn_file_actions_addclosefrom_np(posix_spawn_file_actions_t *actions, int from);

// <unistd.h>, <stdlib.h>, <fcntl.h>
int unlockpt(int fd);
int pipe2(int fds[2], int flags);
int ptsname_r(int fd, char *name, size_t size);
int setresuid(uid_t real, uid_t effective, uid_t saved);
int setresgid(gid_t real, gid_t effective, gid_t saved);
#define SANDSTORM_O_PATH 010000000
#define SANDSTORM_F_SETPIPE_SZ 1031

// Swift sees these constants as enumerations or not at all.
static const unsigned int SANDSTORM_EPOLLET = 1u << 31;

static inline int sandstorm_prctl(int option, unsigned long argument) {
    return prctl(option, argument, 0ul, 0ul, 0ul);
}

#endif
