import assert from 'node:assert/strict';
import {
  mkdtempSync,
  openSync,
  closeSync,
  readlinkSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LibcKernel } from 'linux-vfio-ts';
import { Guest } from '#scripts/lab/guest.js';
import { readyMonitor } from '../../support/monitor.js';

describe('a file sent over a unix socket', () => {
  it('arrives in QEMU (getfd)', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'vfio-sendmsg-'));
    try {
      await using guest = await Guest.start({ args: ['-S'] });
      using monitor = await readyMonitor(guest);
      const path = join(folder, 'sent');
      writeFileSync(path, '');
      const fd = openSync(path, 'r');
      const command = '{"execute":"getfd","arguments":{"fdname":"it"},"id":"sent"}\n';
      const bytes = new TextEncoder().encode(command);
      const reply = new Promise<string>((resolve) => {
        monitor.socket.on('data', (data) => {
          if (String(data).includes('"sent"')) resolve(String(data));
        });
      });
      assert.equal(new LibcKernel().sendmsg(monitor.fd, bytes, [fd]), bytes.byteLength);
      closeSync(fd);
      assert.deepEqual(JSON.parse(await reply), { return: {}, id: 'sent' });
      const folderOfQemu = `/proc/${guest.pid}/fd`;
      const files = readdirSync(folderOfQemu).map((name) => {
        try {
          return readlinkSync(join(folderOfQemu, name));
        } catch {
          return ''; // Closed in the meantime.
        }
      });
      assert.ok(files.includes(path));
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
