/** Whether guest RAM is shared memory, which is allocated when it is read: that decides what a page of zeros costs. */
import { z } from 'zod';
import { checked } from '../sequence/qemu-replies.js';
import type { QemuSide } from '../sequence/side.js';

const integer = z.union([z.number().int(), z.bigint()]).transform(Number);
/** `Memdev` list. */
const backends = z.array(z.object({ size: integer, share: z.boolean().default(false) }));

/** Of the largest memory backend, among which QEMU lists RAM without one of its own, too (`query-memdev`). */
export async function hasSharedRam(side: QemuSide): Promise<boolean> {
  const found = checked(backends, await side.query('query-memdev'), 'query-memdev');
  const [largest] = found.sort((a, b) => b.size - a.size);
  return largest?.share ?? false;
}
