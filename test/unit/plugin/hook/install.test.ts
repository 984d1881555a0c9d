import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hookScript } from 'precopy';
import { precopy } from '../../../support/precopy.js';

describe('precopy hook', () => {
  let root = '';
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'precopy hook '));
  });
  afterEach(() => {
    rmSync(root, { recursive: true });
  });
  const hooks = (name: string): string => join(root, 'etc/libvirt/hooks', name);

  it('install and uninstall leave a hook of somebody else as it is', async () => {
    mkdirSync(hooks(''), { recursive: true });
    writeFileSync(hooks('qemu'), '#!/bin/sh\n');
    const installed = await precopy('hook', 'install', '--root', root);
    assert.equal(installed.exitCode, 0, installed.stderr);
    assert.match(installed.stdout, /qemu stays\./);
    execFileSync('sh', ['-n', hooks('qemu.d/precopy')]);
    const refused = await precopy('hook', 'install', '--root', root, '--single-file');
    assert.equal(refused.exitCode, 2);
    assert.equal((await precopy('hook', 'uninstall', '--root', root)).exitCode, 0);
    assert.ok(!existsSync(hooks('qemu.d/precopy')));
    assert.equal(readFileSync(hooks('qemu'), 'utf8'), '#!/bin/sh\n');
  });

  /** What libvirt sees of the script when Node does that. */
  const statusOf = (program: string): number | null => {
    const [node, main] = [join(root, "no'de"), join(root, 'main.js')];
    if (program !== '') writeFileSync(node, `#!/bin/sh\n${program}\n`, { mode: 0o755 });
    writeFileSync(main, '');
    return spawnSync('sh', ['-c', hookScript(node, main), 'precopy', 'guest']).status;
  };

  for (const [what, program, status] of [
    ['a refusal', 'exit 77', 1],
    ['nothing to say', 'exit 0', 0],
    ['a Node that fails', 'exit 1', 0],
    ['a Node that is killed', 'kill -9 $$', 0],
    ['no Node', '', 0],
  ] as const) {
    it(`tells libvirt ${status === 0 ? 'nothing' : 'to refuse'} of ${what}`, () => {
      assert.equal(statusOf(program), status);
    });
  }
});
