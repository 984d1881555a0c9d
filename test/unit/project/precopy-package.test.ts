import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from '#scripts/repository.js';

describe('the package precopy, as it is packed', function () {
  this.timeout(120_000);
  const folder = join(repositoryRoot(), 'plugin');

  it('has the hook, files for the system, and a man page with every command', () => {
    const output = execFileSync('npm', ['pack', '--dry-run', '--json', '--silent'], {
      cwd: folder,
      encoding: 'utf8',
    });
    for (const file of [
      'man/precopy.1',
      'share/precopy.logrotate',
      'share/precopy-attach@.service',
      'dist/hook/main.js',
    ]) {
      assert.ok(output.includes(`"${file}"`), `${file} is not in it`);
    }
    const page = readFileSync(join(folder, 'man/precopy.1'), 'utf8');
    for (const command of ['probe', 'rehearse', 'migrate', 'attach', 'hook']) {
      assert.ok(page.includes(`.SS precopy ${command}\n`), command);
    }
    for (const option of ['downtime-limit', 'to-qmp', 'single-file', 'connect']) {
      assert.ok(page.includes(`\\-\\-${option.replaceAll('-', '\\-')}`), option);
    }
  });
});
