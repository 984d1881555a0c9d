import { type1Behaviours } from '#vfio/model/type1-model.js';
import { type1Cases } from '../../../support/type1-cases.js';
import { modelRig } from '../../../support/type1-rig.js';

describe('the model of a type1 container', () => {
  for (const release of ['5.10', '6.1', '6.12', '7.2', '6.12 with the GET_INFO flag'] as const) {
    describe(`of Linux ${release}`, () => {
      for (const testCase of type1Cases) {
        it(testCase.name, async () => {
          using rig = modelRig(type1Behaviours[release]);
          await testCase.run(rig);
        });
      }
    });
  }
});
