import { readFileSync } from 'node:fs';

/** USER_HZ: the unit of times in /proc. */
const tickMs = 10;

/** User and system time of a process so far, ms (proc_pid_stat(5)). */
export function processorMs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  // After the name, field 2, which may hold spaces: utime and stime are fields 14 and 15.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[14 - 3]) + Number(fields[15 - 3])) * tickMs;
}
