import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { identityOf, LogRecord, TrackingState, type ProcessIdentity } from 'precopy';

describe('the state file', () => {
  let folder: string;
  let qemu: ChildProcess;
  let identity: ProcessIdentity;
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'precopy-state-'));
    qemu = spawn('sleep', ['1000']);
    await once(qemu, 'spawn');
    const found = identityOf(qemu.pid ?? -1);
    assert.ok(found);
    identity = found;
  });
  afterEach(() => {
    qemu.kill('SIGKILL');
    rmSync(folder, { recursive: true });
  });
  const found = { eventsWereOff: true };
  const mustNotUndo = (): never => assert.fail('nothing was left to be undone');
  const leftBy = (owner: ProcessIdentity): void => {
    const name = `tracking-${identity.pid}-${identity.startTicks}.json`;
    writeFileSync(join(folder, name), JSON.stringify({ owner, ...found }));
  };

  it('is there while something is changed, and then no more', async () => {
    const { state, cleanedUp } = await TrackingState.claim(identity, mustNotUndo, folder);
    assert.equal(cleanedUp, false);
    assert.deepEqual(readdirSync(folder), []);
    state.write(found);
    assert.equal(readdirSync(folder).length, 1);
    assert.equal(TrackingState.wasLeftOn(identity, folder), false);
    state.remove();
    assert.deepEqual(readdirSync(folder), []);
  });

  it('makes the next run undo what a killed one left', async () => {
    leftBy({ pid: process.pid, startTicks: '1' });
    assert.equal(TrackingState.wasLeftOn(identity, folder), true);
    const undone: unknown[] = [];
    const { cleanedUp } = await TrackingState.claim(
      identity,
      async ({ eventsWereOff }) => {
        await Promise.resolve();
        undone.push(eventsWereOff);
      },
      folder,
    );
    assert.equal(cleanedUp, true);
    assert.deepEqual(undone, [true]);
    assert.deepEqual(readdirSync(folder), []);
    assert.equal(TrackingState.wasLeftOn(identity, folder), false);
  });

  it('is kept where undoing fails', async () => {
    leftBy({ pid: process.pid, startTicks: '1' });
    const fail = (): Promise<never> => Promise.reject(new Error('migrating'));
    await assert.rejects(TrackingState.claim(identity, fail, folder), /migrating/);
    assert.equal(readdirSync(folder).length, 1);
  });

  it('was cut off by a crash: counts as left', async () => {
    const name = `tracking-${identity.pid}-${identity.startTicks}.json`;
    writeFileSync(join(folder, name), '{"own');
    const { cleanedUp } = await TrackingState.claim(identity, () => Promise.resolve(), folder);
    assert.equal(cleanedUp, true);
  });

  it('refuses a second harvester of the same QEMU', async () => {
    const self = identityOf(process.pid);
    assert.ok(self);
    leftBy(self);
    await assert.rejects(TrackingState.claim(identity, mustNotUndo, folder), {
      code: 'NOT_SUPPORTED',
      message: new RegExp(`Another precopy \\(pid ${process.pid}\\)`),
    });
  });

  it('refuses the later of two that begin at the same time', async () => {
    const { state: first } = await TrackingState.claim(identity, mustNotUndo, folder);
    const { state: second } = await TrackingState.claim(identity, mustNotUndo, folder);
    first.write(found);
    assert.throws(
      () => {
        second.write(found);
      },
      { code: 'NO_ACCESS' },
    );
    second.remove();
    assert.equal(readdirSync(folder).length, 1);
  });

  it('goes when its QEMU is gone', async () => {
    const file = `tracking-${identity.pid}-1.json`;
    writeFileSync(join(folder, file), '{}');
    await TrackingState.claim(identity, mustNotUndo, folder);
    assert.deepEqual(readdirSync(folder), []);
  });

  it('is not trusted in a folder that others can write to', async () => {
    chmodSync(folder, 0o777);
    await assert.rejects(TrackingState.claim(identity, mustNotUndo, folder), {
      code: 'NO_ACCESS',
    });
  });

  it('has a record beside it of the logs that may be on, until they are off', async () => {
    const record = LogRecord.of(identity.pid, folder);
    assert.deepEqual(record.read(), []);
    record.write([21, 22]);
    assert.deepEqual(LogRecord.of(identity.pid, folder).read(), [21, 22]);
    record.remove();
    assert.deepEqual(record.read(), []);
    writeFileSync(record.file, '{"dev');
    assert.deepEqual(record.read(), []);
    qemu.kill('SIGKILL');
    await once(qemu, 'exit');
    await TrackingState.claim(identity, mustNotUndo, folder);
    assert.deepEqual(readdirSync(folder), []);
  });
});
