import assert from 'node:assert/strict';
import { setImmediate as tick } from 'node:timers/promises';
import { Lane } from '#vfio/kernel/lane.js';

/** A job that runs until it is told to end. */
function controlledJob(name: string, log: string[]) {
  let end = (): void => undefined;
  const job = (): Promise<string> => {
    log.push(name);
    return new Promise((resolve) => {
      end = () => {
        resolve(name);
      };
    });
  };
  return {
    job,
    end: () => {
      end();
    },
  };
}

describe('a lane', () => {
  it('runs no more jobs at a time than it is wide, in the order they came', async () => {
    const lane = new Lane(2);
    const begun: string[] = [];
    const jobs = ['a', 'b', 'c', 'd'].map((name) => controlledJob(name, begun));
    const results = jobs.map(({ job }) => lane.run(job));
    await tick();
    assert.deepEqual(begun, ['a', 'b']);
    jobs[1]?.end();
    await tick();
    assert.deepEqual(begun, ['a', 'b', 'c']);
    jobs[0]?.end();
    jobs[2]?.end();
    await tick();
    jobs[3]?.end();
    assert.deepEqual(await Promise.all(results), ['a', 'b', 'c', 'd']);
  });

  it('never lets a newcomer in before one that waits', async () => {
    const lane = new Lane(1);
    const begun: string[] = [];
    const [first, second, late] = ['first', 'second', 'late'].map((n) => controlledJob(n, begun));
    assert.ok(first && second && late);
    const one = lane.run(first.job);
    const two = lane.run(second.job);
    first.end();
    await one;
    const three = lane.run(late.job);
    await tick();
    assert.deepEqual(begun, ['first', 'second']);
    second.end();
    await tick();
    late.end();
    await Promise.all([two, three]);
    assert.deepEqual(begun, ['first', 'second', 'late']);
  });

  it('goes on after a job that failed', async () => {
    const lane = new Lane(1);
    await assert.rejects(lane.run(() => Promise.reject(new Error('failed'))));
    assert.equal(await lane.run(() => Promise.resolve('next')), 'next');
  });

  it('forgets a job that is aborted while it waits', async () => {
    const lane = new Lane(1);
    const begun: string[] = [];
    const [first, second] = ['first', 'second'].map((name) => controlledJob(name, begun));
    assert.ok(first && second);
    const running = lane.run(first.job);
    const controller = new AbortController();
    const waiting = lane.run(second.job, controller.signal);
    controller.abort(new Error('enough'));
    await assert.rejects(waiting, { message: 'enough' });
    first.end();
    await running;
    assert.deepEqual(begun, ['first']);
    assert.equal(await lane.run(() => Promise.resolve('free again')), 'free again');
  });
});
