/**
 * Kernels in memory, for the tests of code that takes a Kernel: `import ... from 'linux-vfio-ts/model'`.
 * Files answer ioctls as the drivers do; a LyingFile answers as no kernel should.
 */
export { DeviceModel, type DeviceModelOptions } from './device-model.js';
export { IommufdModel, modelIds, type IommufdModelOptions } from './iommufd-model.js';
export { LyingFile } from './lying-file.js';
export { ModelKernel, Refusal, type ModelFile } from './model-kernel.js';
export {
  Type1Model,
  type1Behaviours,
  type Type1Behaviour,
  type Type1ModelOptions,
} from './type1-model.js';
