import { readdirSync, readFileSync } from 'node:fs';

/** A process, told apart from a later one with the same pid. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Field 22 of /proc/PID/stat: clock ticks from boot to its start. */
  readonly startTicks: string;
}

/** @returns undefined if there is no such process, or one that has ended and nobody has waited for */
export function identityOf(pid: number): ProcessIdentity | undefined {
  try {
    // The name, field 2, may hold spaces and parentheses: count from its end.
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    const [state, startTicks] = [fields[3 - 3], fields[22 - 3]];
    return startTicks === undefined || state === 'Z' ? undefined : { pid, startTicks };
  } catch {
    return undefined;
  }
}

export function isAlive({ pid, startTicks }: ProcessIdentity): boolean {
  return identityOf(pid)?.startTicks === startTicks;
}

/** @param tid as the process itself has it, in its own pid namespace */
export function hasThread(pid: number, tid: number): boolean {
  try {
    return readdirSync(`/proc/${pid}/task`).some((task) => {
      const status = readFileSync(`/proc/${pid}/task/${task}/status`, 'latin1');
      // Its ids from our namespace down to its own.
      return Number(/^NSpid:.*?(\d+)$/m.exec(status)?.[1]) === tid;
    });
  } catch {
    return false;
  }
}
