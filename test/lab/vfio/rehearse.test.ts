/** `precopy rehearse` of a guest whose dirty bitmaps are large, on each kernel. */
import assert from 'node:assert/strict';
import { release } from 'node:os';
import { mayOopsAtBitmapFree } from 'linux-vfio-ts';
import { Dirtygen } from '#scripts/lab/dirtygen.js';
import { Guest } from '#scripts/lab/guest.js';
import { trackingIsOn } from '#scripts/lab/tracking.js';
import { precopy } from '../../support/precopy.js';

const memoryMiB = 1536;

describe('precopy rehearse on this kernel', () => {
  it('refuses to track where the kernel may oops when that ends, and else rehearses', async () => {
    using dirtygen = Dirtygen.create();
    await using guest = await Guest.start({
      memoryMiB,
      args: ['-device', `vfio-pci,sysfsdev=${dirtygen.sysfsPath}`],
    });
    const { exitCode, stderr, stdout } = await precopy(
      ...['rehearse', '--qmp', guest.qmp, '--no-cpu', '--bandwidth', '100M', '--no-history'],
      ...['--duration', '12s', '--interval', '1s', '--overhead', '100'],
    );
    if (mayOopsAtBitmapFree(release(), BigInt(memoryMiB) << 20n)) {
      assert.equal(exitCode, 3, stdout);
      assert.match(stderr, /may crash this host .* --kernel-has 2bed2ced40c9/s);
    } else assert.equal(exitCode, 0, stderr);
    assert.equal(await trackingIsOn(guest.pid), false);
  });
});
