// fork(2), prctl(2) and sched_setaffinity(2), which Swift cannot call: a child that the kernel ends together with its parent, and
// threads that keep to one processor.
#pragma once
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

// What the child does between fork and exec. Only async-signal-safe calls are allowed here (signal-safety(7)).
static inline void cspawn_child(pid_t parent, const char *path, char *const arguments[], char *const environment[],
                                const char *log, int death_signal, int report) {
    prctl(PR_SET_PDEATHSIG, death_signal);
    if (getppid() != parent) _exit(127);  // The parent ended before the line above took effect.
    // A thread of a pool blocks all signals, and a child that inherits this would never hear SIGTERM.
    for (int number = 1; number < NSIG; number++) signal(number, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (log) {
        // A group of its own: Ctrl-C reaches the parent alone, which then stops its children in order.
        setpgid(0, 0);
        int empty = open("/dev/null", O_RDONLY);
        int out = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
        if (empty >= 0 && out >= 0) {
            dup2(empty, 0);
            dup2(out, 1);
            dup2(out, 2);
            execve(path, arguments, environment);
        }
    } else {
        execve(path, arguments, environment);
    }
    int code = errno;
    (void)!write(report, &code, sizeof code);
    _exit(127);
}

// Starts `path`. The kernel sends `death_signal` to the child when the *thread* that calls this ends (PR_SET_PDEATHSIG).
//
// `log`: standard output and error are appended to this file, and the child gets a process group of its own; NULL: the child
// shares the terminal. Returns the child's pid, or -errno.
static inline pid_t cspawn(const char *path, char *const arguments[], char *const environment[], const char *log,
                           int death_signal) {
    int report[2];
    if (pipe(report) != 0) return -errno;
    fcntl(report[0], F_SETFD, FD_CLOEXEC);
    fcntl(report[1], F_SETFD, FD_CLOEXEC);
    pid_t parent = getpid();
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);  // No handler of the parent may run in the child.
    pid_t child = fork();
    if (child == 0) cspawn_child(parent, path, arguments, environment, log, death_signal, report[1]);
    int failure = child < 0 ? errno : 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    close(report[1]);
    if (child > 0) {
        // Closed by a successful exec; else it holds the reason.
        int code;
        while (read(report[0], &code, sizeof code) == sizeof code) failure = code;
    }
    close(report[0]);
    return failure ? -failure : child;
}

// Keeps a thread, and the threads and processes that it starts later, to one processor; 0 is the calling thread. Returns 0,
// or errno.
static inline int cspawn_keep(pid_t thread, int processor) {
    unsigned long bits[16] = {0};  // 1,024 processors, as in glibc's cpu_set_t.
    const int width = 8 * sizeof bits[0];
    if (processor < 0 || processor >= 16 * width) return EINVAL;
    bits[processor / width] = 1UL << (processor % width);
    return syscall(SYS_sched_setaffinity, thread, sizeof bits, bits) == 0 ? 0 : errno;
}
