/** What a forecast must look like when it comes from a file. */
import { z } from 'zod';
import { forecastVersion, type Forecast, type Range } from './types.js';

const range: z.ZodType<Range> = z.object({ p10: z.number(), p50: z.number(), p90: z.number() });

export const forecastSchema: z.ZodType<Forecast> = z.object({
  version: z.literal(forecastVersion),
  converges: z.enum(['yes', 'perhaps', 'no']),
  convergedShare: z.number(),
  limitedBy: z
    .enum(['first-round', 'ram', 'device-state', 'device-precopy', 'switchover-ack'])
    .nullable(),
  why: z.string(),
  passes: range.nullable(),
  totalMs: range.nullable(),
  sentBytes: range.nullable(),
  downtimeMs: range.nullable(),
  downtime: z
    .object({
      ramMs: range,
      deviceStateMs: range,
      transitionsMs: range,
      destinationLoadMs: range,
      waitingMs: range,
    })
    .nullable(),
  qemuExpectedDowntimeMs: range.nullable(),
  throttlePercent: range.nullable(),
  samples: z.number(),
  horizonMs: z.number(),
  warnings: z.array(z.string()),
});
