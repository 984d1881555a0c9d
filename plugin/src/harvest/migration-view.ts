/** What QEMU would migrate with: its parameters, capabilities and accelerator, for the model. */
import { availableParallelism } from 'node:os';
import { z } from 'zod';
import {
  behaviourOf,
  defaultCosts,
  type ModelCosts,
  type ModelParameters,
  type QemuBehaviour,
} from '../forecast/qemu-model.js';
import { modelParameters, type MigrationParameterValues } from '../forecast/migration-settings.js';
import { capabilityList, checked } from '../sequence/qemu-replies.js';
import type { QemuSide } from '../sequence/side.js';
import { vcpuThreadIds } from './vcpu-time.js';

const integer = z.union([z.number().int(), z.bigint()]).transform(Number);

const parameterReply: z.ZodType<MigrationParameterValues> = z.object({
  'max-bandwidth': integer,
  'downtime-limit': integer,
  'avail-switchover-bandwidth': integer.optional(),
  'multifd-channels': integer.optional(),
  'zero-page-detection': z.string().optional(),
  'cpu-throttle-initial': integer.optional(),
  'cpu-throttle-increment': integer.optional(),
  'cpu-throttle-tailslow': z.boolean().optional(),
  'max-cpu-throttle': integer.optional(),
  'throttle-trigger-threshold': integer.optional(),
  'vcpu-dirty-limit': integer.optional(),
});
const kvmInfo = z.object({ enabled: z.boolean() });

export interface MigrationView {
  readonly parameters: ModelParameters;
  readonly behaviour: QemuBehaviour;
  readonly vcpus: number;
  /** Their threads in QEMU's process. */
  readonly vcpuThreads: readonly number[];
  readonly costs: ModelCosts;
}

/** @param ramBytes RAM that migrates */
export async function viewMigration(side: QemuSide, ramBytes: number): Promise<MigrationView> {
  const [parameters, capabilities, vcpuThreads, kvm] = await Promise.all([
    side.query('query-migrate-parameters'),
    side.query('query-migrate-capabilities'),
    vcpuThreadIds(side.client),
    side.query('query-kvm'),
  ]);
  const on = new Set(
    checked(capabilityList, capabilities, 'query-migrate-capabilities')
      .filter(({ state }) => state)
      .map(({ capability }) => capability),
  );
  const { enabled: usesKvm } = checked(kvmInfo, kvm, 'query-kvm');
  const { major, minor } = side.client.greeting.version;
  return {
    parameters: modelParameters({
      parameters: checked(parameterReply, parameters, 'query-migrate-parameters'),
      capabilities: on,
    }),
    behaviour: behaviourOf(major, minor),
    vcpus: vcpuThreads.length,
    vcpuThreads,
    // KVM's dirty log is cleared GiB by GiB as the round comes to it; TCG's at the synchronisation.
    costs: {
      ...defaultCosts,
      sendingCpus: availableParallelism(),
      clearPieces: usesKvm ? Math.ceil(ramBytes / 2 ** 30) : 0,
    },
  };
}
