import assert from 'node:assert/strict';
import { release } from 'node:os';
import type { Extension9Meaning, TrackingGeneration } from 'linux-vfio-ts';
import { Dirtygen, dirtygenMigrates } from '#scripts/lab/dirtygen.js';
import { Guest } from '#scripts/lab/guest.js';
import { hasIovaBitmap } from '../../support/iova-bitmap.js';
import { needsWholeDirtygen } from '../../support/needs-dirtygen.js';
import { probed, type Probed } from '../../support/probed.js';
import { bindToVfioPci, iommuBackedDevices } from '../../support/raw-container.js';

/** What is to be found, by `uname -r` and the proposal that the lab was started with. */
const expected: Readonly<
  Record<string, { extension9: Extension9Meaning; generations: readonly TrackingGeneration[] }>
> = {
  '5.10': { extension9: 'absent', generations: ['migration-capability'] },
  '5.10 info-flag': { extension9: 'absent', generations: ['migration-capability', 'info-flag'] },
  '5.10 extension-9': {
    extension9: 'dirty-pages',
    generations: ['migration-capability', 'extension-9'],
  },
  '5.10 extension-10': {
    extension9: 'dirty-pages',
    generations: ['migration-capability', 'extension-9', 'extension-10'],
  },
  '6.1': { extension9: 'unmap-all', generations: ['migration-capability'] },
  '6.12': { extension9: 'unmap-all', generations: ['migration-capability'] },
  '6.12 info-flag': {
    extension9: 'unmap-all',
    generations: ['migration-capability', 'info-flag'],
  },
  '7': { extension9: 'unmap-all', generations: ['migration-capability'] },
};

function expectation(): (typeof expected)[string] {
  const [version = ''] = /^(?:[0-6]\.\d+|\d+)/.exec(release()) ?? [];
  const proposal = process.env['PRECOPY_LAB_PROPOSAL'];
  const key = proposal === undefined ? version : `${version} ${proposal}`;
  const found = expected[key];
  assert.ok(found, `no expectation for kernel ${key}`);
  return found;
}

type Support = Probed['report']['kernel']['support'];

/** What `precopy probe` finds out of a QEMU with these devices. */
async function reportOf(devices: readonly string[]): Promise<Probed['report']> {
  await using guest = await Guest.start({
    args: ['-S', ...devices.flatMap((device) => ['-device', device])],
  });
  return (await probed(guest.qmp)).report;
}

async function supportOf(devices: readonly string[]): Promise<Support> {
  return (await reportOf(devices)).kernel.support;
}

describe('precopy probe on this kernel', () => {
  it('is named right with an IOMMU-backed device', async () => {
    const [address = ''] = iommuBackedDevices();
    using pci = bindToVfioPci(address);
    const support = await supportOf([`vfio-pci,host=${pci.name}`]);
    const [container] = support.containers;
    assert.ok(container);
    assert.deepEqual(
      { extension9: container.extension9, generations: container.generations },
      expectation(),
    );
    assert.equal(support.verdict, 'container-everything');
    assert.equal(container.scope, 'all');
    assert.deepEqual(container.scopeCulprits, [address]);
    assert.equal(container.trackingNow, false);
    assert.equal(support.devices[0]?.migratable, false);
  });

  it('is named right with an emulated device alone', async () => {
    using dirtygen = Dirtygen.create();
    const support = await supportOf([`vfio-pci,sysfsdev=${dirtygen.sysfsPath}`]);
    const [container] = support.containers;
    assert.ok(container);
    assert.deepEqual(
      { extension9: container.extension9, generations: container.generations },
      expectation(),
    );
    assert.equal(support.verdict, 'container-precise');
    assert.equal(container.scope, 'pinned');
    assert.deepEqual(container.scopeCulprits, []);
    assert.equal(support.devices[0]?.migratable, dirtygenMigrates());
    assert.equal(support.devices[0].dirtyLogging, 'absent');
  });

  describe('with a device that logs', () => {
    needsWholeDirtygen();

    it('sees through logging that can be started and not be read, and whether QEMU uses it', async () => {
      using dirtygen = Dirtygen.create({ dmaLogging: true });
      const { qemu, kernel } = await reportOf([`vfio-pci,sysfsdev=${dirtygen.sysfsPath}`]);
      const { support } = kernel;
      assert.equal(support.devices[0]?.dirtyLogging, hasIovaBitmap ? 'works' : 'broken');
      const usedByQemu = hasIovaBitmap ? 'device-logging' : 'broken-device-logging';
      // QEMU before 8.0 leaves a device's log alone.
      const uses = Number.parseInt(qemu.version) >= 8;
      assert.equal(support.verdict, uses ? usedByQemu : 'container-precise');
    });
  });
});
