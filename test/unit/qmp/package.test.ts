import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { repositoryRoot } from '#scripts/repository.js';

const run = promisify(execFile);

const USE = `
import { QmpClient, type Int } from 'qemu-qmp-client-ts';
import { FakeQemu } from 'qemu-qmp-client-ts/testing';
import type { Qemu7_2 } from 'qemu-qmp-client-ts/qapi/7.2';
import type { QueryMigrateReturn } from 'qemu-qmp-client-ts/qapi';

await using qemu = await FakeQemu.listen();
qemu.on('query-status', () => ({ status: 'running', running: true, singlestep: false }));
await using client = await QmpClient.connect<Qemu7_2>(qemu.address);
const { running } = await client.execute('query-status');
const migration: QueryMigrateReturn = { downtime: 1n satisfies Int };
console.log(running, migration.downtime);
await QmpClient.connect('ws://127.0.0.1:1').catch((error: { code: string }) => { console.log(error.code); });
`;

describe('the packed package', () => {
  it('installs without dependencies, type-checks and runs in an empty project', async function () {
    this.timeout(120_000);
    const root = repositoryRoot();
    const folder = await mkdtemp(join(tmpdir(), 'qmp-pack-'));
    try {
      await run('npm', ['pack', '-w', 'qmp', '--pack-destination', folder], { cwd: root });
      const [tarball = ''] = await readdir(folder);
      await writeFile(join(folder, 'package.json'), '{"private": true, "type": "module"}');
      await writeFile(join(folder, 'use.ts'), USE);
      await run('npm', ['install', '--offline', '--no-audit', `./${tarball}`], { cwd: folder });
      assert.deepEqual(
        (await readdir(join(folder, 'node_modules'))).filter((name) => !name.startsWith('.')),
        ['qemu-qmp-client-ts'],
      );
      const types = ['--typeRoots', join(root, 'node_modules/@types'), '--types', 'node'];
      const target = [
        '--module',
        'nodenext',
        '--target',
        'es2022',
        '--lib',
        'es2023,esnext.disposable',
      ];
      const compiler = join(root, 'node_modules/typescript/bin/tsc');
      await run(process.execPath, [compiler, '--strict', ...target, ...types, 'use.ts'], {
        cwd: folder,
      });
      const { stdout } = await run(process.execPath, ['use.js'], { cwd: folder });
      assert.equal(stdout, 'true 1n\nQMP_UNSUPPORTED\n');
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});
