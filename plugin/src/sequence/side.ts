import type { PeerCredentials } from 'linux-vfio-ts';
import type { ExecuteOptions, QmpClient, QmpEvent } from 'qemu-qmp-client-ts';
import type { HumanMonitor } from '../audit/guest-memory.js';
import { messageOf } from '../errors.js';
import type { Journal } from '../journal/journal.js';
import type { Side } from '../journal/records.js';
import {
  checked,
  migrationInfo,
  statusInfo,
  type MigrationInfo,
  type StatusInfo,
} from './qemu-replies.js';

/** One end of a migration: its QEMU's monitor, and the journal of what we do there. */
export class QemuSide {
  readonly role: Side;
  readonly client: QmpClient;
  /** Where the monitor is, as the user wrote it. */
  readonly address: string;
  /** The QEMU itself; undefined where no process of this host is sure to be it. */
  readonly peer: PeerCredentials | undefined;
  /** Its QEMU has ended: nobody listens at its address any more. */
  readonly gone: boolean;
  readonly #journal: Journal;

  constructor(
    role: Side,
    client: QmpClient,
    address: string,
    peer: PeerCredentials | undefined,
    journal: Journal,
    gone = false,
  ) {
    this.gone = gone;
    this.role = role;
    this.peer = peer;
    this.client = client;
    this.address = address;
    this.#journal = journal;
  }

  /** Says in the journal who takes part. */
  journalPresence(): void {
    this.#journal.append({
      type: 'qemu',
      side: this.role,
      address: this.address,
      version: this.client.versionText,
      sameHost: this.isLocal,
    });
  }

  /** That QEMU runs on this host. */
  get isLocal(): boolean {
    return this.peer !== undefined;
  }

  /** Asks; changes nothing. */
  async query(
    command: string,
    args?: Record<string, unknown>,
    options?: ExecuteOptions,
  ): Promise<unknown> {
    return await this.client.execute(command, args, options);
  }

  /** Changes something; journalled whether it succeeds or not. */
  async effect(
    command: string,
    args?: Record<string, unknown>,
    options?: ExecuteOptions,
  ): Promise<unknown> {
    const entry = {
      type: 'effect',
      side: this.role,
      command,
      ...(args === undefined ? {} : { arguments: args }),
    } as const;
    const sentAt = performance.now();
    const ms = (): number => Math.round((performance.now() - sentAt) * 1000) / 1000;
    try {
      const reply = await this.client.execute(command, args, options);
      this.#journal.append({ ...entry, ms: ms() });
      return reply;
    } catch (error) {
      this.#journal.append({ ...entry, error: messageOf(error), ms: ms() });
      throw error;
    }
  }

  /** Gives QEMU a duplicate of a descriptor of ours, under a name. */
  async passFd(name: string, fd: number): Promise<void> {
    await this.client.passFd(name, fd);
    this.#journal.append({
      type: 'effect',
      side: this.role,
      command: 'getfd',
      arguments: { fdname: name },
    });
  }

  /** @param timeoutMs how long to wait for an answer; default: as long as a blackout may take */
  async status(timeoutMs?: number): Promise<StatusInfo> {
    const reply = await this.query('query-status', undefined, limited(timeoutMs));
    return checked(statusInfo, reply, 'query-status');
  }

  async migration(timeoutMs?: number): Promise<MigrationInfo> {
    const reply = await this.query('query-migrate', undefined, limited(timeoutMs));
    return checked(migrationInfo, reply, 'query-migrate');
  }

  readonly monitor: HumanMonitor = async (commandLine) => {
    const reply = await this.query('human-monitor-command', { 'command-line': commandLine });
    return String(reply);
  };

  journalEvent(event: QmpEvent): void {
    this.#journal.append({
      type: 'event',
      side: this.role,
      event: event.name,
      data: event.data,
      qemuUs: event.qemuTimeUs,
    });
  }
}

function limited(timeoutMs: number | undefined): ExecuteOptions {
  return timeoutMs === undefined ? {} : { timeoutMs };
}
