import assert from 'node:assert/strict';
import { KernelError, Type1Container, type Type1ErrorCode, type Type1Request } from 'linux-vfio-ts';
import { Errno } from '#vfio/kernel/errno.js';
import { ModelKernel } from '#vfio/model/model-kernel.js';
import { Type1Model, type1Behaviours } from '#vfio/model/type1-model.js';
import { explainType1Refusal, type Type1State } from '#vfio/type1/refusal.js';

/** A read of 64 pages at 1 MiB with which nothing is wrong. */
const read: Type1Request = {
  operation: 'GET_BITMAP',
  fd: 7,
  iova: 0x100000n,
  bytes: 64n * 4096n,
  pageBytes: 4096,
  bitmapBytes: 8,
};
const tracking: Type1State = {
  hasIommu: true,
  smallestPageBytes: 4096,
  tracking: true,
  topOfAddressSpace: false,
};

interface Case {
  readonly request?: Partial<Type1Request>;
  readonly state?: Type1State;
  readonly errno: keyof typeof Errno;
  readonly code: Type1ErrorCode;
  readonly says: RegExp;
}

/** What the table of cases in test/support/type1-cases.ts can't bring about on a kernel. */
const cases: readonly Case[] = [
  { errno: 'EACCES', code: 'VFIO_NOT_TYPE1V2', says: /needs VFIO_TYPE1v2_IOMMU/ },
  { errno: 'ENOTTY', code: 'VFIO_NO_DIRTY_TRACKING', says: /older than Linux 5\.8, or iommufd/ },
  { errno: 'ENOMEM', code: 'VFIO_NO_MEMORY', says: /32 KiB for each GiB/ },
  { errno: 'EFAULT', code: 'VFIO_BAD_BUFFER', says: /not writable memory/ },
  { errno: 'EIO', code: 'VFIO_TYPE1_FAILED', says: /EIO/ },
  {
    request: { operation: 'START' },
    errno: 'EINVAL',
    code: 'VFIO_EINVAL_MAPPING_TOO_LARGE',
    says: /2\^31 pages/,
  },
  {
    request: { operation: 'STOP' },
    errno: 'EINVAL',
    code: 'VFIO_EINVAL_UNEXPLAINED',
    says: /no reason/,
  },
  {
    state: { hasIommu: false },
    errno: 'EINVAL',
    code: 'VFIO_EINVAL_NO_IOMMU',
    says: /has ended/,
  },
  // Whether tracking is on could not be asked either.
  {
    state: { ...tracking, tracking: undefined },
    errno: 'EINVAL',
    code: 'VFIO_EINVAL_UNEXPLAINED',
    says: /none of the known reasons/,
  },
];

describe('a refusal by type1', () => {
  for (const { request, state = tracking, errno, code, says } of cases) {
    const operation = request?.operation ?? read.operation;
    it(`of ${operation} with ${errno} is ${code}`, () => {
      const cause = new KernelError({ call: operation, fd: 7, errno: Errno[errno] });
      const error = explainType1Refusal({ ...read, ...request }, state, cause);
      assert.equal(error.code, code);
      assert.equal(error.cause, cause);
      assert.match(error.message, says);
      assert.match(error.message, /on container fd 7 was refused/);
    });
  }

  it('is told of by a kernel before 5.8 as VFIO_NO_DIRTY_TRACKING', () => {
    const kernel = new ModelKernel();
    const model = new Type1Model(type1Behaviours['5.4']);
    const { dirtyPages } = new Type1Container(kernel, kernel.install(model));
    assert.throws(
      () => {
        dirtyPages.start();
      },
      { code: 'VFIO_NO_DIRTY_TRACKING' },
    );
  });
});
