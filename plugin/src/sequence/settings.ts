/** Changing a QEMU's migration capabilities and parameters so that they can be put back. */
import { messageOf } from '../errors.js';
import type { Journal } from '../journal/journal.js';
import { capabilityList, checked, migrationParameters } from './qemu-replies.js';
import type { QemuSide } from './side.js';

/** What to set, by QAPI name (`MigrationCapability`, `MigrationParameters`). */
export interface MigrationSettings {
  capabilities: Readonly<Record<string, boolean>>;
  parameters: Readonly<Record<string, number | bigint>>;
}

/** What stood there before, to be put back. */
export type SavedSettings = MigrationSettings;

/** Sets what differs from `settings` and returns what it was before. Undoes itself if QEMU refuses. */
export async function applySettings(
  side: QemuSide,
  settings: MigrationSettings,
  journal: Journal,
): Promise<SavedSettings> {
  const capabilities = checked(
    capabilityList,
    await side.query('query-migrate-capabilities'),
    'query-migrate-capabilities',
  );
  const parameters = checked(
    migrationParameters,
    await side.query('query-migrate-parameters'),
    'query-migrate-parameters',
  );
  const saved = {
    capabilities: Object.fromEntries(
      capabilities
        .filter(({ capability, state }) => (settings.capabilities[capability] ?? state) !== state)
        .map(({ capability, state }) => [capability, state]),
    ),
    parameters: Object.fromEntries(
      Object.keys(settings.parameters).flatMap((name) => {
        const value = parameters[name];
        return typeof value === 'number' || typeof value === 'bigint' ? [[name, value]] : [];
      }),
    ),
  };
  try {
    await set(side, {
      capabilities: Object.fromEntries(
        Object.keys(saved.capabilities).map((name) => [name, settings.capabilities[name] === true]),
      ),
      parameters: settings.parameters,
    });
  } catch (error) {
    await restoreSettings(side, saved, journal);
    throw error;
  }
  return saved;
}

/** Puts back what `applySettings` found. A refusal is only worth a warning: the migration is over. */
export async function restoreSettings(
  side: QemuSide,
  saved: SavedSettings,
  journal: Journal,
): Promise<void> {
  if (side.client.state !== 'ready') return;
  try {
    await set(side, saved);
  } catch (error) {
    journal.append({
      type: 'warning',
      message: `The ${side.role}'s migration settings could not be put back to ${JSON.stringify(saved)}: ${messageOf(error)}`,
    });
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
