import assert from 'node:assert/strict';
import childProcess, { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { hookScript, runHook } from 'precopy';
import { repositoryRoot } from '#scripts/repository.js';
import { domainXml, mdevHostDevice, pciHostDevice } from '../support/domain-xml.js';

/** What shells, paths and option parsers trip over, and any text. */
const hostileText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc.constantFrom(
    '$(touch /tmp/precopy-was-here)',
    '`reboot`',
    '; reboot',
    '../../../etc/passwd',
    '--help',
    '-c',
    '|reboot',
    "' || reboot '",
    '%n%s\n\r\u0000',
    '__proto__',
    'x'.repeat(100_000),
  ),
);

const operation = fc.constantFrom(
  ...['prepare', 'start', 'started', 'stopped', 'release', 'migrate', 'restore', 'reconnect'],
  'attach',
);
const argv = fc.oneof(
  fc.tuple(hostileText, operation, fc.constantFrom('begin', 'end'), hostileText),
  fc.array(hostileText, { maxLength: 6 }),
);

const bomb = `<!DOCTYPE domain [<!ENTITY a0 "ha">${Array.from({ length: 30 }, (_, n) => `<!ENTITY a${n + 1} "&a${n};&a${n};">`).join('')}]>`;
const escaped = hostileText.map((text) => text.replace(/[^ -~]|[<&'"]/g, ''));
const goodXml = fc
  .record({ name: escaped, uuid: fc.oneof(fc.uuid(), escaped) })
  .map(({ name, uuid }) =>
    domainXml({ name, uuid, devices: pciHostDevice(`<driver model='${name}'/>`) + mdevHostDevice }),
  );
/** A domain with a piece cut out, doubled or replaced. */
const mangledXml = fc
  .tuple(goodXml, fc.nat(1500), fc.nat(200), hostileText, fc.nat(3))
  .map(([xml, at, length, text, times]) =>
    [xml.slice(0, at), xml.slice(at, at + length).repeat(times), text, xml.slice(at + length)].join(
      '',
    ),
  );
const xml = fc.oneof(
  goodXml,
  mangledXml,
  hostileText,
  goodXml.map((text) => bomb + text.replace('<name>', '<name>&a30;')),
  fc.constantFrom(
    '<a>'.repeat(200_000),
    `<domain ${'a'.repeat(1_000_000)}="1"/>`,
    '<!DOCTYPE d SYSTEM "file:///etc/passwd"><d/>',
    '<domain xmlns:xi="http://www.w3.org/2001/XInclude"><xi:include href="/etc/passwd"/></domain>',
  ),
);

const uuidPattern = /^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/;

describe('libvirt hook calls with any arguments and any XML', () => {
  const executing = ['spawn', 'spawnSync', 'exec', 'execSync', 'execFile', 'execFileSync', 'fork'];
  const originals = { ...childProcess };
  let executed: unknown[] = [];
  before(() => {
    for (const name of executing) {
      Object.assign(childProcess, {
        [name]: (...args: unknown[]) => {
          executed.push(args);
          throw new Error('the hook executed something');
        },
      });
    }
    syncBuiltinESMExports();
  });
  after(() => {
    Object.assign(childProcess, originals);
    syncBuiltinESMExports();
  });

  it('never fail, execute nothing, and pass on nothing but a UUID', async function () {
    this.timeout(300_000);
    executed = [];
    const passedOn: string[] = [];
    const outcomes = { attached: 0, calls: 0 };
    const launcher = {
      attach: (uuid: string) => `${passedOn.push(uuid)}`,
      end: (uuid: string) => `${passedOn.push(uuid)}`,
    };
    await fc.assert(
      fc.asyncProperty(argv, xml, async (words, text) => {
        const outcome = await Promise.race([
          runHook({
            argv: words,
            input: Readable.from([Buffer.from(text)]),
            launcher: () => Promise.resolve(launcher),
            configFile: '/nonexistent/config.yaml',
          }),
          // As long as the installed script lets it run.
          sleep(5000, undefined, { ref: false }),
        ]);
        assert.ok(outcome, 'it did not end in time');
        assert.equal(outcome.refusal, undefined);
        for (const uuid of passedOn) assert.match(uuid, uuidPattern);
        outcomes.attached += passedOn.length;
        outcomes.calls += 1;
        passedOn.length = 0;
      }),
      { numRuns: 10_000 },
    );
    assert.deepEqual(executed, []);
    assert.ok(outcomes.attached > 100, `only ${outcomes.attached} calls got through the parser`);
  });
});

describe('the installed hook, as a process, with any arguments and any XML', () => {
  const folder = mkdtempSync(join(tmpdir(), 'precopy-hook-'));
  after(() => {
    rmSync(folder, { recursive: true });
  });

  it('exits with 0', function () {
    this.timeout(120_000);
    const script = hookScript(process.execPath, join(repositoryRoot(), 'plugin/dist/hook/main.js'));
    const env = { ...process.env, PRECOPY_LOG_FOLDER: folder };
    const printable = hostileText.map((text) => text.replaceAll('\0', ''));
    fc.assert(
      // No UUID that could be one of a domain: nothing is to be attached here.
      fc.property(fc.array(printable, { maxLength: 4 }), mangledXml, (words, text) => {
        const input = text.replaceAll('uuid', 'uid');
        const { status } = spawnSync('sh', ['-c', script, 'precopy', ...words], { input, env });
        assert.equal(status, 0);
      }),
      { numRuns: 25 },
    );
  });
});
