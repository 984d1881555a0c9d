/** What a probe makes of what it saw: verdict, problems with their fixes, text. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { dirtyTrackingSupport, observeDirtyTracking, type HeldFd } from 'linux-vfio-ts';
import { assess } from '#plugin/probe/assess.js';
import { explainBlocker } from '#plugin/probe/blockers.js';
import type { ProbeReport } from '#plugin/probe/report.js';
import { probeLines } from '#plugin/report/probe.js';
import { DeviceModel, type DeviceModelOptions } from '#vfio/model/device-model.js';
import { ModelKernel } from '#vfio/model/model-kernel.js';
import { Type1Model, type1Behaviours } from '#vfio/model/type1-model.js';
import { repositoryRoot } from '#scripts/repository.js';
import { reportOf, vfioNic } from '../../../support/probe-report.js';

const GiB = 1n << 30n;

interface Host {
  readonly release?: keyof typeof type1Behaviours;
  readonly devices: readonly DeviceModelOptions[];
  /** PCI address of a device with an IOMMU domain in the same container. */
  readonly iommuBacked?: string;
}

/** The kernel's part of a report, asked of the model. */
async function kernelOf({
  release = '6.12',
  devices,
  iommuBacked,
}: Host): Promise<ProbeReport['kernel']> {
  const kernel = new ModelKernel();
  const container = new Type1Model(type1Behaviours[release]);
  if (iommuBacked !== undefined) container.attachIommuGroup();
  const files = [container, ...devices.map((options) => new DeviceModel(options))];
  const held = files.map((file, index): HeldFd => {
    const kind = index === 0 ? 'container' : 'device';
    return { fd: kernel.install(file), origin: { fd: 20 + index, kind, target: kind } };
  });
  const observation = {
    ...(await observeDirtyTracking(kernel, held, [], {})),
    groups:
      iommuBacked === undefined
        ? []
        : [{ group: 1, devices: [{ name: iommuBacked, bus: 'pci', driver: 'vfio-pci' }] }],
  };
  const support = dirtyTrackingSupport(observation, { mappedBytes: GiB });
  return { files: held.map(({ origin }) => origin), support, observation };
}

/** The lines of text from the verdict to the evidence, as one. */
function textOf(report: ProbeReport): string {
  return probeLines(report, assess(report)).join('\n');
}

const migratable: DeviceModelOptions = { migrationFlags: 7n, stopCopyBytes: 4096n };

describe('what a probe says', () => {
  it('is migratable of a guest with a mediated device and a container that tracks', async () => {
    const report = reportOf(await kernelOf({ devices: [migratable] }), { devices: [vfioNic] });
    assert.equal(assess(report).verdict, 'migratable');
    assert.match(textOf(report), /^verdict: migratable\ndirty tracking: /);
    assert.doesNotMatch(textOf(report), /^(problem|warning):/m);
  });

  const inState = (status: string): ProbeReport =>
    reportOf({ refused: '' }, { qemu: { version: '10.0.0', pid: 42, status, migration: 'none' } });

  for (const [status, fix] of [
    ['postmigrate', /where it runs now/],
    ['inmigrate', /name the source/],
    ['shutdown', /whose guest runs or is paused/],
  ] as const) {
    it(`is not migratable where there is no guest to migrate: ${status}`, () => {
      const report = inState(status);
      assert.equal(assess(report).verdict, 'not migratable');
      assert.match(
        textOf(report),
        new RegExp(`^problem: .*"${status}".* no guest to migrate`, 'm'),
      );
      assert.match(textOf(report), fix);
    });
  }

  for (const status of ['paused', 'prelaunch']) {
    it(`is migratable of a guest that does not run, but could: ${status}`, () => {
      assert.equal(assess(inState(status)).verdict, 'migratable');
    });
  }

  it('is a problem with its fix where a driver has no migration', async () => {
    const report = reportOf(await kernelOf({ devices: [{}] }), { devices: [vfioNic] });
    assert.equal(assess(report).verdict, 'not migratable');
    assert.match(
      textOf(report),
      /^problem: .*has no migration support\.\n {2}fix: .*mlx5_vfio_pci/m,
    );
  });

  it('is a problem where device logging starts and can not report', async () => {
    const devices = [{ ...migratable, dmaLogging: 'broken' as const }];
    const report = reportOf(await kernelOf({ devices }), { devices: [vfioNic] });
    assert.equal(assess(report).verdict, 'not migratable');
    assert.match(
      textOf(report),
      /^problem: .*REPORT fails with EOPNOTSUPP.*\n {2}fix: .*x-device-dirty-page-tracking=off/m,
    );
  });

  it('is a problem where one of two devices has no P2P states', async () => {
    const devices = [migratable, { ...migratable, migrationFlags: 1n }];
    const report = reportOf(await kernelOf({ devices }), { devices: [vfioNic, vfioNic] });
    assert.equal(assess(report).verdict, 'not migratable');
    assert.match(textOf(report), /^problem: .*P2P.*\n {2}fix: /m);
  });

  it('is a warning with bytes and culprit where the dirty page scope is all', async () => {
    const kernel = await kernelOf({ devices: [migratable], iommuBacked: '0000:3b:00.1' });
    const report = reportOf(kernel, { devices: [vfioNic] });
    assert.equal(assess(report).verdict, 'migratable');
    assert.match(
      textOf(report),
      /^warning: .*all 1073741824 bytes \(1\.0 GiB\).*Caused by 0000:3b:00\.1\.\n {2}fix: /m,
    );
  });

  it('is a warning with a fix where the kernel is too old to track', async () => {
    const report = reportOf(await kernelOf({ release: '5.4', devices: [migratable] }), {
      devices: [vfioNic],
    });
    assert.match(textOf(report), /^warning: The container does not track.*\n {2}fix: .*5\.8/m);
  });

  it('is unknown where there are devices and the kernel could not be asked', () => {
    const report = reportOf({ refused: 'ptrace scope.' }, { devices: [vfioNic] });
    assert.equal(assess(report).verdict, 'unknown');
    assert.match(textOf(report), /^verdict: unknown\nwarning: .*ptrace scope\./);
  });

  it('is migratable of a guest without devices whose kernel could not be asked', () => {
    const report = reportOf({ refused: 'elsewhere.' });
    assert.equal(assess(report).verdict, 'migratable');
    assert.match(textOf(report), /^note: This guest has no VFIO device/m);
  });

  it('warns of a vIOMMU, but not twice where QEMU says so itself', async () => {
    const kernel = await kernelOf({ devices: [migratable] });
    const viommus = [{ path: '/machine/peripheral-anon/device[0]', type: 'intel-iommu' }];
    const report = reportOf(kernel, { devices: [vfioNic], viommus });
    assert.match(textOf(report), /^warning: .*vIOMMU \(intel-iommu\)/m);
    const blockers = [explainBlocker('Migration is currently not supported with vIOMMU enabled')];
    assert.doesNotMatch(textOf({ ...report, blockers }), /^warning: .*vIOMMU/m);
  });

  // As QEMU 7.2, 8.2, 10.0 and 11 word them.
  const reasons: readonly [reason: string, fix: RegExp][] = [
    ['VFIO migration is not supported in kernel', /vendor's migration driver/],
    ["0000:3b:00.1: VFIO device doesn't support migration", /vendor's migration driver/],
    ["VFIO device doesn't support device and IOMMU dirty tracking", /enable-migration=on/],
    ["0000:3b:00.1: VFIO device doesn't support device dirty tracking", /enable-migration=on/],
    [
      'Multiple VFIO devices migration is supported only if all of them support P2P migration',
      /VFIO_MIGRATION_P2P/,
    ],
    ['Migration is currently not supported with vIOMMU enabled', /bypass_iommu/],
    ['0000:3b:00.1: Migration is disabled for VFIO device', /enable-migration=auto/],
    [
      "0000:3b:00.1: Migration couldn't be initialized for VFIO device, err: -5 (Input/output error)",
      /kernel log/,
    ],
    ['State blocked by non-migratable CPU device (invtsc flag)', /invtsc/],
  ];
  for (const [reason, fix] of reasons) {
    it(`explains "${reason}"`, async () => {
      const blocker = explainBlocker(reason);
      assert.equal(blocker.reason, reason);
      assert.match(blocker.fix, fix);
      const report = reportOf(await kernelOf({ devices: [migratable] }), { blockers: [blocker] });
      assert.equal(assess(report).verdict, 'not migratable');
      assert.ok(textOf(report).includes(`problem: QEMU refuses to migrate: "${reason}".`));
    });
  }

  it('says what a reason is that it does not know', () => {
    const { meaning, fix } = explainBlocker('The frobnicator device blocks migration');
    assert.match(meaning, /does not let itself be migrated/);
    assert.match(fix, /remove or replace it/);
  });

  it('has in JSON what docs/probe.md lists, and nothing else', async () => {
    const text = readFileSync(`${repositoryRoot()}/docs/probe.md`, 'utf8');
    const docs = text.slice(text.indexOf('## JSON'));
    const documented = new Set(
      [...docs.matchAll(/^\| `([a-zA-Z.]+)(?:\[\])?`/gm)].map(([, name = '']) => name),
    );
    const kernel = await kernelOf({ devices: [migratable] });
    const report = reportOf(kernel, { devices: [vfioNic] });
    assert.ok(!('refused' in kernel));
    const members = (value: object, prefix = ''): string[] =>
      Object.keys(value).map((name) => `${prefix}${name}`);
    for (const name of members({ ...report, assessment: assess(report) })) {
      assert.ok(documented.delete(name), `${name} is not documented`);
    }
    for (const name of members(kernel, 'kernel.')) {
      assert.ok(documented.delete(name), `${name} is not documented`);
    }
    // Members of members, in one line each: the last column names them.
    const parts: readonly [name: string, value: object | undefined][] = [
      ['kernel.support', kernel.support],
      ['kernel.support.sides', kernel.support.sides[0]],
      ['kernel.support.containers', kernel.support.containers[0]],
      ['kernel.support.devices', kernel.support.devices[0]],
      ['devices', vfioNic],
    ];
    for (const [name, value] of parts) {
      const line = docs.split('\n').find((text) => text.startsWith(`| \`${name}`));
      for (const member of Object.keys(value ?? {})) {
        assert.match(line ?? '', new RegExp(`\`${member}(\\[\\])?\``), `${name}: ${member}`);
      }
      documented.delete(name);
    }
    // Absent here: no iommufd.
    assert.deepEqual([...documented], ['kernel.support.iommufds']);
  });
});
