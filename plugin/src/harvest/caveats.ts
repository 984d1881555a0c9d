/** What limits a forecast, whatever was harvested. Pure. */
import type { MemoryLayout } from '../audit/guest-memory.js';
import type { ProbeReport } from '../probe/report.js';

/** @param asked what the user left out, and gave */
export function generalCaveats(
  { blockers, qemu, devices }: ProbeReport,
  { cpu, bandwidthBytesPerSecond }: { cpu: boolean; bandwidthBytesPerSecond?: number | undefined },
  { unlocated }: Pick<MemoryLayout, 'unlocated'>,
): string[] {
  const caveats = blockers.map(
    ({ reason, meaning }) => `QEMU refuses to migrate this guest now: "${reason}". ${meaning}`,
  );
  if (qemu.status !== 'running') {
    caveats.push(
      `The guest does not run (${qemu.status}): what it dirties when it does is not seen.`,
    );
  }
  if (bandwidthBytesPerSecond === undefined) {
    caveats.push(
      "The bandwidth is QEMU's max-bandwidth, not what the link takes; in the blackout QEMU ignores max-bandwidth. Give --bandwidth.",
    );
  }
  if (!cpu)
    caveats.push('What the CPUs and emulated devices dirty is not in this forecast (--no-cpu).');
  if (devices.length > 0) {
    caveats.push(
      "Devices: only the stop-copy size that the driver reports is known. What they send in PRE_COPY, and how long saving and loading their state takes beyond its transfer, can't be asked for and counts as nothing.",
    );
  }
  if (unlocated.length > 0) {
    caveats.push(
      `QEMU does not say where these RAM blocks are: ${unlocated.map(({ name }) => name).join(', ')}. They were not watched and count as not zero.`,
    );
  }
  caveats.push(
    "Times of set-up, synchronisation, state transitions and loading are a small guest's on an idle host; they were not measured here, and the ranges include neither their error nor the link's.",
  );
  return caveats;
}
