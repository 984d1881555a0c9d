import { QmpClient } from 'qemu-qmp-client-ts';
import type { Guest } from '#scripts/lab/guest.js';

/** `status` of `query-status` or `query-migrate`, asked through the second monitor. */
export async function statusOf(
  guest: Guest,
  command: 'query-status' | 'query-migrate',
): Promise<unknown> {
  await using client = await QmpClient.connect(guest.secondQmp);
  return ((await client.execute(command)) as { status?: string }).status;
}

/** QEMU's run state. */
export async function runState(guest: Guest): Promise<unknown> {
  return await statusOf(guest, 'query-status');
}
