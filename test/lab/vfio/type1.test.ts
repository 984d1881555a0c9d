import { kernelRig } from '../../support/kernel-rig.js';
import { type1Cases } from '../../support/type1-cases.js';

describe('a type1 container of this kernel', () => {
  for (const testCase of type1Cases) {
    it(testCase.name, async () => {
      using rig = kernelRig();
      await testCase.run(rig);
    });
  }
});
