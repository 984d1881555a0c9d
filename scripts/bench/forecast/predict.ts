/** What the model says of a scenario, from what is known of the workload and not from harvests. */
import {
  behaviourOf,
  idle,
  modelParameters,
  sequentialCurve,
  simulatePrecopy,
  sumOfCurves,
  uniformCurve,
  type DirtyCurve,
  type ModelCosts,
  type ModelDevice,
  type ModelInput,
  type ModelLink,
  type ModelResult,
  type RamStretch,
} from 'precopy';
import { deviceAddress, workloadAddress, type Actual } from './run.js';
import { settingsOf, type DeviceScenario, type Scenario } from './scenarios.js';

const pageBytes = 4096;
/** The firmware's blocks beside pc.ram: pc.bios, pc.rom, ACPI tables. */
const otherPages = 128;

/** What was measured apart from the scenarios. */
export interface Calibration {
  readonly link: ModelLink;
  readonly costs: ModelCosts;
  /** How fast a device's state is read, bytes/s. */
  readonly deviceBytesPerSecond: number;
  /** Pages that the guest's workload writes in a second when nothing holds it back. */
  readonly writesPerSecond: number;
  readonly version: readonly [major: number, minor: number];
}

/** The workload's true D(t). */
export function trueCurve(workload: Scenario['workload']): DirtyCurve {
  if (!workload) return idle;
  const { pages, pagesPerSecond, pattern } = workload;
  // The guest's state page changes too, with every interrupt.
  const state = uniformCurve(1, 1000);
  if (pattern.kind === 'hot') {
    const hot = (pagesPerSecond * pattern.permille) / 1000;
    return sumOfCurves(
      uniformCurve(pattern.pages, hot),
      uniformCurve(pages - pattern.pages, pagesPerSecond - hot),
      state,
    );
  }
  const known = pattern.kind === 'sequential' ? sequentialCurve : uniformCurve;
  return sumOfCurves(known(pages, pagesPerSecond), state);
}

/** RAM as the first round finds it, in its order: zeros, but for the pages that were written by then. */
function content({ memoryMiB, workload, device }: Scenario, written: number): RamStretch[] {
  const total = (memoryMiB * 2 ** 20) / pageBytes;
  const below = workloadAddress / pageBytes;
  const pages = workload?.pages ?? 0;
  const parts = 8;
  const set = Array.from({ length: parts }, () => [
    { pages: written / parts, zero: false },
    { pages: (pages - written) / parts, zero: true },
  ]).flat();
  const devicePages = device?.pages ?? 0;
  // The device's pages are between zeros, too.
  const deviceFrom = devicePages > 0 ? deviceAddress / pageBytes : below + pages;
  return [
    { pages: below, zero: true },
    ...set,
    { pages: deviceFrom - below - pages, zero: true },
    { pages: devicePages, zero: false },
    { pages: total - deviceFrom - devicePages, zero: true },
    { pages: otherPages, zero: false },
  ];
}

/**
 * Pages of the working set that are no zeros any more when the first round comes to them: as many as
 * are written by the middle of its time.
 */
function pagesWritten(
  { workload, bandwidthBytesPerSecond }: Scenario,
  writesBefore: number,
): number {
  if (!workload) return 0;
  const roundMs =
    bandwidthBytesPerSecond === 0
      ? 0
      : (workload.pages * pageBytes * 1000) / bandwidthBytesPerSecond;
  return trueCurve(workload).pagesIn((writesBefore * 1000) / workload.pagesPerSecond + roundMs / 2);
}

/** The part of its time that the vCPU writes; what else it does, it halts or could do without. */
function busyShare(workload: Scenario['workload'], { writesPerSecond }: Calibration): number {
  return Math.min(1, Math.max(0.001, (workload?.pagesPerSecond ?? 0) / writesPerSecond));
}

function deviceCurve(device: Scenario['device']): DirtyCurve {
  return device && device.pages > 0 ? uniformCurve(device.pages, device.pagesPerSecond) : idle;
}

/** What dirtygen saves: a header, sequence numbers for each 512 pages in which it wrote, and what it adds. */
export function deviceStateBytes({ pages, stopCopyBytes }: DeviceScenario): number {
  return 184 + 4120 * Math.ceil(pages / 512) + stopCopyBytes;
}

function modelDevice(device: DeviceScenario, { deviceBytesPerSecond }: Calibration): ModelDevice {
  const savedBytes = deviceStateBytes(device);
  return {
    name: 'dirtygen',
    stopCopyBytes: device.reportedBytes ?? savedBytes,
    savedBytes,
    precopy: device.precopy && {
      initialBytes: device.precopy.initialBytes,
      dirtyBytesPerSecond: device.precopy.bytesPerSecond,
    },
    readBytesPerSecond: deviceBytesPerSecond,
    // What its transitions and its loading take is part of what every switchover costs here.
    stopMs: 0,
    loadMs: 0,
  };
}

export function modelInput(
  scenario: Scenario,
  calibration: Calibration,
  actual: Pick<Actual, 'writesBefore'>,
): ModelInput {
  const { workload } = scenario;
  const written = Math.min(pagesWritten(scenario, actual.writesBefore), workload?.pages ?? 0);
  return {
    guest: {
      pageBytes,
      vcpus: 1,
      busyShare: busyShare(workload, calibration),
      ram: content(scenario, written),
      sources: [
        { name: 'cpu', kind: 'cpu', curve: trueCurve(workload) },
        { name: 'device', kind: 'device', curve: deviceCurve(scenario.device) },
      ],
      devices: scenario.device ? [modelDevice(scenario.device, calibration)] : [],
    },
    link: calibration.link,
    parameters: modelParameters(settingsOf(scenario)),
    behaviour: behaviourOf(...calibration.version),
    costs: calibration.costs,
    horizonMs: scenario.timeoutMs,
  };
}

export function predict(
  scenario: Scenario,
  calibration: Calibration,
  actual: Pick<Actual, 'writesBefore'>,
): ModelResult {
  return simulatePrecopy(modelInput(scenario, calibration, actual));
}
