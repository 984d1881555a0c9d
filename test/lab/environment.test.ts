import assert from 'node:assert/strict';
import {
  existsSync,
  readdirSync,
  readFileSync,
  realpathSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { release } from 'node:os';
import { join } from 'node:path';
import { repositoryRoot } from '#scripts/repository.js';

describe('the lab', () => {
  it('runs a Debian kernel with VFIO and mediated devices', () => {
    assert.match(release(), /^\d+\.\d+.*amd64$/);
    assert.ok(statSync('/dev/vfio/vfio').isCharacterDevice());
    const modules = readFileSync('/proc/modules', 'utf8');
    for (const name of ['vfio_iommu_type1', 'vfio_pci', 'mdev']) {
      assert.match(modules, new RegExp(`^${name} `, 'm'));
    }
  });

  it('has dirtygen loaded', () => {
    assert.match(readFileSync('/proc/modules', 'utf8'), /^dirtygen /m);
  });

  it('has two DMA-capable PCI devices, each alone in an IOMMU group', () => {
    const devices = '/sys/bus/pci/devices';
    const edus = readdirSync(devices).filter(
      (address) =>
        readFileSync(join(devices, address, 'vendor'), 'utf8').trim() === '0x1234' &&
        readFileSync(join(devices, address, 'device'), 'utf8').trim() === '0x11e8',
    );
    assert.equal(edus.length, 2);
    for (const address of edus) {
      const group = realpathSync(join(devices, address, 'iommu_group'));
      assert.deepEqual(readdirSync(join(group, 'devices')), [address]);
    }
  });

  it('hands such a device to vfio-pci', () => {
    const devices = '/sys/bus/pci/devices';
    const [address = ''] = readdirSync(devices).filter((name) =>
      readFileSync(join(devices, name, 'device'), 'utf8').startsWith('0x11e8'),
    );
    const group =
      realpathSync(join(devices, address, 'iommu_group'))
        .split('/')
        .pop() ?? '';
    writeFileSync(join(devices, address, 'driver_override'), 'vfio-pci');
    writeFileSync('/sys/bus/pci/drivers_probe', address);
    try {
      assert.ok(existsSync(join('/dev/vfio', group)));
    } finally {
      writeFileSync('/sys/bus/pci/drivers/vfio-pci/unbind', address);
      writeFileSync(join(devices, address, 'driver_override'), '\n');
    }
    assert.ok(!existsSync(join('/dev/vfio', group)));
  });

  it('has the clone read-only at its own path', () => {
    assert.ok(existsSync(join(repositoryRoot(), 'package.json')));
    assert.throws(() => {
      writeFileSync(join(repositoryRoot(), 'written-in-the-lab'), '');
    }, /EROFS/);
  });
});
