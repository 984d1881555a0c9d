import { PrecopyError } from '../../errors.js';
import type { Policy } from '../policy.js';
import { manualPolicy } from './manual.js';
import { qemuPolicy } from './qemu.js';

/**
 * The policy of that name.
 *
 * @throws PrecopyError USAGE if there is none
 */
export function findPolicy(name: string): Policy {
  switch (name) {
    case 'qemu':
      return qemuPolicy;
    case 'manual':
      return manualPolicy;
    default:
      throw new PrecopyError('USAGE', `There is no policy "${name}".`, 'Choose qemu or manual.');
  }
}
