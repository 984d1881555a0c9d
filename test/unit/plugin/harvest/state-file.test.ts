import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { identityOf, TrackingState, type ProcessIdentity } from 'precopy';

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
  const mustNotStop = (): never => assert.fail('nothing was left to be switched off');
  const leftBy = (owner: ProcessIdentity): void => {
    const name = `tracking-${identity.pid}-${identity.startTicks}.json`;
    writeFileSync(join(folder, name), JSON.stringify({ owner }));
  };

  it('is there while tracking is on, and then no more', () => {
    const { state, cleanedUp } = TrackingState.claim(identity, mustNotStop, folder);
    assert.equal(cleanedUp, false);
    assert.deepEqual(readdirSync(folder), []);
    state.write();
    assert.equal(readdirSync(folder).length, 1);
    state.remove();
    assert.deepEqual(readdirSync(folder), []);
  });

  it('makes the next run switch off what a killed one left', () => {
    leftBy({ pid: process.pid, startTicks: '1' });
    let stopped = 0;
    const { cleanedUp } = TrackingState.claim(
      identity,
      () => {
        stopped++;
      },
      folder,
    );
    assert.equal(cleanedUp, true);
    assert.equal(stopped, 1);
    assert.deepEqual(readdirSync(folder), []);
  });

  it('is kept where switching off fails', () => {
    leftBy({ pid: process.pid, startTicks: '1' });
    const fail = (): never => {
      throw new Error('migrating');
    };
    assert.throws(() => TrackingState.claim(identity, fail, folder), /migrating/);
    assert.equal(readdirSync(folder).length, 1);
  });

  it('was cut off by a crash: counts as left', () => {
    const name = `tracking-${identity.pid}-${identity.startTicks}.json`;
    writeFileSync(join(folder, name), '{"own');
    assert.equal(TrackingState.claim(identity, () => undefined, folder).cleanedUp, true);
  });

  it('refuses a second harvester of the same QEMU', () => {
    const self = identityOf(process.pid);
    assert.ok(self);
    leftBy(self);
    assert.throws(() => TrackingState.claim(identity, mustNotStop, folder), {
      code: 'NOT_SUPPORTED',
      message: new RegExp(`Another precopy \\(pid ${process.pid}\\)`),
    });
  });

  it('refuses the later of two that begin at the same time', () => {
    const first = TrackingState.claim(identity, mustNotStop, folder).state;
    const second = TrackingState.claim(identity, mustNotStop, folder).state;
    first.write();
    assert.throws(
      () => {
        second.write();
      },
      { code: 'NO_ACCESS' },
    );
    second.remove();
    assert.equal(readdirSync(folder).length, 1);
  });

  it('goes when its QEMU is gone', () => {
    const file = `tracking-${identity.pid}-1.json`;
    writeFileSync(join(folder, file), '{}');
    TrackingState.claim(identity, mustNotStop, folder);
    assert.deepEqual(readdirSync(folder), []);
  });

  it('is not trusted in a folder that others can write to', () => {
    chmodSync(folder, 0o777);
    assert.throws(() => TrackingState.claim(identity, mustNotStop, folder), { code: 'NO_ACCESS' });
  });
});
