/**
 * Rehearsals that are killed at random moments. The guest must not notice, the next run must undo what was
 * left, and a migration right afterwards must lose nothing.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { stateFolder } from 'precopy';
import { QmpClient } from 'qemu-qmp-client-ts';
import type { Guest } from '#scripts/lab/guest.js';
import { startVfioGuest, type VfioGuest, type VfioGuestOptions } from '#scripts/lab/vfio-guest.js';
import { precopy, startPrecopy } from '../support/precopy.js';
import { trackingIsOn } from '#scripts/lab/tracking.js';

/** docs/rehearse.md has the command for more. */
const kills = Number(process.env['KILLS'] ?? 2);
/** After so many kills the guest migrates. */
const killsPerMigration = Number(process.env['KILLS_PER_MIGRATION'] ?? 2);

const shape: VfioGuestOptions = {
  memoryMiB: 64,
  workload: { baseAddress: 0x200_0000, pages: 1024, pagesPerSecond: 1000 },
  dirty: { rangeIova: 0x100_0000n, rangePages: 2048, rate: 1000, pattern: 'uniform' },
};
const often = ['--interval', '200ms', '--overhead', '100', '--bandwidth', '100M'];
const short = [...often, '--duration', '3s'];

async function eventsAreOn(guest: Guest): Promise<boolean> {
  await using client = await QmpClient.connect(guest.secondQmp);
  const capabilities = await client.execute('query-migrate-capabilities');
  return capabilities.some(({ capability, state }) => capability === 'events' && state);
}

/** A migration leaves them on. */
async function switchEventsOff(guest: Guest): Promise<void> {
  await using client = await QmpClient.connect(guest.secondQmp);
  const capabilities = [{ capability: 'events', state: false }] as const;
  await client.execute('migrate-set-capabilities', { capabilities: [...capabilities] });
}

async function isRunning(guest: Guest): Promise<boolean> {
  await using client = await QmpClient.connect(guest.secondQmp);
  return (await client.execute('query-status')).status === 'running';
}

/** How long a rehearsal takes from its start until tracking is off again, ms: what follows changes nothing. */
async function rehearsalMs({ pid, qmp }: Guest): Promise<number> {
  const startMs = performance.now();
  const running = startPrecopy(['rehearse', '--qmp', qmp, ...short]);
  while (!(await trackingIsOn(pid))) await sleep(20);
  while (await trackingIsOn(pid)) await sleep(20);
  const ms = performance.now() - startMs;
  running.process.kill('SIGINT');
  await running.finished;
  return ms;
}

describe('a rehearsal that is killed', () => {
  it(`leaves the guest running, and the next run and migration right (${kills} times)`, async function () {
    this.timeout(1_200_000 + kills * 60_000);
    let at: VfioGuest = await startVfioGuest(shape);
    let [leftOn, ended, migrations] = [0, 0, 0];
    try {
      const mostMs = 1.05 * (await rehearsalMs(at.guest));
      for (let kill = 1; kill <= kills; kill++) {
        const running = startPrecopy(['rehearse', '--qmp', at.guest.qmp, ...short]);
        const afterMs = Math.random() * mostMs;
        await sleep(afterMs);
        running.process.kill('SIGKILL');
        if ((await running.finished).exitCode !== null) ended++;
        const when = `kill ${kill} after ${afterMs.toFixed(0)} ms`;
        const { written } = await at.device.status();
        if (await trackingIsOn(at.guest.pid)) leftOn++;
        assert.ok(await isRunning(at.guest), when);
        await sleep(100);
        assert.ok((await at.device.status()).written > written, `${when}: the device stands still`);
        if (kills > 10) console.log(`      ${when} of ${mostMs.toFixed(0)}, ${leftOn} left on`);

        if (kill % killsPerMigration !== 0) continue;
        migrations++;
        const next = await startVfioGuest({ ...shape, incoming: true });
        try {
          const { exitCode, stdout, stderr } = await precopy(
            ...['migrate', '--qmp', at.guest.qmp, '--to-qmp', next.guest.qmp, '--verify'],
          );
          assert.equal(exitCode, 0, `${when}: ${stdout}${stderr}`);
          assert.match(stdout, /^verify: 0 pages differ$/m, when);
          assert.ok(await isRunning(next.guest), when);
        } finally {
          await at[Symbol.asyncDispose]();
          at = next;
        }
      }
      console.log(
        `      ${kills} kills within ${mostMs.toFixed(0)} ms: ${leftOn} left tracking on, ${ended} came too late; ${migrations} migrations afterwards, 0 pages differ in each`,
      );
      // The last kill may have left tracking on; migrate undoes that, too, and here a rehearsal does.
      const cleaned = await precopy('rehearse', '--qmp', at.guest.qmp, ...short);
      assert.equal(cleaned.exitCode, 0, cleaned.stderr);
      assert.equal(await trackingIsOn(at.guest.pid), false);
      await switchEventsOff(at.guest);
      // One more is killed when tracking is on for sure; the run after it leaves all as it was.
      const killed = startPrecopy([
        ...['rehearse', '--qmp', at.guest.qmp, ...often, '--duration', '60s'],
      ]);
      while (!(await trackingIsOn(at.guest.pid))) await sleep(20);
      killed.process.kill('SIGKILL');
      await once(killed.process, 'close');
      assert.ok(await eventsAreOn(at.guest));
      const probed = await precopy('probe', '--qmp', at.guest.qmp);
      assert.match(probed.stdout, /A rehearsal of this guest was killed/);
      const last = await precopy('rehearse', '--qmp', at.guest.qmp, ...short);
      assert.equal(last.exitCode, 0, last.stderr);
      assert.match(last.stdout, /^note: An earlier rehearsal of this guest was killed/m);
      assert.equal(await trackingIsOn(at.guest.pid), false);
      assert.equal(await eventsAreOn(at.guest), false);
      const left = readdirSync(stateFolder()).filter((name) => name.includes(`-${at.guest.pid}-`));
      assert.deepEqual(left, []);
    } finally {
      await at[Symbol.asyncDispose]();
    }
  });
});
