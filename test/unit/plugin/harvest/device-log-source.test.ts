/** The sources that read section by section: a device's log, and the page tables of an iommufd. */
import assert from 'node:assert/strict';
import { BitmapArena, BitmapLayout, HarvestGate, Iommufd, VfioDevice } from 'linux-vfio-ts';
import { DeviceModel, IommufdModel, ModelKernel } from 'linux-vfio-ts/model';
import { DeviceLogSource, HwptSource, loggedSpans, type HarvestSource } from 'precopy';

const page = 4096;
const signal = new AbortController().signal;

function at(firstPage: number, pages: number): { first: bigint; last: bigint } {
  return { first: BigInt(firstPage * page), last: BigInt((firstPage + pages) * page) - 1n };
}

/** Sections on and off 64-page boundaries, two of them in one word, and one above 4 GiB. */
const sections = [at(0, 70), at(75, 10), at(128, 64), at(2 ** 20 + 3, 100)];
const layout = new BitmapLayout({
  range: { first: 0n, last: 2n ** 40n - 1n },
  pageSizeBytes: page,
  sections,
});
const written = [0, 63, 64, 69, 75, 84, 128, 191, 2 ** 20 + 3, 2 ** 20 + 102];

interface Rig {
  readonly source: HarvestSource;
  readonly gate: HarvestGate;
  readonly writes: (iova: bigint) => void;
  readonly isOn: () => boolean;
}

function logRig(): Rig {
  const kernel = new ModelKernel();
  const model = new DeviceModel({ dmaLogging: 'works' });
  const gate = new HarvestGate();
  const fd = kernel.install(model);
  const { dmaLogging: logging } = new VfioDevice(kernel, fd, gate);
  const source = new DeviceLogSource({ name: 'log', logging, gate, layout });
  const writes = (iova: bigint): void => {
    model.writes(iova);
  };
  return { source, gate, writes, isOn: () => source.isOn };
}

function hwptRig(): Rig {
  const kernel = new ModelKernel();
  const model = new IommufdModel({ dirtyTracking: true });
  const gate = new HarvestGate();
  const iommufd = new Iommufd(kernel, kernel.install(model), gate);
  const source = new HwptSource({ name: 'hwpt', iommufd, hwptIds: iommufd.hwpts(), gate });
  const writes = (iova: bigint): void => {
    model.writes(iova);
  };
  return { source, gate, writes, isOn: () => model.tracking };
}

for (const [name, rig] of [
  ["the source of a device's log", logRig],
  ["the source of an iommufd's page tables", hwptRig],
] as const) {
  describe(name, () => {
    it('harvests every page of every section, once, in windows that follow each other', async () => {
      const { source, writes } = rig();
      using arena = new BitmapArena();
      using bitmap = arena.create(layout);
      await source.start(signal);
      for (const number of written) writes(BigInt(number * page));
      const first = await source.harvest(bitmap, signal);
      assert.deepEqual(
        [...bitmap.runs()].flatMap(({ firstPage, pages }) =>
          Array.from({ length: pages }, (_, index) => firstPage + index),
        ),
        written,
      );
      assert.equal(bitmap.countOutsideSections(), 0);
      bitmap.clear();
      const second = await source.harvest(bitmap, signal);
      assert.ok(bitmap.isEmpty());
      assert.equal(second.startMs, first.endMs);
    });

    it('switches off what it switched on', async () => {
      const { source, isOn } = rig();
      assert.equal(isOn(), false);
      await source.start(signal);
      assert.equal(isOn(), true);
      source.stop();
      assert.equal(isOn(), false);
    });

    it('reads nothing and switches nothing while QEMU migrates', async () => {
      const { source, gate, isOn } = rig();
      using arena = new BitmapArena();
      using bitmap = arena.create(layout);
      await source.start(signal);
      gate.shut('QEMU is migrating');
      await assert.rejects(source.harvest(bitmap, signal), { code: 'VFIO_HARVEST_REFUSED' });
      source.stop();
      assert.equal(isOn(), true);
    });
  });
}

describe("a device's log", () => {
  it('is not started where it is on already, and stays on', () => {
    const kernel = new ModelKernel();
    const { dmaLogging: logging } = new VfioDevice(
      kernel,
      kernel.install(new DeviceModel({ dmaLogging: 'works' })),
    );
    logging.start(loggedSpans(layout), page);
    const source = new DeviceLogSource({ name: 'log', logging, gate: new HarvestGate(), layout });
    assert.throws(() => void source.start(), { code: 'NOT_SUPPORTED', message: /on already/ });
    source.stop();
    logging.stop();
  });

  it('covers what QEMU would log: one range below 4 GiB, and one above', () => {
    assert.deepEqual(loggedSpans(layout), [
      { iova: 0n, bytes: 192n * 4096n },
      { iova: BigInt(2 ** 20 + 3) * 4096n, bytes: 100n * 4096n },
    ]);
  });

  it('is taken back after a migration that failed because of it', async () => {
    const kernel = new ModelKernel();
    const fd = kernel.install(new DeviceModel({ dmaLogging: 'works' }));
    const gate = new HarvestGate();
    const { dmaLogging: logging } = new VfioDevice(kernel, fd, gate);
    const source = new DeviceLogSource({ name: 'log', logging, gate, layout });
    await source.start();
    gate.shut('QEMU is migrating');
    source.stop();
    const past = new VfioDevice(kernel, fd).dmaLogging;
    source.takeBack(past);
    // It can be started again, so it was off.
    past.start(loggedSpans(layout), page);
  });
});
