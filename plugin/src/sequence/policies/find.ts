import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PrecopyError, messageOf } from '../../errors.js';
import type { Policy } from '../policy.js';
import { adaptivePolicy } from './adaptive.js';
import { manualPolicy } from './manual.js';
import { qemuPolicy } from './qemu.js';
import { schedulePolicy } from './schedule.js';
import { parseSchedule } from './schedule/format.js';

/** The schedules that come with precopy. */
const shipped = join(import.meta.dirname, '../../../schedules');

/**
 * The policy of that name: `adaptive`, `qemu`, `manual`, or `schedule:FILE`, where FILE may also be the name of a
 * schedule that comes with precopy.
 *
 * @throws PrecopyError USAGE if there is none, or the file can't be used
 */
export function findPolicy(name: string): Policy {
  if (name === 'adaptive') return adaptivePolicy;
  if (name === 'qemu') return qemuPolicy;
  if (name === 'manual') return manualPolicy;
  const file = /^schedule:(.+)$/.exec(name)?.[1];
  if (file !== undefined) return readSchedule(file);
  throw new PrecopyError(
    'USAGE',
    `There is no policy "${name}".`,
    'Choose adaptive, qemu, manual or schedule:FILE.',
  );
}

function readSchedule(file: string): Policy {
  const own = join(shipped, `${file}.yaml`);
  const path = !file.includes('/') && existsSync(own) ? own : file;
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw new PrecopyError(
      'USAGE',
      `The schedule ${file} can't be read: ${messageOf(cause)}.`,
      'Name a file, or one of vdsm-minimal-downtime, nova, kubevirt.',
      { cause },
    );
  }
  return schedulePolicy(parseSchedule(text, path));
}
