/**
 * The hook itself. libvirt waits for it, and a hook that fails makes a start or a migration fail, or at
 * `reconnect` ends the guest: so it fails in one case only, a configured refusal. It calls nothing of
 * libvirt, which would wait for the hook in turn.
 */
import type { Readable } from 'node:stream';
import { messageOf } from '../errors.js';
import { parseCall, taskOf, type HookCall } from './call.js';
import { readInput } from './input.js';
import type { Launcher } from './launch.js';

export interface HookOutcome {
  /** A refusal, for libvirt's own error message. */
  readonly refusal: string | undefined;
  /** What was done or went wrong, for the log. */
  readonly note: string;
}

export interface HookOptions {
  readonly argv: readonly string[];
  readonly input: Readable;
  readonly launcher: () => Promise<Launcher>;
  /** Undefined: the configuration's usual place. */
  readonly configFile?: string | undefined;
}

/** Never rejects. */
export async function runHook(options: HookOptions): Promise<HookOutcome> {
  const call = parseCall(options.argv);
  try {
    return await perform(call, options);
  } catch (error) {
    return { refusal: undefined, note: `nothing was done: ${messageOf(error)}` };
  }
}

async function perform(call: HookCall, options: HookOptions): Promise<HookOutcome> {
  const task = taskOf(call);
  if (task === 'nothing') {
    // libvirt's pipe is emptied: it need not know that nobody cares.
    await readInput(options.input);
    return { refusal: undefined, note: 'nothing to do' };
  }
  // Loaded only where needed, since libvirt waits, and while its XML is on its way.
  const [xml, { parseDomain }] = await Promise.all([
    readInput(options.input),
    import('../libvirt/domain-xml.js'),
  ]);
  const domain = parseDomain(xml);
  switch (task) {
    case 'attach':
      return { refusal: undefined, note: (await options.launcher()).attach(domain.uuid) };
    case 'end':
      return { refusal: undefined, note: (await options.launcher()).end(domain.uuid) };
    case 'admit': {
      if (domain.hostDevices.length === 0) return { refusal: undefined, note: 'no VFIO device' };
      const { mentionsRefusal, refusalOf } = await import('./admit.js');
      if (!mentionsRefusal(options.configFile))
        return { refusal: undefined, note: 'may migrate in' };
      const { loadHookSettings } = await import('../config/hook-settings.js');
      const refusal = refusalOf(domain.hostDevices, loadHookSettings(options.configFile))?.why;
      return { refusal, note: refusal === undefined ? 'may migrate in' : 'refused' };
    }
  }
}
