import assert from 'node:assert/strict';
import { LibcKernel } from 'linux-vfio-ts';
import { behaviourOfThisKernel, iommuBackedRig, kernelRig } from '../../support/kernel-rig.js';
import { bindToVfioPci, iommuBackedDevices, RawContainer } from '../../support/raw-container.js';
import { casesFor } from '../../support/type1-cases.js';
import { modelRig, type RigScope, type Type1Rig } from '../../support/type1-rig.js';

/** The extensions that it has, by name, and what the model of its kernel has. */
function assertExtensionsOfModel({ container }: Type1Rig, scope: RigScope): void {
  using model = modelRig(behaviourOfThisKernel(), scope);
  const [found, expected] = [container, model.container].map((asked) =>
    asked.extensions().filter(({ value }) => value !== 0),
  );
  assert.deepEqual(found, expected);
  assert.equal(
    found?.some(({ name }) => name === 'VFIO_TYPE1v2_IOMMU'),
    true,
  );
}

describe('a type1 container of this kernel with an emulated device', () => {
  for (const testCase of casesFor('pinned')) {
    it(testCase.name, async () => {
      using rig = kernelRig();
      await testCase.run(rig);
    });
  }

  it('has the extensions of its model', () => {
    using rig = kernelRig();
    assertExtensionsOfModel(rig, 'pinned');
  });
});

describe('a type1 container of this kernel with an IOMMU-backed device', () => {
  it('has the extensions of its model', () => {
    using rig = iommuBackedRig();
    assertExtensionsOfModel(rig, 'all');
  });

  it('tracks nothing where it was made as v1', () => {
    const [address = ''] = iommuBackedDevices();
    using pci = bindToVfioPci(address);
    using raw = new RawContainer(new LibcKernel(), pci, 1);
    const { dirtyPages } = raw.container;
    assert.equal(dirtyPages.tracking(), undefined);
    assert.throws(
      () => {
        dirtyPages.start();
      },
      { code: 'VFIO_NOT_TYPE1V2' },
    );
  });

  for (const testCase of casesFor('all')) {
    it(testCase.name, async () => {
      using rig = iommuBackedRig();
      await testCase.run(rig);
    });
  }
});
