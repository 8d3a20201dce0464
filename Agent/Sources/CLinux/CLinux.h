// What the agent needs of Linux that Swift's Glibc module does not show: that module is built without _GNU_SOURCE and knows neither epoll nor
// signalfd, and Swift does not import variadic functions. Declarations and inline functions only; there is no C code to
// compile by itself.

#ifndef SANDSTORM_CLINUX_H
#define SANDSTORM_CLINUX_H

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <spawn.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

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

#define SANDSTORM_AT_EMPTY_PATH 0x1000
static const long SANDSTORM_UTIME_OMIT = (1l << 30) - 2;
#define SANDSTORM_RENAME_NOREPLACE 1u

// Not of glibc, so that it's the same call with musl and with a glibc that has no such function.
static inline int sandstorm_renameat2(int from_fd, const char *from, int to_fd, const char *to, unsigned int flags) {
    return (int)syscall(SYS_renameat2, from_fd, from, to_fd, to, flags);
}

// Swift sees these constants as enumerations or not at all.
static const unsigned int SANDSTORM_EPOLLET = 1u << 31;

static inline int sandstorm_prctl(int option, unsigned long argument) {
    return prctl(option, argument, 0ul, 0ul, 0ul);
}

// A process to start as another user, which posix_spawn can't.
struct sandstorm_spawn {
    const char *program;
    char **arguments;
    char **environment;
    int directory;
    // For 0, 1 and 2. With a terminal, its path instead.
    int stdio[3];
    const char *terminal;
    uid_t uid;
    gid_t gid;
    const gid_t *groups;
    size_t group_count;
    // Where it failed, and why: 0 before the user, 1 becoming the user, 2 entering the directory, 3 the program.
    int failed_step;
    int failure;
};

// In the child of the vfork below, whose memory is the parent's. So it makes system calls and nothing else, and by number where the C library
// would tell all threads (of the parent, that is) to change their user too.
static inline void sandstorm_become(volatile struct sandstorm_spawn *spawn) {
    // The kernel's own structure, whatever its fields: all of them zero mean the standard action. The C library keeps two signals to itself.
    const unsigned long standard[8] = {0};
    sigset_t none;
    spawn->failed_step = 0;
    for (int number = 1; number <= 64; number++) syscall(SYS_rt_sigaction, number, standard, 0, 8ul);
    if (setsid() < 0) return;
    if (spawn->terminal) {
        int terminal = open((const char *)spawn->terminal, O_RDWR);
        if (terminal < 0 || dup2(terminal, 0) < 0 || dup2(0, 1) < 0 || dup2(0, 2) < 0) return;
    } else {
        for (int number = 0; number < 3; number++) {
            if (dup2(spawn->stdio[number], number) < 0) return;
        }
    }
    spawn->failed_step = 1;
    if (syscall(SYS_setgroups, spawn->group_count, spawn->groups) != 0) return;
    if (syscall(SYS_setresgid, spawn->gid, spawn->gid, spawn->gid) != 0) return;
    if (syscall(SYS_setresuid, spawn->uid, spawn->uid, spawn->uid) != 0) return;
    spawn->failed_step = 2;
    if (fchdir(spawn->directory) != 0) return;
    spawn->failed_step = 3;
    // Ours close by themselves; whoever started the agent may have left it others. An old kernel without the call has to do without.
    syscall(SYS_close_range, 3u, ~0u, 0u);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, 0);
    execve((const char *)spawn->program, (char *const *)spawn->arguments, (char *const *)spawn->environment);
}

// Returns the child's pid, or -1 with the last two fields set.
static inline pid_t sandstorm_spawn_as(volatile struct sandstorm_spawn *spawn) {
    sigset_t all, before;
    spawn->failure = 0;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, &before);
    pid_t pid = vfork();
    if (pid == 0) {
        sandstorm_become(spawn);
        spawn->failure = errno;
        _exit(127);
    }
    if (pid < 0) {
        spawn->failed_step = 0;
        spawn->failure = errno;
    }
    sigprocmask(SIG_SETMASK, &before, 0);
    // A child that failed is reaped like any other orphan.
    return spawn->failure == 0 ? pid : -1;
}

#include "Network.h"
#include "Container.h"

#endif
