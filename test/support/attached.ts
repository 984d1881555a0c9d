/** Hosts whose libvirtd calls our hook, and what the controllers that it launches say. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { LibvirtHost, type Domain } from './libvirt-host.js';
import { precopy } from './precopy.js';

const inLab = process.env['PRECOPY_LAB'] !== undefined;
/** In a VM under TCG on a machine at work, libvirt's helpers alone take a minute to start. */
const limitMinutes = inLab ? 10 : 3;

/** Polls: what is waited for happens in processes of libvirt. */
export async function until(what: string, test: () => boolean | Promise<boolean>): Promise<void> {
  const signal = AbortSignal.timeout(limitMinutes * 60_000);
  while (!(await test())) {
    if (signal.aborted) throw new Error(`not within ${limitMinutes} minutes: ${what}`);
    await sleep(100);
  }
}

/** Two of them, on which the hook is installed. */
export async function hostsWithHook(
  config: string,
  destinationConfig = config,
): Promise<[source: LibvirtHost, destination: LibvirtHost]> {
  const source = await LibvirtHost.start({ config });
  // Fills the cache of what QEMU can do.
  await source.virsh('domcapabilities');
  const destination = await LibvirtHost.start({ config: destinationConfig, like: source });
  for (const host of [source, destination]) {
    const { exitCode, stderr } = await precopy('hook', 'install', '--root', host.root);
    assert.equal(exitCode, 0, stderr);
    if (inLab) allowMinutes(host);
    await host.stopDaemon();
    await host.startDaemon();
  }
  return [source, destination];
}

/** Node alone takes seconds to start in a VM under TCG on a machine at work, and the hook's limit is five. */
function allowMinutes({ root }: LibvirtHost): void {
  const file = join(root, 'etc/libvirt/hooks/qemu.d/precopy');
  const script = readFileSync(file, 'utf8');
  const patient = script.replace(/^timeout -k 1 \d+ /m, 'timeout -k 1 120 ');
  assert.notEqual(patient, script);
  writeFileSync(file, patient);
}

/** Resolves when the domain's controller has logged what matches. */
export async function logged(host: LibvirtHost, domain: Domain, text: RegExp): Promise<void> {
  await until(`${String(text)} in the log of ${domain.name}`, () =>
    text.test(host.logOf(domain)),
  ).catch((error: unknown) => {
    throw new Error(`${String(error)}\n${host.hookLog()}\n${host.logOf(domain)}`);
  });
}
