/** What a controller rehearses is kept, and used when somebody migrates the domain. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { Expectation, Standing } from 'precopy';
import { hostsWithHook, logged } from '../support/attached.js';
import { needsLibvirt, type LibvirtHost } from '../support/libvirt-host.js';
import { startPrecopy } from '../support/precopy.js';

describe('rehearsals of precopy attach', function () {
  this.timeout(180_000);
  let source: LibvirtHost;
  let destination: LibvirtHost;
  needsLibvirt();
  before(async () => {
    [source, destination] = await hostsWithHook(
      'rehearse: { every: 1s, duration: 2s, overhead: 50 }\nmigration: { policy: adaptive, downtimeLimit: 1s }',
    );
  });
  after(async () => {
    await (source as LibvirtHost | undefined)?.[Symbol.asyncDispose]();
    await (destination as LibvirtHost | undefined)?.[Symbol.asyncDispose]();
  });

  it('are kept, are shown at once, outlive the controller, and tell the policy what to expect', async () => {
    const domain = await source.create({
      name: 'rehearsed',
      workload: { baseAddress: 16 << 20, pages: 2048, pagesPerSecond: 500 },
    });
    await logged(source, domain, /rehearsed: (.*\n)*.*rehearsed: /);

    const env = { PRECOPY_RUN_FOLDER: join(source.root, 'run/precopy') };
    const show = ['attach', '--connect', source.uri, '--domain', domain.uuid, '--rehearsed'];
    const shown = await startPrecopy([...show, '--json'], { env }).finished;
    assert.equal(shown.exitCode, 0, shown.stderr);
    const { recent, qemu } = JSON.parse(shown.stdout) as Standing;
    assert.ok(recent.length >= 2, shown.stdout);
    assert.equal(qemu.pid, source.pidOf(domain));
    const { stdout } = await startPrecopy(show, { env }).finished;
    assert.match(stdout, /^rehearsed .*a migration$/m);

    // A controller that dies is replaced at the next reconnect, and the new one reads what was kept.
    const controller = source.controllerOf(domain);
    assert.ok(controller);
    process.kill(controller, 'SIGKILL');
    await source.stopDaemon();
    await source.startDaemon();
    await logged(source, domain, /attached to [^]*attached to [^]*probed: /);

    await source.virsh(
      ...['migrate', '--live', '--p2p', domain.uuid, '--desturi', destination.uri],
      ...['--migrateuri', destination.channel('rehearsed'), '--bandwidth', '6'],
    );
    await logged(source, domain, /migration completed/);
    const [records = []] = source.journalsOf(domain);
    const goal = records.find(({ type }) => type === 'goal');
    const { forecast, curve } = goal?.['expectation'] as Expectation;
    assert.ok(['yes', 'perhaps', 'no'].includes(forecast.converges));
    // calc-dirty-rate counted the workload's pages: this machine's kernel may have no soft-dirty bits.
    assert.ok(
      curve.some(({ bytes }) => bytes > 0),
      JSON.stringify(curve),
    );
    await logged(destination, domain, /rehearsed: /);
    await destination.virsh('destroy', domain.uuid);
    await logged(destination, domain, /ended: /);
  });
});
