/** `precopy probe` of guests with several devices in a container, and with none. */
import assert from 'node:assert/strict';
import { Dirtygen } from '#scripts/lab/dirtygen.js';
import { Guest } from '#scripts/lab/guest.js';
import { kindsOf, probed } from '../support/probed.js';
import { bindToVfioPci, iommuBackedDevices } from '../support/raw-container.js';

describe('precopy probe', () => {
  it('finds two devices of two groups in one container, and which of them makes all dirty', async () => {
    using dirtygen = Dirtygen.create();
    const [address = ''] = iommuBackedDevices();
    using pci = bindToVfioPci(address);
    await using guest = await Guest.start({
      args: ['-device', dirtygen.qemuDevice, '-device', `vfio-pci,host=${pci.name}`, '-S'],
    });
    const found = await probed(guest.qmp);
    assert.equal(found.exitCode, 3);
    assert.equal(found.report.assessment.verdict, 'not migratable');
    assert.deepEqual(kindsOf(found), { container: 1, group: 2, device: 2 });
    assert.equal(found.report.devices.length, 2);
    const { support } = found.report.kernel;
    assert.equal(support.verdict, 'container-everything');
    assert.deepEqual(support.containers[0]?.scopeCulprits, [address]);
    assert.equal(support.sides.length, 1);
    assert.equal(support.sides[0]?.deviceFds.length, 2);
  });

  it('needs nothing of a guest without VFIO', async () => {
    await using guest = await Guest.start({ args: ['-S'] });
    const found = await probed(guest.qmp);
    assert.equal(found.exitCode, 0);
    assert.equal(found.report.kernel.support.verdict, 'not-needed');
    assert.deepEqual(kindsOf(found), {});
    assert.deepEqual(found.report.devices, []);
    assert.deepEqual(found.report.kernel.support.sides, []);
  });
});
