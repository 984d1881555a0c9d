import assert from 'node:assert/strict';
import { Type1Container, vfio, VfioFlag, VfioIoctl, type Type1Info } from 'linux-vfio-ts';
import { walkCapabilities } from '#vfio/info/capabilities.js';
import { LyingFile } from '#vfio/model/lying-file.js';
import { ModelKernel } from '#vfio/model/model-kernel.js';
import { Type1Model } from '#vfio/model/type1-model.js';

/** A container with an IOMMU-backed group, whose GET_INFO is changed by `lie`. */
function lyingContainer(lie: (argument: Uint8Array) => void): {
  container: Type1Container;
  file: LyingFile;
} {
  const kernel = new ModelKernel();
  const model = new Type1Model();
  model.attachIommuGroup();
  const file = new LyingFile(model, (argument, call) => {
    if (call.request === VfioIoctl.VFIO_IOMMU_GET_INFO) lie(argument);
  });
  return { container: new Type1Container(kernel, kernel.install(file)), file };
}

/** Offsets in the honest answer: migration, DMA_AVAIL, IOVA_RANGE. */
const MIGRATION = 24;
const DMA_AVAIL = 56;
const IOVA_RANGE = 72;

function setNext(argument: Uint8Array, header: number, next: number): void {
  vfio.capHeader.write(argument, { next }, header);
}

interface Lie {
  readonly name: string;
  readonly lie: (argument: Uint8Array) => void;
  readonly fault: string;
  /** What is still known. */
  readonly known: (info: Type1Info) => void;
}

const lies: readonly Lie[] = [
  {
    name: 'a chain that comes back to its beginning',
    lie: (argument) => {
      setNext(argument, IOVA_RANGE, MIGRATION);
    },
    fault: 'cycle',
    known: (info) => {
      assert.equal(info.capabilities.length, 3);
      assert.equal(info.migration?.pageSizes, 4096n);
    },
  },
  {
    name: 'a capability that points to itself',
    lie: (argument) => {
      setNext(argument, MIGRATION, MIGRATION);
    },
    fault: 'cycle',
    known: (info) => {
      assert.equal(info.capabilities.length, 1);
    },
  },
  {
    name: 'headers that overlap',
    lie: (argument) => {
      setNext(argument, DMA_AVAIL, DMA_AVAIL + 4);
    },
    fault: 'overlap',
    known: (info) => {
      assert.equal(info.dmaAvailable, 65535);
    },
  },
  {
    name: 'a chain that leaves the buffer',
    lie: (argument) => {
      setNext(argument, DMA_AVAIL, 0xfffffff8);
    },
    fault: 'out-of-bounds',
    known: (info) => {
      assert.equal(info.iovaRanges, undefined);
    },
  },
  {
    name: 'a chain that begins inside the fixed part',
    lie: (argument) => {
      vfio.type1Info.write(argument, { cap_offset: 8 });
    },
    fault: 'inside-fixed-part',
    known: (info) => {
      assert.deepEqual(info.capabilities, []);
      assert.equal(info.iovaPageSizes, 0x40201000n);
    },
  },
  {
    name: 'a capability cut short by the next one',
    lie: (argument) => {
      setNext(argument, MIGRATION, MIGRATION + 8);
      argument.fill(0, MIGRATION + 8, MIGRATION + 16);
    },
    fault: 'truncated',
    known: (info) => {
      assert.equal(info.migration, undefined);
    },
  },
  {
    name: 'more IOVA ranges than there is room for',
    lie: (argument) => {
      vfio.capIovaRange.write(argument, { nr_iovas: 0xffffffff }, IOVA_RANGE);
    },
    fault: 'truncated',
    known: (info) => {
      assert.equal(info.iovaRanges, undefined);
      assert.equal(info.migration?.version, 1);
    },
  },
];

describe('a kernel that lies about its capabilities', () => {
  for (const { name, lie, fault, known } of lies) {
    it(`is seen through: ${name}`, () => {
      const info = lyingContainer(lie).container.info();
      assert.deepEqual(
        info.faults.map(({ kind }) => kind),
        [fault],
      );
      known(info);
    });
  }

  it('is not asked for ever when it wants more room each time', () => {
    const { container, file } = lyingContainer((argument) => {
      vfio.type1Info.write(argument, { argsz: argument.byteLength + 8 });
    });
    assert.throws(() => container.info(), { code: 'VFIO_MALFORMED_REPLY' });
    assert.ok(file.calls <= 8);
  });

  it('is not given gigabytes when it asks for them', () => {
    const { container, file } = lyingContainer((argument) => {
      vfio.type1Info.write(argument, { argsz: 0xffffffff });
    });
    assert.throws(() => container.info(), { code: 'VFIO_MALFORMED_REPLY', message: /4294967295/ });
    assert.equal(file.calls, 1);
  });

  it('may say a smaller argsz than it was given: older kernels do', () => {
    const { container } = lyingContainer((argument) => {
      vfio.type1Info.write(argument, { argsz: 16 });
    });
    assert.equal(container.info().migration?.version, 1);
  });

  it('has no capabilities when it does not set the flag, whatever cap_offset says', () => {
    const { container } = lyingContainer((argument) => {
      vfio.type1Info.write(argument, { flags: VfioFlag.VFIO_IOMMU_INFO_PGSIZES });
    });
    const info = container.info();
    assert.deepEqual(info.capabilities, []);
    assert.deepEqual(info.faults, []);
  });

  it('keeps capabilities that nobody knows, as bytes', () => {
    const { container } = lyingContainer((argument) => {
      vfio.capHeader.write(argument, { id: 77, version: 9 }, DMA_AVAIL);
    });
    const info = container.info();
    const unknown = info.capabilities.find(({ id }) => id === 77);
    assert.equal(unknown?.version, 9);
    assert.equal(unknown.bytes.byteLength, IOVA_RANGE - DMA_AVAIL);
    assert.equal(info.dmaAvailable, undefined);
    assert.deepEqual(info.faults, []);
  });

  it('does not get more than 64 capabilities read', () => {
    const memory = new Uint8Array(4096);
    for (let at = 24; at < 4000; at += 8) {
      vfio.capHeader.write(memory, { id: 1, version: 1, next: at + 8 }, at);
    }
    const { capabilities, faults } = walkCapabilities(memory, 24, 24);
    assert.equal(capabilities.length, 64);
    assert.equal(faults[0]?.kind, 'too-many');
  });
});
