/** The sources of what a guest's devices dirty: borrowed from its QEMU, and how to undo what they switch on. */
import {
  Iommufd,
  VfioDevice,
  type BorrowableProcess,
  type BorrowedFd,
  type HarvestGate,
  type LibcKernel,
} from 'linux-vfio-ts';
import type { MemoryLayout } from '../audit/guest-memory.js';
import { borrowContainers } from './containers.js';
import { DeviceLogSource, endLog } from './device-log-source.js';
import type { DeviceTracking } from './device-tracking.js';
import { bitmapLayoutOf, deviceSections } from './guest-layout.js';
import { HwptSource } from './hwpt-source.js';
import { LogKeeper } from './log-keeper.js';
import type { HarvestSource } from './source.js';
import { Type1Source } from './type1-source.js';

export interface DeviceSourceOptions {
  readonly qemu: BorrowableProcess;
  readonly kernel: LibcKernel;
  readonly gate: HarvestGate;
  readonly tracking: Exclude<DeviceTracking, { kind: 'everything' }>;
  /** The guest's memory. */
  readonly layout: Pick<MemoryLayout, 'sections'>;
  /** The guest's last migration has completed: QEMU then leaves tracking on. */
  readonly mayBeOn: boolean;
}

interface BorrowedLog {
  /** The device. */
  readonly fd: number;
  readonly source: DeviceLogSource;
}

export class DeviceSources implements AsyncDisposable {
  readonly sources: readonly HarvestSource[];
  readonly #switchesOff: readonly (() => void)[];
  readonly #kernel: LibcKernel;
  readonly #logs: readonly BorrowedLog[];
  readonly #keeper: LogKeeper | undefined;

  private constructor(
    sources: readonly HarvestSource[],
    switchesOff: readonly (() => void)[],
    kernel: LibcKernel,
    logs: readonly BorrowedLog[],
    keeper: LogKeeper | undefined,
  ) {
    this.sources = sources;
    this.#switchesOff = switchesOff;
    this.#kernel = kernel;
    this.#logs = logs;
    this.#keeper = keeper;
  }

  /** @throws PrecopyError NOT_SUPPORTED, NO_ACCESS; errors of linux-vfio-ts */
  static async borrow(options: DeviceSourceOptions): Promise<DeviceSources> {
    const { qemu, kernel, gate, tracking, mayBeOn } = options;
    if (tracking.kind === 'none') return new DeviceSources([], [], kernel, [], undefined);
    const sections = deviceSections(options.layout.sections);
    const layout = bitmapLayoutOf(options.layout.sections);
    const sources: HarvestSource[] = [];
    const switchesOff: (() => void)[] = [];
    const logs: BorrowedLog[] = [];
    for (const { name, container } of await borrowContainers(
      qemu,
      kernel,
      gate,
      tracking.containers,
    )) {
      const { dirtyPages } = container;
      sources.push(new Type1Source({ name, dirtyPages, gate, mayBeOn, sections }));
      switchesOff.push(() => {
        dirtyPages.stop();
      });
    }
    for (const { fd, origin } of await borrowAll(qemu, tracking.logs)) {
      const name = `log of VFIO device (fd ${origin.fd})`;
      const { dmaLogging: logging } = new VfioDevice(kernel, fd, gate);
      const source = new DeviceLogSource({ name, logging, gate, layout });
      sources.push(source);
      switchesOff.push(() => {
        endLog(logging);
      });
      logs.push({ fd, source });
    }
    for (const { fd, origin } of await borrowAll(qemu, tracking.iommufds)) {
      const name = `iommufd (fd ${origin.fd})`;
      const iommufd = new Iommufd(kernel, fd, gate);
      const hwptIds = iommufd.hwpts();
      sources.push(new HwptSource({ name, iommufd, hwptIds, gate }));
      switchesOff.push(() => {
        for (const hwptId of hwptIds) iommufd.setDirtyTracking(hwptId, false);
      });
    }
    const keeper =
      tracking.logs.length === 0 ? undefined : await LogKeeper.start(qemu.pid, tracking.logs);
    return new DeviceSources(sources, switchesOff, kernel, logs, keeper);
  }

  /** Switches off what a run that was killed has left on. */
  switchOff(): void {
    for (const switchOff of this.#switchesOff) switchOff();
  }

  /** Whether logs are on that only {@link takeBack} ends: a migration began, and failed because of them. */
  get holdsLogs(): boolean {
    return this.#logs.some(({ source }) => source.isOn);
  }

  /** Ends logs after a migration that began while they were on; call it when that migration is over. */
  takeBack(): void {
    for (const { fd, source } of this.#logs) {
      source.takeBack(new VfioDevice(this.#kernel, fd).dmaLogging);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#keeper?.end(this.holdsLogs ? 'logs are on' : 'logs are off');
  }
}

async function borrowAll(qemu: BorrowableProcess, fds: readonly number[]): Promise<BorrowedFd[]> {
  const origins = (await qemu.list()).filter(({ fd }) => fds.includes(fd));
  return await Promise.all(origins.map((origin) => qemu.borrow(origin)));
}
