import assert from 'node:assert/strict';
import { viommuBefore } from '#plugin/probe/viommu.js';

type Report = Parameters<typeof viommuBefore>[0];

interface Guest {
  readonly name: string;
  /** How its devices' memory is mapped. */
  readonly devices: readonly ('type1' | 'iommufd')[];
  readonly containers: number;
  readonly mayBeBehind: boolean;
}

const guests: readonly Guest[] = [
  { name: 'no VFIO device', devices: [], containers: 0, mayBeBehind: false },
  { name: 'one device on type1', devices: ['type1'], containers: 1, mayBeBehind: true },
  {
    name: 'two devices in one container',
    devices: ['type1', 'type1'],
    containers: 1,
    mayBeBehind: false,
  },
  {
    name: 'two devices in two containers',
    devices: ['type1', 'type1'],
    containers: 2,
    mayBeBehind: true,
  },
  {
    name: 'a device on type1 and one on an iommufd',
    devices: ['type1', 'iommufd'],
    containers: 1,
    mayBeBehind: true,
  },
  {
    name: 'two devices in one container, and one on an iommufd',
    devices: ['type1', 'type1', 'iommufd'],
    containers: 1,
    mayBeBehind: true,
  },
];

describe('the vIOMMU of a guest', () => {
  for (const { name, devices, containers, mayBeBehind } of guests) {
    it(`${mayBeBehind ? 'may be before' : 'is not before'} ${name}`, () => {
      const report = {
        viommus: [{ path: '/machine/peripheral/iommu', type: 'intel-iommu' }],
        devices: devices.map((through) => ({
          properties: through === 'iommufd' ? { iommufd: '/objects/iommufd0' } : {},
        })),
        kernel: { support: { containers: Array.from({ length: containers }, () => ({})) } },
      } as unknown as Report;
      assert.equal(viommuBefore(report)?.type, mayBeBehind ? 'intel-iommu' : undefined);
    });
  }
});
