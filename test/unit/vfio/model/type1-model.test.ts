import { type1Behaviours } from '#vfio/model/type1-model.js';
import { casesFor } from '../../../support/type1-cases.js';
import { modelRig } from '../../../support/type1-rig.js';

const withTracking = [
  '5.10',
  '6.1',
  '6.12',
  '7.2',
  '6.12 with the GET_INFO flag',
  '5.10 with the GET_INFO flag',
  '5.10 with extension 9',
  '5.10 with extensions 9 and 10',
] as const;

describe('the model of a type1 container', () => {
  for (const release of withTracking) {
    for (const [scope, device] of [
      ['pinned', 'an emulated'],
      ['all', 'an IOMMU-backed'],
    ] as const) {
      describe(`of Linux ${release} with ${device} device`, () => {
        for (const testCase of casesFor(scope)) {
          it(testCase.name, async () => {
            using rig = modelRig(type1Behaviours[release], scope);
            await testCase.run(rig);
          });
        }
      });
    }
  }
});
