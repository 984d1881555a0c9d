/** precopy migrate through two real libvirtds, each in namespaces of its own. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { JournalRecord } from 'precopy';
import { LibvirtHost, needsLibvirt, type DomainOptions } from '../support/libvirt-host.js';
import { precopy, startPrecopy, type Finished } from '../support/precopy.js';

const mib = 2 ** 20;
const userfaultfd = '/proc/sys/vm/unprivileged_userfaultfd';
/** 8 MiB that are written all the time, far faster than the bandwidths below. */
const busy: DomainOptions['workload'] = {
  baseAddress: 16 * mib,
  pages: 2048,
  pagesPerSecond: 100_000,
};

/** Writes without a pause, and so less where its CPU gets less: what a throttle is for. */
const tireless: DomainOptions['workload'] = { ...busy, pagesPerSecond: 0, spin: 20_000 };

function recordsOf({ stdout, stderr }: Finished): JournalRecord[] {
  try {
    return stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as JournalRecord);
  } catch {
    throw new Error(stdout + stderr);
  }
}

describe('precopy migrate of domains of libvirt', function () {
  this.timeout(180_000);
  let source: LibvirtHost;
  let destination: LibvirtHost;
  needsLibvirt();
  before(async () => {
    source = await LibvirtHost.start();
    await source.virsh('domcapabilities');
    destination = await LibvirtHost.start({ like: source });
  });
  after(async () => {
    await (source as LibvirtHost | undefined)?.[Symbol.asyncDispose]();
    await (destination as LibvirtHost | undefined)?.[Symbol.asyncDispose]();
  });

  const argsOf = (name: string, ...more: string[]): string[] => [
    ...['migrate', '--qmp', `libvirt:${source.uri}#${name}`, '--to', destination.uri],
    ...['--uri', destination.channel(name), '--json', ...more],
  ];

  it('moves three domains one after another, each followed pass by pass', async () => {
    for (const name of ['one', 'two', 'three']) {
      const { uuid } = await source.create({
        name,
        workload: { baseAddress: 16 * mib, pages: 4096, pagesPerSecond: 2000 },
      });
      const finished = await precopy(
        ...argsOf(name, '--bandwidth', '10M', '--downtime-limit', '1s'),
      );
      assert.equal(finished.exitCode, 0, finished.stdout + finished.stderr);
      const records = recordsOf(finished);
      assert.ok(records.some(({ type }) => type === 'pass'));
      const effects = records.flatMap((record) =>
        record.type === 'effect' ? [record.command] : [],
      );
      // Nothing but libvirt's own commands.
      assert.deepEqual(
        effects.filter((command) => !command.startsWith('virsh ')),
        [],
      );
      assert.equal((await destination.virsh('domstate', uuid)).trim(), 'running');
      assert.ok(!(await source.names()).includes(name));
    }
    assert.deepEqual((await destination.names()).sort(), ['one', 'three', 'two']);
  });

  it('has QEMU throttle a guest that does not converge, with --auto-converge', async () => {
    const { uuid } = await source.create({ name: 'throttled', workload: tireless });
    const finished = await precopy(
      ...argsOf('throttled', '--policy', 'qemu', '--auto-converge', '--timeout', '60s'),
      ...['--bandwidth', '8M', '--downtime-limit', '300ms'],
    );
    assert.equal(finished.exitCode, 0, finished.stdout + finished.stderr);
    const throttles = recordsOf(finished).flatMap((record) =>
      record.type === 'pass' ? [record.sample.throttlePercent ?? 0] : [],
    );
    assert.ok(Math.max(...throttles) >= 20, finished.stdout);
    assert.equal((await destination.virsh('domstate', uuid)).trim(), 'running');
    await destination.virsh('destroy', uuid);
  });

  it('raises the bandwidth under way where that suffices', async () => {
    const { uuid } = await source.create({ name: 'raised', workload: tireless });
    const finished = await precopy(
      ...argsOf('raised', '--bandwidth', '4M', '--max-bandwidth', '512M', '--timeout', '60s'),
      ...['--downtime-limit', '500ms'],
    );
    assert.equal(finished.exitCode, 0, finished.stdout + finished.stderr);
    const records = recordsOf(finished);
    const begun = records.findIndex(({ type }) => type === 'pass');
    const tuned = records.slice(begun).flatMap((record) => {
      return record.type === 'effect' && record.command === 'virsh migrate-setspeed'
        ? [Number((record.arguments as string[]).at(-1))]
        : [];
    });
    assert.ok(Math.max(...tuned) > 4, finished.stdout);
    await destination.virsh('destroy', uuid);
  });

  it('switches to postcopy when the time is over, if so asked', async () => {
    // As libvirt's package sets it where it is installed for use: QEMU has no rights of root there.
    const before = readFileSync(userfaultfd, 'utf8');
    writeFileSync(userfaultfd, '1');
    const { uuid } = await source.create({ name: 'later', workload: busy });
    const finished = await precopy(
      ...argsOf('later', '--bandwidth', '8M', '--downtime-limit', '10ms'),
      ...['--timeout', '5s', '--on-timeout', 'postcopy', '--max-slowdown', '0'],
    );
    writeFileSync(userfaultfd, before);
    assert.equal(finished.exitCode, 0, finished.stdout + finished.stderr);
    assert.ok(
      recordsOf(finished).some(
        (record) => record.type === 'effect' && record.command === 'virsh migrate-postcopy',
      ),
    );
    assert.equal((await destination.virsh('domstate', uuid)).trim(), 'running');
    assert.ok(!(await source.names()).includes('later'));
    await destination.virsh('destroy', uuid);
  });

  it('cancels within its limits what does not converge, and the guest goes on', async () => {
    const { uuid } = await source.create({ name: 'busy', workload: busy });
    const finished = await precopy(
      ...argsOf('busy', '--bandwidth', '4M', '--downtime-limit', '10ms', '--timeout', '8s'),
    );
    assert.equal(finished.exitCode, 5, finished.stdout + finished.stderr);
    assert.equal((await source.virsh('domstate', uuid)).trim(), 'running');
    assert.ok(!(await destination.names()).includes('busy'));
    assert.equal((await source.virsh('migrate-getmaxdowntime', uuid)).trim(), '300');
    await source.virsh('destroy', uuid);
  });

  it('cancels on Ctrl-C, and the guest goes on', async () => {
    const { uuid } = await source.create({ name: 'interrupted', workload: busy });
    const running = startPrecopy(
      argsOf('interrupted', '--bandwidth', '4M', '--downtime-limit', '10ms'),
    );
    await running.printed('"type":"pass"');
    running.process.kill('SIGINT');
    const { exitCode, stdout, stderr } = await running.finished;
    assert.equal(exitCode, 5, stdout + stderr);
    assert.equal((await source.virsh('domstate', uuid)).trim(), 'running');
    await source.virsh('destroy', uuid);
  });

  it('rehearses first, and gives the destination the XML that it is told to', async () => {
    const domain = await source.create({
      name: 'rehearsed',
      workload: { baseAddress: 16 * mib, pages: 2048, pagesPerSecond: 500 },
      metadata: '<t:tag xmlns:t="urn:tag">source</t:tag>',
    });
    const xml = await source.virsh('dumpxml', '--migratable', domain.uuid);
    const file = (name: string, tag: string): string => {
      const path = join(source.root, name);
      writeFileSync(path, xml.replace('>source</t:tag>', `>${tag}</t:tag>`));
      return path;
    };
    const finished = await precopy(
      ...argsOf('rehearsed', '--rehearse', '3s', '--bandwidth', '20M', '--downtime-limit', '1s'),
      ...['--xml', file('live.xml', 'live'), '--persistent'],
      ...['--persistent-xml', file('persistent.xml', 'persistent')],
    );
    assert.equal(finished.exitCode, 0, finished.stdout + finished.stderr);
    const goal = recordsOf(finished).find((record) => record.type === 'goal');
    assert.equal(goal?.expectation?.forecast.converges, 'yes');
    const dumped = (...args: string[]): Promise<string> =>
      destination.virsh('dumpxml', ...args, domain.uuid);
    assert.match(await dumped(), />live<\/t:tag>/);
    assert.match(await dumped('--inactive'), />persistent<\/t:tag>/);
    await destination.virsh('destroy', domain.uuid);
    await destination.virsh('undefine', domain.uuid);
  });

  it("decides by a rehearsal of before, at libvirt's own speed", async () => {
    const { uuid } = await source.create({
      name: 'forecast',
      workload: { baseAddress: 16 * mib, pages: 2048, pagesPerSecond: 500 },
    });
    const rehearsal = await precopy(
      ...['rehearse', '--qmp', `libvirt:${source.uri}#forecast`, '--duration', '3s', '--json'],
    );
    assert.equal(rehearsal.exitCode, 0, rehearsal.stderr);
    // Without --bandwidth it is libvirt's.
    await source.virsh('migrate-setspeed', uuid, '50');
    const file = join(source.root, 'rehearsal.json');
    writeFileSync(file, rehearsal.stdout);
    const finished = await precopy(
      ...argsOf('forecast', '--forecast', file, '--downtime-limit', '1s'),
    );
    assert.equal(finished.exitCode, 0, finished.stdout + finished.stderr);
    const goal = recordsOf(finished).find((record) => record.type === 'goal');
    assert.equal(goal?.goal.bandwidthBytesPerSecond, 50 * mib);
    assert.deepEqual(
      goal.expectation?.forecast,
      (JSON.parse(rehearsal.stdout) as { forecast: unknown }).forecast,
    );
    await destination.virsh('destroy', uuid);
  });

  it('refuses options of libvirt where libvirt does not migrate', async () => {
    const { exitCode, stderr } = await precopy(
      ...['migrate', '--qmp', 'unix:/nonexistent', '--uri', 'tcp:x:1', '--xml', 'domain.xml'],
    );
    assert.equal(exitCode, 2, stderr);
    assert.match(stderr, /--xml is for a migration that libvirt runs/);
  });

  it('says why libvirt refuses, and leaves the guest where it is', async () => {
    const { uuid } = await source.create({ name: 'refused' });
    const finished = await precopy(
      ...['migrate', '--qmp', `libvirt:${source.uri}#refused`],
      ...['--to', 'qemu+unix:///system?socket=/nonexistent', '--json'],
    );
    const { exitCode, stdout } = finished;
    assert.equal(exitCode, 1, stdout);
    assert.match(stdout, /\/nonexistent.*The guest is on the source: running/);
    const goal = recordsOf(finished).find((record) => record.type === 'goal');
    assert.equal(goal?.goal.bandwidthBytesPerSecond, 0, 'libvirt has no limit');
    await source.virsh('destroy', uuid);
  });
});
