/** From what QEMU and the kernel said of a guest to the input of the model. Pure. */
import { hasFailed } from 'linux-vfio-ts';
import { PrecopyError } from '../errors.js';
import type { ForecastInput } from '../forecast/forecast.js';
import type { Rehearsed } from '../forecast/rehearsed.js';
import type { ModelDevice, RamStretch } from '../forecast/qemu-model.js';
import type { Experience } from '../history/experience.js';
import type { ProbeReport } from '../probe/report.js';
import type { MigrationView } from './migration-view.js';
import { sumOfPages } from './ram-content.js';
import type { ZeroPageRate } from './zero-page-rate.js';

const pageBytes = 4096;
/** The forecast gives up after this long, or ten times what the first round takes. */
const leastHorizonMs = 600_000;

export interface Bandwidth {
  /** While the guest runs: what max-bandwidth and the link leave, bytes/s. */
  readonly bytesPerSecond: number;
  /** Whose figure that is. */
  readonly from: 'option' | 'max-bandwidth' | 'measured' | 'history';
  /** In the blackout, to which max-bandwidth does not apply. */
  readonly blackoutBytesPerSecond: number;
  /** `same`: nothing better is known than `bytesPerSecond`. */
  readonly blackoutFrom: 'measured' | 'history' | 'same';
  /** max-bandwidth, bytes/s; 0: no limit. */
  readonly maxBytesPerSecond: number;
  /** The link's own, bytes/s. */
  readonly linkBytesPerSecond: number;
}

/** What the forecast is made of, beside what dirties the guest. */
export interface Known {
  readonly report: ProbeReport;
  readonly ram: readonly RamStretch[];
  readonly view: MigrationView;
  readonly bandwidth: Bandwidth;
  readonly experience?: Experience | undefined;
  readonly zeroPages: ZeroPageRate;
  /** Part of the time in which the vCPUs ran. */
  readonly busyShare?: number | undefined;
  /** Default: QEMU's. */
  readonly downtimeLimitMs: number | undefined;
  /** What the first round takes. */
  readonly firstRoundMs: number;
}

export function forecastInput(known: Known, sources: Rehearsed['sources']): ForecastInput {
  const { report, ram, view, bandwidth, experience, firstRoundMs } = known;
  const { linkBytesPerSecond } = bandwidth;
  return {
    guest: {
      ram,
      pageBytes,
      sources,
      devices: modelDevices(report, bandwidth.blackoutBytesPerSecond),
      vcpus: view.vcpus,
      busyShare: known.busyShare,
    },
    link: {
      bytesPerSecond: linkBytesPerSecond,
      channelBytesPerSecond: linkBytesPerSecond,
      switchoverBytesPerSecond: bandwidth.blackoutBytesPerSecond,
    },
    parameters: {
      ...view.parameters,
      maxBandwidthBytesPerSecond: bandwidth.maxBytesPerSecond,
      downtimeLimitMs: known.downtimeLimitMs ?? view.parameters.downtimeLimitMs,
    },
    behaviour: view.behaviour,
    costs: {
      ...view.costs,
      ...experience?.calibration?.costs,
      zeroPagesPerSecond: known.zeroPages.pagesPerSecond,
    },
    linkDeviation: experience?.link?.deviation,
    costDeviation: experience?.calibration?.costDeviation,
    zeroPageDeviation: known.zeroPages.deviation,
    horizonMs: Math.max(leastHorizonMs, 10 * firstRoundMs),
  };
}

/** How long all RAM takes, ms: pages of zeros are looked at, the others sent. */
export function roundMs(
  ram: readonly RamStretch[],
  bytesPerSecond: number,
  { pagesPerSecond }: ZeroPageRate,
): number {
  const zeroPages = sumOfPages(ram.filter(({ zero }) => zero));
  return dataMs(ram, bytesPerSecond) + (1000 * zeroPages) / pagesPerSecond;
}

/** How long all RAM but its pages of zeros takes, ms. */
export function dataMs(ram: readonly RamStretch[], bytesPerSecond: number): number {
  return (1000 * pageBytes * sumOfPages(ram.filter(({ zero }) => !zero))) / bytesPerSecond;
}

/** Nothing tells what the link takes. */
export class UnknownBandwidthError extends PrecopyError {
  constructor() {
    super(
      'USAGE',
      'QEMU has no max-bandwidth that could stand for the link, and no past migration tells what the link takes.',
      'Say with --bandwidth what the link to the destination takes, e.g. --bandwidth 1G, or have it measured with --measure-link.',
    );
  }
}

/**
 * @param given bytes/s that the migration is to use: its max-bandwidth; 0: it will have none
 * @param maxBandwidth QEMU's now, which stands for the link where nothing else does
 * @throws UnknownBandwidthError
 */
export function chooseBandwidth(
  given: number | undefined,
  maxBandwidth: number,
  experience?: Experience,
): Bandwidth {
  const maxBytesPerSecond = given ?? maxBandwidth;
  const cap = boundOf(maxBytesPerSecond);
  const { calibration, link: measured, pastLinkBytesPerSecond } = experience ?? {};
  const link =
    measured?.bytesPerSecond ?? calibration?.linkBytesPerSecond ?? pastLinkBytesPerSecond;
  const linkFrom = measured ? 'measured' : 'history';
  const known = Math.min(cap, link ?? Infinity);
  const bytesPerSecond = known === Infinity ? boundOf(maxBandwidth) : known;
  if (bytesPerSecond === Infinity) throw new UnknownBandwidthError();
  const capFrom = given === undefined || given === 0 ? 'max-bandwidth' : 'option';
  const blackout = calibration?.switchoverBytesPerSecond ?? link;
  return {
    bytesPerSecond,
    from: bytesPerSecond === link && link < cap ? linkFrom : capFrom,
    blackoutBytesPerSecond: blackout ?? bytesPerSecond,
    blackoutFrom:
      blackout === undefined
        ? 'same'
        : calibration?.switchoverBytesPerSecond === undefined
          ? linkFrom
          : 'history',
    maxBytesPerSecond: cap === Infinity ? 0 : cap,
    linkBytesPerSecond: link ?? bytesPerSecond,
  };
}

/** 0 is no limit, and so is QEMU's largest value. */
function boundOf(maxBandwidth: number): number {
  return maxBandwidth > 0 && maxBandwidth < 2 ** 50 ? maxBandwidth : Infinity;
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
