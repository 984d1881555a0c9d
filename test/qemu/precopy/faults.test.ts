/** Everything that can die, at every state of a migration: the table of docs/faults.md, row by row. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  writeFileSync,
} from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from 'precopy';
import koffi from 'koffi';
import { LibcKernel } from 'linux-vfio-ts';
import { repositoryRoot } from '#scripts/repository.js';
import { childrenOf } from '../../support/children.js';
import { FaultRig } from '../../support/fault-rig.js';
import { faultTable, rows, type Row, type State } from '../../support/fault-table.js';
import { precopy, startPrecopy, type Finished, type Running } from '../../support/precopy.js';

/** How each state is reached: what precopy is told, how fast the link is, and what it prints then. */
const stages: Record<State, { args: string[]; linkBytesPerSecond?: number; printed: string }> = {
  setup: { args: timeLimit('3s', 'release'), printed: '"phase":"setup"' },
  precopy: { args: timeLimit('3s', 'release'), printed: '"type":"pass"' },
  held: {
    args: [...timeLimit('3s', 'release'), '--policy', 'manual'],
    printed: '"type":"pass"',
  },
  switchover: {
    args: timeLimit('1s', 'release'),
    linkBytesPerSecond: 10 << 20,
    printed: '"event":"STOP"',
  },
  postcopy: {
    args: timeLimit('1s', 'postcopy'),
    linkBytesPerSecond: 4 << 20,
    printed: '"event":"RESUME"',
  },
  // Further down: what is sent of the rest is stalled, and the new connection as well until it is cut.
  recover: {
    args: [...timeLimit('1s', 'postcopy'), '--stall-timeout', '2s'],
    linkBytesPerSecond: 4 << 20,
    printed: '"event":"RESUME"',
  },
  verify: { args: [...timeLimit('1s', 'release'), '--verify'], printed: '"phase":"verify"' },
  completed: { args: timeLimit('1s', 'release'), printed: '"type":"result"' },
};

function timeLimit(time: string, action: string): string[] {
  return ['--timeout', time, '--on-timeout', action];
}

/** `all`, or rows whose title has this text; default: those that run always. */
const wanted = process.env['PRECOPY_FAULTS'];

/** Set-up takes some 10 ms: what is struck then can be hit too late. */
const mostAttempts = 5;

/** Faults that come to bear, or are noticed, only later. */
const harmless: ReadonlySet<string> = new Set(['link stalled', 'journal disk full', 'clock set']);

function wasStarted(rig: FaultRig): boolean {
  return rig.records().some((record) => record.type === 'effect' && record.command === 'migrate');
}

/** Before 8.2 QEMU stays in a recovery that breaks; for verify see FaultRig. */
function needsNewQemu({ state }: Row): boolean {
  return state === 'verify' || state === 'recover';
}

function isWanted(row: Row): boolean {
  if (wanted === undefined) return row.always ?? false;
  return wanted === 'all' || titleOf(row).includes(wanted);
}

function titleOf({ fault, state, guest }: Row): string {
  return `${fault}, state ${state}: ${guest}`;
}

describe('a fault in a migration', () => {
  for (const row of rows.filter(isWanted)) {
    it(titleOf(row), async function () {
      for (let attempt = 1; attempt <= mostAttempts; attempt += 1) {
        await using rig = await FaultRig.start(needsNewQemu(row));
        const run = await FaultRun.start(rig, row);
        if (!run) {
          console.log('      skipped: a small file system can be mounted by root only');
          this.skip();
        }
        await using ended = run;
        await ended.strike();
        const exitCode = await ended.end();
        if (ended.cameTooLate) continue;
        assert.equal(exitCode, row.exitCode, ended.output);
        await assertOutcome(rig, row, ended);
        return;
      }
      assert.fail(`${mostAttempts} times it was struck after "migrate" only`);
    });
  }

  it('leaves no guest held when precopy shell is killed', async () => {
    await using rig = await FaultRig.start();
    const shell = await heldByShell(rig);
    const [guardian] = childrenOf(shell.process.pid ?? 0);
    shell.process.kill('SIGKILL');
    await shell.finished;
    while (existsSync(`/proc/${guardian}`)) await sleep(50);
    assert.deepEqual(await rig.runners(), ['destination']);
  });

  it('leaves no guest held when precopy shell and its guardian are killed, and it is resumed', async () => {
    await using rig = await FaultRig.start();
    const shell = await heldByShell(rig, '--journal', rig.journal);
    const pid = shell.process.pid ?? 0;
    for (const killed of [...childrenOf(pid), pid]) process.kill(killed, 'SIGKILL');
    await shell.finished;
    assert.deepEqual(await rig.runners(), ['source']);
    const { exitCode, stdout, stderr } = await precopy('migrate', '--resume', rig.journal);
    assert.equal(exitCode, 0, stdout + stderr);
    assert.deepEqual(await rig.runners(), ['destination']);
  });

  it('leaves no guest held when precopy shell loses a migration that it had taken over', async () => {
    await using rig = await FaultRig.start();
    await rig.startedByAnother();
    const shell = startPrecopy(
      ['shell', '--qmp', rig.source.qmp, '--downtime-limit', '30s', '--journal', rig.journal],
      { stdin: 'hold\nwait\n' },
    );
    await shell.printed('hold: asked for');
    const [guardian] = childrenOf(shell.process.pid ?? 0);
    closeConnections(shell.process.pid ?? 0, rig.source.pid);
    await shell.printed('is gone: ');
    while (existsSync(`/proc/${guardian}`)) await sleep(50);
    shell.process.stdin?.end();
    const { stdout } = await shell.finished;
    assert.deepEqual(await rig.runners(), ['destination'], stdout);
    assert.equal((await rig.look('source')).parameters['downtime-limit'], 20);
    const types = rig.records().map(({ type }) => type);
    assert.ok(types.includes('resumed'), 'the guardian goes on with the journal');
    assert.deepEqual(
      types.flatMap((type, i) => (type === 'end' ? [i] : [])),
      [types.length - 1],
      'whoever follows the journal sees it to its end',
    );
  });

  it('is told of in full by a run that took it up after the guest had stopped', async () => {
    await using rig = await FaultRig.start(true, true);
    const logs = ['--source-log', rig.log('source'), '--destination-log', rig.log('destination')];
    const running = startPrecopy(rig.arguments(...timeLimit('1s', 'release'), '--verify', ...logs));
    await running.printed('"phase":"verify"');
    for (const pid of [...childrenOf(running.process.pid ?? 0), running.process.pid ?? 0]) {
      process.kill(pid, 'SIGKILL');
    }
    await running.finished;
    const { exitCode, stdout, stderr } = await precopy('migrate', '--resume', rig.journal);
    assert.equal(exitCode, 0, stdout + stderr);
    const records = rig.records();
    const result = records.findLast((record) => record.type === 'result')?.result;
    const passes = records.flatMap((record) => (record.type === 'pass' ? [record.pass] : []));
    assert.ok(
      result && result.passes >= Math.max(...passes),
      `${result?.passes} of ${passes.join()}`,
    );
    const traced = result.downtime?.parts.filter(({ from }) => from === 'traces') ?? [];
    assert.ok(traced.length > 0, JSON.stringify(result.downtime));
    assert.deepEqual(result.downtime?.unknown, [], 'QEMU traces without -trace, too');
    for (const role of ['source', 'destination'] as const) {
      const states = await rig.ask(role, 'trace-event-get-state', { name: 'vmstate_downtime_*' });
      const on = (states as { name: string; state: string }[])
        .filter(({ state }) => state === 'enabled')
        .map(({ name }) => name);
      const before = role === 'destination' ? ['vmstate_downtime_checkpoint'] : [];
      assert.deepEqual(on, before, 'what it had turned on is off again');
    }
  });

  it('is not cancelled by a guardian for want of the progress that precopy had seen', async () => {
    await using rig = await FaultRig.start();
    await rig.allWritten();
    const schedule = join(rig.folder, 'schedule.yaml');
    writeFileSync(
      schedule,
      `name: impatient
steps:
  - { without-progress: 3s, action: cancel }
  - { at: 8s, action: release }
`,
    );
    // Slow enough that the first round, in which less is left all the time, lasts.
    const running = startPrecopy(
      rig.arguments('--bandwidth', '1M', '--policy', `schedule:${schedule}`),
    );
    await running.printed('"type":"pass"');
    while (!hasRunFor(rig, 3500)) await sleep(50);
    const [guardian] = childrenOf(running.process.pid ?? 0);
    running.process.kill('SIGKILL');
    await running.finished;
    while (existsSync(`/proc/${guardian}`)) await sleep(50);
    assert.deepEqual(await rig.runners(), ['destination']);
  });

  it('never starts a destination that verify found to differ, also when the source dies upon it', async () => {
    await using rig = await FaultRig.start(true);
    const running = startPrecopy(rig.arguments(...timeLimit('5s', 'release'), '--verify'));
    // The guest writes nothing there: what the first round sent is not sent again.
    await running.printed('"dirtySyncCount":2');
    await damage(rig, 60 << 20);
    const { exitCode, stdout, stderr } = await running.finished;
    assert.equal(exitCode, 4, stdout + stderr);
    assert.deepEqual(await rig.runners(), ['source']);

    // As if precopy had been killed right after it compared, and the source with it.
    const lines = readFileSync(rig.journal, 'utf8').split('\n');
    const compared = lines.findIndex((line) => line.includes('"type":"verify"'));
    assert.notEqual(compared, -1);
    writeFileSync(rig.journal, lines.slice(0, compared + 1).join('\n') + '\n');
    rig.source.process.kill('SIGKILL');
    await once(rig.source.process, 'exit');
    const resumed = await precopy('migrate', '--resume', rig.journal);
    assert.equal(resumed.exitCode, 1, resumed.stdout + resumed.stderr);
    assert.match(resumed.stderr, /verify found 1 pages? that differ/);
    assert.deepEqual(await rig.runners(), []);
  });

  it('is told of in docs/faults.md as it is tested here', () => {
    const text = readFileSync(join(repositoryRoot(), 'docs/faults.md'), 'utf8');
    assert.ok(text.includes(faultTable()), `docs/faults.md lacks this table:\n${faultTable()}`);
  });
});

/** A migration that a person at precopy shell holds, without a time limit. */
async function heldByShell(rig: FaultRig, ...more: string[]): Promise<Running> {
  await rig.allWritten();
  const shell = startPrecopy(
    [
      ...['shell', '--qmp', rig.source.qmp, '--to-qmp', rig.destination.qmp],
      ...['--bandwidth', '10M', '--downtime-limit', '30s', ...more],
    ],
    { stdin: 'start\n' },
  );
  await shell.printed('started, held');
  assert.deepEqual(await rig.runners(), ['source']);
  return shell;
}

class FaultRun implements AsyncDisposable {
  readonly #rig: FaultRig;
  readonly #row: Row;
  readonly #running: Running;
  readonly #clock: string;
  #finished: Finished | undefined;
  #startedBefore = false;
  #guardian: number | undefined;

  private constructor(rig: FaultRig, row: Row, running: Running, clock: string) {
    this.#rig = rig;
    this.#row = row;
    this.#running = running;
    this.#clock = clock;
  }

  /** @returns undefined if this machine can't have the fault */
  static async start(rig: FaultRig, row: Row): Promise<FaultRun | undefined> {
    const stage = stages[row.state];
    if (row.fault === 'journal disk full' && !mountSmall(rig)) return undefined;
    const clock = join(rig.folder, 'clock-is-set');
    if (stage.linkBytesPerSecond !== undefined) rig.link.limit(stage.linkBytesPerSecond);
    const args = rig.arguments(
      ...stage.args,
      ...(row.fault === 'link stalled' ? ['--stall-timeout', '2s'] : []),
    );
    const env = row.fault === 'clock set' ? { NODE_OPTIONS: settableClock(rig.folder, clock) } : {};
    const run = new FaultRun(rig, row, startPrecopy(args, { env }), clock);
    await run.#running.printed(stage.printed);
    if (row.state === 'recover') {
      rig.link.stall();
      await run.#running.printed('"phase":"recover"');
    }
    return run;
  }

  get output(): string {
    const { stdout = '', stderr = '' } = this.#finished ?? {};
    return `${stdout}${stderr}`;
  }

  get #pid(): number {
    return this.#running.process.pid ?? 0;
  }

  /** Does what the row says. */
  async strike(): Promise<void> {
    const rig = this.#rig;
    switch (this.#row.fault) {
      case 'destination killed':
        rig.destination.process.kill('SIGKILL');
        break;
      case 'source killed':
        rig.source.process.kill('SIGKILL');
        break;
      case 'link stalled':
        rig.link.stall();
        if (this.#row.state === 'postcopy') {
          await this.#running.printed('"phase":"recover"');
          rig.link.cut();
        }
        // Longer than a try takes.
        if (this.#row.state === 'recover') await sleep(12_000);
        break;
      case 'precopy killed':
        [this.#guardian] = childrenOf(this.#pid);
        this.#running.process.kill('SIGKILL');
        break;
      case 'precopy and guardian killed':
        for (const pid of [...childrenOf(this.#pid), this.#pid]) process.kill(pid, 'SIGKILL');
        break;
      case 'source monitor closed':
        closeConnections(this.#pid, rig.source.pid);
        break;
      case 'destination monitor closed':
        closeConnections(this.#pid, rig.destination.pid);
        break;
      case 'journal disk full':
        fill(join(rig.journalFolder ?? '', 'filler'));
        break;
      case 'clock set':
        writeFileSync(this.#clock, '');
    }
    this.#startedBefore = wasStarted(rig);
    if (this.#row.state === 'recover') rig.link.cut();
  }

  /** Of a fault that is to hit the set-up: it came too late. */
  get cameTooLate(): boolean {
    const { state, fault } = this.#row;
    if (state !== 'setup') return false;
    // Some of them do not keep the migration from being started.
    return harmless.has(fault) ? this.#startedBefore : wasStarted(this.#rig);
  }

  async end(): Promise<Row['exitCode'] | null> {
    this.#finished = await this.#running.finished;
    if (this.#row.fault === 'precopy and guardian killed') {
      this.#finished = await precopy('migrate', '--resume', this.#rig.journal);
      return this.#finished.exitCode;
    }
    if (this.#guardian === undefined) return this.#finished.exitCode;
    while (existsSync(`/proc/${this.#guardian}`)) await sleep(50);
    return 'killed';
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.resolve();
    if (this.#running.process.exitCode === null) this.#running.process.kill('SIGKILL');
    const { journalFolder } = this.#rig;
    if (journalFolder !== undefined) execFileSync('umount', [journalFolder]);
  }
}

async function assertOutcome(rig: FaultRig, row: Row, run: FaultRun): Promise<void> {
  if (row.guest === 'lost') {
    // In postcopy what is left of the destination waits for pages for ever and can't be looked at.
    if (!['postcopy', 'recover'].includes(row.state))
      assert.deepEqual(await rig.runners(), [], run.output);
    // The source's RAM is that of before the switchover: it must not run again.
    assert.notEqual((await rig.look('source')).status, 'running', run.output);
    return;
  }
  assert.deepEqual(await rig.runners(), [row.guest], run.output);
  if (row.guest === 'source') await rig.assertRestored();
  const sides = new Set(
    rig.records().flatMap((record) => (record.type === 'before' ? [record.side] : [])),
  );
  assert.ok(row.state === 'setup' || sides.size === 2, 'what was set before is in the journal');
  if (row.fault === 'clock set') assertTimeLimitKept(rig);
  if (row.state === 'verify' && row.guest === 'destination' && row.exitCode !== 1) {
    const verified = rig.records().findLast((record) => record.type === 'verify');
    assert.equal(verified?.result.differingPages, 0);
  }
}

/** The wall clock jumped, and the time limit did not end early. */
function assertTimeLimitKept(rig: FaultRig): void {
  const records = rig.records();
  assert.ok(
    records.some((record) => record.type === 'clock' && record.jumpMs > 3_000_000),
    'the jump is in the journal',
  );
  const begun = records.find(
    (record) => record.type === 'phase' && ['precopy', 'held'].includes(record.phase),
  );
  const over = records.find(
    (record) => record.type === 'decision' && record.action.kind !== 'wait',
  );
  const limitMs = records.find((record) => record.type === 'goal')?.goal.totalLimitMs ?? 0;
  const passedMs = (over?.monotonicMs ?? 0) - (begun?.monotonicMs ?? 0);
  assert.ok(passedMs >= limitMs, `${passedMs} ms passed of a limit of ${limitMs} ms`);
}

function hasRunFor(rig: FaultRig, ms: number): boolean {
  const records = rig.records();
  const begun = records.find((record) => record.type === 'phase' && record.phase === 'precopy');
  return begun !== undefined && (records.at(-1)?.monotonicMs ?? 0) - begun.monotonicMs > ms;
}

/** Changes a byte of the destination's RAM behind its back. */
async function damage(rig: FaultRig, address: number): Promise<void> {
  const answer = await rig.ask('destination', 'human-monitor-command', {
    'command-line': `gpa2hva ${address}`,
  });
  const hostAddress = / is (0x[0-9a-f]+)/.exec(String(answer))?.[1];
  assert.ok(hostAddress, String(answer));
  const memory = await open(`/proc/${rig.destination.pid}/mem`, 'r+');
  try {
    await memory.write(Buffer.of(0xa5), 0, 1, Number(hostAddress));
  } finally {
    await memory.close();
  }
}

/** shutdown(2) of every connection that one process has to another: as if the network had done it. */
function closeConnections(pid: number, peerPid: number): void {
  const native = new LibcKernel();
  const shutdown = koffi.load(null).func('int shutdown(int fd, int how)') as (
    fd: number,
    how: number,
  ) => number;
  const pidfd = native.pidfdOpen(pid);
  let closed = 0;
  for (const name of readdirSync(`/proc/${pid}/fd`)) {
    if (!isSocket(`/proc/${pid}/fd/${name}`)) continue;
    const fd = native.pidfdGetfd(pidfd, Number(name));
    try {
      if (native.peerCredentials(fd).pid === peerPid) closed += 1 + shutdown(fd, 2);
    } finally {
      native.close(fd);
    }
  }
  native.close(pidfd);
  assert.equal(closed, 1);
}

/** False of a descriptor that was closed since it was listed. */
function isSocket(link: string): boolean {
  try {
    return readlinkSync(link).startsWith('socket:');
  } catch {
    return false;
  }
}

function mountSmall(rig: FaultRig): boolean {
  const folder = join(rig.folder, 'small');
  mkdirSync(folder);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', folder], { stdio: 'pipe' });
  } catch {
    return false;
  }
  rig.journalFolder = folder;
  return true;
}

function fill(path: string): void {
  try {
    for (;;) writeFileSync(path, Buffer.alloc(4096), { flag: 'a' });
  } catch (error) {
    assert.match(messageOf(error), /ENOSPC/);
  }
}

/** Node's option for a process whose wall clock jumps by an hour once the file `set` exists. */
function settableClock(folder: string, set: string): string {
  const module = join(folder, 'clock.mjs');
  writeFileSync(
    module,
    `import { existsSync } from 'node:fs';
const real = Date.now;
Date.now = () => real() + (existsSync(${JSON.stringify(set)}) ? 3_600_000 : 0);
`,
  );
  return `--import=${module}`;
}
