#pragma once

// Pieces of memory that this thread has asked for since its start.
unsigned long long counted_allocations(void);
