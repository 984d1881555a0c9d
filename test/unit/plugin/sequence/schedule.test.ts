import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import {
  PrecopyError,
  ViewBuilder,
  findPolicy,
  parseSchedule,
  schedulePolicy,
  type Given,
  type Parameters,
  type View,
} from 'precopy';
import { repositoryRoot } from '#scripts/repository.js';
import { goalWith, sampleWith } from '../../../support/goals.js';

const GiB = 2 ** 30;
const goal = goalWith({ bandwidthBytesPerSecond: 0, bandwidthLimitBytesPerSecond: 0 });
const parameters: Parameters = {
  downtimeLimitMs: 300,
  maxBandwidthBytesPerSecond: 0,
  switchoverBytesPerSecond: 0,
  throttlePercent: undefined,
};
const given: Given = {
  policy: 'schedule',
  goal,
  initial: parameters,
  abilities: ['tune'],
  ramBytes: 4 * GiB,
  expectation: undefined,
};
const sample = sampleWith({ remainingBytes: GiB, bandwidthBytesPerSecond: 1e9 });

/** A migration that has got so far. */
function viewAt(seconds: number, passes = 1): View {
  const builder = new ViewBuilder();
  builder.apply({ type: 'goal', monotonicMs: 0, ...given });
  builder.apply({ type: 'phase', monotonicMs: 0, phase: 'precopy', why: '' });
  for (let pass = 1; pass <= passes; pass += 1) {
    builder.apply({ type: 'pass', monotonicMs: 0, pass, kind: 'round', sample, late: false });
  }
  const view = builder.view(seconds * 1000);
  assert.ok(view);
  return view;
}

describe('a schedule', () => {
  const policy = schedulePolicy(
    parseSchedule(
      [
        'name: mine',
        'steps:',
        '  - { at: 0s, downtime-limit: 50ms }',
        '  - { at: 10s/GiB, downtime-limit: 100ms, bandwidth: 1G }',
        '  - { after-passes: 4, downtime-limit: 200ms }',
        '  - { without-progress: 150s, action: cancel }',
      ].join('\n'),
      'mine.yaml',
    ),
  );
  const cases = [
    { when: 'it begins', view: viewAt(0), does: { kind: 'tune', tuning: { downtimeLimitMs: 50 } } },
    {
      when: 'a time per GiB has passed',
      view: viewAt(40),
      does: {
        kind: 'tune',
        tuning: { downtimeLimitMs: 100, maxBandwidthBytesPerSecond: GiB },
      },
    },
    {
      when: 'there were more passes',
      view: viewAt(1, 5),
      does: { kind: 'tune', tuning: { downtimeLimitMs: 200 } },
    },
    { when: 'nothing got less for long', view: viewAt(151), does: { kind: 'cancel' } },
  ];
  for (const { when, view, does } of cases) {
    it(`takes its step when ${when}`, () => {
      assert.deepEqual(policy.decide(view, goal).action, does);
    });
  }

  it('waits when all that is due is so already', () => {
    const view = { ...viewAt(1), parameters: { ...parameters, downtimeLimitMs: 50 } };
    assert.equal(policy.decide(view, goal).action.kind, 'wait');
  });

  it('begins with its first step', () => {
    assert.equal(policy.begin(goal, parameters).tuning.downtimeLimitMs, 50);
  });

  const mistakes: readonly (readonly [string, string, RegExp])[] = [
    ['is no YAML', 'steps: [', /line \d/],
    ['lacks its name', 'steps:\n  - { at: 0s, downtime-limit: 1ms }', /name/],
    ['has no steps', 'name: x\nsteps: []', /line 2: steps/],
    [
      'has a step without a time',
      'name: x\nsteps:\n  - { at: 0s, action: cancel }\n  - { downtime-limit: 5ms }',
      /line 4: steps.1: A step needs one of/,
    ],
    [
      'has a duration without unit',
      'name: x\nsteps:\n  - at: 0s\n    downtime-limit: 5',
      /line 4: steps.0.downtime-limit/,
    ],
    [
      'has a word that means nothing',
      'name: x\nsteps:\n  - { at: 0s, downtme: 5ms }',
      /line 3: steps.0: .*downtme/,
    ],
    ['does nothing', 'name: x\nsteps:\n  - { at: 0s }', /line 3: .*must set something/],
  ];
  for (const [file, text, says] of mistakes) {
    it(`that ${file} is refused, with the line`, () => {
      assert.throws(
        () => parseSchedule(text, 'bad.yaml'),
        (error: unknown) =>
          error instanceof PrecopyError && error.code === 'USAGE' && says.test(error.message),
      );
    });
  }

  it('may be JSON', () => {
    const text = JSON.stringify({ name: 'j', steps: [{ at: '0s', 'downtime-limit': '5ms' }] });
    assert.equal(parseSchedule(text, 'j.json').steps.length, 1);
  });
});

describe('the schedules that come with precopy', () => {
  const files = readdirSync(join(repositoryRoot(), 'plugin/schedules'));
  for (const file of files) {
    const name = file.replace(/\.yaml$/, '');
    it(`${name} can be used by its name`, () => {
      assert.match(findPolicy(`schedule:${name}`).name, /^schedule \(/);
    });
  }
  it('are those of vdsm, nova and KubeVirt', () => {
    assert.deepEqual(files.sort(), ['kubevirt.yaml', 'nova.yaml', 'vdsm-minimal-downtime.yaml']);
  });
});
