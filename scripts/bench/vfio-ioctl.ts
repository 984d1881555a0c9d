/**
 * What an ioctl costs through our kernel edge, beside the bare call in C: FIONREAD on a pipe, which does
 * next to nothing in the kernel and needs no device, so that the way there is what is measured.
 *
 * Measured in processor time of the thread, so that other load on the machine adds nothing.
 */
import { spawnSync } from 'node:child_process';
import { constants, closeSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LibcKernel } from 'linux-vfio-ts';
import { repositoryRoot } from '../repository.js';
import { loadCPeer } from './c-peer.js';
import { measure } from './measure.js';
import type { BenchRow } from './row.js';

const FIONREAD = 0x541b;
const callsPerTurn = 100_000;
const largestRatio = 1.5;

/** @throws Error without gcc */
export async function* ioctlRows(
  signal: AbortSignal,
  onError: (error: unknown) => void,
): AsyncGenerator<BenchRow> {
  const peer = loadCPeer(join(repositoryRoot(), 'scripts/bench/vfio-ioctl-peer.c'));
  const threadNs = peer.func('uint64_t peer_thread_ns(void)') as () => number | bigint;
  const peerIoctls = peer.func(
    'int peer_ioctls(int fd, unsigned long request, void *argument, int count)',
  ) as (fd: number, request: number, argument: Uint8Array, count: number) => number;
  const kernel = new LibcKernel();
  const pipe = openPipe();
  try {
    const argument = new Uint8Array(4);
    const call = { name: 'FIONREAD', request: FIONREAD, argument };
    const nsPerCall = (work: () => void) => (): Promise<number> => {
      const start = BigInt(threadNs());
      work();
      return Promise.resolve(Number(BigInt(threadNs()) - start) / callsPerTurn);
    };
    const benchCase = {
      name: 'ioctl (FIONREAD)',
      unit: 'ns/call',
      turns: 11,
      ours: nsPerCall(() => {
        for (let i = 0; i < callsPerTurn; i += 1) kernel.ioctl(pipe, call);
      }),
      peer: {
        name: 'C',
        turn: nsPerCall(() => {
          if (peerIoctls(pipe, FIONREAD, argument, callsPerTurn) > 0) {
            throw new Error('The peer could not call ioctl.');
          }
        }),
      },
      goal: {
        words: `at most ${largestRatio} times C`,
        met: (ours: number, c: number) => ours / c <= largestRatio,
      },
    };
    yield await measure('vfio', benchCase, signal, onError);
  } finally {
    closeSync(pipe);
  }
}

function openPipe(): number {
  const folder = mkdtempSync(join(tmpdir(), 'precopy-bench-'));
  try {
    const path = join(folder, 'pipe');
    const { status } = spawnSync('mkfifo', [path]);
    if (status !== 0) throw new Error('mkfifo failed.');
    return openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
