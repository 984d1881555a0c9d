import assert from 'node:assert/strict';
import { spawnSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Journal, PrecopyError, followJournal, loadJournal, noteLines } from 'precopy';
import type { JournalOptions, JournalRecord } from 'precopy';
import { repositoryRoot } from '#scripts/repository.js';

function messages(records: readonly JournalRecord[]): string[] {
  return records.flatMap((record) => (record.type === 'warning' ? [record.message] : []));
}

function warn(journal: Journal, ...texts: string[]): void {
  for (const message of texts) journal.append({ type: 'warning', message });
}

describe('a journal', () => {
  let folder: string;
  let path: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'precopy-journal-'));
    path = join(folder, 'journal');
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  const write = (options: JournalOptions = {}, ...texts: string[]): void => {
    using journal = new Journal(path, options);
    journal.start('test', {});
    warn(journal, ...texts);
  };

  it('is read as it was written, 64-bit numbers included', async () => {
    {
      using journal = new Journal(path);
      journal.start('test', { qmp: 'unix:/x' });
      journal.append({
        type: 'verify',
        ms: 1,
        result: {
          comparedBytes: 4096,
          differingPages: 1,
          differences: [{ block: 'pc.ram', offset: 0, bytes: 4096, iova: 0xffff_ffff_ffff_f000n }],
          notCompared: [],
        },
      });
    }
    const { records, notes } = await loadJournal(path);
    assert.deepEqual(
      records.map(({ type }) => type),
      ['start', 'verify', 'end'],
    );
    const verify = records.find((record) => record.type === 'verify');
    assert.equal(verify?.result.differences[0]?.iova, 0xffff_ffff_ffff_f000n);
    assert.deepEqual(noteLines(notes), []);
  });

  it('tells its listeners what it writes', async () => {
    const heard: JournalRecord[] = [];
    {
      using journal = new Journal(path);
      journal.subscribe((record) => heard.push(record));
      journal.start('test', {});
      warn(journal, 'one');
    }
    const { records } = await loadJournal(path);
    assert.deepEqual(JSON.parse(JSON.stringify(heard)), JSON.parse(JSON.stringify(records)));
  });

  it('without a file tells its listeners as well that it ended, but not of a run that left it', () => {
    const heard = (leave: boolean): string[] => {
      const types: string[] = [];
      {
        using journal = new Journal();
        journal.subscribe(({ type }) => types.push(type));
        journal.start('test', {});
        if (leave) journal.leave();
      }
      return types;
    };
    assert.deepEqual(heard(false), ['start', 'end']);
    assert.deepEqual(heard(true), ['start']);
  });

  it('never overwrites a file', () => {
    writeFileSync(path, 'mine');
    assert.throws(() => new Journal(path), { code: 'USAGE' });
    assert.equal(readFileSync(path, 'utf8'), 'mine');
  });

  it('loses nothing but its last line when it is cut off at any byte, and says so', async () => {
    write({}, 'one', 'two', 'ümläut 語', 'four');
    const whole = readFileSync(path);
    const { records } = await loadJournal(path);
    const ends = records.map((record, i) => [record, lineEnds(whole)[i] ?? 0] as const);
    for (let bytes = ends[0]?.[1] ?? 0; bytes <= whole.length; bytes += 1) {
      writeFileSync(path, whole.subarray(0, bytes));
      // A line that only lacks its newline is whole.
      const expected = ends.filter(([, end]) => end - 1 <= bytes).map(([record]) => record);
      const read = await loadJournal(path);
      assert.deepEqual(read.records, expected, `cut off at ${bytes}`);
      assert.deepEqual(read.notes.damaged, []);
      const lastEnd = ends[expected.length - 1]?.[1] ?? 0;
      assert.equal(read.notes.tornBytes, bytes > lastEnd ? bytes - lastEnd : 0);
    }
  });

  it('goes on where it was cut off at any byte', async () => {
    write({}, 'one', 'two');
    const whole = readFileSync(path);
    const ends = lineEnds(whole);
    for (let bytes = ends[0] ?? 0; bytes <= whole.length; bytes += 1) {
      writeFileSync(path, whole.subarray(0, bytes));
      const before = (await loadJournal(path)).records;
      {
        using journal = Journal.resume(path);
        journal.start('again', {});
        warn(journal, 'three');
      }
      const { records, notes } = await loadJournal(path);
      assert.deepEqual(records.slice(0, before.length), before, `cut off at ${bytes}`);
      assert.deepEqual(
        records.slice(before.length).map(({ type }) => type),
        ['resumed', 'warning', 'end'],
      );
      assert.deepEqual(noteLines(notes), []);
    }
  });

  it('says what it could not read in its middle, and reads the rest', async () => {
    write({}, 'one', 'two');
    const lines = readFileSync(path, 'utf8').split('\n');
    lines[1] = lines[1]?.slice(0, 20) ?? '';
    lines.splice(
      2,
      0,
      '{"type":"warning","at":1,"monotonicMs":1,"message":7}',
      '{"type":"magic","at":1,"monotonicMs":1}',
    );
    writeFileSync(path, lines.join('\n'));
    const { records, notes } = await loadJournal(path);
    assert.deepEqual(messages(records), ['two']);
    assert.deepEqual(
      notes.damaged.map(({ line }) => line),
      [2, 3, 4],
    );
    assert.match(notes.damaged[1]?.why ?? '', /message/);
    assert.match(notes.damaged[2]?.why ?? '', /no type of record "magic"/);
  });

  it('of a newer minor version is read, but for records of types that it brought', async () => {
    write({}, 'one');
    const text = readFileSync(path, 'utf8').replace('"minor":0', '"minor":7');
    writeFileSync(path, text);
    appendFileSync(path, '{"type":"omen","at":1,"monotonicMs":1}\n'.repeat(3));
    const { records, notes } = await loadJournal(path);
    assert.deepEqual(messages(records), ['one']);
    assert.deepEqual([...notes.unknown], [['omen', 3]]);
    assert.match(noteLines(notes).join(), /Skipped 3 records of the type "omen"/);
    assert.throws(() => Journal.resume(path), { code: 'NOT_SUPPORTED' });
  });

  it('of another version is refused, and so is a file that is none', async () => {
    write({}, 'one');
    writeFileSync(path, readFileSync(path, 'utf8').replace('"version":1', '"version":2'));
    await assert.rejects(loadJournal(path), (error: unknown) => {
      assert.ok(error instanceof PrecopyError);
      assert.equal(error.code, 'NOT_SUPPORTED');
      assert.match(error.message, /version 2\.0; this precopy reads version 1/);
      return true;
    });
    writeFileSync(path, '# a shell script\n');
    await assert.rejects(loadJournal(path), { code: 'USAGE' });
    await assert.rejects(loadJournal(join(folder, 'none')), { code: 'USAGE' });
  });

  it('has one writer: a second is told who writes', () => {
    using journal = new Journal(path);
    journal.start('test', {});
    const script = `import { Journal } from 'precopy';
      try { Journal.resume(${JSON.stringify(path)}); } catch (error) { console.log(error.code, error.message); }`;
    const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
      encoding: 'utf8',
      cwd: repositoryRoot(),
    });
    assert.match(
      stdout,
      new RegExp(`^NO_ACCESS .* is being written by the process ${process.pid}`),
    );
  });

  it('of a writer that was killed can be resumed at once', async () => {
    const script = `import { Journal } from 'precopy';
      const journal = new Journal(${JSON.stringify(path)});
      journal.start('test', {});
      console.log('ready'); setInterval(() => journal.append({type:'warning', message:'x'}), 1);`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      cwd: repositoryRoot(),
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(child.stdout, 'data');
    const exit = once(child, 'exit');
    child.kill('SIGKILL');
    await exit;
    using journal = Journal.resume(path);
    journal.start('again', {});
  });

  it('goes on in the next file when one has grown long, and is read across them', async () => {
    const texts = Array.from({ length: 200 }, (_, i) => `warning ${i}`);
    write({ segmentBytes: 2000 }, ...texts);
    assert.ok(existsSync(`${path}.3`));
    assert.ok(statSync(path).size < 2500);
    const { records, notes } = await loadJournal(path);
    assert.deepEqual(messages(records), texts);
    assert.deepEqual(noteLines(notes), []);
    using journal = Journal.resume(path, { segmentBytes: 2000 });
    journal.start('again', {});
    warn(journal, 'after');
    assert.equal(messages((await loadJournal(path)).records).at(-1), 'after');
  });

  it('keeps to a limit of size without losing its beginning, and says what is missing', async () => {
    const texts = Array.from({ length: 200 }, (_, i) => `warning ${i}`);
    write({ segmentBytes: 2000, keepBytes: 6000 }, ...texts);
    assert.ok(existsSync(path) && !existsSync(`${path}.1`));
    const { records, notes } = await loadJournal(path);
    assert.equal(records[0]?.type, 'start');
    assert.equal(messages(records).at(-1), 'warning 199');
    assert.match(noteLines(notes).join(), /Missing segments: 1, 2, /);
  });

  it('is followed live, by several readers, across files, to its end', async () => {
    const journal = new Journal(path, { segmentBytes: 1000 });
    journal.start('test', {});
    const follow = async (): Promise<string[]> => {
      const read: JournalRecord[] = [];
      for await (const record of followJournal(path, AbortSignal.timeout(10_000)))
        read.push(record);
      return messages(read);
    };
    const readers = [follow(), follow()];
    const texts = Array.from({ length: 100 }, (_, i) => `warning ${i}`);
    for (const [i, text] of texts.entries()) {
      warn(journal, text);
      if (i % 20 === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    }
    journal[Symbol.dispose]();
    for (const reader of readers) assert.deepEqual(await reader, texts);
  });

  it('is followed on when its writer leaves it to another process', async () => {
    const first = new Journal(path);
    first.start('test', {});
    warn(first, 'of the first');
    first.leave();
    warn(first, 'for listeners only');
    first[Symbol.dispose]();
    const types: string[] = [];
    for await (const { type } of followJournal(path, AbortSignal.timeout(10_000))) {
      types.push(type);
      if (type !== 'warning') continue;
      using second = Journal.resume(path);
      second.start('test', {});
    }
    assert.deepEqual(types, ['start', 'warning', 'resumed', 'end']);
  });

  it('stops being followed when the signal fires', async () => {
    using journal = new Journal(path);
    journal.start('test', {});
    const controller = new AbortController();
    const types: string[] = [];
    for await (const { type } of followJournal(path, controller.signal)) {
      types.push(type);
      setTimeout(() => {
        controller.abort();
      }, 10);
    }
    assert.deepEqual(types, ['start']);
  });

  it('notices that the clock was set, and keeps durations', async () => {
    const now = { wall: 1_000_000, monotonic: 500 };
    const clock = { wallMs: () => now.wall, monotonicMs: () => now.monotonic };
    {
      using journal = new Journal(path, { clock });
      journal.start('test', {});
      now.wall += 100;
      now.monotonic += 100;
      warn(journal, 'before');
      now.wall += 100 - 3_600_000;
      now.monotonic += 100;
      warn(journal, 'after');
      // A clock that is slewed is no jump.
      for (let i = 0; i < 100; i += 1) {
        now.wall += 101;
        now.monotonic += 100;
        warn(journal, 'slewed');
      }
    }
    const { records } = await loadJournal(path);
    const jumps = records.filter((record) => record.type === 'clock');
    assert.deepEqual(
      jumps.map(({ jumpMs }) => jumpMs),
      [-3_600_000],
    );
    const [before, after] = records.filter((record) => record.type === 'warning');
    assert.equal((after?.monotonicMs ?? 0) - (before?.monotonicMs ?? 0), 100);
  });
});

describe('a journal on a full disk', () => {
  let folder: string;
  before(function () {
    folder = mkdtempSync(join(tmpdir(), 'precopy-full-'));
    const { status, stderr } = spawnSync(
      'mount',
      ['-t', 'tmpfs', '-o', 'size=64k', 'none', folder],
      {
        encoding: 'utf8',
      },
    );
    if (status !== 0) {
      console.log(`      a small file system can't be mounted here: ${stderr.trim()}`);
      rmSync(folder, { recursive: true });
      this.skip();
    }
  });
  after(() => {
    if (!existsSync(folder)) return;
    spawnSync('umount', [folder]);
    rmSync(folder, { recursive: true });
  });

  it('goes on, warns, and writes what it kept when there is room again', async () => {
    const path = join(folder, 'journal');
    const ballast = join(folder, 'ballast');
    writeFileSync(ballast, Buffer.alloc(40 << 10));
    const troubles: string[] = [];
    const texts = Array.from({ length: 300 }, (_, i) => `warning ${i}`.padEnd(100, '.'));
    {
      using journal = new Journal(path, { onTrouble: (message) => troubles.push(message) });
      journal.start('test', {});
      warn(journal, ...texts);
      assert.equal(troubles.length, 1);
      assert.match(troubles[0] ?? '', /CAN'T BE WRITTEN: .*ENOSPC/);
      // What is there can be read all the time.
      const sofar = await loadJournal(path);
      assert.deepEqual(noteLines(sofar.notes), []);
      assert.ok(messages(sofar.records).length < 300);
      rmSync(ballast);
    }
    assert.match(troubles[1] ?? '', /is written again/);
    const { records } = await loadJournal(path);
    assert.deepEqual(messages(records), texts);
  });

  it('keeps no more in memory than it may, and says how many records are lost', async () => {
    const path = join(folder, 'bounded');
    const ballast = join(folder, 'ballast');
    rmSync(join(folder, 'journal'), { force: true });
    writeFileSync(ballast, Buffer.alloc(40 << 10));
    {
      using journal = new Journal(path, { onTrouble: () => undefined, backlogBytes: 4000 });
      journal.start('test', {});
      warn(journal, ...Array.from({ length: 2000 }, (_, i) => `warning ${i}`));
      rmSync(ballast);
    }
    const { records } = await loadJournal(path);
    const lost = records.find((record) => record.type === 'lost');
    assert.ok(lost && lost.records > 100);
    assert.equal(messages(records).length + lost.records, 2000);
    assert.equal(messages(records).at(-1), 'warning 1999');
  });
});

/** Where each line ends: the offset after its newline. */
function lineEnds(bytes: Buffer): number[] {
  const ends: number[] = [];
  for (let at = bytes.indexOf(10); at >= 0; at = bytes.indexOf(10, at + 1)) ends.push(at + 1);
  return ends;
}
