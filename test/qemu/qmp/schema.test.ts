import assert from 'node:assert/strict';
import { QmpClient } from 'qemu-qmp-client-ts';
import { generate, keptVersions } from '#scripts/qmp-types/generate.js';
import { startBareQemu } from '../../support/qmp-peers.js';

describe('the generated types and the installed QEMU', () => {
  it('agree: its schema gives the same types as the kept one of its version', async function () {
    this.timeout(120_000);
    await using qemu = await startBareQemu();
    await using client = await QmpClient.connect(qemu.address);
    const { major, minor } = client.greeting.version;
    const version = `${major}.${minor}`;
    const kept = (await keptVersions()).find((known) => known.version === version);
    if (kept === undefined) {
      console.log(`      No types are kept for the installed QEMU ${version}.`);
      this.skip();
    }
    const schema = await client.schema();
    const [installed, expected] = await Promise.all(
      [{ version, schema }, kept].map((one) => generate([one], `qemu-${version}`, 'Qemu')),
    );
    assert.equal(
      installed?.text,
      expected?.text,
      `run: node scripts/dist/qmp-types/main.js --take ADDRESS`,
    );
  });
});
