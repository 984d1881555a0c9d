import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { QapiSchema, runShell, type JsonValue } from 'qemu-qmp-client-ts';
import { complete, help } from 'qemu-qmp-client-ts/shell';
import { parseLine } from 'qemu-qmp-client-ts/shell';
import { FakeQemu } from 'qemu-qmp-client-ts/testing';
import { repositoryRoot } from '#scripts/repository.js';

const reply = JSON.parse(
  await readFile(join(repositoryRoot(), 'scripts/qmp-types/schemas/qemu-10.0.json'), 'utf8'),
) as JsonValue;
const schema = new QapiSchema(reply);

describe('a line of the shell', () => {
  const cases: [line: string, command: string, args: object][] = [
    ['query-status', 'query-status', {}],
    ['a n=1 b=true s=text q="a b" e=', 'a', { n: 1, b: true, s: 'text', q: 'a b', e: '' }],
    ["a s='1'", 'a', { s: '1' }],
    ['a max=9223372036854775807', 'a', { max: 2n ** 63n - 1n }],
    ['a file.driver=file file.x.y=1', 'a', { file: { driver: 'file', x: { y: 1 } } }],
    ['a list=[1, {"b": 2}]', 'a', { list: [1, { b: 2 }] }],
    ['{"execute": "a", "arguments": {"b": 1}}', 'a', { b: 1 }],
  ];
  for (const [line, command, args] of cases) {
    it(`${line} is ${command} with ${Object.keys(args).length} arguments`, () => {
      assert.deepEqual(parseLine(line), { command, arguments: args });
    });
  }

  for (const line of ['a b', 'a b="c', 'a b={c', '{"execute": 1}', '{', 'a b=1 b.c=2']) {
    it(`${line} is refused with QMP_ARGUMENT`, () => {
      assert.throws(() => parseLine(line), { code: 'QMP_ARGUMENT' });
    });
  }
});

describe('completion', () => {
  const cases: [line: string, candidates: string[]][] = [
    ['query-migrate', ['query-migrate', 'query-migrate-capabilities', 'query-migrate-parameters']],
    ['help query-stat', ['query-stats', 'query-stats-schemas', 'query-status']],
    ['migrate-set-parameters max-b', ['max-bandwidth=']],
    [
      'migrate-set-parameters multifd-compression=z',
      ['multifd-compression=zlib ', 'multifd-compression=zstd '],
    ],
    ['blockdev-add driver=qcow2 file.filen', ['file.filename=']],
    ['nothing x', []],
  ];
  for (const [line, candidates] of cases) {
    it(`of "${line}": ${candidates.join(' ') || 'none'}`, () => {
      assert.deepEqual(complete(schema, line)[0], candidates);
    });
  }
});

it('help names the arguments, their types and what is optional', () => {
  const text = help(schema, 'migrate');
  assert.match(text, /uri\?: string/);
  assert.match(text, /channels\?: list of/);
  assert.match(help(schema, 'migrat'), /has no command migrat. It has: .*migrate/);
});

describe('the shell', () => {
  async function session(...lines: string[]): Promise<{ output: string; failures: number }> {
    const qemu = await FakeQemu.listen({ schema: reply });
    qemu.on('query-status', () => ({ status: 'running', size: 2n ** 60n }));
    qemu.on('stop', () => {
      qemu.emit('STOP');
    });
    const output = new PassThrough();
    let text = '';
    output.on('data', (chunk: Buffer) => (text += chunk.toString()));
    const input = Readable.from(lines.map((line) => `${line}\n`));
    const failures = await runShell(qemu.address, { input, output });
    await qemu.close();
    return { output: text, failures };
  }

  it('shows replies, events and failures, and goes on after a failure', async () => {
    const { output, failures } = await session(
      'query-status',
      'no-such',
      'a b',
      'stop',
      'query-status',
    );
    assert.equal(failures, 2);
    assert.equal(output.match(/"size":1152921504606846976/g)?.length, 2);
    assert.match(output, /QMP_COMMAND_FAILED: no-such failed/);
    assert.match(output, /EVENT STOP/);
  });

  it('ends with exit', async () => {
    const { output } = await session('exit', 'query-status');
    assert.equal(output, '');
  });
});
