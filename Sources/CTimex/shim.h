#pragma once
#include <string.h>
#include <sys/stat.h>
#include <sys/timex.h>
#include <time.h>

// The kernel's estimate of its clock's error, in microseconds. Returns 0 if the clock is synchronised, 1 if the kernel
// says that it is not, and -1 if it does not say.
static inline int ctimex_error(long *microseconds) {
    struct timex state;
    memset(&state, 0, sizeof state);
    int result = adjtimex(&state);
    if (result < 0) return -1;
    *microseconds = state.esterror;
    return result == TIME_ERROR || (state.status & STA_UNSYNC) ? 1 : 0;
}

// A clock that never steps, in microseconds.
static inline long long ctimex_monotonic(void) {
    struct timespec now;
    clock_gettime(CLOCK_BOOTTIME, &now);
    return (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

// Processor time that was used so far, in microseconds.
static inline long long ctimex_used(clockid_t clock) {
    struct timespec used;
    clock_gettime(clock, &used);
    return (long long)used.tv_sec * 1000000 + used.tv_nsec / 1000;
}

// Of the calling thread.
static inline long long ctimex_used_by_thread(void) { return ctimex_used(CLOCK_THREAD_CPUTIME_ID); }

// Of all threads of the process.
static inline long long ctimex_used_by_process(void) { return ctimex_used(CLOCK_PROCESS_CPUTIME_ID); }

// When anything of a file has changed (ctime), its owner and mode too, in nanoseconds; 0 if there is none. Links are followed.
static inline long long ctimex_changed(const char *path) {
    struct stat found;
    if (stat(path, &found) != 0) return 0;
    return (long long)found.st_ctim.tv_sec * 1000000000 + found.st_ctim.tv_nsec;
}
