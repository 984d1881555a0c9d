import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { runHook, type HookLauncher, type HookOutcome } from 'precopy';
import { domainXml, mdevHostDevice, pciHostDevice } from '../../../support/domain-xml.js';

const uuid = '6d53ba52-5c26-4a43-8ae2-3b5f4a8ff8b1';

describe('the libvirt hook', () => {
  let folder = '';
  let done: string[] = [];
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'precopy-hook-'));
  });
  after(() => rm(folder, { recursive: true }));
  beforeEach(() => {
    done = [];
  });

  const launcher: HookLauncher = {
    attach: (of) => `attach ${done.push(`attach ${of}`)}`,
    end: (of) => `end ${done.push(`end ${of}`)}`,
  };
  const call = async (argv: string, xml: string, config?: string): Promise<HookOutcome> => {
    const configFile = config === undefined ? undefined : join(folder, 'config.yaml');
    if (configFile !== undefined) await writeFile(configFile, config ?? '');
    return await runHook({
      argv: argv.split(' '),
      input: Readable.from([Buffer.from(xml)]),
      launcher: () => Promise.resolve(launcher),
      configFile,
    });
  };

  for (const [argv, expected] of [
    ['guest prepare begin -', []],
    ['guest start begin -', []],
    ['guest started begin -', [`attach ${uuid}`]],
    ['guest reconnect begin -', [`attach ${uuid}`]],
    ['guest attach begin -', [`attach ${uuid}`]],
    ['guest stopped end shutdown', []],
    ['guest release end migrated', [`end ${uuid}`]],
    ['guest restore begin -', []],
  ] as const) {
    it(`does ${expected.length === 0 ? 'nothing' : expected.join()} at "${argv}"`, async () => {
      assert.equal((await call(argv, domainXml())).refusal, undefined);
      assert.deepEqual(done, expected);
    });
  }

  const strict = 'hook: { refuseUntrackedDevices: yes, trackingDrivers: [mlx5_vfio_pci] }';
  for (const [what, devices, config, refused] of [
    ['a domain without VFIO devices', '', strict, false],
    ['a PCI device, where nothing is configured', pciHostDevice(), '', false],
    ['a PCI device without a driver that tracks', pciHostDevice(), strict, true],
    ['one with another driver', pciHostDevice(`<driver model='vfio-pci'/>`), strict, true],
    [
      'one with a driver that tracks',
      pciHostDevice(`<driver model='mlx5-vfio-pci'/>`),
      strict,
      false,
    ],
    ['a mediated device', mdevHostDevice, strict, false],
  ] as const) {
    it(`${refused ? 'refuses' : 'lets in'} ${what}`, async () => {
      const { refusal } = await call('guest migrate begin -', domainXml({ devices }), config);
      assert.equal(refusal !== undefined, refused, refusal);
      if (refused) assert.match(refusal ?? '', /0000:3b:00\.2/);
    });
  }

  for (const [what, argv, xml, config] of [
    ['XML that is none', 'guest started begin -', '<domain', ''],
    [
      'a configuration that is not valid',
      'guest migrate begin -',
      domainXml({ devices: pciHostDevice() }),
      'hook: 7',
    ],
    ['no arguments', '', domainXml(), ''],
  ] as const) {
    it(`lets libvirt go on at ${what}`, async () => {
      assert.equal((await call(argv, xml, config)).refusal, undefined);
      assert.deepEqual(done, []);
    });
  }
});
