/** `precopy probe` of guests with several devices in a container, and with none. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { Dirtygen, type DirtygenOptions } from '#scripts/lab/dirtygen.js';
import { Guest } from '#scripts/lab/guest.js';
import { precopy } from '../support/precopy.js';
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

  describe('of a guest with a vIOMMU', () => {
    const viommu = ['-device', 'intel-iommu,caching-mode=on'];

    /** Two devices that can migrate, each in a container of its own unless `args` say otherwise. */
    async function withTwoDevices(
      args: readonly string[],
      options: DirtygenOptions,
      check: (guest: Guest) => Promise<void>,
    ): Promise<void> {
      using first = Dirtygen.create(options);
      using second = Dirtygen.create(options);
      const devices = [first, second].flatMap(({ sysfsPath }) => [
        '-device',
        `vfio-pci,sysfsdev=${sysfsPath}`,
      ]);
      await using guest = await Guest.start({ args: [...args, ...viommu, ...devices, '-S'] });
      await check(guest);
    }

    it('finds a container for each device, tells them apart, and names the vIOMMU', async () => {
      await withTwoDevices([], {}, async ({ qmp }) => {
        const found = await probed(qmp);
        assert.equal(found.exitCode, 3);
        assert.deepEqual(kindsOf(found), { container: 2, group: 2, device: 2 });
        const { report } = found;
        assert.deepEqual(
          report.viommus.map(({ type }) => type),
          ['intel-iommu'],
        );
        const { containers, sides, verdict } = report.kernel.support;
        assert.equal(verdict, 'container-precise');
        assert.deepEqual(
          containers.map(({ tracks, scope }) => ({ tracks, scope })),
          Array.from({ length: 2 }, () => ({ tracks: true, scope: 'pinned' })),
        );
        assert.equal(sides.length, 1);
        assert.deepEqual([sides[0]?.fds.length, sides[0]?.deviceFds.length], [2, 2]);
        assert.match(report.blockers[0]?.reason ?? '', /device and IOMMU dirty tracking/);
        const text = (await precopy('probe', '--qmp', qmp)).stdout;
        assert.match(text, /^verdict: not migratable\n/);
        assert.match(text, /^warning: The guest has a vIOMMU \(intel-iommu\)/m);
        assert.equal(text.match(/^ {2}container fd \d+$/gm)?.length, 2);
      });
    });

    it('explains the refusal of QEMU where that names the vIOMMU', async () => {
      await withTwoDevices([], { dmaLogging: true }, async ({ qmp }) => {
        const { report, exitCode } = await probed(qmp);
        assert.equal(exitCode, 3);
        assert.match(report.blockers[0]?.reason ?? '', /vIOMMU/);
        const text = (await precopy('probe', '--qmp', qmp)).stdout;
        assert.match(
          text,
          /^problem: QEMU refuses to migrate: .*vIOMMU enabled".*\n {2}fix: .*bypass_iommu/m,
        );
        assert.doesNotMatch(text, /warning: The guest has a vIOMMU/);
      });
    });

    it('finds one container for devices whose bus bypasses it', async () => {
      await withTwoDevices(['-machine', 'default_bus_bypass_iommu=on'], {}, async ({ qmp }) => {
        const found = await probed(qmp);
        assert.deepEqual(kindsOf(found), { container: 1, group: 2, device: 2 });
        assert.equal(found.report.kernel.support.verdict, 'container-precise');
        const text = (await precopy('probe', '--qmp', qmp)).stdout;
        assert.match(text, /\(intel-iommu\): vIOMMU$/m);
        assert.doesNotMatch(text, /^warning: The guest has a vIOMMU/m);
      });
    });
  });

  it('is not led astray by a monitor that another program passes on', async () => {
    using dirtygen = Dirtygen.create();
    await using guest = await Guest.start({ args: ['-device', dirtygen.qemuDevice, '-S'] });
    const proxied = `${guest.qmp}-proxied`;
    await using server = createServer((socket) => {
      const qemu = connect(guest.qmp.slice('unix:'.length));
      socket.pipe(qemu).pipe(socket);
      socket.on('error', () => qemu.destroy());
    });
    server.listen(proxied.slice('unix:'.length));
    await once(server, 'listening');
    const { exitCode, stdout } = await precopy('probe', '--qmp', proxied);
    assert.equal(exitCode, 1, stdout);
    assert.match(stdout, /^verdict: unknown\n/);
    assert.match(stdout, /^warning: .*No process of this host is the QEMU that answers/m);
    const rehearsal = await precopy('rehearse', '--qmp', proxied);
    assert.equal(rehearsal.exitCode, 1);
    assert.match(rehearsal.stderr, /what they dirty can't be asked for: No process of this host/);
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
