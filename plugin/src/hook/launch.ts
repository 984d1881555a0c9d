/** Starts and ends the controller of a domain without waiting for it: libvirt waits for the hook. */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, openSync, closeSync } from 'node:fs';
import { join } from 'node:path';
import { attachedTo } from '../attach/instance.js';
import { logFolder } from '../folders.js';

const cliMain = join(import.meta.dirname, '../cli/main.js');

/** What the hook may do to the machine; replaced in tests. */
export interface Launcher {
  /** @returns how, for the log */
  attach(uuid: string): string;
  end(uuid: string): string;
}

/** systemd runs this machine, as sd_booted(3) finds out. */
function systemdRuns(): boolean {
  return existsSync('/run/systemd/system');
}

export function unitOf(uuid: string): string {
  return `precopy-attach-${uuid}.service`;
}

/**
 * A transient unit of its own: a child of libvirtd would be in libvirtd's control group, and end with
 * it where the unit says KillMode=control-group.
 */
export function systemdRunArguments(uuid: string): string[] {
  return [
    '--quiet',
    '--no-block',
    '--collect',
    `--unit=${unitOf(uuid)}`,
    '--description=precopy beside a libvirt domain',
    // It takes a migration up again that it was steering.
    '--property=Restart=on-failure',
    '--property=Nice=5',
    '--property=OOMScoreAdjust=500',
    '--property=RuntimeDirectory=precopy',
    '--property=RuntimeDirectoryPreserve=yes',
    process.execPath,
    cliMain,
    'attach',
    '--domain',
    uuid,
  ];
}

export const systemLauncher: Launcher = {
  attach(uuid) {
    const running = attachedTo(uuid);
    if (running !== undefined) return `pid ${running.pid} is attached already`;
    if (systemdRuns()) {
      startDetached('systemd-run', systemdRunArguments(uuid), 'ignore');
      return `started ${unitOf(uuid)}`;
    }
    const log = openLog(uuid);
    try {
      const pid = startDetached(process.execPath, [cliMain, 'attach', '--domain', uuid], log);
      return `started a daemon, pid ${pid ?? 'unknown'}`;
    } finally {
      if (log !== 'ignore') closeSync(log);
    }
  },

  end(uuid) {
    if (systemdRuns()) {
      startDetached('systemctl', ['--no-block', '--quiet', 'stop', unitOf(uuid)], 'ignore');
      return `stopping ${unitOf(uuid)}`;
    }
    const running = attachedTo(uuid);
    if (running === undefined) return 'nothing is attached';
    process.kill(running.pid, 'SIGTERM');
    return `ended pid ${running.pid}`;
  },
};

/** In a session of its own, with none of libvirt's files: libvirt waits until its pipes are closed. */
function startDetached(
  command: string,
  args: readonly string[],
  log: number | 'ignore',
): number | undefined {
  const child = spawn(command, args, { detached: true, stdio: ['ignore', log, log], cwd: '/' });
  child.on('error', () => undefined); // logged by its absence: no pid
  child.unref();
  return child.pid;
}

function openLog(uuid: string): number | 'ignore' {
  try {
    mkdirSync(logFolder(), { recursive: true, mode: 0o750 });
    return openSync(join(logFolder(), `attach-${uuid}.log`), 'a', 0o640);
  } catch {
    return 'ignore';
  }
}
