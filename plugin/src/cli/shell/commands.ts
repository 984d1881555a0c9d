/** What a person types at `precopy shell`, as a command. Pure. */
import { PrecopyError } from '../../errors.js';
import type { Tuning } from '../../sequence/control.js';
import { bytesFrom, msFrom } from '../../units.js';

export type ShellCommand =
  | {
      readonly kind:
        | 'start'
        | 'step'
        | 'hold'
        | 'release'
        | 'switchover'
        | 'postcopy'
        | 'cancel'
        | 'status'
        | 'why'
        | 'wait'
        | 'help'
        | 'exit';
    }
  | { readonly kind: 'tune'; readonly tuning: Tuning };

/** Each command, its arguments, and what it does. */
export const shellHelp: readonly (readonly [string, string])[] = [
  ['start', 'start the migration, held'],
  ['step', 'let QEMU finish one pass, and go on held'],
  ['hold', 'keep the guest in precopy'],
  ['release', 'switch over as soon as the downtime limit can be kept'],
  ['switchover', 'switch over now, whatever the downtime will be'],
  ['throttle PERCENT', 'throttle the vCPUs, 0 to 99 (needs auto-converge)'],
  ['set NAME=VALUE ...', 'downtime-limit=300ms bandwidth=500M switchover-bandwidth=1G'],
  ['why', 'why the last pass did not end in the switchover'],
  ['status', 'how the migration stands'],
  ['postcopy', 'start the guest at the destination now'],
  ['cancel', 'end the migration; the guest stays on the source'],
  ['wait', 'until the migration is over (for scripts)'],
  ['help', 'this list'],
  ['exit', 'release what is held, wait for the end, and leave'],
];

const settable = ['downtime-limit', 'bandwidth', 'switchover-bandwidth', 'throttle'];

/**
 * @returns undefined for an empty line or a comment
 * @throws PrecopyError USAGE
 */
export function parseCommand(line: string): ShellCommand | undefined {
  const [word = '', ...rest] = line.replace(/#.*/, '').trim().split(/\s+/);
  switch (word) {
    case '':
      return undefined;
    case 'throttle':
      return { kind: 'tune', tuning: setting(`throttle=${rest.join(' ')}`) };
    case 'set':
      if (rest.length === 0) throw usage(`set needs NAME=VALUE; names: ${settable.join(', ')}.`);
      return { kind: 'tune', tuning: Object.assign({}, ...rest.map(setting)) as Tuning };
    case 'start':
    case 'step':
    case 'hold':
    case 'release':
    case 'switchover':
    case 'postcopy':
    case 'cancel':
    case 'status':
    case 'why':
    case 'wait':
    case 'help':
    case 'exit':
      if (rest.length > 0) throw usage(`${word} takes no arguments.`);
      return { kind: word };
    default:
      throw usage(`There is no command "${word}".`);
  }
}

function setting(text: string): Tuning {
  const [name, value = ''] = text.split('=');
  switch (name) {
    case 'downtime-limit':
      return { downtimeLimitMs: needed(msFrom(value, 1), text, '300ms or 2s') };
    case 'bandwidth':
      return { maxBandwidthBytesPerSecond: needed(bytesFrom(value), text, '500M or 1G') };
    case 'switchover-bandwidth':
      return { switchoverBytesPerSecond: needed(bytesFrom(value), text, '500M or 1G') };
    case 'throttle': {
      const percent = /^(\d{1,2})%?$/.exec(value)?.[1];
      return {
        throttlePercent: needed(percent === undefined ? undefined : Number(percent), text, '0-99'),
      };
    }
    default:
      throw usage(`"${text}" can't be set; names: ${settable.join(', ')}.`);
  }
}

function needed(value: number | undefined, text: string, form: string): number {
  if (value === undefined) throw usage(`"${text}": write the value as ${form}.`);
  return value;
}

function usage(what: string): PrecopyError {
  return new PrecopyError('USAGE', what, '"help" lists the commands.');
}

/** For the line editor: what the line may go on with. */
export function completeCommand(line: string): [string[], string] {
  const words = line.split(/\s+/);
  const last = words.at(-1) ?? '';
  const candidates =
    words.length === 1
      ? shellHelp.map(([command]) => command.split(' ')[0] ?? '')
      : words[0] === 'set'
        ? settable.map((name) => `${name}=`)
        : [];
  return [candidates.filter((candidate) => candidate.startsWith(last)), last];
}
