import type { SendRate } from './rate.js';
import type { DowntimeLedger, ModelCosts, ModelDevice, ModelParameters } from './types.js';

/**
 * The time for which the guest runs nowhere. max-bandwidth does not hold in it
 * (`migration_rate_set(RATE_LIMIT_DISABLED)` in migration_switchover_start).
 *
 * @param ramSendMs final synchronisation and sending of the RAM left
 */
export function blackoutLedger(
  ramSendMs: number,
  devices: readonly ModelDevice[],
  rate: SendRate,
  parameters: ModelParameters,
  costs: ModelCosts,
): DowntimeLedger {
  const transfers = devices.map(
    (device) =>
      savedBytes(device) / Math.min(rate.blackoutBytesPerMs, device.readBytesPerSecond / 1000),
  );
  const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
  return {
    ramMs: ramSendMs,
    deviceStateMs: costs.saveMs + sum(transfers),
    transitionsMs: sum(devices.map(({ stopMs }) => stopMs)),
    destinationLoadMs: costs.loadMs + sum(devices.map(({ loadMs }) => loadMs)),
    waitingMs: parameters.pauseMs ?? 0,
  };
}

/** Bytes of state that a device really has in STOP_COPY. */
export function savedBytes(device: ModelDevice): number {
  return device.savedBytes ?? (device.stopCopyBytes === 'unknown' ? 0 : device.stopCopyBytes);
}

export function ledgerTotalMs(ledger: DowntimeLedger): number {
  const { ramMs, deviceStateMs, transitionsMs, destinationLoadMs, waitingMs } = ledger;
  return ramMs + deviceStateMs + transitionsMs + destinationLoadMs + waitingMs;
}
