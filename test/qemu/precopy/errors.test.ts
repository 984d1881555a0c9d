/** Bad input: each a one-paragraph error that says what to do, a non-zero exit, the guest running. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { QmpClient } from 'qemu-qmp-client-ts';
import type { Assessment } from '#plugin/probe/report.js';
import { startPair } from '#scripts/lab/guest.js';
import { precopy, startPrecopy, type Finished } from '../../support/precopy.js';
import { runState } from '../../support/run-state.js';

function assertOneParagraph({ stderr }: Finished, pattern: RegExp): void {
  assert.match(stderr, pattern);
  assert.equal(stderr.trimEnd().split('\n').length, 1, stderr);
}

describe('precopy on bad input', () => {
  let pair: Awaited<ReturnType<typeof startPair>>;
  let folder: string;
  beforeEach(async () => {
    pair = await startPair({ memoryMiB: 64 });
    folder = mkdtempSync(join(tmpdir(), 'precopy-test-'));
  });
  afterEach(async () => {
    await pair[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
  });

  it('says that there is no such socket', async () => {
    const result = await precopy('probe', '--qmp', `unix:${folder}/none`);
    assert.equal(result.exitCode, 1);
    assertOneParagraph(result, /no such socket.*Was QEMU started with -qmp/);
  });

  it('says that a socket is no QMP monitor', async () => {
    const server = createServer((socket) => socket.write('SSH-2.0-OpenSSH_9.2\r\n'));
    server.listen(join(folder, 'ssh'));
    await once(server, 'listening');
    const result = await precopy('probe', '--qmp', `unix:${folder}/ssh`);
    server.close();
    assert.equal(result.exitCode, 1);
    assertOneParagraph(result, /is not a QMP monitor.*Name the socket that was given to QEMU/);
  });

  it('says that a monitor is in use by someone else', async () => {
    const other = connect(pair.source.qmp.slice('unix:'.length));
    await once(other, 'data');
    const result = await precopy('probe', '--qmp', pair.source.qmp);
    other.destroy();
    assert.equal(result.exitCode, 1);
    assertOneParagraph(result, /sent no greeting.*another client is connected/);
    assert.equal(await runState(pair.source), 'running');
  });

  it('takes a monitor that nobody uses of the process that is named, and says where there is none', async () => {
    const { pid, qmp, secondQmp } = pair.source;
    const held: Socket[] = [];
    const probed = async (address: string): Promise<Finished> => {
      const finished = await precopy('probe', '--qmp', address);
      assert.equal(await runState(pair.destination), 'inmigrate');
      return finished;
    };
    try {
      for (const monitor of [qmp, secondQmp]) {
        const { exitCode, stdout } = await probed(`pid:${pid}`);
        assert.equal(exitCode, 0, stdout);
        assert.match(stdout, new RegExp(`, pid ${pid}: guest running`));
        const client = connect(monitor.slice('unix:'.length));
        held.push(client);
        await once(client, 'data');
      }
      const busy = await probed(`pid:${pid}`);
      assert.equal(busy.exitCode, 2);
      assertOneParagraph(busy, /Somebody is connected to every monitor.*one more -qmp/);
    } finally {
      for (const client of held) client.destroy();
    }
    const other = await probed(`pid:${process.pid}`);
    assert.equal(other.exitCode, 2);
    assertOneParagraph(other, /has no QMP monitor that listens/);
    assertOneParagraph(await probed('pid:0'), /Write pid: and a number/);
  });

  it('notices that source and destination are swapped', async () => {
    const result = await precopy(
      ...['migrate', '--qmp', pair.destination.qmp, '--to-qmp', pair.source.qmp],
    );
    assert.equal(result.exitCode, 3);
    assertOneParagraph(result, /"inmigrate".*swapped/);
    assert.equal(await runState(pair.source), 'running');
  });

  it('says of a QEMU that waits for a guest that it has none to migrate', async () => {
    const probed = await precopy('probe', '--qmp', pair.destination.qmp, '--json');
    assert.equal(probed.exitCode, 3, probed.stdout);
    const { assessment } = JSON.parse(probed.stdout) as { assessment: Assessment };
    assert.equal(assessment.verdict, 'not migratable');
    assert.match(assessment.findings[0]?.what ?? '', /"inmigrate".* no guest to migrate/);
  });

  it('says when the destination does not accept, and leaves the source running', async () => {
    const result = await precopy(
      ...['migrate', '--qmp', pair.source.qmp, '--to-qmp', pair.destination.qmp],
      ...['--uri', `unix:${folder}/no/such/folder`],
    );
    assert.equal(result.exitCode, 1);
    assertOneParagraph(result, /does not accept a migration on.*guest is on the source: running/);
    assert.equal(await runState(pair.source), 'running');
  });

  it('survives a destination that is killed mid-way, the guest running on the source', async () => {
    const running = startPrecopy([
      ...['migrate', '--qmp', pair.source.qmp, '--to-qmp', pair.destination.qmp],
      ...['--bandwidth', '1K', '--verify'],
    ]);
    await running.printed(' 1  round');
    pair.destination.process.kill('SIGKILL');
    const result = await running.finished;
    assert.equal(result.exitCode, 1);
    assertOneParagraph(result, /gave the migration up.*guest is on the source: running/);
    assert.equal(await runState(pair.source), 'running');
  });

  for (const [what, flags, stop] of [
    ['Ctrl-C', [], true],
    ['its time limit', ['--timeout', '1s'], false],
  ] as const) {
    it(`cancels on ${what} and puts the settings back`, async () => {
      const running = startPrecopy([
        ...['migrate', '--qmp', pair.source.qmp, '--to-qmp', pair.destination.qmp],
        ...['--bandwidth', '1K', ...flags],
      ]);
      await running.printed(' 1  round');
      if (stop) running.process.kill('SIGINT');
      const result = await running.finished;
      assert.equal(result.exitCode, 5);
      assertOneParagraph(result, /was cancelled.*guest is on the source: running/);
      assert.equal(await runState(pair.source), 'running');
      await using client = await QmpClient.connect(pair.source.secondQmp);
      const parameters = (await client.execute('query-migrate-parameters')) as Record<
        string,
        unknown
      >;
      assert.equal(parameters['max-bandwidth'], 128 << 20);
      const capabilities = (await client.execute('query-migrate-capabilities')) as {
        capability: string;
        state: boolean;
      }[];
      const on = capabilities.filter(({ state }) => state).map(({ capability }) => capability);
      assert.deepEqual(on, []);
    });
  }

  it('refuses wrong usage with exit code 2', async () => {
    for (const args of [
      [],
      ['frobnicate'],
      ['probe'],
      ['probe', '--qmp', 'nonsense'],
      ['migrate', '--qmp', 'unix:/a', '--to-qmp', 'unix:/b', '--bandwidth', '12Q'],
      ['migrate', '--qmp', 'unix:/a', '--to-qmp', 'unix:/b', '--journal', `${folder}/no/journal`],
    ]) {
      const { exitCode, stderr } = await precopy(...args);
      assert.equal(exitCode, 2, args.join(' '));
      assert.notEqual(stderr, '');
    }
  });
});
