/** A real libvirtd calls the installed hook, which launches a controller that follows its domain. */
import assert from 'node:assert/strict';
import { hostsWithHook, logged, until } from '../support/attached.js';
import { childrenOf } from '../support/children.js';
import { needsLibvirt, type LibvirtHost } from '../support/libvirt-host.js';

describe('precopy attach, launched by the hooks of a real libvirtd', function () {
  this.timeout(180_000);
  let source: LibvirtHost;
  let destination: LibvirtHost;
  needsLibvirt();
  before(async () => {
    [source, destination] = await hostsWithHook('rehearse: { enabled: no }');
  });
  after(async () => {
    await (source as LibvirtHost | undefined)?.[Symbol.asyncDispose]();
    await (destination as LibvirtHost | undefined)?.[Symbol.asyncDispose]();
  });

  it('follows a domain from its start to its destruction', async () => {
    const domain = await source.create({ name: 'a guest; $(reboot)' });
    await logged(source, domain, /probed: migratable/);
    assert.match(source.logOf(domain), new RegExp(`QEMU pid ${source.pidOf(domain)}`));
    await source.virsh('destroy', domain.uuid);
    await logged(source, domain, /ended: /);
    await until('its pid file is gone', () => source.controllerOf(domain) === undefined);
    for (const operation of ['prepare', 'started', 'stopped', 'release']) {
      assert.match(source.hookLog(), new RegExp(`"a guest; \\$\\(reboot\\)","${operation}"`));
    }
  });

  it('stays over a restart of libvirtd, and there is still one of it', async () => {
    const domain = await source.create({ name: 'reconnect' });
    await logged(source, domain, /probed: /);
    const controller = source.controllerOf(domain);
    await source.stopDaemon();
    await logged(source, domain, /the monitor is gone/);
    await source.startDaemon();
    await logged(source, domain, /probed: [^]*probed: /);
    await until('the hook was called at reconnect', () =>
      /"reconnect","reconnect"/.test(source.hookLog()),
    );
    assert.equal(source.controllerOf(domain), controller);
    assert.match(source.hookLog(), /is attached already/);
    await source.virsh('destroy', domain.uuid);
    await logged(source, domain, /ended: /);
  });

  it('ends when QEMU is killed, even while libvirtd is away', async () => {
    const domain = await source.create({ name: 'crash' });
    await logged(source, domain, /probed: /);
    await source.stopDaemon();
    process.kill(source.pidOf(domain), 'SIGKILL');
    await logged(source, domain, /ended: QEMU has ended/);
    await source.startDaemon();
  });

  it('journals a migration that virsh runs, and the destination gets a controller', async () => {
    const domain = await source.create({
      name: 'moves',
      workload: { baseAddress: 16 * 2 ** 20, pages: 4096, pagesPerSecond: 1000 },
    });
    await logged(source, domain, /probed: /);
    await source.virsh(
      ...['migrate', '--live', '--p2p', domain.uuid, '--desturi', destination.uri],
      ...['--migrateuri', destination.channel('moves'), '--bandwidth', '6'],
    );
    await logged(source, domain, /migration completed/);
    await logged(source, domain, /ended: /);
    await logged(destination, domain, /probed: /);
    assert.deepEqual(await destination.names(), [domain.name]);
    const [records = []] = source.journalsOf(domain);
    const types = records.map(({ type }) => type);
    assert.equal(types[0], 'start');
    assert.deepEqual(types.slice(-2), ['result', 'end']);
    assert.ok(types.includes('pass'), JSON.stringify(records));
    await destination.virsh('destroy', domain.uuid);
    await logged(destination, domain, /ended: /);
  });

  it('goes on following a migration when the monitor was lost and is back', async () => {
    const domain = await source.create({
      name: 'lost',
      // More than goes through at the speed below.
      workload: { baseAddress: 16 * 2 ** 20, pages: 2048, pagesPerSecond: 1000 },
    });
    await logged(source, domain, /probed: /);
    const moved = source.virsh(
      ...['migrate', '--live', '--p2p', domain.uuid, '--desturi', destination.uri],
      ...['--migrateuri', destination.channel('lost'), '--bandwidth', '1'],
    );
    await logged(source, domain, /a migration began/);
    // Its way to the monitor: libvirt's proxy, or virsh.
    for (const pid of childrenOf(source.controllerOf(domain) ?? 0)) process.kill(pid, 'SIGKILL');
    await logged(source, domain, /a migration is taken up again/);
    await source.virsh('migrate-setspeed', domain.uuid, '100');
    await moved;
    await logged(source, domain, /migration completed/);
    await logged(source, domain, /ended: /);
    const [types = [], ...others] = source
      .journalsOf(domain)
      .map((records) => records.map(({ type }) => type));
    assert.deepEqual(others, []);
    assert.ok(types.includes('resumed'));
    assert.deepEqual(types.slice(-2), ['result', 'end']);
    await destination.virsh('destroy', domain.uuid);
  });

  it('takes a migration up again that a controller was steering which was killed', async () => {
    const domain = await source.create({
      name: 'killed',
      workload: { baseAddress: 16 * 2 ** 20, pages: 4096, pagesPerSecond: 100_000 },
      metadata: `<p:domain xmlns:p="urn:precopy:domain:1"><p:migration policy="adaptive" downtimeLimit="10ms" timeout="20s"/></p:domain>`,
    });
    await logged(source, domain, /probed: /);
    const limitBefore = await source.virsh('migrate-getmaxdowntime', domain.uuid);
    const moved = source.virsh(
      ...['migrate', '--live', '--p2p', domain.uuid, '--desturi', destination.uri],
      ...['--migrateuri', destination.channel('killed'), '--bandwidth', '4'],
    );
    const failed = assert.rejects(moved, /aborted|cancel/);
    await logged(source, domain, /a migration began/);
    await until(
      'it is steered',
      () => source.journalsOf(domain)[0]?.some(({ type }) => type === 'goal') ?? false,
    );
    process.kill(source.controllerOf(domain) ?? 0, 'SIGKILL');
    await source.callHook(domain, 'reconnect');
    await logged(source, domain, /a migration is taken up again/);
    await failed;
    await logged(source, domain, /migration cancelled/);
    const journals = source.journalsOf(domain);
    assert.equal(journals.length, 1, 'it goes on in the same journal');
    const records = journals[0] ?? [];
    assert.ok(records.some(({ type }) => type === 'resumed'));
    // The time limit counts from the beginning of the migration, not from the new controller's.
    const began = records.find(({ type, phase }) => type === 'phase' && phase === 'precopy');
    const cancelled = records.findLast(({ type }) => type === 'decision');
    const ms = Number(cancelled?.['monotonicMs']) - Number(began?.['monotonicMs']);
    assert.equal((cancelled?.['action'] as { kind: string }).kind, 'cancel');
    assert.match(String(cancelled?.['reason']), /time limit of 20\.0 s/);
    assert.ok(ms >= 20_000, `${ms} ms`);
    assert.equal(await source.virsh('migrate-getmaxdowntime', domain.uuid), limitBefore);
    await source.virsh('destroy', domain.uuid);
    await logged(source, domain, /ended: /);
  });

  it('applies the policy of its metadata to a migration that virsh runs', async () => {
    const domain = await source.create({
      name: 'policy',
      // 16 MiB written all the time, far faster than the bandwidth below.
      workload: { baseAddress: 16 * 2 ** 20, pages: 4096, pagesPerSecond: 100_000 },
      metadata: `<p:domain xmlns:p="urn:precopy:domain:1"><p:migration policy="adaptive" downtimeLimit="10ms" timeout="5s"/></p:domain>`,
    });
    await logged(source, domain, /probed: /);
    await assert.rejects(
      source.virsh(
        ...['migrate', '--live', '--p2p', domain.uuid, '--desturi', destination.uri],
        ...['--migrateuri', destination.channel('policy'), '--bandwidth', '4'],
      ),
      /aborted|cancel/,
    );
    await logged(source, domain, /migration cancelled/);
    assert.equal((await source.virsh('domstate', domain.uuid)).trim(), 'running');
    const [records = []] = source.journalsOf(domain);
    const decisions = records.flatMap((record) =>
      record['type'] === 'decision' ? [(record['action'] as { kind: string }).kind] : [],
    );
    assert.equal(decisions.at(-1), 'cancel', JSON.stringify(records));
    await source.virsh('destroy', domain.uuid);
    await logged(source, domain, /ended: /);
  });
});
