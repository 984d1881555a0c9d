/** A forecast is of a migration that could begin now. */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { QmpClient } from 'qemu-qmp-client-ts';
import { Guest } from '#scripts/lab/guest.js';
import { precopy } from '../../support/precopy.js';

for (const command of ['rehearse', 'watch']) {
  describe(`precopy ${command} of a QEMU without a guest to migrate`, () => {
    it('refuses one that waits for a guest', async () => {
      await using guest = await Guest.start({ incoming: true });
      const { exitCode, stdout, stderr } = await precopy(command, '--qmp', guest.qmp);
      assert.equal(exitCode, 3, stdout + stderr);
      assert.match(stderr, /"inmigrate", so it has no guest to migrate\. .*name the source/);
    });

    it('refuses one that has given its guest away', async () => {
      await using guest = await Guest.start({});
      await using other = await QmpClient.connect(guest.secondQmp);
      await other.execute('migrate', { uri: 'exec:cat > /dev/null' });
      while ((await other.execute('query-status')).status !== 'postmigrate') await sleep(20);
      const { exitCode, stdout, stderr } = await precopy(command, '--qmp', guest.qmp);
      assert.equal(exitCode, 3, stdout + stderr);
      assert.match(stderr, /"postmigrate", so it has no guest to migrate\. .*where it runs now/);
    });
  });
}
