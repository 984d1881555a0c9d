import { iommuBackedRig, kernelRig } from '../../support/kernel-rig.js';
import { casesFor } from '../../support/type1-cases.js';

describe('a type1 container of this kernel with an emulated device', () => {
  for (const testCase of casesFor('pinned')) {
    it(testCase.name, async () => {
      using rig = kernelRig();
      await testCase.run(rig);
    });
  }
});

describe('a type1 container of this kernel with an IOMMU-backed device', () => {
  for (const testCase of casesFor('all')) {
    it(testCase.name, async () => {
      using rig = iommuBackedRig();
      await testCase.run(rig);
    });
  }
});
