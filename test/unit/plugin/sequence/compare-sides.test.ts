import assert from 'node:assert/strict';
import { compareSettings, compareSides, type SideFacts } from 'precopy';

const side: SideFacts = {
  machine: 'pc-q35-10.0-machine',
  cpus: ['qemu64-x86_64-cpu', 'qemu64-x86_64-cpu'],
  ramBlocks: new Map([
    ['pc.ram', 1 << 28],
    ['/rom@etc/acpi/tables', 0x20000],
  ]),
  pciDevices: [
    { path: '00.0', id: '8086:29c0' },
    { path: '02.0', id: '10de:1eb8' },
  ],
  settings: {
    capabilities: { events: false, multifd: false, 'postcopy-ram': false },
    parameters: { 'downtime-limit': 300 },
  },
};
const nothing = { capabilities: {}, parameters: {} };

describe('a destination is compared with the source', () => {
  it('and one of the same shape fits, whatever size the firmware tables have', () => {
    const ramBlocks = new Map([...side.ramBlocks, ['/rom@etc/acpi/tables', 0x40000]] as const);
    assert.deepEqual(compareSides(side, { ...side, ramBlocks }), []);
    assert.deepEqual(compareSettings(nothing, side, side), []);
  });

  const cases: readonly {
    differs: string;
    change: Partial<SideFacts>;
    says: RegExp;
    severity?: string;
  }[] = [
    {
      differs: 'the machine type',
      change: { machine: 'pc-q35-9.2-machine' },
      says: /pc-q35-10.0-machine and the destination a pc-q35-9.2-machine/,
    },
    { differs: 'the number of vCPUs', change: { cpus: ['qemu64-x86_64-cpu'] }, says: /2 .* 1/ },
    {
      differs: 'the CPU type',
      change: { cpus: ['max-x86_64-cpu', 'max-x86_64-cpu'] },
      says: /qemu64-x86_64-cpu on the source and max-x86_64-cpu/,
      severity: 'warns',
    },
    {
      differs: 'the size of RAM',
      change: { ramBlocks: new Map([...side.ramBlocks, ['pc.ram', 1 << 27]]) },
      says: /"pc.ram" has 268435456 bytes on the source and 134217728/,
    },
    {
      differs: 'a RAM block that is not there',
      change: { ramBlocks: new Map([['pc.ram', 1 << 28]]) },
      says: /no RAM block "\/rom@etc\/acpi\/tables"/,
    },
    {
      differs: 'a device that is not there',
      change: { pciDevices: side.pciDevices.slice(0, 1) },
      says: /no PCI device at 02.0, where the source has 10de:1eb8/,
    },
    {
      differs: 'another device at the place',
      change: { pciDevices: [...side.pciDevices.slice(0, 1), { path: '02.0', id: '8086:100e' }] },
      says: /at 02.0 is 10de:1eb8 on the source and 8086:100e/,
    },
    {
      differs: 'a device more',
      change: { pciDevices: [...side.pciDevices, { path: '03.0', id: '8086:100e' }] },
      says: /a PCI device more/,
      severity: 'warns',
    },
  ];
  for (const { differs, change, says, severity = 'blocks' } of cases) {
    it(`${differs} ${severity}`, () => {
      const misfits = compareSides(side, { ...side, ...change });
      assert.deepEqual(
        misfits.map((misfit) => misfit.severity),
        [severity],
      );
      assert.match(misfits[0]?.what ?? '', says);
      assert.notEqual(misfits[0]?.fix, '');
    });
  }

  it('a capability that one QEMU does not know blocks', () => {
    const wanted = { capabilities: { 'switchover-ack': true }, parameters: { 'tls-creds': 'x' } };
    const says = compareSettings(wanted, side, undefined).map(({ what }) => what);
    assert.deepEqual(says, [
      `The source's QEMU does not know the migration capability "switchover-ack".`,
      `The source's QEMU does not know the migration parameter "tls-creds".`,
    ]);
  });

  it('a capability that changes the stream must be alike, unless it is set anyway', () => {
    const capabilities = { ...side.settings.capabilities, multifd: true };
    const other = { ...side, settings: { ...side.settings, capabilities } };
    assert.match(
      compareSettings(nothing, side, other)[0]?.what ?? '',
      /multifd is off on the source and on on the destination/,
    );
    const wanted = { capabilities: { multifd: true }, parameters: {} };
    assert.deepEqual(compareSettings(wanted, side, other), []);
  });
});
