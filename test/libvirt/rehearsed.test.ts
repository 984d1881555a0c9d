/** What a controller rehearses is kept, and used when somebody migrates the domain. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { HistoryFile, type Expectation, type MigrationSample, type Standing } from 'precopy';
import { hostsWithHook, logged, until } from '../support/attached.js';
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

  it('go on by what past migrations measured where a migration has left QEMU without a max-bandwidth, and say what is missing until then', async () => {
    const domain = await source.create({
      name: 'cancelled',
      memoryMiB: 1024,
      // So much that its first round takes longer than it takes to cancel it.
      workload: { baseAddress: 16 << 20, pages: 240_000, pagesPerSecond: 0, spin: 0 },
      metadata: `<p:domain xmlns:p="urn:precopy:domain:1"><p:migration policy="qemu"/></p:domain>`,
    });
    await logged(source, domain, /rehearsed: /);
    const bounded = await startPrecopy([
      ...['migrate', '--qmp', `libvirt:${source.uri}#${domain.name}`, '--to', destination.uri],
      ...['--uri', destination.channel(domain.name), '--bandwidth', '4M', '--timeout', '3s'],
    ]).finished;
    assert.equal(bounded.exitCode, 5, bounded.stdout + bounded.stderr);
    const show = async (): Promise<Standing> => {
      const env = { PRECOPY_RUN_FOLDER: join(source.root, 'run/precopy') };
      const args = ['attach', '--connect', source.uri, '--domain', domain.uuid, '--rehearsed'];
      const { stdout, stderr } = await startPrecopy([...args, '--json'], { env }).finished;
      assert.equal(stderr, '');
      return JSON.parse(stdout) as Standing;
    };
    await until('what is missing is said', async () => {
      const { why, next } = (await show()).obstacle ?? { why: '', next: '' };
      return /no past migration tells what the link takes/.test(why) && /rehearse\.b/.test(next);
    });

    const journals = source.journalsOf(domain).length;
    await source.virsh('migrate-setmaxdowntime', domain.uuid, '1');
    const unbounded = source.virsh(
      ...['migrate', '--live', '--p2p', domain.uuid, '--desturi', destination.uri],
      ...['--migrateuri', destination.channel(`${domain.name}-again`)],
    );
    const cancelled = assert.rejects(unbounded, /cancel/);
    await until('its bandwidth is measured', () =>
      (source.journalsOf(domain)[journals] ?? []).some(({ type, sample }) => {
        const isSample = type === 'pass' || type === 'observation';
        return isSample && (sample as MigrationSample).bandwidthBytesPerSecond > 0;
      }),
    );
    await source.virsh('domjobabort', domain.uuid);
    await cancelled;
    const sinceMs = Date.now();
    await until('it is rehearsed again', async () => {
      const { recent, obstacle } = await show();
      return (recent.at(-1)?.atMs ?? 0) > sinceMs && obstacle === undefined;
    });
    const history = new HistoryFile(join(source.root, '.local/state/precopy/history.jsonl')).read();
    const last = history.findLast((entry) => entry.type === 'migration');
    assert.equal(last?.completed, false);
    assert.ok((last.linkBytesPerSecond ?? 0) > 0, JSON.stringify(history));
    await source.virsh('destroy', domain.uuid);
    await logged(source, domain, /ended: /);
  });
});
