// Debian has the headers in a folder of their own. Looking there needs no `pkg-config` with the build.
#if __has_include(<postgresql/libpq-fe.h>)
#include <postgresql/libpq-fe.h>
#else
#include <libpq-fe.h>
#endif
