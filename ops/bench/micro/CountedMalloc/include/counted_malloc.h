#pragma once

// The number of allocations of this thread since its start.
unsigned long long counted_allocations(void);
