// What makes a container: the mount calls of Linux 5.2 and later, namespaces, capabilities, the system call filter. By number, so that any C
// library will do.

#ifndef SANDSTORM_CLINUX_CONTAINER_H
#define SANDSTORM_CLINUX_CONTAINER_H

#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/fsuid.h>
#include <sys/wait.h>

#define SANDSTORM_CLONE_NEWCGROUP 0x02000000
#define SANDSTORM_CLONE_NEWUTS 0x04000000
#define SANDSTORM_CLONE_NEWIPC 0x08000000
#define SANDSTORM_CLONE_NEWPID 0x20000000

#define SANDSTORM_AT_RECURSIVE 0x8000
#define SANDSTORM_OPEN_TREE_CLONE 1
#define SANDSTORM_OPEN_TREE_CLOEXEC O_CLOEXEC
#define SANDSTORM_MOVE_MOUNT_F_EMPTY_PATH 4
#define SANDSTORM_MOUNT_ATTR_RDONLY 0x1ull
#define SANDSTORM_MOUNT_ATTR_NOSUID 0x2ull
#define SANDSTORM_MOUNT_ATTR_NODEV 0x4ull
#define SANDSTORM_MOUNT_ATTR_NOEXEC 0x8ull
#define SANDSTORM_MOUNT_ATTR_NOATIME 0x10ull
#define SANDSTORM_MOUNT_ATTR_ATIME 0x70ull
#define SANDSTORM_MOUNT_ATTR_IDMAP 0x100000ull

static inline int sandstorm_open_tree(int directory, const char *path, unsigned int flags) {
    return (int)syscall(428, directory, path, flags);
}

static inline int sandstorm_move_mount(int from, int to_directory, const char *to) {
    return (int)syscall(429, from, "", to_directory, to, SANDSTORM_MOVE_MOUNT_F_EMPTY_PATH);
}

static inline int sandstorm_fsopen(const char *type) { return (int)syscall(430, type, 1); }

static inline int sandstorm_fsconfig_string(int context, const char *key, const char *value) {
    return (int)syscall(431, context, 1, key, value, 0);
}

static inline int sandstorm_fsconfig_create(int context) { return (int)syscall(431, context, 6, 0, 0, 0); }

static inline int sandstorm_fsmount(int context, unsigned long long attributes) {
    return (int)syscall(432, context, 1, (unsigned int)attributes);
}

static inline int sandstorm_mount_setattr(int mount, unsigned int flags, unsigned long long set, unsigned long long clear, int user_namespace) {
    unsigned long long attributes[4] = {set, clear, 0, (unsigned long long)(user_namespace < 0 ? 0 : user_namespace)};
    return (int)syscall(442, mount, "", SANDSTORM_AT_EMPTY_PATH | flags, attributes, sizeof attributes);
}

// The old root ends up on top of the new one, to be unmounted from there.
static inline int sandstorm_pivot_root_here(void) { return (int)syscall(SYS_pivot_root, ".", "."); }

// Like fork, into new namespaces. There must be no other thread.
static inline pid_t sandstorm_clone(unsigned long flags) {
#if defined(__s390x__)
    return (pid_t)syscall(SYS_clone, 0ul, flags | SIGCHLD, 0ul, 0ul, 0ul);
#else
    return (pid_t)syscall(SYS_clone, flags | SIGCHLD, 0ul, 0ul, 0ul, 0ul);
#endif
}

// A process in a user namespace of its own that waits until nobody has the other end of the pipe any more.
static inline pid_t sandstorm_namespace_holder(int wait, int close_first) {
    pid_t pid = sandstorm_clone(SANDSTORM_CLONE_NEWUSER);
    if (pid == 0) {
        char byte;
        close(close_first);
        while (read(wait, &byte, 1) < 0 && errno == EINTR) {}
        _exit(0);
    }
    return pid;
}

// Becomes another user for the file system, without losing rights by it.
static inline int sandstorm_borrow_user(uid_t user) {
    if (prctl(PR_SET_SECUREBITS, 1ul << 2, 0ul, 0ul, 0ul) != 0) return -1;
    setfsgid(user);
    setfsuid(user);
    return prctl(PR_SET_SECUREBITS, 0ul, 0ul, 0ul, 0ul);
}

static inline int sandstorm_sethostname(const char *name, size_t length) { return (int)syscall(SYS_sethostname, name, length); }

static inline int sandstorm_drop_bounding(unsigned long capability) {
    return prctl(PR_CAPBSET_READ, capability, 0ul, 0ul, 0ul) < 0 ? 1 : prctl(PR_CAPBSET_DROP, capability, 0ul, 0ul, 0ul);
}

static inline int sandstorm_set_capabilities(unsigned long long set) {
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
    struct __user_cap_data_struct data[2] = {{0}};
    for (int half = 0; half < 2; half++) data[half].effective = data[half].permitted = (unsigned int)(set >> (32 * half));
    return (int)syscall(SYS_capset, &header, data);
}

static inline int sandstorm_filter(const void *instructions, size_t count) {
    struct sock_fprog program = {.len = (unsigned short)count, .filter = (struct sock_filter *)instructions};
    return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program);
}

static inline int sandstorm_execute(int program, char *const *arguments, char *const *environment) {
    return (int)syscall(SYS_execveat, program, "", arguments, environment, SANDSTORM_AT_EMPTY_PATH);
}

// Becomes another user for the file system, with that one's rights and no others.
static inline int sandstorm_act_as(uid_t user, gid_t group, const gid_t *groups, size_t group_count) {
    if (syscall(SYS_setgroups, group_count, groups) != 0) return -1;
    setfsgid(group);
    setfsuid(user);
    // They don't say whether they have. An id that is none changes nothing and tells what it is.
    if ((uid_t)setfsuid((uid_t)-1) == user && (gid_t)setfsgid((gid_t)-1) == group) return 0;
    errno = EPERM;
    return -1;
}

// Whether a file may be used so as it would be now: by the user for the file system, where that is not the real one.
static inline int sandstorm_access(int directory, const char *path, int mode) {
    // An id that is none changes nothing and tells what it is.
    if ((uid_t)setfsuid((uid_t)-1) == getuid()) return faccessat(directory, path, mode, 0);
    return (int)syscall(439, directory, path, mode, 0x200);
}

#endif
