//go:build cgo && linux

package sqlite

/*
#include <stdlib.h>
#ifdef __GLIBC__
#include <malloc.h>
static void trim(void) { malloc_trim(0); }
#else
static void trim(void) {}
#endif
*/
import "C"

// trim gives free memory of the C library back to the system. glibc keeps it otherwise, unless it is the last of
// its heap: 290 MB after a thousand handles.
func trim() { C.trim() }
