/** A rehearsal in a file, as `precopy rehearse --json` prints it. */
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { PrecopyError, messageOf } from '../errors.js';
import type { CurvePoint } from '../forecast/curve.js';
import { forecastSchema } from '../forecast/outcome/schema.js';
import type { Foreseen } from '../sequence/expectation.js';
import { rehearsalVersion } from './rehearsal.js';

const number = z.number();

const point: z.ZodType<CurvePoint> = z.object({
  windowMs: number,
  windows: number,
  pages: number,
  p10: number,
  p90: number,
});

/** toJson() writes 64-bit numbers so. */
const address = z
  .string()
  .regex(/^0x[0-9a-f]+$/)
  .transform((text) => BigInt(text));

const schema: z.ZodType<Foreseen & { version: number }> = z.object({
  version: z.literal(rehearsalVersion),
  ramBytes: number,
  pageBytes: number,
  sources: z.array(z.object({ name: z.string(), points: z.array(point) })),
  together: z.object({ points: z.array(point) }).nullable(),
  heat: z
    .object({
      columns: z.array(z.object({ ranges: z.array(z.object({ first: address, bytes: number })) })),
      rows: z.array(
        z.object({ startMs: number, endMs: number, harvests: number, pages: z.array(number) }),
      ),
    })
    .nullable(),
  devices: z.array(z.object({ stopCopyBytes: z.union([number, z.literal('unknown')]) })),
  curve: z.array(z.object({ windowMs: number, pages: number })),
  forecast: forecastSchema,
});

/** @throws PrecopyError USAGE if there is no such file, or no rehearsal in it */
export function readRehearsal(path: string): Foreseen {
  const unusable = (why: string, cause?: unknown): PrecopyError =>
    new PrecopyError(
      'USAGE',
      `The forecast can't be taken from ${path}: ${why}.`,
      'Name a file with what "precopy rehearse --json" of this version printed.',
      { cause },
    );
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw unusable(messageOf(error), error);
  }
  const { success, data, error } = schema.safeParse(content);
  if (success) return data;
  throw unusable(z.prettifyError(error), error);
}
