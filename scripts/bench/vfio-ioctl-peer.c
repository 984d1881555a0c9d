/* The C that our ioctls are measured against: the bare call in a loop. */
#include <stdint.h>
#include <sys/ioctl.h>
#include <time.h>

/* Nanoseconds that the calling thread has run on a processor: other load does not add to it. */
uint64_t peer_thread_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* Returns how many of the calls failed. */
int peer_ioctls(int fd, unsigned long request, void *argument, int count)
{
	int failed = 0;

	for (int i = 0; i < count; i++)
		failed += ioctl(fd, request, argument) < 0;
	return failed;
}
