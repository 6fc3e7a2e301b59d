// One datagram to a socket of the file system or of the abstract name space (unix(7)): its address is a struct that Swift
// cannot use safely.
#pragma once
#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

// Sends `text` to `path`; a path that begins with '@' is an abstract name. Returns 0, or errno.
static inline int cnotify_send(const char *path, const char *text) {
    struct sockaddr_un address;
    memset(&address, 0, sizeof address);
    address.sun_family = AF_UNIX;
    size_t length = strlen(path);
    if (length < 2 || length >= sizeof address.sun_path) return ENAMETOOLONG;
    memcpy(address.sun_path, path, length);
    if (path[0] == '@') address.sun_path[0] = 0;
    int descriptor = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (descriptor < 0) return errno;
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
    ssize_t sent = sendto(descriptor, text, strlen(text), MSG_NOSIGNAL, (struct sockaddr *)&address, size);
    int code = sent < 0 ? errno : 0;
    close(descriptor);
    return code;
}

// A socket that receives datagrams at `path`; -errno if there is none. This and the next function are for tests.
static inline int cnotify_receive(const char *path) {
    struct sockaddr_un address;
    memset(&address, 0, sizeof address);
    address.sun_family = AF_UNIX;
    size_t length = strlen(path);
    if (length < 2 || length >= sizeof address.sun_path) return -ENAMETOOLONG;
    memcpy(address.sun_path, path, length);
    if (path[0] == '@') address.sun_path[0] = 0;
    int descriptor = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (descriptor < 0) return -errno;
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
    if (bind(descriptor, (struct sockaddr *)&address, size) == 0) return descriptor;
    int code = errno;
    close(descriptor);
    return -code;
}

// Reads one datagram that comes within some milliseconds. Returns its length, or -1.
static inline ssize_t cnotify_read(int descriptor, unsigned char *bytes, size_t size, int milliseconds) {
    struct pollfd waiting = {.fd = descriptor, .events = POLLIN, .revents = 0};
    if (poll(&waiting, 1, milliseconds) != 1) return -1;
    return recv(descriptor, bytes, size, MSG_DONTWAIT);
}
