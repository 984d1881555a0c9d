import { needsDirtygen } from '../../support/needs-dirtygen.js';
import { kernelRig } from '../../support/kernel-rig.js';
import { type1Cases } from '../../support/type1-cases.js';

describe('a type1 container of this kernel', () => {
  needsDirtygen();

  for (const testCase of type1Cases) {
    it(testCase.name, async () => {
      using rig = kernelRig();
      await testCase.run(rig);
    });
  }
});
