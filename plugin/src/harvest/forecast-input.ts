/** From what QEMU and the kernel said of a guest to the input of the model. Pure. */
import { hasFailed } from 'linux-vfio-ts';
import { PrecopyError } from '../errors.js';
import type { ForecastInput } from '../forecast/forecast.js';
import type { Rehearsed } from '../forecast/rehearsed.js';
import type { ModelDevice, RamStretch } from '../forecast/qemu-model.js';
import type { ProbeReport } from '../probe/report.js';
import type { MigrationView } from './migration-view.js';
import type { Rehearsal } from './rehearsal.js';

const pageBytes = 4096;
/** The forecast gives up after this long, or ten times what the first round takes. */
const leastHorizonMs = 600_000;

export interface Bandwidth {
  readonly bytesPerSecond: number;
  readonly from: Rehearsal['bandwidthFrom'];
}

/** What the forecast is made of, beside what dirties the guest. */
export interface Known {
  readonly report: ProbeReport;
  readonly ram: readonly RamStretch[];
  readonly view: MigrationView;
  readonly bandwidth: Bandwidth;
  /** Default: QEMU's. */
  readonly downtimeLimitMs: number | undefined;
  /** What the first round takes. */
  readonly firstRoundMs: number;
}

export function forecastInput(known: Known, sources: Rehearsed['sources']): ForecastInput {
  const { report, ram, view, bandwidth, firstRoundMs } = known;
  const { bytesPerSecond } = bandwidth;
  return {
    guest: {
      ram,
      pageBytes,
      sources,
      devices: modelDevices(report, bytesPerSecond),
      vcpus: view.vcpus,
    },
    link: { bytesPerSecond, channelBytesPerSecond: bytesPerSecond },
    parameters: {
      ...view.parameters,
      maxBandwidthBytesPerSecond: bytesPerSecond,
      downtimeLimitMs: known.downtimeLimitMs ?? view.parameters.downtimeLimitMs,
    },
    behaviour: view.behaviour,
    costs: view.costs,
    horizonMs: Math.max(leastHorizonMs, 10 * firstRoundMs),
  };
}

/**
 * @param given bytes/s that the user said the link takes
 * @param maxBandwidth QEMU's, which stands for the link otherwise
 * @throws PrecopyError USAGE if neither says anything
 */
export function chooseBandwidth(given: number | undefined, maxBandwidth: number): Bandwidth {
  if (given !== undefined) return { bytesPerSecond: given, from: 'option' };
  // 0 is no limit, and so is QEMU's largest value.
  if (maxBandwidth > 0 && maxBandwidth < 2 ** 50) {
    return { bytesPerSecond: maxBandwidth, from: 'max-bandwidth' };
  }
  throw new PrecopyError(
    'USAGE',
    'QEMU has no max-bandwidth that could stand for the link.',
    'Say with --bandwidth what the link to the destination takes, e.g. --bandwidth 1G.',
  );
}

function modelDevices({ kernel }: ProbeReport, readBytesPerSecond: number): ModelDevice[] {
  if ('refused' in kernel) return [];
  return kernel.observation.devices.flatMap(({ fd, name, migration, stopCopyBytes }) =>
    migration === undefined || hasFailed(migration)
      ? []
      : [
          {
            name: name ?? `VFIO device (fd ${fd})`,
            stopCopyBytes: stopCopyBytes === undefined ? 'unknown' : Number(stopCopyBytes),
            stopMs: 0,
            readBytesPerSecond,
            loadMs: 0,
          },
        ],
  );
}
