import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from '#scripts/repository.js';

describe('the packages', () => {
  for (const name of ['qmp', 'vfio']) {
    it(`${name} depends on no other package of the workspace`, () => {
      const text = readFileSync(join(repositoryRoot(), name, 'package.json'), 'utf8');
      const manifest = JSON.parse(text) as { dependencies?: Record<string, string> };
      const workspace = ['qemu-qmp-client-ts', 'linux-vfio-ts', 'precopy'];
      const found = workspace.filter((other) => manifest.dependencies?.[other] !== undefined);
      assert.deepEqual(found, []);
    });
  }
});
