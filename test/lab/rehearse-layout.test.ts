/** What rehearse says when the layout of the guest's memory changes while it harvests. */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { QmpClient } from 'qemu-qmp-client-ts';
import { Dirtygen } from '#scripts/lab/dirtygen.js';
import { Guest } from '#scripts/lab/guest.js';
import { startPrecopy, type Finished } from '../support/precopy.js';
import { trackingIsOn } from '#scripts/lab/tracking.js';

const memoryMiB = 128;
const options = ['--bandwidth', '100M', '--interval', '200ms', '--overhead', '100'];

interface GuestWithDevice extends AsyncDisposable {
  readonly guest: Guest;
}

async function startGuest(): Promise<GuestWithDevice> {
  const device = Dirtygen.create();
  const ram = `memory-backend-memfd,id=ram,size=${memoryMiB}M,share=on`;
  const guest = await Guest.start({
    memoryMiB,
    args: [
      ...['-object', ram, '-machine', 'memory-backend=ram'],
      ...['-m', `${memoryMiB},slots=2,maxmem=1G`, '-device', device.qemuDevice],
    ],
  });
  // The device is there once the monitor answers.
  await using client = await QmpClient.connect(guest.secondQmp, { connectTimeoutMs: 60_000 });
  await client.execute('query-status');
  return {
    guest,
    async [Symbol.asyncDispose]() {
      await guest[Symbol.asyncDispose]();
      device.remove();
    },
  };
}

/** Rehearses, and does something at the second monitor while it harvests. */
async function rehearseWhile(
  { qmp, secondQmp, pid }: Guest,
  act: (client: QmpClient) => Promise<void>,
): Promise<Finished> {
  const running = startPrecopy(['rehearse', '--qmp', qmp, ...options, '--duration', '4s']);
  while (!(await trackingIsOn(pid))) await sleep(50);
  await using client = await QmpClient.connect(secondQmp);
  await act(client);
  return await running.finished;
}

const moved = /^note: The layout of the guest's memory changed meanwhile/m;

describe("the layout of a guest's memory", () => {
  it('is noticed when it changes while it is harvested', async () => {
    await using at = await startGuest();
    const quiet = await rehearseWhile(at.guest, () => Promise.resolve());
    assert.equal(quiet.exitCode, 0, quiet.stderr);
    assert.doesNotMatch(quiet.stdout, moved);

    const plugged = await rehearseWhile(at.guest, async (client) => {
      const size = 64 * 2 ** 20;
      await client.execute('object-add', { 'qom-type': 'memory-backend-ram', id: 'more', size });
      await client.execute('device_add', { driver: 'pc-dimm', id: 'dimm', memdev: 'more' });
    });
    assert.equal(plugged.exitCode, 0, plugged.stderr);
    assert.match(plugged.stdout, moved);

    // The dimm is part of the layout now. Firmware that runs again leaves all as it was before.
    const reset = await rehearseWhile(at.guest, async (client) => {
      await client.execute('system_reset');
    });
    assert.equal(reset.exitCode, 0, reset.stderr);
    assert.match(reset.stdout, moved);
  });
});
