import type { Forecast } from '../forecast/forecast.js';

/** Whether a migration converges, in two or three words. */
export const verdicts = {
  yes: 'converges',
  perhaps: 'may not converge',
  no: 'does not converge',
} as const satisfies Record<Forecast['converges'], string>;
