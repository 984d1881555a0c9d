/**
 * The guard: harvesting goes on while somebody else starts migrations at random moments.
 * Never may one of them complete with a page that differs.
 */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
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
  type StolenBits,
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
 * Harvests until the gate is shut, with pauses, so that some migrations begin during a read and some
 * between two. Returns how many reads it made.
 */
async function harvest(pages: DirtyPages, gate: HarvestGate): Promise<number> {
  const bytes = 4n << 30n;
  const bitmap = new Uint8Array(Number(bytes / 4096n / 8n));
  for (let reads = 0; ; reads += 1) {
    if (gate.shutReason !== undefined) return reads;
    await pages.getBitmap({ iova: 0n, bytes, pageBytes: 4096, bitmap }).catch((error: unknown) => {
      if (gate.shutReason === undefined) throw error;
    });
    await sleep(Math.random() * 30);
  }
}

/** A guest, and a monitor of it that is free to be asked. */
interface Reachable {
  guest: Guest;
  client: QmpClient;
}

async function differingPages(source: Reachable, destination: Reachable): Promise<number> {
  const side = async ({ guest, client }: Reachable): Promise<VerifySide> => {
    const monitor: HumanMonitor = async (line) =>
      await client.execute('human-monitor-command', { 'command-line': line });
    const memory = await ProcessMemory.open(guest.pid);
    return { memory, layout: () => describeMemory(monitor) };
  };
  const [one, other] = [await side(source), await side(destination)];
  try {
    return (await verifyMemory(one, other, {})).differingPages;
  } finally {
    await one.memory[Symbol.asyncDispose]();
    await other.memory[Symbol.asyncDispose]();
  }
}

describe('the guard', () => {
  it(`never lets a migration that somebody else starts complete with a differing page (${migrations} at random moments)`, async function () {
    this.timeout(900_000);
    await using source = await startVfioGuest(shape);
    await using connected = await connectMonitor(source.guest.qmp, AbortSignal.timeout(10_000));
    const side = new QemuSide(
      'source',
      connected.client,
      connected.address,
      connected.peer,
      new Journal(),
    );
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
    });

    const outcomes = { completed: 0, cancelled: 0 };
    for (let round = 1; round <= migrations; round += 1) {
      await using destination = await startVfioGuest({ ...shape, incoming: true });
      await using other = await QmpClient.connect(source.guest.secondQmp);
      await using there = await QmpClient.connect(destination.guest.secondQmp);
      await there.execute('stop');
      const uri = `unix:${destination.guest.qmp.slice('unix:'.length)}-migration`;
      await there.execute('migrate-incoming', { uri });

      gate.reopen();
      dirtyPages.start();
      const reported = reports.length;
      const harvesting = harvest(dirtyPages, gate);
      await sleep(100 + Math.random() * 200);
      await other.execute('migrate', { uri });
      assert.ok((await harvesting) > 0, 'nothing was harvested');

      let status = '';
      while (!over.includes(status)) {
        await sleep(20);
        status = String((await other.execute('query-migrate')).status);
      }
      await guard.settled();
      if (status === 'completed') {
        outcomes.completed += 1;
        assert.equal(reports.length, reported, 'bits were stolen and the migration completed');
        const pages = await differingPages(
          { guest: source.guest, client: other },
          { guest: destination.guest, client: there },
        );
        assert.equal(pages, 0, `round ${round}`);
        await other.execute('cont');
      } else {
        outcomes.cancelled += 1;
        assert.equal(status, 'cancelled');
        assert.equal(reports.at(-1)?.outcome, 'cancelled');
        assert.match(reports.at(-1)?.message ?? '', /was cancelled; the guest runs on the source/);
      }
      assert.equal((await other.execute('query-status')).status, 'running');
    }
    console.log(
      `      ${outcomes.completed} completed intact, ${outcomes.cancelled} were cancelled`,
    );
    assert.equal(outcomes.completed + outcomes.cancelled, migrations);
  });
});
