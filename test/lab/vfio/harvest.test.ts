import { BitmapArena } from 'linux-vfio-ts';
import { harvestCases } from '../../support/harvest-cases.js';
import { kernelRig } from '../../support/kernel-rig.js';

describe('a harvest from type1 of this kernel', () => {
  const arena = new BitmapArena({ capacityBytes: 64 * 2 ** 20 });
  after(() => {
    arena[Symbol.dispose]();
  });

  for (const harvestCase of harvestCases) {
    it(harvestCase.name, async () => {
      using rig = kernelRig();
      await harvestCase.run(rig, arena);
    });
  }
});
