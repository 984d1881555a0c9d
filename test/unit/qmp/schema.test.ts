import assert from 'node:assert/strict';
import { QapiSchema, QmpClient, type SchemaQuestion } from 'qemu-qmp-client-ts';
import { FakeQemu } from 'qemu-qmp-client-ts/testing';
import { generateAll, keptVersions } from '#scripts/qmp-types/generate.js';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { repositoryRoot } from '#scripts/repository.js';

describe('supports()', () => {
  const questions: [question: SchemaQuestion, versions: string[]][] = [
    [{ command: 'query-status' }, ['7.2', '10.0', '11.1']],
    [{ command: 'query-nothing' }, []],
    [{ command: 'query-status', returns: 'singlestep' }, ['7.2']],
    [
      { command: 'migrate-set-parameters', argument: 'avail-switchover-bandwidth' },
      ['10.0', '11.1'],
    ],
    [
      {
        command: 'migrate-set-capabilities',
        argument: 'capabilities.capability',
        value: 'switchover-ack',
      },
      ['10.0', '11.1'],
    ],
    [{ command: 'query-migrate', returns: 'ram.dirty-sync-count' }, ['7.2', '10.0', '11.1']],
    [{ command: 'blockdev-add', argument: 'file.filename' }, ['7.2', '10.0', '11.1']],
    [{ command: 'blockdev-add', argument: 'driver', value: 'gluster' }, ['7.2', '10.0']],
    [{ command: 'migrate', argument: 'channels' }, ['10.0', '11.1']],
    [{ command: 'block-job-pause', feature: 'deprecated' }, ['11.1']],
    [{ event: 'VFIO_MIGRATION' }, ['10.0', '11.1']],
    [{ event: 'MIGRATION', member: 'status', value: 'postcopy-active' }, ['7.2', '10.0', '11.1']],
    [{ event: 'MIGRATION', member: 'nothing' }, []],
  ];
  for (const [question, versions] of questions) {
    it(`${JSON.stringify(question)}: ${versions.join(', ') || 'none'}`, async () => {
      const kept = await keptVersions();
      const having = kept.filter(({ schema }) => schema.supports(question));
      assert.deepEqual(
        having.map(({ version }) => version),
        versions,
      );
    });
  }

  it("asks the connected QEMU's schema once", async () => {
    const schema = JSON.parse(
      await readFile(join(repositoryRoot(), 'scripts/qmp-types/schemas/qemu-7.2.json'), 'utf8'),
    ) as [];
    const qemu = new FakeQemu({ schema });
    await using client = await QmpClient.connect(qemu.stream());
    assert.equal(await client.supports({ command: 'query-status' }), true);
    assert.equal(await client.supports({ event: 'VFIO_MIGRATION' }), false);
    assert.equal(qemu.received.length, 2);
  });

  it('a malformed schema is a protocol error', () => {
    assert.throws(() => new QapiSchema([{ name: 'x', 'meta-type': 'object', members: 1 }]), {
      code: 'QMP_PROTOCOL',
    });
  });
});

describe('the generated types', () => {
  it('are what the generator makes of the kept schemas', async function () {
    this.timeout(120_000); // formatting 30,000 lines takes a while on a busy machine
    for (const { path, text } of await generateAll(await keptVersions())) {
      assert.equal(await readFile(join(repositoryRoot(), path), 'utf8'), text, path);
    }
  });
});
