/**
 * The controller beside one domain, from the start of its QEMU to its end. It survives libvirtd: while
 * that is away QEMU goes on, and so does this.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { connectMonitor } from '../cli/connect.js';
import { configFor } from '../config/load.js';
import type { Config } from '../config/schema.js';
import { messageOf, PrecopyError } from '../errors.js';
import { qemuOf, readDomain } from '../libvirt/domain.js';
import { isUuid, type DomainFacts } from '../libvirt/domain-xml.js';
import { LibvirtError, Virsh } from '../libvirt/virsh.js';
import { pause } from '../pause.js';
import { identityOf, isAlive, type ProcessIdentity } from '../process-identity.js';
import { Instance } from './instance.js';
import { runSession } from './session.js';
import { removeStanding } from './standing.js';

export interface AttachOptions {
  /** Name or UUID. */
  readonly domain: string;
  readonly uri: string | undefined;
  readonly config: Config;
  readonly signal: AbortSignal;
  readonly log: (message: string) => void;
}

/** How soon something that was not there is looked for again. */
const retryMs = 1000;
/** How often it is looked whether QEMU still runs. */
const aliveMs = 500;

/**
 * @returns why it ended
 * @throws PrecopyError USAGE, NOT_SUPPORTED; the signal's reason
 */
export async function attach(options: AttachOptions): Promise<string> {
  const virsh = new Virsh(options.uri);
  const find = (): Promise<DomainFacts | undefined> =>
    untilReachable(() => readDomain(virsh, options.domain, options.signal), options);
  const noDomain = `libvirt has no running domain ${options.domain}`;
  // The hook gives the UUID: who still waits for libvirt can then be known by the pid file already.
  const named = isUuid(options.domain) ? undefined : await find();
  const uuid = isUuid(options.domain) ? options.domain.toLowerCase() : named?.uuid;
  if (uuid === undefined) return noDomain;
  using instance = Instance.claim(uuid);
  if (instance === undefined) return 'another controller is attached to this domain';
  const domain = named ?? (await find());
  if (domain === undefined) return noDomain;
  return await attachTo(domain, virsh, options);
}

async function attachTo(
  domain: DomainFacts,
  virsh: Virsh,
  options: AttachOptions,
): Promise<string> {
  const { signal, log } = options;
  const { config, problems } = configFor(options.config, domain.settings);
  for (const problem of problems) log(problem);
  if (!config.attach.enabled) return 'switched off for this domain (attach.enabled)';
  const qemu = await qemuIdentity(virsh, domain, options);
  if (qemu === undefined) return 'the domain has no QEMU on this host';
  log(`attached to ${domain.name} (${domain.uuid}), QEMU pid ${qemu.pid}`);
  await beside(qemu, domain, virsh, config, options);
  if (!isAlive(qemu)) removeStanding(domain.uuid);
  signal.throwIfAborted();
  return 'QEMU has ended';
}

/** Connects, and connects again, as long as that QEMU lives. */
async function beside(
  qemu: ProcessIdentity,
  domain: DomainFacts,
  virsh: Virsh,
  config: Config,
  { uri, signal, log }: AttachOptions,
): Promise<void> {
  const ended = new AbortController();
  const either = AbortSignal.any([signal, ended.signal]);
  const isOver = (): boolean => either.aborted;
  const watching = setInterval(() => {
    if (!isAlive(qemu)) ended.abort();
  }, aliveMs);
  const address = monitorOf(config, uri, domain.uuid);
  let lastFailure = '';
  try {
    while (!isOver()) {
      try {
        await using connected = await connectMonitor(address, either);
        const { peer } = connected;
        if (peer !== undefined && peer.pid !== qemu.pid) {
          throw new PrecopyError(
            'USAGE',
            `The monitor ${address} is that of process ${peer.pid}, and the QEMU of domain ${domain.name} is ${qemu.pid}.`,
            'Have attach.monitor name a socket for each domain, with {uuid} in its path.',
          );
        }
        log(`connected to ${address}`);
        lastFailure = '';
        await runSession({
          connected,
          virsh,
          uuid: domain.uuid,
          name: domain.name,
          qemu,
          config,
          signal: either,
          log,
        });
      } catch (error) {
        const failure = messageOf(error);
        if (!isOver() && failure !== lastFailure) log(failure);
        lastFailure = failure;
      }
      await pause(retryMs, either);
    }
  } finally {
    clearInterval(watching);
  }
}

function monitorOf({ attach: { monitor } }: Config, uri: string | undefined, uuid: string): string {
  if (monitor === 'libvirt') return `libvirt:${uri === undefined ? '' : `${uri}#`}${uuid}`;
  return monitor.replaceAll('{uuid}', uuid);
}

/** libvirt is asked again while it can't be reached. @returns undefined if it has no such domain */
async function untilReachable<T>(
  ask: () => Promise<T>,
  { signal, log }: AttachOptions,
): Promise<T | undefined> {
  let lastFailure = '';
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof LibvirtError)) throw error;
      if (error.domainIsGone) return undefined;
      if (error.message !== lastFailure) log(error.message);
      lastFailure = error.message;
    }
    await sleep(retryMs, undefined, { signal });
  }
}

/** The hook starts us while libvirt still starts the domain: its pid file may come in a moment. */
async function qemuIdentity(
  virsh: Virsh,
  domain: DomainFacts,
  { signal }: AttachOptions,
): Promise<ProcessIdentity | undefined> {
  for (let attempt = 0; attempt < 30; attempt++) {
    const qemu = await qemuOf(virsh, domain);
    const identity = qemu && identityOf(qemu.pid);
    if (identity !== undefined) return identity;
    await sleep(retryMs / 5, undefined, { signal });
  }
  return undefined;
}
