#define FUSE_USE_VERSION 312
#include <fuse_lowlevel.h>
// The protocol itself: for requests that libfuse does not know, and for replies of our own layout.
#include <linux/fuse.h>
