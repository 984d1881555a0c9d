/** Changing a QEMU's migration capabilities and parameters so that they can be put back. */
import { z } from 'zod';
import { QmpTimeoutError } from 'qemu-qmp-client-ts';
import { messageOf } from '../errors.js';
import type { Journal } from '../journal/journal.js';
import { toJson } from '../journal/json.js';
import { capabilityList, checked } from './qemu-replies.js';
import type { QemuSide } from './side.js';

/** Values that a migration parameter can have, as far as precopy sets them. */
export type ParameterValue = number | bigint | boolean | string;

/** What to set, by QAPI name (`MigrationCapability`, `MigrationParameters`). */
export interface MigrationSettings {
  capabilities: Readonly<Record<string, boolean>>;
  parameters: Readonly<Record<string, ParameterValue>>;
}

/** What every migration of ours needs, and what is wished for beside it. */
export function migrationSettings({
  capabilities,
  parameters,
}: MigrationSettings): MigrationSettings {
  return {
    capabilities: {
      events: true,
      // With it the source says `completed` only when the destination has loaded all.
      'return-path': true,
      // Where QEMU waits there, the guest stands still until somebody says go on.
      'pause-before-switchover': false,
      ...capabilities,
    },
    parameters,
  };
}

/** What stood there before, to be put back. */
export type SavedSettings = MigrationSettings;

/** Values as they come, so that a 64-bit integer goes back as it was. */
const anyObject = z.record(z.string(), z.unknown());

/** Capabilities and parameters as they are now. Those that this QEMU does not know are absent. */
export async function readSettings(side: QemuSide): Promise<MigrationSettings> {
  const [capabilities, parameters] = await Promise.all([
    side.query('query-migrate-capabilities'),
    side.query('query-migrate-parameters'),
  ]);
  return {
    capabilities: Object.fromEntries(
      checked(capabilityList, capabilities, 'query-migrate-capabilities').map(
        ({ capability, state }) => [capability, state],
      ),
    ),
    parameters: Object.fromEntries(
      Object.entries(checked(anyObject, parameters, 'query-migrate-parameters')).filter(
        (entry): entry is [string, ParameterValue] => isParameterValue(entry[1]),
      ),
    ),
  };
}

function isParameterValue(value: unknown): value is ParameterValue {
  return ['number', 'bigint', 'boolean', 'string'].includes(typeof value);
}

/** The part of `wanted` that is not so yet. */
export function differing(wanted: MigrationSettings, now: MigrationSettings): MigrationSettings {
  const changes = <T>(a: Readonly<Record<string, T>>, b: Readonly<Record<string, T>>) =>
    Object.fromEntries(Object.entries(a).filter(([name, value]) => b[name] !== value));
  return {
    capabilities: changes(wanted.capabilities, now.capabilities),
    parameters: changes(wanted.parameters, now.parameters),
  };
}

/**
 * Sets what differs from `settings` and returns what it was before. Undoes itself if QEMU refuses.
 *
 * @param alsoSaved parameters that will be changed later
 * @param onSaved told before anything is changed what stood there
 */
export async function applySettings(
  side: QemuSide,
  settings: MigrationSettings,
  alsoSaved: readonly string[],
  journal: Journal,
  onSaved: (saved: SavedSettings) => void,
): Promise<SavedSettings> {
  const before = await readSettings(side);
  const touched = [...Object.keys(settings.parameters), ...alsoSaved];
  const saved = {
    capabilities: pick(before.capabilities, Object.keys(settings.capabilities)),
    parameters: pick(before.parameters, touched),
  };
  onSaved(saved);
  try {
    await set(side, differing(settings, before));
  } catch (error) {
    await restoreSettings(side, saved, journal);
    throw error;
  }
  return saved;
}

function pick<T>(record: Readonly<Record<string, T>>, names: readonly string[]): Record<string, T> {
  return Object.fromEntries(Object.entries(record).filter(([name]) => names.includes(name)));
}

/** Puts back what `applySettings` found. A refusal is only worth a warning: the migration is over. */
export async function restoreSettings(
  side: QemuSide,
  saved: SavedSettings,
  journal: Journal,
): Promise<void> {
  if (side.client.state !== 'ready') return;
  // Apart: while QEMU still counts as migrating it refuses capabilities, and takes parameters.
  const { parameters, capabilities } = saved;
  for (const part of [
    { parameters, capabilities: {} },
    { parameters: {}, capabilities },
  ]) {
    if (Object.keys({ ...part.parameters, ...part.capabilities }).length === 0) continue;
    try {
      await set(side, differing(part, await readSettings(side)));
    } catch (error) {
      journal.append({
        type: 'warning',
        message: `The ${side.role}'s migration settings could not be put back to ${toJson(part)}: ${messageOf(error)}`,
      });
      // It would let us wait as long again.
      if (error instanceof QmpTimeoutError) return;
    }
  }
}

async function set(side: QemuSide, settings: MigrationSettings): Promise<void> {
  const capabilities = Object.entries(settings.capabilities).map(([capability, state]) => ({
    capability,
    state,
  }));
  if (capabilities.length > 0) await side.effect('migrate-set-capabilities', { capabilities });
  if (Object.keys(settings.parameters).length > 0) {
    await side.effect('migrate-set-parameters', { ...settings.parameters });
  }
}
