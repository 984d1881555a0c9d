/**
 * The guard: harvesting goes on while somebody else starts migrations at random moments.
 * Never may one of them complete with a page that differs.
 */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';
import { BorrowableProcess, DirtyPages, HarvestGate, LibcKernel } from 'linux-vfio-ts';
import {
  Journal,
  ProcessMemory,
  QemuSide,
  TrackingGuard,
  connectMonitor,
  describeMemory,
  verifyMemory,
  type HumanMonitor,
  type PlacedRange,
  type StolenBits,
  type StolenBitsAction,
  type VerifySide,
} from 'precopy';
import { QmpClient } from 'qemu-qmp-client-ts';
import type { Guest } from '#scripts/lab/guest.js';
import { startVfioGuest, type VfioGuestOptions } from '#scripts/lab/vfio-guest.js';

const shape: VfioGuestOptions = {
  memoryMiB: 64,
  dirty: { rangeIova: 0x100_0000n, rangePages: 2048, rate: 2000, pattern: 'uniform' },
};
const migrations = Number(process.env['GUARD_ROUNDS'] ?? 50);
const over = ['completed', 'cancelled', 'failed'];

/**
 * Harvests until the gate is shut. With pauses some migrations begin during a read and some between two.
 * Returns how many reads it made.
 */
async function harvest(pages: DirtyPages, gate: HarvestGate, pauseMs: number): Promise<number> {
  const bytes = 4n << 30n;
  const bitmap = new Uint8Array(Number(bytes / 4096n / 8n));
  for (let reads = 0; ; reads += 1) {
    if (gate.shutReason !== undefined) return reads;
    await pages.getBitmap({ iova: 0n, bytes, pageBytes: 4096, bitmap }).catch((error: unknown) => {
      if (gate.shutReason === undefined) throw error;
    });
    await sleep(Math.random() * pauseMs);
  }
}

/** A guest, and a monitor of it that is free to be asked. */
interface Reachable {
  guest: Guest;
  client: QmpClient;
}

async function differences(source: Reachable, destination: Reachable): Promise<PlacedRange[]> {
  const side = async ({ guest, client }: Reachable): Promise<VerifySide> => {
    const monitor: HumanMonitor = async (line) =>
      await client.execute('human-monitor-command', { 'command-line': line });
    const memory = await ProcessMemory.open(guest.pid);
    return { memory, layout: () => describeMemory(monitor) };
  };
  const [one, other] = [await side(source), await side(destination)];
  try {
    return (await verifyMemory(one, other, {})).differences;
  } finally {
    await one.memory[Symbol.asyncDispose]();
    await other.memory[Symbol.asyncDispose]();
  }
}

/** A guest whose container is harvested under a guard, while others migrate it. */
interface Guarded {
  readonly source: Guest;
  readonly gate: HarvestGate;
  readonly dirtyPages: DirtyPages;
  readonly guard: TrackingGuard;
  /** What the guard has reported. */
  readonly reports: readonly StolenBits[];
}

async function guarded(
  onStolenBits: StolenBitsAction,
  test: (rig: Guarded) => Promise<void>,
): Promise<void> {
  await using source = await startVfioGuest(shape);
  await using connected = await connectMonitor(source.guest.qmp, AbortSignal.timeout(10_000));
  const { client, address, peer } = connected;
  const side = new QemuSide('source', client, address, peer, new Journal());
  const kernel = new LibcKernel();
  using qemu = await BorrowableProcess.open(kernel, source.guest.pid);
  const origin = (await qemu.list()).find(({ kind }) => kind === 'container');
  assert.ok(origin);
  using container = await qemu.borrow(origin);
  const gate = new HarvestGate();
  const dirtyPages = new DirtyPages(kernel, container.fd, gate);
  const reports: StolenBits[] = [];
  await using guard = await TrackingGuard.watch(side, gate, {
    report: (stolen) => reports.push(stolen),
    onStolenBits,
  });
  await test({ source: source.guest, gate, dirtyPages, guard, reports });
}

/** How a migration ended that somebody started at a random moment of harvesting. */
interface Ended {
  readonly completed: boolean;
  /** What the guard said of it. */
  readonly stolen: StolenBits | undefined;
  /** What differs at the destination; nothing where it did not complete. */
  readonly differing: readonly PlacedRange[];
}

/** The source's guest runs at the end, and the destination is gone. */
async function migrateAtRandom(
  { source, gate, dirtyPages, guard, reports }: Guarded,
  pauseMs: number,
): Promise<Ended> {
  await using destination = await startVfioGuest({ ...shape, incoming: true });
  await using other = await QmpClient.connect(source.secondQmp);
  await using there = await QmpClient.connect(destination.guest.secondQmp);
  await there.execute('stop');
  const uri = `unix:${destination.guest.qmp.slice('unix:'.length)}-migration`;
  await there.execute('migrate-incoming', { uri });

  gate.reopen();
  dirtyPages.start();
  const reported = reports.length;
  const harvesting = harvest(dirtyPages, gate, pauseMs);
  await sleep(100 + Math.random() * 200);
  await other.execute('migrate', { uri });
  assert.ok((await harvesting) > 0, 'nothing was harvested');

  let status = '';
  while (!over.includes(status)) {
    await sleep(20);
    status = String((await other.execute('query-migrate')).status);
  }
  await guard.settled();
  const stolen = reports[reported];
  const completed = status === 'completed';
  if (!completed) return { completed, stolen, differing: [] };
  const differing = await differences(
    { guest: source, client: other },
    { guest: destination.guest, client: there },
  );
  await other.execute('cont');
  return { completed, stolen, differing };
}

async function assertRuns({ source }: Guarded): Promise<void> {
  await using client = await QmpClient.connect(source.secondQmp);
  // QEMU says `failed` before it lets a guest go on that it had stopped.
  for (let waited = 0; waited < 50; waited += 1) {
    if ((await client.execute('query-status')).status === 'running') return;
    await sleep(100);
  }
  assert.fail("The source's guest does not run.");
}

describe('the guard', () => {
  it(`never lets a migration that somebody else starts complete with a differing page (${migrations} at random moments)`, async function () {
    this.timeout(900_000);
    await guarded('cancel', async (rig) => {
      let intact = 0;
      for (let round = 1; round <= migrations; round += 1) {
        const { completed, stolen, differing } = await migrateAtRandom(rig, 30);
        if (completed) {
          intact += 1;
          assert.equal(stolen, undefined, 'bits were stolen and the migration completed');
          assert.deepEqual(differing, [], `round ${round}: ${inspect(differing)}`);
        } else {
          assert.equal(stolen?.outcome, 'cancelled');
          assert.match(stolen.message, /was cancelled; the guest runs on the source/);
        }
        await assertRuns(rig);
      }
      console.log(`      ${intact} completed intact, ${migrations - intact} were cancelled`);
    });
  });

  it('leaves it running where it shall only report, and says that its destination is not to be trusted', async function () {
    this.timeout(900_000);
    await guarded('report', async (rig) => {
      for (let round = 1; round <= migrations; round += 1) {
        const { completed, stolen, differing } = await migrateAtRandom(rig, 0);
        assert.ok(completed, 'it did not complete');
        await assertRuns(rig);
        if (stolen) {
          assert.equal(stolen.outcome, 'left running');
          assert.match(stolen.message, /left running as configured: do not trust its destination/);
          const pages = differing.reduce((sum, { bytes }) => sum + bytes / 4096, 0);
          console.log(`      round ${round}: ${pages} pages differ`);
          return;
        }
        assert.deepEqual(differing, [], `round ${round}: ${inspect(differing)}`);
      }
      assert.fail('No read overlapped the beginning of a migration.');
    });
  });
});
