/** Addresses of monitors on the command line: what qemu-qmp-client-ts takes, and `pid:N`. */
import { InvalidArgumentError } from 'commander';
import { existsSync, readFileSync, readlinkSync } from 'node:fs';
import { isAbsolute, join, resolve } from 'node:path';
import { monitorsOf } from '../monitor-of-process.js';
import { messageOf } from '../errors.js';

/** What `--qmp` can be, for the help. */
export const addressForms = 'unix:PATH, tcp:HOST:PORT, ws://HOST:PORT, libvirt:DOMAIN or pid:N';

/**
 * Makes of `pid:N` the address of a monitor of that QEMU which nobody uses; leaves others as they are.
 *
 * @throws InvalidArgumentError if the process has none
 */
export function monitorAddress(text: string): string {
  const pid = /^pid:(.*)$/.exec(text)?.[1];
  if (pid === undefined) return text;
  if (!/^[1-9]\d*$/.test(pid)) throw new InvalidArgumentError('Write pid: and a number.');
  const folder = `/proc/${pid}`;
  const { addresses, handedOver, guest } = monitorsOf(commandLineOf(folder));
  if (addresses.length === 0) {
    throw new InvalidArgumentError(
      handedOver
        ? `The monitor of that QEMU belongs to its manager. If that is libvirt, write libvirt:${guest ?? 'DOMAIN'}.`
        : 'The command line of that process has no QMP monitor that listens. Start QEMU with -qmp unix:PATH,server=on,wait=off.',
    );
  }
  const free = addresses.find((address) => !isInUse(folder, address));
  if (free === undefined) {
    throw new InvalidArgumentError(
      `Somebody is connected to every monitor of that QEMU (${addresses.join(', ')}), and a monitor serves one at a time. Start QEMU with one more -qmp unix:PATH,server=on,wait=off.`,
    );
  }
  return asSeenFromHere(folder, free);
}

function commandLineOf(folder: string): string[] {
  try {
    return readFileSync(join(folder, 'cmdline'), 'utf8').split('\0').slice(0, -1);
  } catch (error) {
    throw new InvalidArgumentError(
      `There is no such process, or it is hidden: ${messageOf(error)}`,
    );
  }
}

const stateConnected = '03';

/** Of a unix socket /proc tells; of another its connection will. */
function isInUse(folder: string, address: string): boolean {
  if (!address.startsWith('unix:')) return false;
  const path = address.slice('unix:'.length);
  const sockets = readFileSync(join(folder, 'net/unix'), 'utf8').split('\n');
  // Num RefCount Protocol Flags Type St Inode Path
  return sockets.some((line) => {
    const [, state, name] = /^(?:\S+\s+){5}(\S+)\s+\d+ (.*)$/.exec(line) ?? [];
    return state === stateConnected && name === path;
  });
}

/** The path may be relative to where QEMU was started, or be in a mount namespace of its own. */
function asSeenFromHere(folder: string, address: string): string {
  if (!address.startsWith('unix:')) return address;
  const named = address.slice('unix:'.length);
  // Another user's working directory can't be read, and is asked for only where it is needed.
  const path = isAbsolute(named) ? named : resolve(readlinkSync(join(folder, 'cwd')), named);
  const there = join(folder, 'root', path);
  return `unix:${existsSync(path) || !existsSync(there) ? path : there}`;
}
