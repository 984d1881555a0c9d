import { readFile } from 'node:fs/promises';

/** VmRSS of a process, bytes: /proc/PID/status, which anybody may read. Undefined where it can't be had. */
export async function residentBytes(pid: number): Promise<number | undefined> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  const kib = /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1];
  return kib === undefined ? undefined : Number(kib) * 1024;
}
