/** Rehearsals of a QEMU of this machine, without VFIO: only its CPUs dirty memory. */
import assert from 'node:assert/strict';
import { keepsSoftDirtyBits, type Rehearsal } from 'precopy';
import { Guest } from '#scripts/lab/guest.js';
import { precopy } from '../../support/precopy.js';

describe('precopy rehearse of a QEMU without VFIO', () => {
  let guest: Guest;
  before(async () => {
    guest = await Guest.start({ memoryMiB: 128 });
  });
  after(() => guest[Symbol.asyncDispose]());

  const rehearse = async (...more: string[]): ReturnType<typeof precopy> =>
    await precopy('rehearse', '--qmp', guest.qmp, '--overhead', '100', ...more);

  it('forecasts from what the CPUs dirty', async function () {
    if (!(await keepsSoftDirtyBits())) {
      console.log('      skipped: this kernel keeps no soft-dirty bits; the lab tests the same');
      this.skip();
    }
    const { exitCode, stdout, stderr } = await rehearse('--duration', '3s', '--json');
    assert.equal(exitCode, 0, stderr + stdout);
    const rehearsal = JSON.parse(stdout) as Rehearsal;
    assert.deepEqual(
      rehearsal.sources.map(({ kind }) => kind),
      ['cpu'],
    );
    assert.equal(rehearsal.bandwidthFrom, 'max-bandwidth');
    assert.equal(rehearsal.forecast.converges, 'yes');
    assert.ok(rehearsal.zeroBytes > rehearsal.ramBytes / 2, 'a fresh guest is mostly zero');
  });

  it('refuses, and says why, where the kernel keeps no soft-dirty bits', async function () {
    if (await keepsSoftDirtyBits()) {
      console.log('      skipped: this kernel keeps soft-dirty bits');
      this.skip();
    }
    const { exitCode, stderr, stdout } = await rehearse();
    assert.equal(exitCode, 3, stderr);
    assert.equal(stdout, '');
    assert.match(stderr, /CONFIG_MEM_SOFT_DIRTY is off.*--no-cpu/s);
  });

  it('refuses to forecast from nothing', async () => {
    const { exitCode, stdout } = await rehearse('--no-cpu', '--json');
    assert.equal(exitCode, 2);
    assert.deepEqual((JSON.parse(stdout) as { error: { code: string } }).error.code, 'USAGE');
  });
});
