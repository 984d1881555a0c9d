/** How a migration's bytes can travel: every kind of channel between two real QEMUs, each verified. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { QmpClient } from 'qemu-qmp-client-ts';
import type { JournalRecord } from 'precopy';
import { startPair, type Guest } from '#scripts/lab/guest.js';
import { makeCertificates } from '../../support/certificates.js';
import { precopy, startPrecopy, type Finished } from '../../support/precopy.js';

describe('the channel of precopy migrate', () => {
  let pair: Awaited<ReturnType<typeof startPair>>;
  let folder: string;
  const start = async (
    sourceArgs: string[] = [],
    destinationArgs: string[] = [],
  ): Promise<void> => {
    pair = await startPair({ memoryMiB: 64, sourceArgs, destinationArgs });
  };
  const migrateArguments = (more: string[]): string[] => [
    ...['migrate', '--qmp', pair.source.qmp, '--to-qmp', pair.destination.qmp],
    ...['--policy', 'qemu', '--verify', ...more],
  ];
  const migrate = async (...more: string[]): Promise<Finished> =>
    await precopy(...migrateArguments(more));
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'precopy-test-'));
  });
  afterEach(async () => {
    await pair[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
  });

  it('is TCP, at a port that the destination chooses', async () => {
    await start();
    const finished = await migrate('--uri', 'tcp:127.0.0.1:0', '--json');
    assertMoved(finished);
    assert.match(finished.stdout, /"command":"migrate","arguments":{"uri":"tcp:127\.0\.0\.1:[1-9]/);
  });

  it('is another address for the source than for the destination', async () => {
    await start();
    const path = join(folder, 'channel');
    assertMoved(
      await migrate('--uri', `unix:${folder}/./channel`, '--incoming-uri', `unix:${path}`),
    );
  });

  it('is a command at each end', async () => {
    await start();
    const relay = (role: 'listen' | 'connect'): string =>
      `exec:exec ${process.execPath} -e "const p='${folder}/relay',n=require('net'),f=s=>{process.stdin.pipe(s);s.pipe(process.stdout)};${
        role === 'listen'
          ? 'const v=n.createServer(s=>{v.close();f(s)});v.listen(p)'
          : "const t=()=>{const s=n.connect(p);s.once('connect',()=>f(s));s.once('error',()=>setTimeout(t,20))};t()"
      }"`;
    assertMoved(await migrate('--uri', relay('connect'), '--incoming-uri', relay('listen')));
  });

  it('is a descriptor of precopy itself, handed to each QEMU', async () => {
    await start();
    // Node's pipes are socket pairs; between their other ends this test is the wire.
    const args = migrateArguments(['--uri', 'fd:3', '--incoming-uri', 'fd:4']);
    const running = startPrecopy(args, { extraPipes: 2 });
    const [source, destination] = running.process.stdio.slice(3) as [Duplex, Duplex];
    source.pipe(destination).pipe(source);
    assertMoved(await running.finished);
  });

  for (const compression of ['none', 'zlib', 'zstd']) {
    it(`is several connections, compressed with ${compression}`, async () => {
      await start();
      const finished = await migrate(
        ...['--multifd-channels', '3', '--multifd-compression', compression, '--json'],
      );
      assertMoved(finished);
      assert.match(finished.stdout, /"multifd-channels":3/);
      // What was set is put back, although a migrated source is not used again.
      const parameters = await ask(pair.source, 'query-migrate-parameters');
      assert.equal(parameters['multifd-channels'], 2);
      assert.equal(parameters['multifd-compression'], 'none');
    });
  }

  describe('encrypted', () => {
    const credentials = (endpoint: string): string[] => [
      '-object',
      `tls-creds-x509,id=tls0,endpoint=${endpoint},dir=${folder}/pki,verify-peer=on`,
    ];
    const admits = (name: string): string[] => [
      '-object',
      `authz-simple,id=authz0,identity=CN=${name}`,
    ];
    const startWith = async (destinationArgs: string[] = []): Promise<void> => {
      makeCertificates(join(folder, 'pki'), { server: 'destination.test', client: 'source.test' });
      await start(credentials('client'), [...credentials('server'), ...destinationArgs]);
    };
    const overTls = ['--uri', 'tcp:127.0.0.1:0', '--tls-creds', 'tls0', '--tls-hostname'];

    it('checks whom the certificate names, and who may come', async () => {
      await startWith(admits('source.test'));
      assertMoved(await migrate(...overTls, 'destination.test', '--tls-authz', 'authz0'));
    });

    it('works with several connections, too', async () => {
      await startWith();
      assertMoved(await migrate(...overTls, 'destination.test', '--multifd-channels', '2'));
    });

    it('leaves the guest on the source if the destination is another host', async () => {
      await startWith();
      const { exitCode, stderr } = await migrate(...overTls, 'elsewhere.test');
      assert.equal(exitCode, 1);
      assert.match(stderr, /The guest is on the source: running\./);
      assert.equal((await ask(pair.source, 'query-status'))['status'], 'running');
      assert.equal((await ask(pair.source, 'query-migrate-parameters'))['tls-creds'], '');
    });

    it('leaves the guest on the source if the destination does not admit it', async () => {
      await startWith(admits('somebody.else'));
      const { exitCode, stderr } = await migrate(
        ...[...overTls, 'destination.test', '--tls-authz', 'authz0'],
      );
      assert.equal(exitCode, 1);
      assert.match(stderr, /The guest is on the source: running\./);
    });
  });

  it('is refused before anything is changed if it can not be', async () => {
    await start();
    for (const [args, message] of [
      [['--uri', 'nfs:host'], /"nfs:host" is no migration channel/],
      [['--uri', 'fd:3', '--multifd-channels', '2'], /multifd needs several connections/],
      [['--tls-hostname', 'name'], /--tls-hostname says nothing without --tls-creds/],
      [['--multifd-channels', '0'], /a number of connections from 1 to 255/],
    ] as const) {
      const { exitCode, stderr } = await migrate(...args);
      assert.equal(exitCode, 2, stderr);
      assert.match(stderr, message);
    }
    const capabilities = await ask(pair.source, 'query-migrate-capabilities');
    assert.doesNotMatch(JSON.stringify(capabilities), /"state":true,"capability":"multifd"/);
  });
});

function assertMoved({ exitCode, stdout, stderr }: Finished): void {
  assert.equal(exitCode, 0, `${stdout}${stderr}`);
  const differing = stdout.startsWith('{')
    ? stdout
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as JournalRecord)
        .find((record) => record.type === 'verify')?.result.differingPages
    : /^verify: (\d+) pages differ$/m.exec(stdout)?.[1];
  assert.equal(Number(differing), 0, stdout);
}

async function ask(guest: Guest, command: string): Promise<Record<string, unknown>> {
  await using client = await QmpClient.connect(guest.secondQmp);
  return (await client.execute(command)) as Record<string, unknown>;
}
