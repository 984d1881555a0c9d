/** A domain that runs: what its XML says, and which process its QEMU is. */
import { readFileSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { LibcKernel, type PeerCredentials } from 'linux-vfio-ts';
import { parseDomain, type DomainFacts } from './domain-xml.js';
import type { Virsh } from './virsh.js';

/** @param domain name, id or UUID @throws LibvirtError; PrecopyError USAGE */
export async function readDomain(
  virsh: Virsh,
  domain: string,
  signal?: AbortSignal,
): Promise<DomainFacts> {
  return parseDomain(await virsh.run(['dumpxml', '--domain', domain], signal));
}

/**
 * The QEMU of a domain on this host, from libvirt's pid file.
 *
 * The peer of the monitor's socket does not tell it: that is libvirt's proxy.
 *
 * @returns undefined if libvirt is on another host, or the domain does not run
 */
export async function qemuOf(
  { uri }: Virsh,
  { name, uuid }: DomainFacts,
): Promise<PeerCredentials | undefined> {
  const folder = await runFolderOf(uri);
  if (folder === undefined || name.includes('/')) return undefined;
  try {
    const pid = Number.parseInt(readFileSync(join(folder, `${name}.pid`), 'utf8'), 10);
    const args = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
    // A stale file, and a pid that was given anew.
    if (args[args.indexOf('-uuid') + 1]?.toLowerCase() !== uuid) return undefined;
    const { uid, gid } = statSync(`/proc/${pid}`);
    return { pid, uid, gid };
  } catch {
    return undefined;
  }
}

/** Where libvirt's QEMU driver has its pid files, as seen from here; undefined: on another host. */
async function runFolderOf(uri = 'qemu:///system'): Promise<string | undefined> {
  const { hostname, pathname, searchParams } = new URL(uri.replace(/^qemu(\+\w+)?:/, 'libvirt:'));
  if (hostname !== '') return undefined;
  const socket = searchParams.get('socket');
  // A libvirtd with a socket of its own may have its own view of /run as well.
  const root = socket === null ? '' : await rootOf(socket);
  if (root === undefined) return undefined;
  if (pathname === '/system') return join(root, '/run/libvirt/qemu');
  const runtime = process.env['XDG_RUNTIME_DIR'];
  return runtime === undefined ? undefined : join(root, runtime, 'libvirt/qemu/run');
}

/** The root folder of whoever listens on a unix socket, as seen from here. */
async function rootOf(path: string): Promise<string | undefined> {
  const socket = connect({ path });
  try {
    await once(socket, 'connect');
    // Node has no public way to a socket's descriptor.
    const { _handle: handle } = socket as unknown as { _handle: { fd: number } };
    return `/proc/${new LibcKernel().peerCredentials(handle.fd).pid}/root`;
  } catch {
    return undefined;
  } finally {
    socket.destroy();
  }
}
