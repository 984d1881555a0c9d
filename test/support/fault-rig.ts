/** A pair of QEMUs whose guest is busy, a link that can fail, and a look at where the guest runs. */
import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { QmpClient } from 'qemu-qmp-client-ts';
import type { JournalRecord } from 'precopy';
import { startPair, type Guest } from '#scripts/lab/guest.js';
import { suiteCommand } from '#scripts/qmp-types/suites.js';
import { workloadProgress } from '#scripts/lab/workload.js';
import { Link } from './link.js';
import { startPrecopy, type Running } from './precopy.js';

/** What the guest writes: 16 MiB again and again, 20 MiB/s. */
const workload = { baseAddress: 32 << 20, pages: 4096, pagesPerSecond: 5000 };
const stateAddress = 0x8000;

export type Role = 'source' | 'destination';

/** What one QEMU says when it is asked by somebody else than precopy. */
export interface Look {
  /** `query-status`; `gone` if the QEMU does not exist any more. */
  readonly status: string;
  /** `query-migrate`. */
  readonly migration: string;
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly capabilities: Readonly<Record<string, boolean>>;
}

export class FaultRig implements AsyncDisposable {
  readonly source: Guest;
  readonly destination: Guest;
  readonly link: Link;
  readonly folder: string;
  readonly #pair: AsyncDisposable;
  #before: Look | undefined;

  private constructor(
    pair: { source: Guest; destination: Guest } & AsyncDisposable,
    link: Link,
    folder: string,
  ) {
    this.#pair = pair;
    this.source = pair.source;
    this.destination = pair.destination;
    this.link = link;
    this.folder = folder;
  }

  /**
   * @param exact with QEMU 10.0: after 7.2 (TCG) verify finds pages of a busy guest that differ, without any fault
   * @param logs each QEMU has a log for trace events
   */
  static async start(exact = false, logs = false): Promise<FaultRig> {
    const folder = mkdtempSync(join(tmpdir(), 'precopy-faults-'));
    const pair = await startPair({
      memoryMiB: 64,
      workload,
      ...(logs
        ? { sourceArgs: logging(folder, 'source'), destinationArgs: logging(folder, 'destination') }
        : {}),
      qemu: exact ? await qemuOfSuite('trixie', folder) : 'qemu-system-x86_64',
    });
    const rig = new FaultRig(pair, await Link.open(join(folder, 'incoming')), folder);
    while ((await rig.progress('source')) === undefined) await sleep(50);
    rig.#before = await rig.look('source');
    return rig;
  }

  /** The log of a QEMU that was started with one. */
  log(role: Role): string {
    return logOf(this.folder, role);
  }

  /** Where the journal is; a test can have it elsewhere. */
  journalFolder: string | undefined;

  get journal(): string {
    return join(this.journalFolder ?? this.folder, 'journal');
  }

  /** A migration that stays in precopy: what the guest dirties does not fit through. */
  migrate(...more: string[]): Running {
    return startPrecopy(this.arguments(...more));
  }

  arguments(...more: string[]): string[] {
    return [
      ...['migrate', '--qmp', this.source.qmp, '--to-qmp', this.destination.qmp],
      ...['--uri', this.link.uri, '--incoming-uri', `unix:${join(this.folder, 'incoming')}`],
      ...['--policy', 'qemu', '--bandwidth', '10M', '--downtime-limit', '20ms'],
      ...['--no-history', '--json', '--journal', this.journal, ...more],
    ];
  }

  /** A migration that somebody else than precopy starts; it stays in precopy, as that of `migrate`. */
  async startedByAnother(): Promise<void> {
    await this.allWritten();
    await this.ask('source', 'migrate-set-capabilities', {
      capabilities: [{ capability: 'events', state: true }],
    });
    await this.ask('source', 'migrate-set-parameters', {
      ...{ 'max-bandwidth': 10 << 20, 'downtime-limit': 20 },
    });
    await this.destinationListens();
    await this.ask('source', 'migrate', { uri: this.link.uri });
  }

  /**
   * Waits until the guest has written to all pages that it writes to. A first round of little else than zeros
   * is over before QEMU has measured anything, and completes.
   */
  async allWritten(): Promise<void> {
    while (((await this.progress('source')) ?? 0n) < workload.pages) await sleep(50);
  }

  /** Somebody else than precopy has the destination listen behind the link. */
  async destinationListens(): Promise<void> {
    await this.ask('destination', 'migrate-incoming', {
      uri: `unix:${join(this.folder, 'incoming')}`,
    });
  }

  records(): JournalRecord[] {
    return readFileSync(this.journal, 'utf8')
      .split('\n')
      .filter((line) => line.endsWith('}'))
      .map((line) => JSON.parse(line) as JournalRecord);
  }

  async ask(role: Role, command: string, args?: Record<string, unknown>): Promise<unknown> {
    await using client = await QmpClient.connect(this[role].secondQmp, { connectTimeoutMs: 5000 });
    return await client.execute(command, args);
  }

  async look(role: Role): Promise<Look> {
    const { exitCode, signalCode } = this[role].process;
    if (exitCode !== null || signalCode !== null) {
      return { status: 'gone', migration: 'gone', parameters: {}, capabilities: {} };
    }
    const status = (await this.ask(role, 'query-status')) as { status: string };
    const migration = (await this.ask(role, 'query-migrate')) as { status?: string };
    const parameters = (await this.ask(role, 'query-migrate-parameters')) as Look['parameters'];
    const capabilities = (await this.ask(role, 'query-migrate-capabilities')) as {
      capability: string;
      state: boolean;
    }[];
    return {
      status: status.status,
      migration: migration.status ?? 'none',
      parameters,
      capabilities: Object.fromEntries(
        capabilities.map(({ capability, state }) => [capability, state]),
      ),
    };
  }

  /** Writes that the guest has done, as the RAM of that side tells it. */
  async progress(role: Role): Promise<bigint | undefined> {
    const file = join(this.folder, `state-${role}`);
    await this.ask(role, 'pmemsave', { val: stateAddress, size: 4096, filename: file });
    return workloadProgress(readFileSync(file))?.writes;
  }

  /** Who runs a guest: by `query-status`, and by whether its workload gets on. */
  async runners(): Promise<Role[]> {
    const running: Role[] = [];
    for (const role of ['source', 'destination'] as const) {
      const { status } = await this.look(role);
      if (status === 'gone' || status === 'inmigrate') continue;
      const before = await this.progress(role);
      await sleep(200);
      const after = await this.progress(role);
      const advances = before !== undefined && after !== undefined && after > before;
      assert.equal(
        advances,
        status === 'running',
        `${role} says ${status}, writes ${before} to ${after}`,
      );
      if (advances) running.push(role);
    }
    return running;
  }

  /** The source is set as it was before precopy came. */
  async assertRestored(): Promise<void> {
    const { parameters, capabilities } = await this.look('source');
    assert.deepEqual(parameters, this.#before?.parameters);
    assert.deepEqual(capabilities, this.#before?.capabilities);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.link[Symbol.asyncDispose]();
    await this.#pair[Symbol.asyncDispose]();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

function logOf(folder: string, role: Role): string {
  return join(folder, `${role}.log`);
}

/** The destination has an event on from the beginning, which is to stay on. */
function logging(folder: string, role: Role): string[] {
  const file = logOf(folder, role);
  const traced = role === 'destination' ? ['-trace', 'vmstate_downtime_checkpoint'] : [];
  return ['-D', file, '-msg', 'timestamp=on', ...traced];
}

async function qemuOfSuite(suite: string, folder: string): Promise<string> {
  const command = await suiteCommand(suite, 'qemu-system-x86_64');
  const wrapper = join(folder, 'qemu');
  writeFileSync(wrapper, `#!/bin/sh\nexec ${command.map((word) => `'${word}'`).join(' ')} "$@"\n`);
  chmodSync(wrapper, 0o755);
  return wrapper;
}
