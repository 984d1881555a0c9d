/** Rehearsals that nobody made, for what is said of them. */
import {
  behaviourOf,
  defaultCosts,
  defaultParameters,
  forecast,
  rehearsalVersion,
  tableAround,
  type DirtySource,
  type ForecastInput,
  type Rehearsal,
} from 'precopy';

const pageBytes = 4096;

/** A guest without pages of zeros or devices, that is dirtied by this source alone. */
export function forecastInputOf(
  source: DirtySource,
  { pages, bytesPerSecond }: { pages: number; bytesPerSecond: number },
): ForecastInput {
  return {
    guest: {
      ram: [{ pages, zero: false }],
      pageBytes,
      sources: [source],
      devices: [],
      vcpus: 1,
    },
    link: { bytesPerSecond, channelBytesPerSecond: bytesPerSecond },
    parameters: { ...defaultParameters, maxBandwidthBytesPerSecond: bytesPerSecond },
    behaviour: behaviourOf(10, 0),
    costs: defaultCosts,
    horizonMs: 600_000,
    samples: 4,
  };
}

export function rehearsalOf(input: ForecastInput, more: Partial<Rehearsal> = {}): Rehearsal {
  const { ram, devices } = input.guest;
  const { maxBandwidthBytesPerSecond: bytesPerSecond } = input.parameters;
  return {
    version: rehearsalVersion,
    address: 'unix:/run/qmp',
    guestStatus: 'running',
    pageBytes,
    ramBytes: pageBytes * ram.reduce((sum, { pages }) => sum + pages, 0),
    zeroBytes: 0,
    watched: null,
    sources: [],
    together: null,
    heat: null,
    hotRanges: [],
    phases: [],
    curve: [],
    worstPhase: 0,
    bandwidthBytesPerSecond: bytesPerSecond,
    bandwidthFrom: 'option',
    blackoutBytesPerSecond: bytesPerSecond,
    blackoutFrom: 'same',
    zeroPagesPerSecond: 1_000_000,
    zeroPagesFrom: 'measured',
    calibration: null,
    accuracy: null,
    parameters: input.parameters,
    devices,
    forecast: forecast(input),
    remedies: [],
    table: tableAround(input),
    downtimeFloorMs: null,
    caveats: [],
    ...more,
  };
}
