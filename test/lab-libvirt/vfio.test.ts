/** Domains with a VFIO device, of two real libvirtds inside the lab, with a controller beside each. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { stateFolder } from 'precopy';
import { Dirtygen } from '#scripts/lab/dirtygen.js';
import { hostsWithHook, logged, until } from '../support/attached.js';
import { differingPages, openRam } from '../support/guest-ram.js';
import { needsLibvirt, type Domain, type LibvirtHost } from '../support/libvirt-host.js';

/** All but without a pause, so that a migration begins while the dirty bitmap is harvested. */
const rehearsing = 'rehearse: { every: 10ms, duration: 10min, interval: 100ms, overhead: 20 }';
const rounds = Number(process.env['LIBVIRT_GUARD_ROUNDS'] ?? 3);

describe('a domain of libvirt with a VFIO device', function () {
  this.timeout(600_000);
  let source: LibvirtHost;
  let destination: LibvirtHost;
  const devices: Dirtygen[] = [];
  needsLibvirt();
  before(async () => {
    [source, destination] = await hostsWithHook(rehearsing, 'rehearse: { enabled: no }');
  });
  after(async () => {
    await (source as LibvirtHost | undefined)?.[Symbol.asyncDispose]();
    await (destination as LibvirtHost | undefined)?.[Symbol.asyncDispose]();
    // Not before: it waits until no QEMU has it open.
    for (const device of devices) device.remove();
  });

  it(`migrates with not a page differing, or is cancelled loudly, when virsh starts it during a rehearsal (${rounds} times)`, async () => {
    const outcomes = { completed: 0, cancelled: 0 };
    for (let round = 1; round <= rounds; round += 1) {
      const [device, there] = [Dirtygen.create(), Dirtygen.create()];
      devices.push(device, there);
      const domain = await source.create({
        name: `vfio-${round}`,
        workload: { baseAddress: 32 << 20, pages: 2048, pagesPerSecond: 1000 },
        mediatedDevice: device.uuid,
        sharedRam: true,
      });
      await device.set({
        rangeIova: 0x100_0000n,
        rangePages: 2048,
        rate: 2000,
        pattern: 'uniform',
      });
      await device.run();
      await logged(source, domain, /probed: migratable/);
      const before = await openRam(source.pidOf(domain));
      await until('the dirty bitmap is harvested', () => isHarvested(source.pidOf(domain)));
      await sleep(2000 * Math.random());

      const failure = await source
        .virsh(
          ...['migrate', '--live', '--p2p', '--suspend', '--domain', domain.uuid],
          ...['--desturi', destination.uri, '--migrateuri', destination.channel(domain.name)],
          ...['--xml', await xmlWith(source, domain, device, there)],
        )
        .then(
          () => undefined,
          (error: unknown) => String(error),
        );
      await logged(source, domain, /migration (completed|cancelled|failed)/);
      // The rehearsal was under way, and gave the bitmap up.
      assert.match(source.logOf(domain), /no rehearsal: .*migration/);
      if (failure === undefined) {
        outcomes.completed += 1;
        const after = await openRam(destination.pidOf(domain));
        assert.deepEqual(await differingPages(before, after), [], `round ${round}`);
        await after.close();
        const { written } = await there.status();
        await destination.virsh('resume', domain.uuid);
        await until('the device goes on writing at the destination', async () => {
          return (await there.status()).written > written;
        });
        await destination.virsh('destroy', domain.uuid);
      } else {
        outcomes.cancelled += 1;
        assert.match(failure, /aborted|cancel/, source.logOf(domain));
        assert.match(source.logOf(domain), /was cancelled; the guest runs on the source/);
        assert.equal((await source.virsh('domstate', domain.uuid)).trim(), 'running');
        await source.virsh('destroy', domain.uuid);
      }
      await before.close();
      await logged(source, domain, /ended: /);
    }
    const { completed, cancelled } = outcomes;
    console.log(`      ${completed} completed intact, ${cancelled} were cancelled`);
    assert.equal(completed + cancelled, rounds);
  });
});

/** A note of what must be undone stands in its file for as long as we have dirty tracking on. */
function isHarvested(pid: number): boolean {
  const folder = stateFolder();
  return (
    existsSync(folder) && readdirSync(folder).some((name) => name.startsWith(`tracking-${pid}-`))
  );
}

/** The domain as it shall be at the destination, where another mediated device waits for it. */
async function xmlWith(
  host: LibvirtHost,
  { uuid }: Domain,
  device: Dirtygen,
  other: Dirtygen,
): Promise<string> {
  const xml = await host.virsh('dumpxml', '--migratable', uuid);
  const file = join(host.root, `${uuid}-destination.xml`);
  writeFileSync(file, xml.replaceAll(device.uuid, other.uuid));
  return file;
}
