import { readFileSync } from 'node:fs';

/** The pids of the processes that a process (its first thread) has started and that are not waited for. */
export function childrenOf(pid: number): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  return text === '' ? [] : text.split(' ').map(Number);
}
