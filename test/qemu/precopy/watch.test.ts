/** precopy watch on a terminal, whatever becomes of it. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { QmpClient } from 'qemu-qmp-client-ts';
import { Guest } from '#scripts/lab/guest.js';
import { repositoryRoot } from '#scripts/repository.js';
import { spawnOnTerminal } from '../../support/terminal.js';

const [hideCursor, showCursor] = ['\x1b[?25l', '\x1b[?25h'];

describe('precopy watch on a terminal', () => {
  it('gives the cursor back at Ctrl-C, and calls that an ordinary end', async () => {
    await using guest = await Guest.start({});
    // A monitor serves one client: watch waits for its greeting.
    await using holder = await QmpClient.connect(guest.qmp);
    const main = join(repositoryRoot(), 'plugin/dist/cli/main.js');
    const terminal = spawnOnTerminal(process.execPath, [main, 'watch', '--qmp', guest.qmp], {
      columns: 100,
      rows: 30,
    });
    while (!terminal.output().includes('looking at the guest')) await sleep(20);
    terminal.process.kill('SIGINT');
    const output = await terminal.finished;
    assert.deepEqual([terminal.process.exitCode, terminal.process.signalCode], [0, null], output);
    assert.ok(output.includes(hideCursor));
    assert.ok(output.endsWith(showCursor), JSON.stringify(output));
    assert.equal((await holder.execute('query-status')).status, 'running');
  });
});
