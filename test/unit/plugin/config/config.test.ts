import assert from 'node:assert/strict';
import { configFor, loadConfig, parseConfig, parseDomain, PrecopyError } from 'precopy';
import { domainXml } from '../../../support/domain-xml.js';

const problemsOf = (text: string): string => {
  try {
    parseConfig(text, 'config.yaml');
  } catch (error) {
    assert.ok(error instanceof PrecopyError);
    assert.equal(error.code, 'USAGE');
    return error.message;
  }
  assert.fail('the configuration was taken');
};

describe('the configuration', () => {
  it('has defaults for all that it does not say', () => {
    const { attach, rehearse, migration, hook } = parseConfig('', 'config.yaml');
    assert.deepEqual(attach, { enabled: true, monitor: 'libvirt' });
    assert.equal(rehearse.every, 600_000);
    assert.deepEqual(migration, { policy: 'qemu', onTimeout: 'cancel' });
    assert.equal(hook.refuseUntrackedDevices, false);
  });

  it('takes times and sizes as people write them', () => {
    const { rehearse, migration } = parseConfig(
      'rehearse: { every: 1h, bandwidth: 1G, enabled: no }\nmigration: { downtimeLimit: 200ms }',
      'config.yaml',
    );
    assert.equal(rehearse.every, 3_600_000);
    assert.equal(rehearse.bandwidth, 2 ** 30);
    assert.equal(rehearse.enabled, false);
    assert.equal(migration.downtimeLimit, 200);
  });

  it('names the line of each mistake', () => {
    const message = problemsOf(
      ['attach:', '  enabled: perhaps', 'rehearse:', '  evry: 1h', '  overhead: 200', ''].join(
        '\n',
      ),
    );
    assert.match(message, /line 2: attach\.enabled: write yes or no/);
    assert.match(message, /line 4: there is no setting rehearse\.evry/);
    assert.match(message, /line 5: rehearse\.overhead: must not be above 100/);
  });

  for (const [what, text, expected] of [
    ['that is no YAML', 'attach:\n  - a: [', /line [23]: /],
    ['with a name twice', 'attach: {}\nattach: {}', /line 2: Map keys must be unique/],
    ['that is no mapping', '- attach', /line 1: the file/],
    [
      'with a bad duration',
      'rehearse:\n\n  every: soon',
      /line 3: rehearse\.every: Write a duration/,
    ],
    [
      'with a fix that nobody asks for',
      'rehearse:\n  kernelHas: [2bed2ced40c9, 123456789abc]',
      /line 2: rehearse\.kernelHas\.1: write 2bed2ced40c9/,
    ],
    [
      'that grows when aliases are expanded',
      // Each line is nine times the one above.
      [
        'a: &a [x,x,x,x,x,x,x,x,x]',
        'b: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]',
        'c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]',
        'd: [*c,*c,*c,*c,*c,*c,*c,*c,*c]',
      ].join('\n'),
      /alias/i,
    ],
  ] as const) {
    it(`refuses a file ${what}`, () => {
      assert.match(problemsOf(text), expected);
    });
  }

  it('that is named must be there', () => {
    assert.throws(() => loadConfig('/nonexistent/config.yaml'), { code: 'USAGE' });
  });

  it('of a domain is what its metadata says, then the file', () => {
    const { settings } = parseDomain(
      domainXml({
        metadata: `<p:domain xmlns:p="urn:precopy:domain:1">
  <p:rehearse every="30s" cpu="no"/>
  <p:migration policy="adaptive" nonsense="1"/>
  <p:hook refuseUntrackedDevices="yes"/>
  <p:attach enabled="what"/>
</p:domain>`,
      }),
    );
    const { config, problems } = configFor(parseConfig('rehearse: { overhead: 5 }', ''), settings);
    assert.equal(config.rehearse.every, 30_000);
    assert.equal(config.rehearse.cpu, false);
    assert.equal(config.rehearse.overhead, 5);
    assert.equal(config.migration.policy, 'adaptive');
    assert.equal(config.attach.enabled, true);
    assert.equal(config.hook.refuseUntrackedDevices, false);
    assert.equal(problems.length, 3);
    assert.match(
      problems.join('\n'),
      /line 10 of the domain's XML: migration nonsense: there is no such/,
    );
  });
});
