/**
 * A model of QEMU's precopy as the source runs it: pure, and the same for the same input. It follows
 * migration/{migration,ram,savevm,migration-stats,cpu-throttle}.c and hw/vfio/migration.c of QEMU
 * 10.0, with what differs in other versions in QemuBehaviour. docs/forecast.md says what it takes
 * into account, and what not.
 *
 * qemu-model/types      what goes in and what comes out
 * qemu-model/simulate   the loop: threshold, exact queries, passes, rate limit
 * qemu-model/ram        which pages are still to be sent
 * qemu-model/rate       max-bandwidth in windows of 100 ms
 * qemu-model/devices    VFIO devices while the guest runs
 * qemu-model/throttle   auto-converge and dirty-limit
 * qemu-model/steady     windows that repeat themselves are skipped
 * qemu-model/hope       when to give up
 * qemu-model/policy     who changes parameters meanwhile
 * qemu-model/blackout   the downtime, as a ledger
 * qemu-model/defaults   QEMU's defaults, versions, costs to start from
 */
export * from './qemu-model/defaults.js';
export { ledgerTotalMs } from './qemu-model/blackout.js';
export { type ModelInput, simulatePrecopy } from './qemu-model/simulate.js';
export { changedParameters } from './qemu-model/policy.js';
export type {
  ParameterChanges,
  PolicyStep,
  PolicyStepTaken,
  PolicyView,
  SimulatedPolicy,
  SimulateOptions,
} from './qemu-model/policy.js';
export type * from './qemu-model/types.js';
