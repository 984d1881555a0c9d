/** `precopy probe` of QEMUs whose devices use iommufd, and of those that take iommufd for type1. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { Dirtygen } from '#scripts/lab/dirtygen.js';
import { Guest } from '#scripts/lab/guest.js';
import { precopy } from '../support/precopy.js';
import { kindsOf, probed } from '../support/probed.js';
import { bindToVfioPci, iommuBackedDevices } from '../support/raw-container.js';

const object = ['-object', 'iommufd,id=iommufd0'];

function viaIommufd(dirtygen: Dirtygen): string[] {
  return ['-device', `${dirtygen.qemuDevice},iommufd=iommufd0`];
}

describe('precopy probe of a QEMU with iommufd', () => {
  it('finds the device logging that QEMU will use', async () => {
    using dirtygen = Dirtygen.create({ dmaLogging: true });
    await using guest = await Guest.start({ args: [...object, ...viaIommufd(dirtygen), '-S'] });
    const found = await probed(guest.qmp);
    assert.equal(found.exitCode, 0);
    assert.deepEqual(kindsOf(found), { iommufd: 1, 'device-cdev': 1 });
    const { support } = found.report.kernel;
    assert.equal(support.verdict, 'device-logging');
    assert.deepEqual(
      support.sides.map(({ through, verdict }) => [through, verdict]),
      [['iommufd', 'device-logging']],
    );
    assert.deepEqual(support.containers, []);
    assert.match(support.devices[0]?.name ?? '', new RegExp(dirtygen.uuid));
    assert.match(String(found.report.devices[0]?.properties['iommufd']), /iommufd0/);
    assert.deepEqual(support.problems, []);
  });

  it('says that nobody tracks a mediated device without a log of its own', async () => {
    using dirtygen = Dirtygen.create();
    await using guest = await Guest.start({ args: [...object, ...viaIommufd(dirtygen), '-S'] });
    const found = await probed(guest.qmp);
    const { support } = found.report.kernel;
    assert.equal(support.verdict, 'none');
    assert.match(support.problems[0]?.fix ?? '', /leave iommufd= out/);
    assert.match(support.iommufds[0]?.evidence[0]?.says ?? '', /no device behind an IOMMU/);
    const { stdout } = await precopy('probe', '--qmp', guest.qmp);
    assert.match(stdout, /^dirty tracking: Nobody can say/m);
    assert.match(stdout, /^ {2}iommufd fd \d+$/m);
  });

  it('names the IOMMU that does not track, and the device that can not migrate', async () => {
    const [address = ''] = iommuBackedDevices();
    using pci = bindToVfioPci(address);
    await using guest = await Guest.start({
      args: [...object, '-device', `vfio-pci,host=${pci.name},iommufd=iommufd0`, '-S'],
    });
    const found = await probed(guest.qmp);
    assert.equal(found.exitCode, 3);
    const { support } = found.report.kernel;
    assert.equal(support.verdict, 'none');
    assert.match(support.iommufds[0]?.evidence[0]?.says ?? '', /does not track dirty pages/);
    assert.ok(found.report.blockers.length > 0);
  });

  it('judges devices on iommufd and on type1 each by their own', async function () {
    const version = execFileSync('qemu-system-x86_64', ['--version'], { encoding: 'utf8' });
    if (version.includes('version 11.')) {
      console.log(
        '    skipped: QEMU 11 aborts with both kinds of devices: "Object ... is not an instance of type vfio-iommu-legacy"',
      );
      this.skip();
    }
    using logging = Dirtygen.create({ dmaLogging: true });
    using plain = Dirtygen.create();
    await using guest = await Guest.start({
      args: [...object, ...viaIommufd(logging), '-device', plain.qemuDevice, '-S'],
    });
    const found = await probed(guest.qmp);
    assert.equal(found.exitCode, 0);
    const { support } = found.report.kernel;
    assert.deepEqual(
      support.sides.map(({ through, verdict }) => [through, verdict]),
      [
        ['type1', 'container-precise'],
        ['iommufd', 'device-logging'],
      ],
    );
    assert.equal(support.verdict, 'container-precise');
  });
});

/** Makes /dev/vfio/vfio iommufd's until it is disposed of, as CONFIG_IOMMUFD_VFIO_CONTAINER or a link do. */
function iommufdAsContainer(how: 'node' | 'link'): Disposable {
  const path = '/dev/vfio/vfio';
  const minorOf = (file: string): number =>
    (statSync(file).rdev & 0xff) | ((statSync(file).rdev >> 12) & 0xfff00);
  const own = minorOf(path);
  const node = (minor: number): void => {
    execFileSync('mknod', [path, 'c', '10', String(minor)]);
  };
  execFileSync('rm', [path]);
  if (how === 'node') node(minorOf('/dev/iommu'));
  else execFileSync('ln', ['-s', '/dev/iommu', path]);
  return {
    [Symbol.dispose]: () => {
      execFileSync('rm', [path]);
      node(own);
    },
  };
}

for (const how of ['node', 'link'] as const) {
  describe(`precopy probe of a QEMU that has iommufd as its container (by a device ${how})`, () => {
    it('does not take it for type1 dirty tracking', async () => {
      using dirtygen = Dirtygen.create();
      using compat = iommufdAsContainer(how);
      assert.ok(compat);
      await using guest = await Guest.start({ args: ['-device', dirtygen.qemuDevice, '-S'] });
      const { report } = await probed(guest.qmp);
      const { support } = report.kernel;
      const [container] = support.containers;
      assert.equal(container?.tracks, false);
      assert.equal(container.extension9, 'unmap-all');
      assert.deepEqual(container.generations, []);
      assert.equal(support.verdict, 'none');
      assert.match(support.problems[0]?.what ?? '', /Behind \/dev\/vfio\/vfio is iommufd/);
    });

    it('finds the device logging that works there', async () => {
      using dirtygen = Dirtygen.create({ dmaLogging: true });
      using compat = iommufdAsContainer(how);
      assert.ok(compat);
      await using guest = await Guest.start({ args: ['-device', dirtygen.qemuDevice, '-S'] });
      const { exitCode, report } = await probed(guest.qmp);
      assert.equal(exitCode, 0);
      assert.equal(report.kernel.support.verdict, 'device-logging');
    });
  });
}
