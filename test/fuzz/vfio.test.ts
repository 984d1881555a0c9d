import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  bitmapBytesFor,
  dirtyTrackingSupport,
  iommufd,
  Iommufd,
  IommufdIoctl,
  isErrno,
  MalformedReplyError,
  observeDirtyTracking,
  Type1Container,
  VfioDevice,
  type HeldFd,
} from 'linux-vfio-ts';
import { walkCapabilities } from '#vfio/info/capabilities.js';
import { Errno } from '#vfio/kernel/errno.js';
import { DeviceModel } from '#vfio/model/device-model.js';
import { IommufdModel, modelIds } from '#vfio/model/iommufd-model.js';
import { LyingFile } from '#vfio/model/lying-file.js';
import { ModelKernel, Refusal, type ModelFile } from '#vfio/model/model-kernel.js';
import { Type1Model } from '#vfio/model/type1-model.js';

/** Bytes that a kernel writes over its honest answer: [offset, value] pairs. */
const scribbles = fc.array(fc.tuple(fc.nat(160), fc.nat(255)), { maxLength: 24 });

function scribbled(honest: ModelFile, bytes: readonly (readonly [number, number])[]): LyingFile {
  return new LyingFile(honest, (argument) => {
    for (const [at, value] of bytes) if (at < argument.byteLength) argument[at] = value;
  });
}

/** Runs `ask`; the only error that a lie may cause is the one that says so. */
function survives(ask: () => void): void {
  try {
    ask();
  } catch (error) {
    if (!(error instanceof MalformedReplyError)) throw error;
  }
}

describe('answers that a kernel scribbled over', () => {
  it('never crash, hang or are read past their end: capability chains', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 600 }),
        fc.nat(700),
        fc.integer({ min: 0, max: 64 }),
        (memory, first, fixed) => {
          const { capabilities, faults } = walkCapabilities(memory, first, fixed);
          assert.ok(capabilities.length <= 64 && faults.length <= 1);
          const total = capabilities.reduce((sum, { bytes }) => sum + bytes.byteLength, 0);
          assert.ok(total <= memory.byteLength, 'capabilities must not overlap');
          for (const { offset, bytes } of capabilities) {
            assert.ok(offset >= fixed && offset + bytes.byteLength <= memory.byteLength);
            assert.ok(bytes.byteLength >= 8);
          }
        },
      ),
      { numRuns: 20_000 },
    );
  });

  it('never crash or hang: type1 information', () => {
    fc.assert(
      fc.property(scribbles, fc.boolean(), (bytes, iommuBacked) => {
        const kernel = new ModelKernel();
        const model = new Type1Model();
        if (iommuBacked) model.attachIommuGroup();
        const file = scribbled(model, bytes);
        const container = new Type1Container(kernel, kernel.install(file));
        survives(() => container.info());
        assert.ok(file.calls <= 8);
      }),
      { numRuns: 5000 },
    );
  });

  it('never crash or hang: devices', () => {
    fc.assert(
      fc.property(scribbles, fc.nat(8), (bytes, region) => {
        const kernel = new ModelKernel();
        const model = new DeviceModel({ migrationFlags: 7n, stopCopyBytes: 1n });
        const file = scribbled(model, bytes);
        const device = new VfioDevice(kernel, kernel.install(file));
        survives(() => device.info());
        survives(() => {
          const { capabilities } = device.region(region);
          assert.ok(capabilities.every(({ bytes: { byteLength } }) => byteLength >= 8));
        });
        assert.ok(file.calls <= 10);
        survives(() => device.migration());
        survives(() => device.migrationState());
        survives(() => device.stopCopyBytes());
      }),
      { numRuns: 5000 },
    );
  });

  it('never crash or hang: dirty logs of devices', async () => {
    await fc.assert(
      fc.asyncProperty(scribbles, async (bytes) => {
        const kernel = new ModelKernel();
        const file = scribbled(new DeviceModel({ dmaLogging: 'works' }), bytes);
        const { dmaLogging } = new VfioDevice(kernel, kernel.install(file));
        assert.equal(dmaLogging.support().works, true);
        const spans = [{ iova: 0n, bytes: 1n << 30n }];
        dmaLogging.start(spans, 4096);
        const bitmap = new Uint8Array(8);
        await dmaLogging.report({ iova: 0n, bytes: 64n * 4096n, pageBytes: 4096, bitmap });
        assert.ok(
          bitmap.every((byte) => byte === 0),
          'what is written over the payload is none of the bitmap',
        );
        dmaLogging.stop();
        assert.equal(file.calls, 5);
      }),
      { numRuns: 2000 },
    );
  });

  it('never crash, hang or are read past their end: IOVA ranges of iommufd', () => {
    /** A count of ranges that the kernel claims, and whether it says that there was too little room. */
    const claims = fc.array(
      fc.record({
        count: fc.oneof(fc.nat(100), fc.integer({ min: 0, max: 0xffffffff })),
        tooLittleRoom: fc.boolean(),
      }),
      { minLength: 1, maxLength: 6 },
    );
    fc.assert(
      fc.property(claims, scribbles, (turns, bytes) => {
        let calls = 0;
        const kernel = new ModelKernel();
        const liar: ModelFile = {
          ioctl({ argument }) {
            const turn = turns[calls % turns.length];
            calls += 1;
            if (!(argument instanceof Uint8Array) || turn === undefined) return 0;
            for (const [at, value] of bytes) if (at < argument.byteLength) argument[at] = value;
            iommufd.ioasIovaRanges.write(argument, { num_iovas: turn.count });
            if (turn.tooLittleRoom) throw new Refusal('EMSGSIZE');
            return 0;
          },
        };
        survives(() => {
          const { ranges } = new Iommufd(kernel, kernel.install(liar)).ioasRanges(modelIds.ioas);
          assert.ok(
            turns.some(({ count, tooLittleRoom }) => !tooLittleRoom && count === ranges.length),
          );
        });
        assert.ok(calls <= 5);
      }),
      { numRuns: 5000 },
    );
  });

  it('never crash or hang: objects of an iommufd', () => {
    const errnos = fc.constantFrom('EINVAL', 'ENOENT', 'EOPNOTSUPP', 'EPERM');
    fc.assert(
      fc.property(
        scribbles,
        fc.array(fc.option(errnos, { nil: undefined }), { minLength: 1, maxLength: 9 }),
        (bytes, refusals) => {
          let calls = 0;
          const honest = scribbled(new IommufdModel({ dirtyTracking: true }), bytes);
          const kernel = new ModelKernel();
          const file = new Iommufd(
            kernel,
            kernel.install({
              ioctl(call) {
                const refusal = refusals[calls++ % refusals.length];
                if (refusal !== undefined) throw new Refusal(refusal);
                return call.request === IommufdIoctl.IOMMU_VFIO_IOAS ? 0 : honest.ioctl(call);
              },
            }),
          );
          for (const ask of [
            () => file.hwpts(),
            () => file.hwInfo(modelIds.device),
            () => file.compatIoas(),
          ]) {
            survives(() => {
              try {
                ask();
              } catch (error) {
                if (!isErrno(error)) throw error;
              }
            });
          }
          assert.ok(calls <= 258);
        },
      ),
      { numRuns: 1000 },
    );
  });

  it('are judged without an error, whatever was observed', async () => {
    const errnos = fc.constantFrom(...(['EINVAL', 'ENOTTY', 'EPERM', 'EIO', 'ENODEV'] as const));
    await fc.assert(
      fc.asyncProperty(
        scribbles,
        fc.array(fc.option(errnos, { nil: undefined, freq: 3 }), { minLength: 1, maxLength: 40 }),
        async (bytes, refusals) => {
          let calls = 0;
          const faulty = (honest: ModelFile): ModelFile => ({
            ioctl(call) {
              const refusal = refusals[calls++ % refusals.length];
              if (refusal !== undefined && refusal in Errno) throw new Refusal(refusal);
              return scribbled(honest, bytes).ioctl(call);
            },
          });
          const kernel = new ModelKernel();
          const held = (
            [
              ['container', new Type1Model()],
              ['device', new DeviceModel({ migrationFlags: 1n, dmaLogging: 'works' })],
              // Its iommufd is asked for what is behind it.
              ['device-cdev', new DeviceModel({ migrationFlags: 7n, dmaLogging: 'broken' })],
              ['iommufd', new IommufdModel({ dirtyTracking: true })],
            ] as const
          ).map(([kind, model], index): HeldFd => {
            const origin = { fd: index, kind, target: kind };
            return { fd: kernel.install(faulty(model)), origin };
          });
          const observation = await observeDirtyTracking(kernel, held, []);
          assert.ok((observation.iommufds[0]?.hwInfos.length ?? 0) <= 1, 'one device is on it');
          const support = dirtyTrackingSupport(observation);
          assert.ok(support.summary.length > 0);
        },
      ),
      { numRuns: 2000 },
    );
  });
});

describe('reads of a tracked container', () => {
  /** Mappings on word boundaries, so that no ghost bits come in between. */
  const MAPPED_WORDS = [0, 3, 4, 9];
  const PAGE = 4096;

  type Step =
    | { readonly do: 'write'; readonly page: number }
    | { readonly do: 'pin'; readonly page: number }
    | { readonly do: 'unpin'; readonly page: number }
    | { readonly do: 'read' };

  const pageArbitrary = fc
    .tuple(fc.constantFrom(...MAPPED_WORDS), fc.nat(63))
    .map(([word, bit]) => word * 64 + bit);
  const step: fc.Arbitrary<Step> = fc.oneof(
    fc.record({ do: fc.constantFrom('write', 'pin', 'unpin'), page: pageArbitrary }),
    fc.constant({ do: 'read' } as const),
  );

  it('return each written page once and each pinned page every time, and no other', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const kernel = new ModelKernel();
        const model = new Type1Model();
        const { dirtyPages } = new Type1Container(kernel, kernel.install(model));
        for (const word of MAPPED_WORDS) {
          const memory = new Uint8Array(PAGE);
          dirtyPages.map({ iova: BigInt(word * 64 * PAGE), bytes: BigInt(64 * PAGE), memory });
        }
        dirtyPages.start();
        let dirty = new Set<number>();
        const pins = new Map<number, number>();
        for (const action of steps) {
          if (action.do === 'read') {
            const bytes = BigInt(16 * 64 * PAGE);
            const bitmap = new Uint8Array(bitmapBytesFor(bytes, PAGE));
            await dirtyPages.getBitmap({ iova: 0n, bytes, pageBytes: PAGE, bitmap });
            const found = [...bitmap].flatMap((byte, index) =>
              [0, 1, 2, 3, 4, 5, 6, 7].filter((b) => (byte >> b) & 1).map((b) => index * 8 + b),
            );
            assert.deepEqual(
              found,
              [...dirty].sort((a, b) => a - b),
            );
            dirty = new Set(pins.keys());
            continue;
          }
          const { page } = action;
          const iova = BigInt(page * PAGE);
          const count = pins.get(page) ?? 0;
          if (action.do === 'write') {
            model.deviceWrites(iova, 1n);
            dirty.add(page);
          } else if (action.do === 'pin') {
            model.devicePins(iova, 1);
            pins.set(page, count + 1);
            dirty.add(page);
          } else {
            model.deviceUnpins(iova, 1);
            if (count > 1) pins.set(page, count - 1);
            else pins.delete(page);
          }
        }
      }),
      { numRuns: 500 },
    );
  });
});
