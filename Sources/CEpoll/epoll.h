// epoll(7), eventfd(2) and accept4(2), which the platform's Swift module leaves out.
#pragma once
#include <errno.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>

// Declared by the C library for _GNU_SOURCE only.
extern int accept4(int listener, struct sockaddr *address, socklen_t *length, int flags);
extern int epoll_pwait2(int poller, struct epoll_event *events, int limit, const struct timespec *timeout,
                        const sigset_t *signals);

// The next connection of a listener, non-blocking and closed on exec, and who is at its other end; -1 and errno if there is
// none.
static inline int cepoll_accept(int listener, struct sockaddr_storage *address) {
    socklen_t length = sizeof *address;
    address->ss_family = AF_UNSPEC;
    return accept4(listener, (struct sockaddr *)address, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

// Waits for at most `microseconds`. Where the kernel (before Linux 5.11) or a sandbox has no epoll_pwait2, times are rounded
// up to milliseconds.
static inline int cepoll_wait(int poller, struct epoll_event *events, int limit, long long microseconds) {
    struct timespec timeout = {microseconds / 1000000, microseconds % 1000000 * 1000};
    int count = epoll_pwait2(poller, events, limit, &timeout, NULL);
    if (count >= 0 || (errno != ENOSYS && errno != EPERM)) return count;
    return epoll_wait(poller, events, limit, (int)((microseconds + 999) / 1000));
}
