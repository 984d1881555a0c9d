import assert from 'node:assert/strict';
import {
  dirtyTrackingSupport,
  HarvestGate,
  mayOopsAtBitmapFree,
  observeDirtyTracking,
  vfio,
  VfioIoctl,
  type DirtyTrackingObservation,
  type DirtyTrackingSupport,
  type Extension9Meaning,
  type HeldFd,
  type SupportHints,
  type TrackingGeneration,
  type TrackingVerdict,
} from 'linux-vfio-ts';
import { DeviceModel, type DeviceModelOptions } from '#vfio/model/device-model.js';
import { IommufdModel } from '#vfio/model/iommufd-model.js';
import { LyingFile } from '#vfio/model/lying-file.js';
import { ModelKernel, Refusal, type ModelFile } from '#vfio/model/model-kernel.js';
import { Type1Model, type1Behaviours } from '#vfio/model/type1-model.js';

type Release = keyof typeof type1Behaviours;

interface Setup {
  readonly release?: Release;
  /** More containers of the same kernel, with an IOMMU-backed device each. */
  readonly moreContainers?: number;
  /** Besides the emulated device, or alone if there is none. */
  readonly iommuBacked?: boolean;
  readonly emulated?: boolean;
  /** What else is in groups that the process holds. */
  readonly neighbours?: readonly { name: string; bus: string; driver?: string }[];
  readonly devices?: readonly DeviceModelOptions[];
  readonly iommufd?: { dirtyTracking: boolean };
  readonly gate?: HarvestGate;
}

const migratable: DeviceModelOptions = { migrationFlags: 7n, stopCopyBytes: 4096n };

async function observe(setup: Setup): Promise<DirtyTrackingObservation> {
  const kernel = new ModelKernel();
  const held: HeldFd[] = [];
  let fd = 20;
  const hold = (
    kind: HeldFd['origin']['kind'],
    file: Parameters<ModelKernel['install']>[0],
  ): void => {
    held.push({ fd: kernel.install(file), origin: { fd, kind, target: kind } });
    fd += 1;
  };
  if (setup.release !== undefined) {
    const emulatedDevices = setup.emulated ?? true;
    const container = new Type1Model(type1Behaviours[setup.release], { emulatedDevices });
    if (setup.iommuBacked === true) container.attachIommuGroup();
    hold('container', container);
    for (let more = 0; more < (setup.moreContainers ?? 0); more++) {
      const other = new Type1Model(type1Behaviours[setup.release], { emulatedDevices: false });
      other.attachIommuGroup();
      hold('container', other);
    }
  }
  const deviceKind = setup.iommufd === undefined ? 'device' : 'device-cdev';
  for (const options of setup.devices ?? []) hold(deviceKind, new DeviceModel(options));
  if (setup.iommufd !== undefined) hold('iommufd', new IommufdModel(setup.iommufd));
  const observation = await observeDirtyTracking(kernel, held, [], {
    ...(setup.gate === undefined ? {} : { gate: setup.gate }),
  });
  const groups = [
    ...(setup.emulated === false ? [] : [{ name: 'c9d0...', bus: 'mdev' }]),
    ...(setup.iommuBacked === true
      ? [{ name: '0000:3b:00.1', bus: 'pci', driver: 'vfio-pci' }, ...(setup.neighbours ?? [])]
      : []),
  ].map((device, index) => ({ group: index, devices: [device] }));
  return { ...observation, groups: setup.release === undefined ? [] : groups };
}

async function support(setup: Setup, hints?: SupportHints): Promise<DirtyTrackingSupport> {
  return dirtyTrackingSupport(await observe(setup), hints);
}

describe('dirty tracking support', () => {
  const kernels: readonly {
    release: Release;
    extension9: Extension9Meaning;
    generations: readonly TrackingGeneration[];
    mdevOnly: TrackingVerdict;
    iommuBacked: TrackingVerdict;
  }[] = [
    {
      release: '5.4',
      extension9: 'absent',
      generations: [],
      mdevOnly: 'none',
      iommuBacked: 'none',
    },
    {
      release: '5.10',
      extension9: 'absent',
      generations: ['migration-capability'],
      mdevOnly: 'container-precise',
      iommuBacked: 'container-everything',
    },
    ...(['6.1', '6.12', '6.12 with 64 KiB pages', '7.2'] as const).map((release) => ({
      release,
      extension9: 'unmap-all' as const,
      generations: ['migration-capability' as const],
      mdevOnly: 'container-precise' as const,
      iommuBacked: 'container-everything' as const,
    })),
    {
      release: '6.12 with the GET_INFO flag',
      extension9: 'unmap-all',
      generations: ['migration-capability', 'info-flag'],
      mdevOnly: 'container-precise',
      iommuBacked: 'container-everything',
    },
    {
      release: '5.10 with the GET_INFO flag',
      extension9: 'absent',
      generations: ['migration-capability', 'info-flag'],
      mdevOnly: 'container-precise',
      iommuBacked: 'container-everything',
    },
    {
      release: '5.10 with extension 9',
      extension9: 'dirty-pages',
      generations: ['migration-capability', 'extension-9'],
      mdevOnly: 'container-precise',
      iommuBacked: 'container-everything',
    },
    {
      release: '5.10 with extensions 9 and 10',
      extension9: 'dirty-pages',
      generations: ['migration-capability', 'extension-9', 'extension-10'],
      mdevOnly: 'container-precise',
      iommuBacked: 'container-everything',
    },
    {
      release: 'iommufd compatibility',
      extension9: 'unmap-all',
      generations: [],
      mdevOnly: 'none',
      iommuBacked: 'none',
    },
  ];

  for (const { release, extension9, generations, mdevOnly, iommuBacked } of kernels) {
    it(`is named right on ${release}`, async () => {
      const precise = await support({ release, devices: [migratable] });
      assert.equal(precise.verdict, mdevOnly);
      assert.equal(precise.containers[0]?.extension9, extension9);
      assert.deepEqual(precise.containers[0].generations, generations);
      assert.equal(precise.containers[0].scope, 'pinned');

      const devices = [migratable];
      const all = await support({ release, iommuBacked: true, emulated: false, devices });
      assert.equal(all.verdict, iommuBacked);
      assert.equal(all.containers[0]?.scope, 'all');
      assert.equal(all.containers[0].extension9, extension9);
      assert.deepEqual(all.containers[0].generations, generations);
    });
  }

  it('does not take extension 9 for dirty tracking where it is UNMAP_ALL', async () => {
    for (const release of [
      '6.1',
      '6.12',
      '6.12 with 64 KiB pages',
      '7.2',
      'iommufd compatibility',
    ] as const) {
      for (const setup of [{}, { iommuBacked: true, emulated: false }]) {
        const { containers } = await support({ release, devices: [migratable], ...setup });
        assert.equal(containers[0]?.generations.includes('extension-9'), false, release);
        assert.equal(containers[0].generations.includes('extension-10'), false, release);
      }
    }
  });

  it('is precise again where the IOMMU-backed device was unplugged', async () => {
    const kernel = new ModelKernel();
    const container = new Type1Model(type1Behaviours['6.12']);
    const origin = { fd: 20, kind: 'container', target: '/dev/vfio/vfio' } as const;
    const held = [{ fd: kernel.install(container), origin }];
    const scopeNow = async (): Promise<string | undefined> =>
      dirtyTrackingSupport(await observeDirtyTracking(kernel, held, [])).containers[0]?.scope;
    const scopes = [await scopeNow()];
    container.attachIommuGroup();
    scopes.push(await scopeNow());
    container.detachIommuGroup();
    scopes.push(await scopeNow());
    assert.deepEqual(scopes, ['pinned', 'all', 'pinned']);
  });

  it('gives evidence for each statement', async () => {
    const { containers } = await support({
      release: '5.10 with extension 9',
      devices: [migratable],
    });
    const nine = containers[0]?.evidence.find(({ says }) => says.startsWith('extension 9'));
    assert.deepEqual(nine, {
      says: 'extension 9 is the proposal VFIO_DIRTY_PGS_IOMMU of 2020',
      because:
        'MAP_DMA with FLAG_VADDR for an unmapped page fails with EINVAL: the series of Linux 5.12 is not in this kernel, and VFIO_IOMMU_DIRTY_PAGES works',
    });
  });

  it('says what scope all costs in bytes, and who causes it', async () => {
    const { problems } = await support(
      { release: '6.12', iommuBacked: true, devices: [migratable] },
      { mappedBytes: 64n << 30n },
    );
    assert.match(problems[0]?.what ?? '', /68719476736 bytes \(64\.0 GiB\).*0000:3b:00\.1/);
  });

  it('does not suspect what only shares a group with a device of the guest', async () => {
    const { containers } = await support({
      release: '6.12',
      iommuBacked: true,
      devices: [migratable],
      neighbours: [
        { name: '0000:3a:00.0', bus: 'pci', driver: 'pcieport' },
        { name: '0000:3b:00.2', bus: 'pci', driver: 'pci-stub' },
        { name: '0000:3b:00.3', bus: 'pci' },
      ],
    });
    assert.deepEqual(containers[0]?.scopeCulprits, ['0000:3b:00.1']);
    assert.deepEqual(containers[0].scopeSuspects, []);
  });

  it('names who causes scope all as a suspicion where several containers leave a choice', async () => {
    const second = { name: '0000:5e:00.0', bus: 'pci', driver: 'vfio-pci' };
    const { containers, problems } = await support({
      release: '6.12',
      iommuBacked: true,
      moreContainers: 1,
      devices: [migratable, migratable],
      neighbours: [second],
    });
    const both = ['0000:3b:00.1', '0000:5e:00.0'];
    for (const { scopeCulprits, scopeSuspects } of containers) {
      assert.deepEqual([scopeCulprits, scopeSuspects], [[], both]);
    }
    assert.match(problems[0]?.what ?? '', /one or more of 0000:3b:00\.1, 0000:5e:00\.0 \(which/);
  });

  it('lets device logging win over the container when every device has it', async () => {
    const devices = [
      { ...migratable, dmaLogging: 'works' as const },
      { ...migratable, dmaLogging: 'works' as const },
    ];
    const { verdict } = await support({ release: '6.12', iommuBacked: true, devices });
    assert.equal(verdict, 'device-logging');
    const mixed = [...devices, migratable];
    const { verdict: withMixed } = await support({ release: '6.12', devices: mixed });
    assert.equal(withMixed, 'container-precise');
  });

  it('sees that device logging can be started and not be read, and how to get by', async () => {
    const setup = { release: '6.12', devices: [{ ...migratable, dmaLogging: 'broken' }] } as const;
    const broken = await support(setup);
    assert.equal(broken.verdict, 'broken-device-logging');
    assert.match(broken.problems[0]?.fix ?? '', /x-device-dirty-page-tracking=off/);
    const off = await support(setup, { deviceLoggingOff: { type1: 'all' } });
    assert.equal(off.verdict, 'container-precise');
    assert.deepEqual(off.problems, []);
  });

  it('names devices that block the migration', async () => {
    const { problems } = await support({ release: '6.12', devices: [{}, migratable] });
    assert.equal(problems.length, 1);
    assert.match(problems[0]?.what ?? '', /fd 21 can't be migrated/);
  });

  it('counts the devices that can be migrated, and no others, where QEMU wants P2P', async () => {
    const stopCopyOnly = { migrationFlags: 1n };
    const p2pProblems = async (devices: readonly DeviceModelOptions[]): Promise<string[]> => {
      const { problems } = await support({ release: '6.12', devices });
      return problems.map(({ what }) => what).filter((what) => what.includes('P2P'));
    };
    assert.deepEqual(await p2pProblems([{}, stopCopyOnly]), []);
    assert.deepEqual(await p2pProblems([migratable, migratable]), []);
    const [problem = ''] = await p2pProblems([{}, stopCopyOnly, migratable]);
    assert.match(problem, /^1 of 2 migratable devices lack P2P/);
  });

  for (const dirtyTracking of [true, false]) {
    it(`judges an IOMMU ${dirtyTracking ? 'with' : 'without'} dirty tracking behind iommufd`, async () => {
      const { verdict } = await support({ iommufd: { dirtyTracking }, devices: [migratable] });
      assert.equal(verdict, dirtyTracking ? 'iommufd' : 'none');
    });
  }

  it('does not take one device that its IOMMU tracks for all devices of an iommufd', async () => {
    const devices = [migratable, migratable];
    const { verdict, problems } = await support({ iommufd: { dirtyTracking: true }, devices });
    assert.equal(verdict, 'none');
    assert.match(problems[0]?.fix ?? '', /leave iommufd= out/);
  });

  it("names iommufd's compatibility container, which looks like type1", async () => {
    const judged = await support({ release: 'iommufd compatibility', devices: [migratable] });
    assert.match(
      judged.containers[0]?.evidence.find(({ says }) => says.includes('track'))?.because ?? '',
      /ENOTTY: iommufd's compatibility container/,
    );
    assert.match(judged.problems[0]?.what ?? '', /Behind \/dev\/vfio\/vfio is iommufd/);
  });

  const noInfo: readonly { name: string; file: ModelFile; what: RegExp; fix: RegExp }[] = [
    {
      name: 'whose owner has just ended',
      file: {
        ioctl: () => {
          throw new Refusal('EINVAL');
        },
      },
      what: /GET_INFO fails with EINVAL/,
      fix: /guest still runs/,
    },
    {
      name: 'whose GET_INFO makes no sense',
      file: new LyingFile(new Type1Model(type1Behaviours['6.12']), (argument, { request }) => {
        if (request !== VfioIoctl.VFIO_IOMMU_GET_INFO) return;
        vfio.type1Info.write(argument, { argsz: 0xffffffff });
      }),
      what: /GET_INFO fails with VFIO_MALFORMED_REPLY/,
      fix: /kernel bug/,
    },
  ];
  for (const { name, file, what, fix } of noInfo) {
    it(`is unknown, and not "none", for a container ${name}`, async () => {
      const kernel = new ModelKernel();
      const origin = { fd: 20, kind: 'container', target: '/dev/vfio/vfio' } as const;
      const held = [{ fd: kernel.install(file), origin }];
      const judged = dirtyTrackingSupport(await observeDirtyTracking(kernel, held, []));
      assert.equal(judged.verdict, 'unknown');
      assert.equal(judged.containers[0]?.tracks, undefined);
      const [problem, ...others] = judged.problems;
      assert.match(problem?.what ?? '', what);
      assert.match(problem?.fix ?? '', fix);
      assert.deepEqual(others, []);
    });
  }

  it('is that of the worst of several containers', async () => {
    const { verdict, containers } = await support({
      release: '6.12',
      iommuBacked: false,
      moreContainers: 1,
      devices: [migratable, migratable],
    });
    assert.deepEqual(
      containers.map(({ scope }) => scope),
      ['pinned', 'all'],
    );
    assert.equal(verdict, 'container-everything');
  });

  it('is unknown where some devices log, and which is in which container can not be seen', async () => {
    const devices = [migratable, { ...migratable, dmaLogging: 'works' as const }];
    const setup = { release: '6.12', moreContainers: 1, devices } as const;
    const { verdict, problems } = await support(setup);
    assert.equal(verdict, 'unknown');
    assert.match(problems[0]?.fix ?? '', /x-device-dirty-page-tracking=off/);
    const someOff = await support(setup, { deviceLoggingOff: { type1: 'some' } });
    assert.equal(someOff.verdict, 'unknown');
    const allOff = await support(setup, { deviceLoggingOff: { type1: 'all' } });
    assert.equal(allOff.verdict, 'container-everything');
  });

  it('needs nothing without VFIO devices', async () => {
    const { verdict, problems } = await support({});
    assert.equal(verdict, 'not-needed');
    assert.deepEqual(problems, []);
  });

  it('asks nothing that could clear a bit while the gate is shut', async () => {
    const gate = new HarvestGate();
    gate.shut('a migration runs');
    const observation = await observe({
      release: '6.12',
      devices: [{ ...migratable, dmaLogging: 'works' }],
      gate,
    });
    assert.equal(observation.containers[0]?.dirtyPages, 'unasked');
    assert.deepEqual(observation.devices[0]?.dmaLogging, { failed: 'VFIO_HARVEST_REFUSED' });
    const judged = dirtyTrackingSupport(observation);
    assert.equal(judged.containers[0]?.tracks, true);
    assert.equal(judged.verdict, 'unknown');
  });
});

describe('kernels that free dirty bitmaps wrongly', () => {
  const cases: readonly [release: string, GiB: bigint, may: boolean][] = [
    ['5.4.0-26-generic', 512n, false],
    ['5.8.0', 512n, true],
    ['5.10.0-32-amd64', 2n, true],
    ['5.10.0-32-amd64', 1n, false],
    ['5.14.0-70.el9.x86_64', 2n, true],
    ['5.17.0', 512n, false],
    ['6.12.9+deb13-amd64', 512n, false],
  ];
  for (const [kernelRelease, gibibytes, may] of cases) {
    it(`are${may ? '' : ' not'} among them: ${kernelRelease}, with a mapping of ${gibibytes} GiB`, () => {
      assert.equal(mayOopsAtBitmapFree(kernelRelease, gibibytes << 30n), may);
    });
  }

  it('are warned of where a container tracks, and only there', async () => {
    const observation = {
      ...(await observe({ release: '5.10' })),
      kernelRelease: '5.10.0-32-amd64',
    };
    const warnings = (hints: SupportHints, kernel = observation): string[] =>
      dirtyTrackingSupport(kernel, hints)
        .problems.filter(({ severity }) => severity === 'warns')
        .map(({ what }) => what);
    assert.match(warnings({ mappedBytes: 8n << 30n }).join(), /may crash this host/);
    assert.doesNotMatch(warnings({ mappedBytes: 1n << 30n }).join(), /crash/);
    const newer = { ...observation, kernelRelease: '6.12.9' };
    assert.doesNotMatch(warnings({ mappedBytes: 8n << 30n }, newer).join(), /crash/);
  });
});
