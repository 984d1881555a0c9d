/** What QEMU was told about migrations, in the names of QAPI, as the model takes it. Pure. */
import { defaultAutoConverge, type ModelParameters } from './qemu-model.js';

/** `MigrationParameters` (qapi/migration.json); members that a QEMU does not know are absent. */
export interface MigrationParameterValues {
  /** Bytes/s; 0: no limit. */
  readonly 'max-bandwidth': number;
  /** ms */
  readonly 'downtime-limit': number;
  /** Bytes/s. */
  readonly 'avail-switchover-bandwidth'?: number | undefined;
  readonly 'multifd-channels'?: number | undefined;
  readonly 'zero-page-detection'?: string | undefined;
  /** Percent, as the next three. */
  readonly 'cpu-throttle-initial'?: number | undefined;
  readonly 'cpu-throttle-increment'?: number | undefined;
  readonly 'max-cpu-throttle'?: number | undefined;
  readonly 'throttle-trigger-threshold'?: number | undefined;
  readonly 'cpu-throttle-tailslow'?: boolean | undefined;
  /** MiB/s for each vCPU. */
  readonly 'vcpu-dirty-limit'?: number | undefined;
}

export interface MigrationSettings {
  readonly parameters: MigrationParameterValues;
  /** `MigrationCapability`s that are on. */
  readonly capabilities: ReadonlySet<string>;
}

const mib = 2 ** 20;

/** Parameters of capabilities that are off do not count. */
export function modelParameters({ parameters, capabilities }: MigrationSettings): ModelParameters {
  const triggerPercent =
    parameters['throttle-trigger-threshold'] ?? defaultAutoConverge.triggerPercent;
  return {
    maxBandwidthBytesPerSecond: parameters['max-bandwidth'],
    downtimeLimitMs: parameters['downtime-limit'],
    availSwitchoverBytesPerSecond: parameters['avail-switchover-bandwidth'] ?? 0,
    multifdChannels: capabilities.has('multifd') ? (parameters['multifd-channels'] ?? 2) : 0,
    zeroPageDetection: parameters['zero-page-detection'] !== 'none',
    zeroPagesInChannels:
      capabilities.has('multifd') && parameters['zero-page-detection'] === 'multifd',
    switchoverAck: capabilities.has('switchover-ack'),
    autoConverge: capabilities.has('auto-converge')
      ? {
          initialPercent: parameters['cpu-throttle-initial'] ?? defaultAutoConverge.initialPercent,
          incrementPercent:
            parameters['cpu-throttle-increment'] ?? defaultAutoConverge.incrementPercent,
          maxPercent: parameters['max-cpu-throttle'] ?? defaultAutoConverge.maxPercent,
          tailslow: parameters['cpu-throttle-tailslow'] ?? defaultAutoConverge.tailslow,
          triggerPercent,
        }
      : undefined,
    dirtyLimit: capabilities.has('dirty-limit')
      ? { bytesPerSecondPerVcpu: (parameters['vcpu-dirty-limit'] ?? 1) * mib, triggerPercent }
      : undefined,
    pauseMs: capabilities.has('pause-before-switchover') ? 0 : undefined,
  };
}
