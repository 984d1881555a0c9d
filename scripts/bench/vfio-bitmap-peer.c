/*
 * The C that the dirty bitmap's loops are measured against: 64-bit words, compiler builtins, built
 * with -O3 -march=native so that the compiler vectorises what it can (popcount and the set operations
 * become AVX2 or AVX-512 where the machine has them).
 */
#include <stddef.h>
#include <stdint.h>
#include <time.h>
#ifdef __BMI__
#include <immintrin.h>
#endif

/*
 * Nanoseconds that the calling thread has run on a processor. The loops wait for nothing, so this is
 * their time on an idle machine, whatever else is going on on this one.
 */
uint64_t peer_thread_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

uint64_t peer_popcount(const uint64_t *words, size_t count)
{
	uint64_t total = 0;

	for (size_t i = 0; i < count; i++)
		total += (uint64_t)__builtin_popcountll(words[i]);
	return total;
}

void peer_or(uint64_t *restrict target, const uint64_t *restrict source, size_t count)
{
	for (size_t i = 0; i < count; i++)
		target[i] |= source[i];
}

void peer_and_not(uint64_t *restrict target, const uint64_t *restrict source, size_t count)
{
	for (size_t i = 0; i < count; i++)
		target[i] &= ~source[i];
}

/* The lowest set bit, or anything for 0, for which __builtin_ctzll() alone is undefined. */
static inline uint32_t lowest_bit(uint64_t word)
{
#ifdef __BMI__
	return (uint32_t)_tzcnt_u64(word);
#else
	return (uint32_t)__builtin_ctzll(word | (uint64_t)1 << 63);
#endif
}

/*
 * Writes the page numbers where runs begin and end to `out`, over and over when it is full, as the
 * bench's reader of our blocks does. The method of ours for words with few edges, as it beats the
 * obvious loop in C as well: lines without a change are skipped, and a word's edges are written four
 * at a time without asking whether there are four.
 *
 * Returns the number of runs. `capacity` (in edges) is at least 512 + 4.
 */
uint64_t peer_runs(const uint64_t *words, size_t count, uint32_t *out, size_t capacity)
{
	uint64_t total = 0, last = 0;
	size_t n = 0;

	for (size_t i = 0; i < count;) {
		size_t stop = count - i < 8 ? count : i + 8;

		if (stop - i == 8) {
			uint64_t same = 0 - last, differs = 0;

			for (size_t k = i; k < stop; k++)
				differs |= words[k] ^ same;
			if (!differs) {
				i = stop;
				continue;
			}
		}
		for (; i < stop; i++) {
			uint64_t changes = words[i] ^ (words[i] << 1 | last);
			size_t next = n + (size_t)__builtin_popcountll(changes);
			uint32_t page = (uint32_t)(i * 64);

			last = words[i] >> 63;
			do {
				out[n] = page + lowest_bit(changes);
				changes &= changes - 1;
				out[n + 1] = page + lowest_bit(changes);
				changes &= changes - 1;
				out[n + 2] = page + lowest_bit(changes);
				changes &= changes - 1;
				out[n + 3] = page + lowest_bit(changes);
				changes &= changes - 1;
				n += 4;
			} while (n < next);
			n = next;
		}
		if (n > capacity - (512 + 4)) {
			total += n;
			n = 0;
		}
	}
	return (total + n + last) / 2;
}
