import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { measureBusyShare } from 'precopy';

describe("how busy a guest's vCPUs are", () => {
  it('is nothing of threads that wait, and what they took of those that run', async () => {
    const waiting = spawn('sleep', ['60']);
    const running = spawn(process.execPath, ['-e', 'for (;;);']);
    try {
      const shares = [waiting, running].map(({ pid = -1 }) => measureBusyShare(pid, [pid, pid]));
      await sleep(1500);
      const [idle = NaN, busy = NaN] = shares.map((share) => share());
      assert.equal(idle, 0);
      // How much of a core it gets is up to the machine.
      assert.ok(busy > 0 && busy <= 1, String(busy));
    } finally {
      waiting.kill();
      running.kill();
    }
  });

  it('is not known of threads that are gone', () => {
    assert.equal(measureBusyShare(process.pid, [2 ** 30])(), undefined);
  });
});
